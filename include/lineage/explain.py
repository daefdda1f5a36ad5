"""A recommendation explained: from its ledger entry through rules, metrics and gates down to file names and line numbers.

Read as the auditor, who may read everything and change nothing. Telephone numbers are masked.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
from psycopg.rows import dict_row

from include.decisions import ledger, words
from include.settings import Settings
from include.text import visible_lines

SQL = Path(__file__).with_name("sql")
WIDTH = 100
EXAMPLES = 5

Row = dict[str, Any]


class UnknownRecommendation(LookupError):
    """There is no such recommendation in the ledger."""


def explain(settings: Settings, recommendation_id: str) -> str:
    """The whole chain as text. Errors: UnknownRecommendation."""
    with psycopg.connect(settings.url("auditor"), row_factory=dict_row) as warehouse, duckdb.connect(":memory:") as lake:
        found = query(warehouse, "recommendation", recommendation_id=recommendation_id)
        if not found:
            raise UnknownRecommendation(f"no recommendation {recommendation_id} in the ledger: marts.recommendations has the ids that stand")
        chain = Chain(settings, warehouse, lake, found[0])
        return visible_lines("\n".join([*chain.verdict(recommendation_id), *chain.evidence(), *chain.files(), *chain.inputs()]))


def sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def query(connection: psycopg.Connection, name: str, **values: Any) -> list[Row]:
    return connection.execute(sql(name), values).fetchall()


class Chain:
    """One recommendation's evidence, gathered step by step; `receipts` collects the files that it rests on."""

    def __init__(self, settings: Settings, warehouse: psycopg.Connection, lake: duckdb.DuckDBPyConnection, entry: Row):
        self.settings, self.warehouse, self.lake, self.entry = settings, warehouse, lake, entry
        self.payload: Row = entry["payload"]
        self.day: date = entry["service_date"]
        self.party = (entry["party_kind"], entry["party_id"])
        self.catalogue = ledger.catalogue(warehouse)
        self.receipts: set[str] = set()
        self.attempts_are_loaded = False
        self.lake.execute(sql("snapshots"), {"arrivals": self.parquet("arrivals"), "receipts": self.parquet("receipts")})

    def parquet(self, table: str) -> str:
        """The files of a table of the lake that has no dates."""
        return str(self.settings.lake / table / "*.parquet")

    def verdict(self, recommendation_id: str) -> Iterator[str]:
        entry, payload = self.entry, self.payload
        yield f"{recommendation_id}: {payload['recommendation']} {entry['party_kind']} {entry['party_id']} {payload['legal_name']}"
        yield f"  service date {self.day} (UTC), data {payload['data_status']}, rule set {payload['ruleset_version']}"
        yield f"  ledger entry {entry['entry_id']}, appended {entry['recorded_at']:%Y-%m-%d %H:%M:%S} UTC by {entry['actor']}"
        yield f"    hash {entry['hash']}, after {entry['previous_hash'][:12]}…"
        if entry["decision"]:
            comment = f': "{entry["comment"]}"' if entry["comment"] else ""
            yield f"  case {payload['case_id']}: {entry['decision']} by {entry['reviewer']}, {entry['reviewed_at']:%Y-%m-%d %H:%M} UTC{comment}"
        elif payload["recommendation"] in ("SUSPEND", "RESTRICT"):
            escalated = f", escalated {entry['escalated_at']:%Y-%m-%d %H:%M} UTC" if entry["escalated_at"] else ""
            yield f"  case {payload['case_id']}: waits for a person{escalated}"
        if entry["restated_by"]:
            yield f"  restated later: {entry['restated_by']}"
        if payload["linked_party_ids"]:
            yield f"  linked parties, counted together: {', '.join(payload['linked_party_ids'])}"

    def evidence(self) -> Iterator[str]:
        hits = {hit["rule_code"]: hit for hit in self.payload["hits"]}
        for code in self.payload["reason_codes"]:
            rule = self.catalogue.rules.get(code, {})
            hit = hits.get(code)
            yield ""
            sentence = words.reason(hit, self.catalogue) if hit else f"{code}: {rule.get('words') or 'no words on record'}."
            yield textwrap.fill(sentence, WIDTH, subsequent_indent="  ")
            if hit:
                yield from self.behind(hit, rule)
        if "DATA_INCOMPLETE" in self.payload["reason_codes"] or self.payload["data_status"] == "overridden":
            status = query(self.warehouse, "day_status", day=self.day, party_kind=self.party[0], party_id=self.party[1])
            for reason in (reason for row in status for reason in row["data_reasons"]):
                yield f"  - {reason}"

    def behind(self, hit: Row, rule: Row) -> Iterator[str]:
        """The rows of files that a rule hit rests on."""
        if rule.get("evidence") == "traceback":
            yield from self.traced_calls()
        elif rule.get("evidence") == "registry":
            yield from self.registry()
        elif rule.get("evidence") == "legal":
            yield "  notices on record:"
            yield from self.reference_rows("enforcement_notices", "party_kind = $party_kind and party_id = $party_id", party_kind=self.party[0], party_id=self.party[1])
        elif (metric := self.catalogue.metrics.get(hit["metric"], {})).get("calls_where"):
            yield from self.calls_behind(hit, metric)

    def traced_calls(self) -> Iterator[str]:
        parties = [self.party[1], *self.payload["linked_party_ids"]]
        for row in query(self.warehouse, "traced_calls", day=self.day, party_ids=parties):
            self.receipts |= {row["notice_receipt_id"], row["source_receipt_id"]}
            slip = f", {row['hour_slip']:+d} h" if row["hour_slip"] else ""
            yield f"  notice {row['traceback_id']} of {row['requester']} ({row['violation_class']}, {row['campaign']}), received {instant(row['received_at'])}"
            yield f"    {row['notice_file']} line {row['notice_line']}"
            yield f"  traces one call within {row['match_window_seconds']} s{slip}: {row['call_id']}, {instant(row['call_at'])}, {row['party_kind']} {row['party_id']}"
            yield from self.place(row["source_file"], row["source_line"])

    def registry(self) -> Iterator[str]:
        row = query(self.warehouse, "registry", day=self.day, party_id=self.party[1])[0]
        yield f"  {row['rmd_status']}: searched for {row['rmd_number']} and FRN {row['frn']} in the snapshot of {row['rmd_snapshot_from']}"
        given = {"feed": "reference/rmd", "day": row["rmd_snapshot_from"]}
        for (receipt_id,) in self.lake.execute(sql("snapshot_of_date"), given).fetchall():
            self.receipts.add(receipt_id)
            yield f"    {self.path(receipt_id)}"
        listings = list(self.reference_rows("rmd", sql("filing"), rmd_number=row["rmd_number"], frn=row["frn"], matched_by=row["matched_by"]))
        yield f"  found by {row['matched_by']}, gone since {row['removed_on']}; listed before, in:" if listings else "  listed in no snapshot; what we have of its filing stands in:"
        yield from listings or self.reference_rows("upstreams", "upstream_id = $upstream_id", upstream_id=self.party[1])

    def reference_rows(self, table: str, condition: str, **values: Any) -> Iterator[str]:
        """Where the rows of a reference table that fit stand, in the newest snapshot that has any."""
        given = {"feed": f"reference/{table}", "files": self.parquet(f"reference/{table}"), "day": self.day, **values}
        found = self.lake.execute(sql("reference_rows").replace("$condition", condition), given).fetchall()
        for receipt_id, line, snapshot in found:
            if snapshot == found[0][2]:
                self.receipts.add(receipt_id)
                yield f"    {self.path(receipt_id)} line {line}"

    def calls_behind(self, hit: Row, metric: Row) -> Iterator[str]:
        """How many attempts the metric's numerator is made of, counted anew from the lake, and where the first ones stand."""
        self.load_attempts()
        where = metric["calls_where"]
        count = self.lake.execute(f"select count(*) from attempts where {where}").fetchone()[0]
        yield f"  {metric['label']}: {metric['numerator']}"
        yield f"  counted again from the lake, service date {self.day}: {count:,}" + ("" if count == hit["numerator"] else f" (recorded: {hit['numerator']:,.0f})")
        yield f"    where {where}"
        rows = self.lake.execute(
            f"""
            select receipt_id, source_line, call_id, start_at, calling_number, called_number, sip_code, (end_ms - answer_ms) / 1000.0
            from attempts where {where} order by start_ms, receipt_id, source_line limit {EXAMPLES}
            """
        ).fetchall()
        for receipt_id, line, call_id, start_at, calling, called, sip_code, talk in rows:
            self.receipts.add(receipt_id)
            ended = f"{talk:.3f} s" if talk is not None else f"SIP {sip_code}"
            yield f"  call {call_id}, {instant(start_at)}, {masked(calling)} to {masked(called)}, {ended}"
            yield from self.place(self.path(receipt_id), line)

    def load_attempts(self) -> None:
        """`attempts` in the lake's connection: all of the party's on the date. Loaded for the first rule that asks."""
        if self.attempts_are_loaded:
            return
        trunks = query(self.warehouse, "trunks", day=self.day)
        self.lake.register("trunks", pa.Table.from_pylist(trunks, schema=pa.schema([(name, pa.string()) for name in ("party_kind", "party_id", "trunk", "switch_id")])))
        # Files of the days that the lake always has, so that a date without calls is an empty table and no error.
        calls = [str(path) for day in (self.day, date(1970, 1, 1)) for path in (self.settings.lake / "calls" / f"service_date={day}").glob("*.parquet")]
        self.lake.execute(
            sql("attempts_of_party"),
            {
                "receipts": self.parquet("receipts"),
                "superseded": self.parquet("superseded"),
                "calls": calls,
                "party_kind": self.party[0],
                "party_id": self.party[1],
            },
        )
        self.lake.execute(sql("never_originating"), {"dno": self.parquet("reference/dno"), "day": self.day})
        self.lake.execute(sql("verified"), {"caller_ids": self.parquet("reference/caller_ids"), "party_id": self.party[1], "day": self.day})
        self.attempts_are_loaded = True

    def place(self, path: str, line: int) -> Iterator[str]:
        file = self.settings.landing / path
        there = "" if file.is_file() else "  (no longer in the landing folder)"
        reader = "zcat" if path.endswith(".gz") else "cat"
        yield f"    {path} line {line}{there}"
        if not there:
            yield f"      {reader} {file} | sed -n {line}p"

    def path(self, receipt_id: str) -> str:
        return query(self.warehouse, "receipts", receipts=[receipt_id])[0]["path"]

    def files(self) -> Iterator[str]:
        if not self.receipts:
            return
        yield ""
        yield "Files, by the SHA-256 of their bytes: rows read = accepted + rejected + duplicate"
        for row in query(self.warehouse, "receipts", receipts=sorted(self.receipts)):
            yield (
                f"  {row['path']}: {row['rows_read']:,} = {row['rows_accepted']:,} + {row['rows_rejected']:,} + {row['rows_duplicate']:,}, "
                f"{row['state']} {row['loaded_at']:%Y-%m-%d %H:%M} UTC"
            )
            yield f"    {row['file']}"

    def inputs(self) -> Iterator[str]:
        given = self.payload["inputs"]
        yield ""
        yield f"Made by run {given['run']} from {given['receipts']['count']} receipts (SHA-256 over their ids: {given['receipts']['sha256'][:16]}…)"
        given_until = {"day": self.day, "recorded_at": self.entry["recorded_at"]}
        for gate in query(self.warehouse, "gates", **given_until):
            yield textwrap.fill(
                f"gate {gate['gate']}: {gate['checks']} checks" + (f"; {gate['not_passed']}" if gate["remarks"] else ", all passed") + f" (run {gate['run']})",
                WIDTH, initial_indent="  ", subsequent_indent="    ",
            )  # fmt: skip
        for override in query(self.warehouse, "overrides", **given_until):
            feeds = f" for {', '.join(override['feeds'])}" if override["feeds"] else ""
            yield textwrap.fill(
                f"{override['check']} failed and was overridden{feeds} by {override['by']} until {override['until']:%Y-%m-%d %H:%M} UTC: "
                f"\"{override['reason']}\" (ledger entry {override['entry_id']})",
                WIDTH, initial_indent="  ", subsequent_indent="    ",
            )  # fmt: skip


def masked(number: str | None) -> str:
    """A telephone number without its last four digits."""
    return f"{number[:-4]}xxxx" if number and len(number) > 4 else "no number"


def instant(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S} UTC"
