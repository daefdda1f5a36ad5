"""The chain behind a recommendation, gathered as plain data: its rules and figures, the rows that they rest on, and what followed.

Read as the auditor, who may read everything and change nothing. What is counted again is counted from the lake as it was when
the recommendation was made: files, snapshots and rows that came later are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from string import Template
from typing import Any

import duckdb
import psycopg
from psycopg.rows import dict_row

from include.decisions import ledger, words
from include.decisions.words import Catalogue
from include.lineage import raw_lines
from include.lineage.lake import Lake, Row, literal, sql
from include.lineage.raw_lines import File
from include.settings import Settings


class UnknownRecommendation(LookupError):
    """There is no such recommendation in the ledger."""


@dataclass(frozen=True)
class Place:
    """A line of a file, by the file's receipt; `line` is null where the whole file is meant."""

    receipt_id: str
    line: int | None = None
    numbers: tuple[str | None, ...] = ()
    """Telephone numbers that stand in the line, as sent."""


@dataclass(frozen=True)
class Evidence:
    """A sentence, and where what it says stands."""

    words: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Count:
    """A figure made again: the query, what it gave, and what was recorded when the rule was judged."""

    made: str
    """From what and how."""
    query: str
    numerator: float | None
    denominator: float | None
    is_as_recorded: bool


@dataclass
class Finding:
    """A reason of the recommendation, and what is behind it."""

    code: str
    words: str
    hit: Row | None = None
    metric: Row | None = None
    """As the catalogue has it today."""
    rules: list[Row] = field(default_factory=list)
    """The conditions of the rule as they stood when it was judged; empty where they are not on record."""
    count: Count | None = None
    evidence: list[Evidence] = field(default_factory=list)


@dataclass(frozen=True)
class Explained:
    """All of it. Instants are UTC."""

    recommendation_id: str
    entry: Row
    ruleset: Row | None
    """`sha256` over the rules that judged, and whether they are those that the version names; null where they are not on record."""
    findings: list[Finding]
    data_reasons: list[str]
    afterwards: list[Row]
    actions: list[Row]
    files: dict[str, File]
    """By receipt."""
    gates: list[Row]
    overrides: list[Row]


def gather(settings: Settings, recommendation_id: str) -> Explained:
    """The chain of a recommendation. Errors: UnknownRecommendation."""
    with opened(settings, recommendation_id) as chain:
        return chain.gathered()


def examples(settings: Settings, recommendation_id: str, most: int = 5) -> list[str]:
    """Some of the calls, notices and filings that a recommendation rests on, in words, telephone numbers masked. Errors: UnknownRecommendation."""
    with opened(settings, recommendation_id) as chain:
        return [evidence.words for code in chain.payload["reason_codes"] for evidence in chain.finding(code).evidence][:most]


@contextmanager
def opened(settings: Settings, recommendation_id: str) -> Iterator[Chain]:
    with psycopg.connect(settings.url("auditor"), row_factory=dict_row) as warehouse, duckdb.connect(":memory:") as duck:
        warehouse.execute("set timezone = 'UTC'")
        found = query(warehouse, "recommendation", recommendation_id=recommendation_id)
        if not found:
            raise UnknownRecommendation(f"no recommendation {recommendation_id} in the ledger: marts.recommendations has the ids that stand")
        yield Chain(settings, warehouse, duck, found[0])


def query(connection: psycopg.Connection, name: str, **values: Any) -> list[Row]:
    return connection.execute(sql(name), values).fetchall()


def counts_attempts(metric: Row) -> bool:
    """Whether the numerator of a metric is how many attempts fit its condition."""
    return bool(metric["calls_where"]) and (metric["kind"] == "share" or metric["unit"] == "count")


class Chain:
    """Gathers a recommendation's evidence."""

    def __init__(self, settings: Settings, warehouse: psycopg.Connection, duck: duckdb.DuckDBPyConnection, entry: Row):
        self.settings, self.warehouse, self.entry = settings, warehouse, entry
        self.payload: Row = entry["payload"]
        self.day: date = entry["service_date"]
        self.party = {"party_kind": entry["party_kind"], "party_id": entry["party_id"]}
        self.metrics = {row["metric"]: row for row in query(warehouse, "metrics", metrics=[hit["metric"] for hit in self.payload["hits"]])}
        self.rules = query(warehouse, "rules", version=self.payload["ruleset_version"])
        today = ledger.catalogue(warehouse)
        self.catalogue = Catalogue(rules=today.rules | {rule["rule_code"]: rule for rule in reversed(self.rules)}, metrics=today.metrics)
        trunks = query(warehouse, "trunks", day=self.day, **self.party)
        self.lake = Lake(duck, settings.lake, self.day, self.party["party_id"], self.known_at(), trunks)

    def known_at(self) -> datetime:
        """Up to when the lake was known to what judged; of an entry that names no build, the instant of the entry itself."""
        build = self.payload["inputs"].get("build")
        found = query(self.warehouse, "known_at", day=self.day, build=build)[0]["known_at"] if build else None
        return found or self.entry["recorded_at"]

    def gathered(self) -> Explained:
        findings = [self.finding(code) for code in self.payload["reason_codes"]]
        given_until = {"day": self.day, "recorded_at": self.entry["recorded_at"]}
        return Explained(
            recommendation_id=self.entry["recommendation_id"],
            entry=self.entry,
            ruleset=self.rules[0] if self.rules else None,
            findings=findings,
            data_reasons=self.data_reasons(),
            afterwards=query(self.warehouse, "afterwards", **self.party, entry_id=self.entry["entry_id"], case_id=self.payload["case_id"]),
            actions=self.actions(),
            files=self.files([place for finding in findings for evidence in finding.evidence for place in evidence.places]),
            gates=query(self.warehouse, "gates", **given_until),
            overrides=query(self.warehouse, "overrides", **given_until),
        )

    def finding(self, code: str) -> Finding:
        hit = next((hit for hit in self.payload["hits"] if hit["rule_code"] == code), None)
        rules = [rule for rule in self.rules if rule["rule_code"] == code]
        told = self.catalogue.rules.get(code, {})
        if hit is None:
            return Finding(code, f"{code}: {told.get('words') or 'no words on record'}.", rules=rules)
        finding = Finding(code, words.reason(hit, self.catalogue), hit, self.metrics.get(hit["metric"]), rules)
        evidence = told.get("evidence")
        if evidence == "traceback":
            finding.evidence = self.traced_calls()
        elif evidence == "registry":
            finding.evidence = self.registry()
        elif evidence == "legal":
            condition = f"party_kind = {literal(self.party['party_kind'])} and party_id = {literal(self.party['party_id'])}"
            finding.evidence = [Evidence("notices on record:", self.reference_rows("enforcement_notices", condition))]
        if finding.metric and counts_attempts(finding.metric):
            finding.count, finding.evidence = self.count(hit, finding.metric), self.calls(finding.metric)
        elif finding.metric:
            finding.count = self.facts(hit, finding.metric)
        return finding

    def data_reasons(self) -> list[str]:
        """Why the data of the party's day are not complete, where the recommendation speaks of it."""
        if "DATA_INCOMPLETE" not in self.payload["reason_codes"] and self.payload["data_status"] != "overridden":
            return []
        return [reason for row in query(self.warehouse, "day_status", day=self.day, **self.party) for reason in row["data_reasons"]]

    def actions(self) -> list[Row]:
        there = self.warehouse.execute("select to_regclass('decisions.actions') is not null as there").fetchone()["there"]
        return [row["action"] for row in query(self.warehouse, "actions", case_id=self.payload["case_id"])] if there else []

    def traced_calls(self) -> list[Evidence]:
        parties = [self.party["party_id"], *self.payload["linked_party_ids"]]
        found = []
        for row in query(self.warehouse, "traced_calls", day=self.day, party_ids=parties):
            slip = f", {row['hour_slip']:+d} h" if row["hour_slip"] else ""
            what = f"({row['violation_class']}, {row['campaign']}), received {instant(row['received_at'])}"
            whose = f"{row['call_id']}, {instant(row['call_at'])}, {row['party_kind']} {row['party_id']}"
            notice = f"notice {row['traceback_id']} of {row['requester']} {what}"
            call = f"traces one call within {row['match_window_seconds']} s{slip}: {whose}"
            found.append(Evidence(notice, (Place(row["notice_receipt_id"], row["notice_line"]),)))
            found.append(Evidence(call, (Place(row["source_receipt_id"], row["source_line"]),)))
        return found

    def registry(self) -> list[Evidence]:
        found = query(self.warehouse, "registry", day=self.day, party_id=self.party["party_id"])
        if not found:
            return []
        row = found[0]
        searched = f"{row['rmd_status']}: searched for {row['rmd_number']} and FRN {row['frn']} in the snapshot of {row['rmd_snapshot_from']}"
        snapshot = self.lake.snapshot_of("rmd", row["rmd_snapshot_from"])
        filing = Template(sql("filing")).substitute({name: literal(row[name]) for name in ("rmd_number", "frn", "matched_by")})
        if listings := self.reference_rows("rmd", filing):
            listed = Evidence(f"found by {row['matched_by']}, gone since {row['removed_on']}; listed before, in:", listings)
        else:
            of_it = f"upstream_id = {literal(self.party['party_id'])}"
            listed = Evidence("listed in no snapshot; what we have of its filing stands in:", self.reference_rows("upstreams", of_it))
        return [Evidence(searched, tuple(map(Place, snapshot))), listed]

    def reference_rows(self, table: str, condition: str) -> tuple[Place, ...]:
        return tuple(Place(receipt_id, line) for receipt_id, line in self.lake.reference_rows(table, condition))

    def count(self, hit: Row, metric: Row) -> Count:
        """The metric's numerator and, where a condition says it, its denominator, counted from the lake."""
        whole = metric["denominator_where"]
        asked, numerator, denominator = self.lake.count(metric["calls_where"], whole)
        is_as_recorded = numerator == hit["numerator"] and (not whole or denominator == hit["denominator"])
        return Count(f"counted again from the lake, service date {self.day}", asked, numerator, denominator, is_as_recorded)

    def calls(self, metric: Row) -> list[Evidence]:
        """The first attempts of a metric's numerator."""
        return [
            Evidence(
                f"call {call_id}, {instant(start_at)}, {masked(calling)} to {masked(called)}, " + (f"{talk:.3f} s" if talk is not None else f"SIP {sip_code}"),
                (Place(receipt_id, line, (calling, called, *as_sent)),),
            )
            for receipt_id, line, call_id, start_at, calling, called, sip_code, talk, *as_sent in self.lake.attempts(metric["calls_where"])
        ]

    def facts(self, hit: Row, metric: Row) -> Count | None:
        """What the metric is made of, as the warehouse has it."""
        given = {"day": self.day, **self.party, "numerator": metric["numerator"], "denominator": metric["denominator"]}
        found = query(self.warehouse, "facts", **given)
        if not found:
            return None  # a notice of a date that is not built yet
        numerator, denominator = found[0]["numerator"], found[0]["denominator"]
        is_as_recorded = (numerator, denominator) == (hit["numerator"], hit["denominator"])
        replayed = sql("facts") % {name: literal(value) for name, value in given.items()}
        return Count(f"read again from the warehouse, service date {self.day}", replayed.rstrip(), numerator, denominator, is_as_recorded)

    def files(self, places: list[Place]) -> dict[str, File]:
        """The files of these places, each read once."""
        numbers: dict[str, dict[int, tuple[str | None, ...]]] = {}
        for place in places:
            lines = numbers.setdefault(place.receipt_id, {})
            if place.line is not None:
                lines[place.line] = (*lines.get(place.line, ()), *place.numbers)
        receipts = query(self.warehouse, "receipts", receipts=sorted(numbers))
        return {receipt["file"]: raw_lines.read(self.settings.landing, receipt, numbers[receipt["file"]]) for receipt in receipts}


def masked(number: str | None) -> str:
    """A telephone number without its last four digits."""
    return f"{number[:-4]}xxxx" if number and len(number) > 4 else "no number"


def instant(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S} UTC"
