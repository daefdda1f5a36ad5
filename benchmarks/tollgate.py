"""Our own ingest, as the DAG calls it: whatever lies in the landing folder, into the lake, with receipts in lake and PostgreSQL."""

from __future__ import annotations

from benchmarks.counts import NOTHING, Counts
from include.ingest.load import load_new_files
from include.settings import Settings


def load(settings: Settings, feed: str) -> Counts:
    """RuntimeError where a file was refused: its rows would be missing from the time, too."""
    receipts = load_new_files(settings, feed.split("/")[0]).receipts
    refused = [f"{receipt.path}: {receipt.reason}" for receipt in receipts if receipt.state != "loaded"]
    if refused:
        raise RuntimeError("\n".join(refused))
    return sum((Counts(each.rows_read, each.rows_accepted, len(each.rejected), each.rows_duplicate) for each in receipts), start=NOTHING)
