"""The floor: DuckDB alone, from CSV to Parquet. Lines that do not fit their columns are skipped, nothing else is looked at."""

from __future__ import annotations

import duckdb

from benchmarks import peers
from benchmarks.counts import Counts
from include.settings import Settings

COLUMNS = {
    "call_id": "varchar", "attempt": "integer", "switch_id": "varchar",
    "start_time": "timestamptz", "answer_time": "timestamptz", "end_time": "timestamptz",
    "ingress_trunk": "varchar", "egress_trunk": "varchar", "source_ip": "varchar",
    "calling_number": "varchar", "asserted_number": "varchar", "called_number": "varchar", "sip_code": "integer",
    "release_party": "varchar", "attestation": "varchar", "verstat": "varchar", "signer": "varchar", "orig_id": "varchar",
}  # fmt: skip


def load(settings: Settings, feed: str) -> Counts:
    """One Parquet file of all rows that can be read. What was skipped is not counted: as far as DuckDB tells, there was no such row."""
    settings.lake.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = false")
        [(written,)] = connection.execute(
            """
            copy (from read_csv($files, header = true, auto_detect = false, columns = $columns, ignore_errors = true))
            to $parquet (format parquet, compression zstd)
            """,
            {
                "files": [str(file) for file in peers.files(settings, feed)],
                "columns": COLUMNS,
                "parquet": str(settings.lake / "calls.parquet"),
            },
        ).fetchall()
    return Counts(read=written, accepted=written, rejected=0, duplicate=0)
