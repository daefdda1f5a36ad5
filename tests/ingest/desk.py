"""What the tests do at an installation: put files into the landing folder, load them, and read what came out, plainly."""

from __future__ import annotations

import csv
import gzip
import io
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from include.ingest import load, receipts
from include.ingest.load import Summary
from include.settings import Settings

STANDARD = (
    "call_id,attempt,switch_id,start_time,answer_time,end_time,ingress_trunk,egress_trunk,source_ip,calling_number,"
    "asserted_number,called_number,sip_code,release_party,attestation,verstat,signer,orig_id"
).split(",")
GOOD_CALL = {
    "call_id": "c1",
    "attempt": "1",
    "switch_id": "nyc1",
    "start_time": "2026-11-16T10:00:00.250-05:00",
    "answer_time": "2026-11-16T10:00:05-05:00",
    "end_time": "2026-11-16T10:01:00-05:00",
    "ingress_trunk": "tg-acme",
    "egress_trunk": "tg-out",
    "source_ip": "192.0.2.7",
    "calling_number": "+12025550123",
    "asserted_number": "",
    "called_number": "12125550188",
    "sip_code": "200",
    "release_party": "caller",
    "attestation": "A",
    "verstat": "TN-Validation-Passed",
    "signer": "SPC 709J",
    "orig_id": "7f7c3c2e-0a3f-4e4b-9a6c-3d1b8f1c0001",
}
LONG_AGO = time.time() - 86_400
"""Files last written to then are whole; a younger one costs a second look."""

LAKE = duckdb.connect()
"""Reads every test's lake: to open one for each question would take most of the tests' time."""


def csv_text(columns: list[str], rows: list[dict[str, str]], end: str = "\n") -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end)
    writer.writerow(columns)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return out.getvalue()


def calls_csv(*changes: dict[str, str], columns: list[str] | None = None, end: str = "\n") -> str:
    """A standard file, a good call per argument with these values changed."""
    return csv_text(columns or STANDARD, [GOOD_CALL | change for change in changes], end)


def numbered_calls(count: int, **change: str) -> str:
    return calls_csv(*({"call_id": f"c{n}"} | change for n in range(1, count + 1)))


@dataclass
class Desk:
    settings: Settings
    connection: psycopg.Connection
    """The owner's, autocommit, rows as dictionaries; loads have connections of their own."""

    @contextmanager
    def afresh(self, folder: Path) -> Iterator[Desk]:
        """Another desk of the same PostgreSQL, where nothing was loaded yet."""
        self.clear()
        yield replace(self, settings=replace(self.settings, landing=folder / "landing", lake=folder / "lake"))

    def clear(self) -> None:
        for table in ("landing_files", "rejected_rows", "file_service_dates", "file_receipts"):
            self.connection.execute(f"delete from ops.{table}")  # truncate would write and sync files

    def put(self, relative: str, content: str | bytes, modified: float = LONG_AGO) -> Path:
        """Write a landing file; a name that ends in `.gz` gets it packed, unless it is packed already."""
        path = self.settings.landing / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(raw, mtime=0) if relative.endswith(".gz") and isinstance(content, str) else raw)
        os.utime(path, (modified, modified))
        return path

    def declare(self, feed: str, yaml: str) -> Path:
        """A declaration of one's own, in `$TOLLGATE_HOME/feeds`."""
        path = self.settings.home / "feeds" / f"{feed}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml)
        return path

    def load(self, kind: str = "cdr") -> Summary:
        return load.load_new_files(self.settings, kind)

    def load_one(self, relative: str, content: str | bytes) -> receipts.Receipt:
        """Put one file, load it, and return its receipt."""
        self.put(relative, content)
        [receipt] = [receipt for receipt in self.load(relative.split("/")[0]).receipts if receipt.path == relative]
        self.check_books()
        return receipt

    def warehouse(self, query: str, *values: Any) -> list[dict[str, Any]]:
        return self.connection.execute(query, values).fetchall()

    def receipts(self) -> dict[str, dict[str, Any]]:
        """PostgreSQL's receipts by path."""
        return {row["path"]: row for row in self.warehouse("select * from ops.file_receipts order by path")}

    def rejects(self, path: str) -> dict[int, tuple[str, str]]:
        """(field, reason) by line."""
        rows = self.warehouse(
            "select line, field, rejected_rows.reason from ops.rejected_rows join ops.file_receipts using (file) where path = %s order by line", path
        )
        return {row["line"]: (row["field"], row["reason"]) for row in rows}

    def rows(self, table: str, columns: str = "*", order: str = "receipt_id, source_line") -> list[dict[str, Any]]:
        """A lake table as its readers see it: rows whose receipt stands, and was not refused."""
        dated = table in ("calls", "complaints", "notices")
        files = str(self.settings.lake / table / ("*/*.parquet" if dated else "*.parquet"))
        return LAKE.sql(
            f"""
            select {columns}
            from read_parquet($files, hive_partitioning = {str(dated).lower()}) as rows
            where receipt_id in (select receipt_id from read_parquet($receipts) where state <> 'refused')
            order by {order}
            """,
            params={"files": files, "receipts": str(self.settings.lake / "receipts" / "*.parquet")},
        ).to_arrow_table().to_pylist()

    def current_calls(self, columns: str = "call_id, attempt, switch_id, sip_code, start_at") -> list[dict[str, Any]]:
        """Calls as the marts see them, without the rows that newer ones replaced."""
        replaced = {(row["receipt_id"], row["source_line"]) for row in self.superseded()}
        rows = self.rows("calls", f"receipt_id, source_line, {columns}", "call_id, attempt, switch_id")
        keep = [row for row in rows if (row["receipt_id"], row["source_line"]) not in replaced]
        return [{name: value for name, value in row.items() if name not in ("receipt_id", "source_line")} for row in keep]

    def superseded(self) -> list[dict[str, Any]]:
        return self._files("superseded")

    def _files(self, table: str) -> list[dict[str, Any]]:
        files = str(self.settings.lake / table / "*.parquet")
        return LAKE.sql("select * from read_parquet($files) order by all", params={"files": files}).to_arrow_table().to_pylist()

    def check_books(self) -> None:
        """Receipts add up, in both places, and are borne out by rows, rejects and dates."""
        books = self.warehouse("select * from ops.file_receipts order by file")
        lake = {row["receipt_id"]: row for row in self._files("receipts")}
        assert set(lake) == {row["file"] for row in books}
        table = {"cdr": "calls", "complaints": "complaints", "tracebacks": "notices", "manifest": "manifests"}
        for row in books:
            counts = [row[f"rows_{what}"] for what in ("read", "accepted", "rejected", "duplicate")]
            assert counts[0] == sum(counts[1:]), row
            assert counts == [lake[row["file"]][f"rows_{what}"] for what in ("read", "accepted", "rejected", "duplicate")]
            assert row["state"] == lake[row["file"]]["state"]
            kept = table.get(row["kind"], row["feed"])
            if row["state"] != "refused":
                kept_rows = sum(mine["receipt_id"] == row["file"] for mine in self.rows(kept, "receipt_id"))
                left_in = sum(mine["receipt_id"] == row["file"] and mine["verdict"] == "duplicate" for mine in self._files("superseded"))
                assert counts[1] == kept_rows - (left_in if kept == "calls" else 0)
            else:
                assert counts == [0, 0, 0, 0] and row["reason"]
            rejects = self.warehouse("select count(*) as n from ops.rejected_rows where file = %s", row["file"])
            assert counts[2] == rejects[0]["n"]
            dates = self.warehouse("select coalesce(sum(rows), 0) as n from ops.file_service_dates where file = %s", row["file"])
            assert counts[1] == dates[0]["n"]
        assert self.calls_counted() == self.calls_promised()

    def calls_counted(self) -> Counter[tuple[date, str]]:
        """By date and feed, the finished calls that readers see."""
        kept, left_out, standing = (str(self.settings.lake / files) for files in ("calls/*/*.parquet", "superseded/*.parquet", "receipts/*.parquet"))
        found = LAKE.execute(
            """
            select cast(start_at as date), feed, count(*)
            from read_parquet($kept, hive_partitioning = false)
            anti join read_parquet($left_out) as older using (receipt_id, source_line)
            semi join (from read_parquet($receipts) where state <> 'refused') as r using (receipt_id)
            where record_kind in ('stop', 'attempt')
            group by all
            """,
            {"kept": kept, "left_out": left_out, "receipts": standing},
        ).fetchall()
        return Counter({(day, feed): calls for day, feed, calls in found})

    def calls_promised(self) -> Counter[tuple[date, str]]:
        """By date and feed, the calls that the receipts say are to be counted: what was accepted, less what later rows replaced."""
        promised: Counter[tuple[date, str]] = Counter()
        for row in self.warehouse("select * from ops.file_receipts join ops.file_service_dates using (file) where kind = 'cdr' and state <> 'refused'"):
            day = row["service_date"]
            promised[day, row["feed"]] += row["rows"] - row["notes"].get("not_calls", {}).get(str(day), 0)
            for feed, replaced in row["notes"].get("superseded_calls", {}).get(str(day), {}).items():
                promised[day, feed] -= replaced
        return promised
