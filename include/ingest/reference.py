"""Reference data: full snapshots, kept for ever, each valid from the date in its file's name until the next one."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from include.ingest import records
from include.ingest.declarations import Declaration
from include.ingest.landing import LandingFile, date_in_name
from include.ingest.receipts import Receipt, RefusedFile
from include.lake import tables


def load_snapshot(file: LandingFile, declaration: Declaration, receipt: Receipt, lake: Path) -> None:
    """Parse a snapshot and place it; completes `receipt`. RefusedFile where it cannot be a whole one."""
    if declaration.name not in tables.REFERENCE:
        raise RefusedFile(f"no reference table {declaration.name!r}: one of {', '.join(tables.REFERENCE)}")
    parsed = records.read(file, declaration, tables.REFERENCE[declaration.name])
    _complete(receipt, parsed)
    check_size(file, declaration, receipt, lake)
    _place(f"reference/{declaration.name}", parsed, lake)
    receipt.rows_by_date[file.dated_on or receipt.loaded_at.date()] = len(parsed.rows)


def load_manifest(file: LandingFile, declaration: Declaration, receipt: Receipt, lake: Path) -> None:
    """Parse what a call-record day promises to consist of; completes `receipt`."""
    service_date = date_in_name(file.path.name)
    if service_date is None:
        raise RefusedFile("the name holds no date: call it manifest-YYYY-MM-DD.csv")
    parsed = records.read(file, declaration, tables.MANIFESTS)
    _complete(receipt, parsed)
    _place("manifests", parsed, lake)
    receipt.rows_by_date[service_date] = len(parsed.rows)


def _place(table: str, parsed: records.Records, lake: Path) -> None:
    rows = parsed.rows.assign(receipt_id=parsed.digest)
    tables.write(tables.file_of(lake, table, parsed.digest), records.to_arrow(rows, tables.schema(table)))


def _complete(receipt: Receipt, parsed: records.Records) -> None:
    receipt.file, receipt.rows_read, receipt.notes = parsed.digest, parsed.rows_read, parsed.notes
    receipt.rejected = sorted(parsed.rejected, key=lambda row: row.line)
    receipt.rows_accepted = len(parsed.rows)
    receipt.rows_duplicate = parsed.rows_read - len(parsed.rows) - len(parsed.rejected)


def check_size(file: LandingFile, declaration: Declaration, receipt: Receipt, lake: Path) -> None:
    """RefusedFile for a snapshot without a row, where that cannot be, and for one that lost rows at once: a broken download."""
    if receipt.rows_read == 0 and not declaration.may_be_empty:
        raise RefusedFile(f"a header and no rows: fetch it again; if there really are none, set may_be_empty in {declaration.path.name}")
    if declaration.smallest_share_of_previous is None:
        return
    previous = _rows_of_previous(lake, declaration.feed, file.dated_on or receipt.loaded_at.date())
    if previous and receipt.rows_accepted < declaration.smallest_share_of_previous * previous:
        raise RefusedFile(
            f"{receipt.rows_accepted} rows where the snapshot before had {previous}: a share under {declaration.smallest_share_of_previous} "
            "is taken for a broken download. Fetch it again; if it really shrank, lower smallest_share_of_previous in a declaration of your own"
        )


def _rows_of_previous(lake: Path, feed: str, day: date) -> int | None:
    """Rows of the snapshot that is in force on a date; null where there is none yet."""
    with duckdb.connect(":memory:") as connection:
        [(rows,)] = connection.execute(
            """
            select arg_max(rows_accepted, (coalesce(dated_on, cast(arrived_at as date)), arrived_at))
            from read_parquet($arrivals) as arrivals
            join read_parquet($receipts) as receipts using (receipt_id)
            where arrivals.feed = $feed and receipts.state <> 'refused' and coalesce(dated_on, cast(arrived_at as date)) <= $day
            """,
            {"arrivals": str(lake / "arrivals" / "*.parquet"), "receipts": str(lake / "receipts" / "*.parquet"), "feed": feed, "day": day},
        ).fetchall()
    return rows
