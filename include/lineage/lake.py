"""The lake as it was known at an instant, asked about one party and service date by queries that anybody can ask again."""

from __future__ import annotations

import textwrap
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from string import Template
from typing import Any

import duckdb

from include.text import literal as literal_text

SQL = Path(__file__).with_name("sql")
EXAMPLES = 5

BEFORE = {"snapshots": ("loaded",), "attempts": ("loaded",), "never_originating": ("attempts", "snapshots"), "verified": ("attempts", "snapshots")}
"""Tables that another one rests on."""
WITHIN = {"attempts": ("replaced", "calls", "rerouted", "failing_routes", "trunks")}
"""What is asked of the lake for a table without being one."""
LISTS = ("never_originating", "verified")
"""Tables that only some metrics ask."""

Row = dict[str, Any]


def sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def bound(name: str, **values: Any) -> str:
    """A query with literals in the place of its parameters."""
    return Template(sql(name)).safe_substitute({parameter: literal(value) for parameter, value in values.items()}).rstrip()


def literal(value: Any) -> str:
    """Text, a date, an instant or a list of them, as DuckDB and PostgreSQL read it. Marks that cannot be seen are named, so that it can be copied."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, datetime):
        return f"timestamp '{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'"
    if isinstance(value, date):
        return f"date '{value}'"
    if value.isprintable():
        return literal_text(value)
    pieces = (literal_text("".join(marks)) if seen else " || ".join(f"chr({ord(mark)})" for mark in marks) for seen, marks in groupby(value, str.isprintable))
    return f"({' || '.join(pieces)})"


def with_parts(parts: dict[str, str], asked: str) -> str:
    """A query, and before it the named ones that it rests on. Calls are asked for a few columns each time: held whole, they fill memory."""
    named = [f"{name} as {'not materialized ' if name == 'calls' else ''}(\n{textwrap.indent(text, '    ')}\n)" for name, text in parts.items()]
    return "with " + ",\n\n".join(named) + f"\n\n{asked}"


def trunks(rows: list[Row]) -> str:
    """Trunks, of which each says whether it `is_its_own`, as a query of literals."""
    written = [f"({literal(row['trunk'])}, {literal(row['switch_id'])}, {row['is_its_own']})" for row in rows]
    lines = [", ".join(written[begin : begin + 5]) for begin in range(0, len(written), 5)]
    listed = "(values\n    " + ",\n    ".join(lines) + "\n)" if rows else "(select null, null, false where false)"
    said = "-- DuckDB: whose trunks they were on the service date; on one switch, or with an empty one on every switch."
    return f"{said}\nselect * from {listed} as listed (trunk, switch_id, is_its_own)"


class Lake:
    """Nothing is read until it is asked for, and nothing twice. What was loaded or arrived after `known_at` is left out."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path, day: date, party_id: str, known_at: datetime, trunks_of_day: list[Row]):
        self.connection, self.folder, self.day = connection, folder, day
        self.trunks = trunks(trunks_of_day)
        self.given = {
            "day": day, "party_id": party_id, "known_at": known_at, "calls": self.calls_files(),
            **{table: self.files(table) for table in ("receipts", "superseded", "arrivals")},
            **{table: self.files(f"reference/{table}") for table in ("dno", "caller_ids")},
        }  # fmt: skip
        self.made: set[str] = set()
        """Tables of the connection that are there already."""

    def files(self, table: str) -> str:
        """Of a table that has no dates."""
        return str(self.folder / table / "*.parquet")

    def calls_files(self) -> list[str]:
        """The day's calls; last the file without rows that the lake always has, so that a date without calls is an empty table and no error."""
        folders = [self.folder / "calls" / f"service_date={day}" for day in (self.day, date(1970, 1, 1))]
        return [str(folder / "*.parquet") for folder in folders if any(folder.glob("*.parquet"))]

    def part(self, name: str) -> str:
        """One of the queries that a count rests on."""
        return self.trunks if name == "trunks" else bound(name, **self.given)

    def make(self, *names: str) -> None:
        """Tables of the connection, with those that they rest on, unless they are there."""
        for name in names:
            if name in self.made:
                continue
            self.make(*BEFORE.get(name, ()))
            within = {other: self.part(other) for other in WITHIN.get(name, ())}
            text = self.part(name)
            self.connection.execute(f"create temp table {name} as {with_parts(within, text) if within else text}")
            self.made.add(name)

    def count(self, where: str, whole: str | None) -> tuple[str, int, int | None]:
        """(query, numerator, denominator): how many of the party's attempts fit a condition and, where there is one, the condition of the whole."""
        lists = [name for name in LISTS if f"from {name}" in f"{where} {whole}"]
        self.make("attempts", *lists)
        counted = f"count(*) filter (where {where}) as numerator"
        if whole:
            counted += f",\n    count(*) filter (where {whole}) as denominator"
        asked = f"select\n    {counted}\nfrom attempts"
        numerator, denominator = (*self.connection.execute(asked).fetchone(), None)[:2]
        names = ("loaded", *WITHIN["attempts"], "attempts", *(("snapshots", *lists) if lists else ()))
        return with_parts({name: self.part(name) for name in names}, asked), numerator, denominator

    def attempts(self, where: str) -> list[tuple]:
        """The first of the party's attempts that fit a condition."""
        self.make("attempts")
        return self.connection.execute(
            f"""
            select receipt_id, source_line, call_id, start_at, calling_number, called_number, sip_code, (end_ms - answer_ms) / 1000.0,
                calling_raw, called_raw, asserted_raw
            from attempts where {where} order by start_ms, receipt_id, source_line limit {EXAMPLES}
            """
        ).fetchall()

    def reference_rows(self, table: str, condition: str) -> list[tuple[str, int]]:
        """(receipt, line) of the rows of a reference table that fit a condition, in the newest snapshot that has any."""
        self.make("snapshots")
        asked = bound("reference_rows", feed=f"reference/{table}", files=self.files(f"reference/{table}"), day=self.day)
        found = self.connection.execute(asked.replace("$condition", condition)).fetchall()
        return [(receipt_id, line) for receipt_id, line, snapshot in found if snapshot == found[0][2]]

    def snapshot_of(self, table: str, day: date | None) -> list[str]:
        """The receipt of the snapshot of a reference table that is valid from a date, if there is one."""
        self.make("snapshots")
        return [receipt_id for (receipt_id,) in self.connection.execute(bound("snapshot_of_date", feed=f"reference/{table}", day=day)).fetchall()]
