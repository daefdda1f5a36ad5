"""The end of a period: what is older than its table may be is deleted, and the ledger says what that was.

The entry comes first, then the deletion: killed in between, the next run deletes what the entry names and appends nothing.
So whatever is gone without an entry was lost. Receipts, their counts and hashes, and figures of parties stay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.decisions import ledger
from include.lake import tables
from include.retention import periods
from include.settings import Settings

SQL = Path(__file__).with_name("sql")

REJECTED = "rejected_rows"

LOADED = ("cdr", "complaints", "tracebacks")
"""Kinds of landing files whose rows have a period."""

Lines = dict[str, set[int]]
"""Lines of landing files, by receipt id."""


@dataclass(frozen=True)
class Part:
    """A file of the lake whose date is past its period."""

    path: Path
    table: str
    service_date: date
    receipt_id: str | None
    """SHA-256 of the landing file that its rows came from; None where they were computed."""
    goes: int
    """Rows to be deleted."""
    stays: frozenset[int]
    """Lines to be kept, as evidence."""


def query(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def enforce(settings: Settings, now: datetime, run: str) -> dict[str, int]:
    """Delete what is past its period at an instant; returns how many rows, by table. Errors: BadPeriods."""
    ends = periods.ends(periods.load(settings), now.astimezone(UTC).date())
    with psycopg.connect(settings.url("recommender"), autocommit=True) as connection:
        for kind in LOADED:  # one run at a time, and none while files are loaded
            connection.execute("select pg_advisory_lock(hashtext('ingest'), hashtext(%s))", (kind,))
        parts = list(_past(settings.lake, connection, ends))
        with connection.transaction():
            deleted = [*_told(_unsaid(parts, connection), ends), *_forget_rejected(connection, ends)]
            if deleted:
                ledger.append(connection, [{"entry_type": "retention", "actor": "enforce_retention", "payload": {"run": run, "deleted": deleted}}], now)
        for part in parts:
            _delete(part)
    counts: dict[str, int] = defaultdict(int)
    for told in deleted:
        counts[told["table"]] += sum(one["rows"] for one in told["dates"]) if "dates" in told else told["rows"]
    return dict(counts)


def dates_without_calls(connection: psycopg.Connection) -> dict[date, int]:
    """Dates whose calls were deleted, each with the first entry of the ledger that says so."""
    return dict(connection.execute(query("dates_without_calls")).fetchall())


def _past(lake: Path, connection: psycopg.Connection, ends: dict[str, date]) -> Iterator[Part]:
    """The files of the lake that hold rows past their period, those with nothing but evidence left out."""
    evidence = _traced_lines(connection, ends.get("notices"))
    undecided = {day for (day,) in connection.execute(query("dates_of_open_cases")).fetchall()}
    for table, end in ends.items():
        if table == REJECTED:
            continue
        for folder in sorted((lake / table).glob("service_date=*")):
            day = date.fromisoformat(folder.name.removeprefix("service_date="))
            if not date(1970, 1, 1) < day < end or (table == "calls" and day in undecided):
                continue
            for path in sorted(folder.glob("*.parquet")):
                of_receipt = table in tables.DATED
                receipt_id = tables.receipt_of(path) if of_receipt else None
                lines = evidence.get(receipt_id, set()) if table == "calls" else set()
                rows = pq.read_metadata(path).num_rows
                stays = frozenset(_lines_in(path, lines)) if lines else frozenset()
                if rows > len(stays) or not rows:
                    yield Part(path, table, day, receipt_id, rows - len(stays), stays)


def _traced_lines(connection: psycopg.Connection, since: date | None) -> Lines:
    """Where the single calls stand that notices within their period trace."""
    lines: Lines = defaultdict(set)
    if connection.execute("select to_regclass('lake.notice_matches') is not null").fetchone()[0]:
        for receipt_id, line in connection.execute(query("traced_lines"), {"since": since or date.min}).fetchall():
            lines[receipt_id].add(line)
    return lines


def _lines_in(path: Path, lines: set[int]) -> list[int]:
    """Those of the lines whose rows stand in a file."""
    return pq.read_table(path, columns=["source_line"], filters=[("source_line", "in", lines)], partitioning=None)["source_line"].to_pylist()


def _unsaid(parts: list[Part], connection: psycopg.Connection) -> list[Part]:
    """Those that no entry names yet: the others are left of a run that was killed, or came back from a backup."""
    days = sorted({part.service_date for part in parts})
    said = set(connection.execute(query("said_before"), {"days": days}).fetchall())
    return [part for part in parts if part.goes and (part.table, part.service_date, _name(part), part.goes) not in said]


def _name(part: Part) -> str:
    return part.path.stem


def _told(parts: list[Part], ends: dict[str, date]) -> list[dict[str, Any]]:
    """What the ledger says of the deletion of these files: by table and date, how many rows of which landing files."""
    by_table: dict[str, dict[date, list[Part]]] = defaultdict(lambda: defaultdict(list))
    for part in parts:
        by_table[part.table][part.service_date].append(part)
    return [
        {
            "table": table,
            "kept_from": ends[table].isoformat(),
            "dates": [
                {
                    "service_date": day.isoformat(),
                    "rows": sum(part.goes for part in of_day),
                    "kept_as_evidence": sum(len(part.stays) for part in of_day),
                    "files": {_name(part): part.goes for part in of_day},
                }
                for day, of_day in sorted(by_date.items())
            ],
        }
        for table, by_date in by_table.items()
    ]


def _forget_rejected(connection: psycopg.Connection, ends: dict[str, date]) -> list[dict[str, Any]]:
    """Forget rejected rows as they were sent; what the ledger says of it, nothing where there were none."""
    if REJECTED not in ends:
        return []
    before = datetime.combine(ends[REJECTED], time(), UTC)
    files = dict(connection.execute("select file, rows from ops.forget_rejected_rows(%s) order by file", (before,)).fetchall())
    if not files:
        return []
    return [{"table": REJECTED, "kept_from": ends[REJECTED].isoformat(), "rows": sum(files.values()), "files": files}]


def _delete(part: Part) -> None:
    """The rows of a file, and the file with its folder once nothing is left in them."""
    if part.stays:
        rows = pq.read_table(part.path, partitioning=None)
        tables.write(part.path, rows.filter(pc.is_in(rows["source_line"], value_set=pa.array(sorted(part.stays), pa.int32()))))
        return
    part.path.unlink()
    if not any(part.path.parent.iterdir()):
        part.path.parent.rmdir()
