"""Reference data: full snapshots, kept for ever, each valid from the date in its file's name until the next one."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import duckdb

from include.ingest import records
from include.ingest.declarations import Declaration
from include.ingest.landing import LandingFile
from include.ingest.receipts import Receipt, RefusedFile
from include.lake import tables

DATE_IN_NAME = re.compile(r"(?<![0-9])(20[0-9]{2})-?([01][0-9])-?([0-3][0-9])(?![0-9])")


def date_in_name(name: str) -> date | None:
    """The first YYYY-MM-DD or YYYYMMDD in a file's name that is a date."""
    for found in DATE_IN_NAME.finditer(name):
        try:
            return date(*map(int, found.groups()))
        except ValueError:
            continue
    return None


def load_snapshot(file: LandingFile, declaration: Declaration, receipt: Receipt, lake: Path) -> None:
    """Parse a snapshot and place it; completes `receipt`. RefusedFile where it is much smaller than the one before."""
    table = f"reference/{declaration.name}"
    if declaration.name not in tables.REFERENCE:
        raise RefusedFile(f"no reference table {declaration.name!r}: one of {', '.join(tables.REFERENCE)}")
    parsed = records.read(file, declaration, tables.REFERENCE[declaration.name])
    snapshot_from = date_in_name(file.path.name) or receipt.loaded_at.date()
    if declaration.smallest_share_of_previous is not None:
        _refuse_collapse(lake, table, snapshot_from, len(parsed.rows), declaration.smallest_share_of_previous)
    parsed.rows = parsed.rows.assign(receipt_id=parsed.digest, snapshot_from=snapshot_from, loaded_at=receipt.loaded_at.replace(tzinfo=None))
    _complete(receipt, parsed)
    receipt.rows_by_date[snapshot_from] = len(parsed.rows)
    tables.write(tables.file_of(lake, table, parsed.digest), records.to_arrow(parsed.rows, tables.schema(table)))


def load_manifest(file: LandingFile, declaration: Declaration, receipt: Receipt, lake: Path) -> None:
    """Parse what a call-record day promises to consist of; completes `receipt`."""
    service_date = date_in_name(file.path.name)
    if service_date is None:
        raise RefusedFile("the name holds no date: call it manifest-YYYY-MM-DD.csv")
    parsed = records.read(file, declaration, tables.MANIFESTS)
    parsed.rows = parsed.rows.assign(
        receipt_id=parsed.digest, feed=file.feed, service_date=service_date, loaded_at=receipt.loaded_at.replace(tzinfo=None)
    )
    _complete(receipt, parsed)
    receipt.rows_by_date[service_date] = len(parsed.rows)
    tables.write(tables.file_of(lake, "manifests", parsed.digest), records.to_arrow(parsed.rows, tables.schema("manifests")))


def _complete(receipt: Receipt, parsed: records.Records) -> None:
    receipt.file, receipt.rows_read, receipt.notes = parsed.digest, parsed.rows_read, parsed.notes
    receipt.rejected = sorted(parsed.rejected, key=lambda row: row.line)
    receipt.rows_accepted = len(parsed.rows)
    receipt.rows_duplicate = parsed.rows_read - len(parsed.rows) - len(parsed.rejected)


def _refuse_collapse(lake: Path, table: str, snapshot_from: date, rows: int, smallest_share: float) -> None:
    """A snapshot that lost rows at once is a broken download, not a mass delisting."""
    with duckdb.connect(":memory:") as connection:
        previous = connection.execute(
            """
            select count(*) as rows
            from read_parquet($files)
            where snapshot_from <= $snapshot_from
                and receipt_id in (select receipt_id from read_parquet($receipts) where state <> 'refused')
            group by snapshot_from, loaded_at, receipt_id
            order by snapshot_from desc, loaded_at desc
            limit 1
            """,
            {"files": str(lake / table / "*.parquet"), "receipts": str(lake / "receipts" / "*.parquet"), "snapshot_from": snapshot_from},
        ).fetchall()
    if previous and rows < smallest_share * previous[0][0]:
        raise RefusedFile(
            f"{rows} rows where the snapshot before had {previous[0][0]}: a share under {smallest_share} is taken for a broken download. "
            "Fetch it again; if it really shrank, lower smallest_share_of_previous in a declaration of your own"
        )
