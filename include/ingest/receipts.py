"""Receipts: what became of each landing file, in PostgreSQL and, as the lake's commit mark, beside the rows.

Order of a load: the rows' Parquet files and the arrival, then the lake's receipt (from here on readers see them), then
the receipt in PostgreSQL. Killed anywhere before the end, the next try does it all again and writes the same files.
Bytes that were loaded before only arrive once more: their arrival, then its dates and its path in PostgreSQL.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg.rows import class_row

from include.ingest.landing import LandingFile
from include.lake import tables

RAW_LIMIT = 2000


class RefusedFile(Exception):
    """The file as a whole cannot be taken; the message says what is wrong and what to do about it."""


@dataclass(frozen=True)
class RejectedRow:
    line: int
    """Physical line, 1-based, headers counted."""
    field: str
    reason: str
    raw: str


@dataclass
class Receipt:
    """What became of one landing file. Always read = accepted + rejected + duplicate."""

    file: str
    """SHA-256 of the file's bytes."""
    path: str
    kind: str
    feed: str
    loaded_at: datetime
    rows_read: int = 0
    rows_accepted: int = 0
    rows_duplicate: int = 0
    state: str = "loaded"
    reason: str | None = None
    notes: dict = field(default_factory=dict)
    rejected: list[RejectedRow] = field(default_factory=list)
    rows_by_date: dict[date, int] = field(default_factory=dict)
    """Accepted rows by service date; 0 for a date of which the file says something without bringing rows."""
    known_dates: set[date] = field(default_factory=set)
    """Of calls that were there already: their service dates."""

    @property
    def speaks(self) -> bool:
        """Whether there is anything to go by: a snapshot or manifest of which no row could be taken is as good as none."""
        if self.kind == "reference":
            return self.rows_accepted > 0 or self.rows_read == 0
        return self.kind != "manifest" or self.rows_accepted > 0

    def date_told(self, file: LandingFile) -> date | None:
        """The date that the file speaks of by arriving, whether or not it brings rows of it; null where only its rows speak."""
        if self.kind == "reference":
            return file.dated_on or self.loaded_at.date()
        if self.kind == "manifest" or self.rows_read == self.rows_duplicate:
            return file.dated_on
        if self.kind == "cdr" and (self.rows_by_date or self.state == "partial"):
            return file.dated_on  # a declared delivery counts it there, and a torn file makes it partial, whatever its rows are of
        return None

    def refuse(self, reason: str) -> Receipt:
        """The receipt of a file of which nothing was loaded."""
        return Receipt(self.file, self.path, self.kind, self.feed, self.loaded_at, state="refused", reason=reason)

    def check(self) -> None:
        if self.rows_read != self.rows_accepted + len(self.rejected) + self.rows_duplicate:
            raise RefusedFile(
                f"{self.path}: the counts do not add up (read {self.rows_read}, accepted {self.rows_accepted}, rejected "
                f"{len(self.rejected)}, duplicate {self.rows_duplicate}): look for lone carriage returns as line ends"
            )


def taken(connection: psycopg.Connection, file: LandingFile) -> bool:
    """Whether this path, with this size and modification time, was already looked at and not refused."""
    row = connection.execute(
        """
        select from ops.landing_files join ops.file_receipts using (file)
        where landing_files.path = %s and size = %s and modified_ns = %s and state <> 'refused'
        """,
        (file.relative, file.size, file.modified_ns),
    ).fetchone()
    return row is not None


def loaded(connection: psycopg.Connection, digest: str) -> Receipt | None:
    """The receipt, without rejects and dates, under which these bytes were loaded before; null where they were not."""
    with connection.cursor(row_factory=class_row(Receipt)) as cursor:
        cursor.execute(
            """
            select file, path, kind, feed, loaded_at, rows_read, rows_accepted, rows_duplicate
            from ops.file_receipts
            where file = %s and state <> 'refused'
            """,
            (digest,),
        )
        return cursor.fetchone()


def settled_among(connection: psycopg.Connection, digests: set[str]) -> set[str]:
    """Those of these bytes that were loaded, to the end."""
    rows = connection.execute("select file from ops.file_receipts where file = any(%s) and state <> 'refused'", (sorted(digests),)).fetchall()
    return {file for (file,) in rows}


def lies_there_already(connection: psycopg.Connection, file: LandingFile, digest: str) -> bool:
    """Whether these bytes were at this path when it was last looked at: the file was touched, it did not arrive."""
    return connection.execute("select from ops.landing_files where path = %s and file = %s", (file.relative, digest)).fetchone() is not None


def take_back(connection: psycopg.Connection, lake: Path, kind: str, present: set[str]) -> list[str]:
    """Undo loads of a kind that were cut short between the lake and PostgreSQL; returns their paths in the order of those loads.

    Only of that kind, whose turn it is: a load of another may go on at this moment. Only of files that are still present, so that they are loaded again: until then a later file must not be judged
    by their rows, nor they by its rows, or each would replace the other's.
    """
    settled = {file for (file,) in connection.execute("select file from ops.file_receipts where state <> 'refused'").fetchall()}
    undone = []
    for path in (lake / "receipts").glob("*.parquet"):
        if path.stem not in settled:
            for row in pq.read_table(path).to_pylist():
                if row["state"] != "refused" and row["path"] in present:
                    path.unlink()
                    undone.append((row["loaded_at"], row["path"]))
    for path in (lake / "superseded").glob("*.parquet") if kind == "cdr" else ():
        if path.stem not in settled | {"schema"} and not tables.file_of(lake, "receipts", path.stem).exists():
            path.unlink()  # the rows that would replace others are not there
    return [path for _, path in sorted(undone)]


def record(connection: psycopg.Connection, lake: Path, file: LandingFile, receipt: Receipt) -> None:
    """Commit a load: the lake's receipt first, then PostgreSQL's with rejects and service dates in one transaction."""
    receipt.check()
    receipt.loaded_at = datetime.now(UTC)  # not when its load began: builds since then knew nothing of it
    _write_arrival(lake, file, receipt)
    values = {
        "receipt_id": receipt.file,
        "path": receipt.path,
        "kind": receipt.kind,
        "feed": receipt.feed,
        "state": receipt.state,
        "rows_read": receipt.rows_read,
        "rows_accepted": receipt.rows_accepted,
        "rows_rejected": len(receipt.rejected),
        "rows_duplicate": receipt.rows_duplicate,
        "loaded_at": receipt.loaded_at.replace(tzinfo=None),
    }
    row = pa.Table.from_pylist([values], schema=tables.schema("receipts"))
    tables.write(tables.file_of(lake, "receipts", receipt.file), row)
    with connection.transaction():
        connection.execute(
            """
            insert into ops.file_receipts (
                file, path, kind, feed, rows_read, rows_accepted, rows_rejected, rows_duplicate, state, reason, notes, loaded_at
            ) values (
                %(file)s, %(path)s, %(kind)s, %(feed)s, %(rows_read)s, %(rows_accepted)s, %(rows_rejected)s, %(rows_duplicate)s,
                %(state)s, %(reason)s, %(notes)s, %(loaded_at)s
            )
            on conflict (file) do update set (path, feed, rows_read, rows_accepted, rows_rejected, rows_duplicate, state, reason, notes, loaded_at)
                = (excluded.path, excluded.feed, excluded.rows_read, excluded.rows_accepted, excluded.rows_rejected,
                   excluded.rows_duplicate, excluded.state, excluded.reason, excluded.notes, excluded.loaded_at)
            where file_receipts.state = 'refused'
            """,
            {
                **values,
                "file": receipt.file,
                "reason": receipt.reason,
                "notes": json.dumps(receipt.notes),
                "loaded_at": receipt.loaded_at,
            },
        )
        with connection.cursor() as cursor:
            _insert_dates(cursor, receipt)
            _insert_rejects(cursor, receipt.file, receipt.rejected)
        remember_path(connection, file, receipt.file)


def record_again(connection: psycopg.Connection, lake: Path, file: LandingFile, receipt: Receipt) -> None:
    """Commit that bytes, loaded before, arrived under another path; `receipt` is theirs for this path."""
    receipt.loaded_at = datetime.now(UTC)
    _write_arrival(lake, file, receipt)
    with connection.transaction():
        with connection.cursor() as cursor:
            _insert_dates(cursor, receipt)
        remember_path(connection, file, receipt.file)


def _write_arrival(lake: Path, file: LandingFile, receipt: Receipt) -> None:
    """Named by path, bytes and when they were written there, so that a load done again writes the same file.

    Not by the path alone: a path that is written over, from day to day, held each of its contents for a time.
    """
    if receipt.state == "refused" or not receipt.speaks:
        return
    values = {
        "path": file.relative,
        "receipt_id": receipt.file,
        "kind": receipt.kind,
        "feed": file.feed,
        "dated_on": _dated_on(file, receipt),
        "arrived_at": receipt.loaded_at.replace(tzinfo=None),
    }
    name = sha256(f"{file.modified_ns} {receipt.file} {file.relative}".encode()).hexdigest()
    tables.write(tables.file_of(lake, "arrivals", name), pa.Table.from_pylist([values], schema=tables.schema("arrivals")))


def _dated_on(file: LandingFile, receipt: Receipt) -> date | None:
    """The date that the path carries; where a file brings no new call, and none that it repeats is of that date, the date of those."""
    misdated = file.dated_on is not None and receipt.known_dates and not receipt.rows_accepted and file.dated_on not in receipt.known_dates
    return min(receipt.known_dates) if misdated else file.dated_on


def _insert_dates(cursor: psycopg.Cursor, receipt: Receipt) -> None:
    cursor.executemany(
        "insert into ops.file_service_dates values (%s, %s, %s) on conflict do nothing",
        [(receipt.file, day, rows) for day, rows in sorted(receipt.rows_by_date.items())],
    )


def _insert_rejects(cursor: psycopg.Cursor, digest: str, rejected: list[RejectedRow]) -> None:
    raws = [row.raw.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:RAW_LIMIT] for row in rejected]
    cursor.execute(
        """
        insert into ops.rejected_rows
        select %s, * from unnest(%s::integer[], %s::text[], %s::text[], %s::text[])
        on conflict do nothing
        """,
        (digest, [row.line for row in rejected], [row.field for row in rejected], [row.reason for row in rejected], raws),
    )


def remember_path(connection: psycopg.Connection, file: LandingFile, digest: str) -> None:
    connection.execute(
        """
        insert into ops.landing_files values (%s, %s, %s, %s)
        on conflict (path) do update set size = excluded.size, modified_ns = excluded.modified_ns, file = excluded.file
        """,
        (file.relative, file.size, file.modified_ns, digest),
    )
