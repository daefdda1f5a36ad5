"""A season of service dates whose files come one date at a time, some of them damaged, and what stands in the tables then."""

from __future__ import annotations

import csv
import gzip
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.decisions import ledger
from include.demo.world import Expected, write_world
from include.ingest.landing import date_in_name
from include.settings import Settings

FIRST_DAY = date(2026, 2, 20)
"""The season holds the night in which the clocks of most of the US go forward."""

CALLS = "cdr/standard"


@dataclass(frozen=True)
class Files:
    """The landing folder, and the files of one date in it: what a fault does its damage to."""

    landing: Path
    day: date

    def named(self, pattern: str) -> Path:
        """The one file of the date whose path fits; `{day}` stands for the date."""
        (found,) = self.landing.glob(pattern.format(day=self.day))
        return found

    def write(self, path: str, content: bytes) -> Path:
        file = self.landing / path.format(day=self.day)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else content)
        return file

    def rewrite(self, pattern: str, change: Callable[[bytes], bytes]) -> None:
        """Change what a file says; its compression stays."""
        file = self.named(pattern)
        content = file.read_bytes()
        self.write(str(file.relative_to(self.landing)), change(gzip.decompress(content) if file.suffix == ".gz" else content))

    def list_anew(self, feed: str = CALLS) -> None:
        """Let the manifest agree with the files as they are now: the sender knows of no damage."""
        manifest = self.named(feed + "/manifest-{day}.csv")
        listed = [row["file"] for row in csv.DictReader(manifest.read_text().splitlines())]
        lines = ["file,rows,sha256"]
        for name in listed:
            content = (manifest.parent / name).read_bytes()
            rows = (gzip.decompress(content) if name.endswith(".gz") else content).count(b"\n") - 1
            lines.append(f"{name},{rows},{hashlib.sha256(content).hexdigest()}")
        manifest.write_text("\n".join(lines) + "\n")


@dataclass(frozen=True)
class Fault:
    """What may happen to a date's files, and what must come of it."""

    name: str
    inject: Callable[[Files], None]
    status: str = "complete"
    """Of `feed` on the date, in marts.data_status_daily."""
    feed: str = CALLS
    fails: tuple[str, ...] = ()
    """Checks of the first gate that do not pass, beside those that fail on a date without damage."""
    rejects: bool = False
    """Whether rows are rejected that are whole in the files without damage."""
    leads_to: str = ""
    """In words, for docs/reliability.md."""
    mend: Callable[[Files], None] = lambda files: None
    """What it takes beside the date's whole files."""

    @property
    def holds(self) -> bool:
        """Whether parties whose calls the feed brings are on HOLD."""
        return self.feed.startswith("cdr/") and self.status not in ("complete", "no_traffic_confirmed")


@dataclass
class Season:
    """A made-up world of which each date's files lie aside until they are brought."""

    settings: Settings
    aside: Path
    days: int
    attempts: int
    expected: Expected = field(init=False)

    def __post_init__(self) -> None:
        self.expected = write_world(self.aside, first_day=FIRST_DAY, days=self.days, attempts=self.attempts, seed=7)
        # the world loses a file of its last date; here only faults do
        self.dates = [FIRST_DAY + timedelta(days=offset) for offset in range(self.days - 1)]

    def bring(self, day: date) -> Files:
        """Put the date's files, as they are without damage, into the landing folder; those without a date come first of all."""
        for file in self.aside.rglob("*"):
            named = date_in_name(file.name)
            is_of_day = named == day or (day == self.dates[0] and (named is None or named < day))
            if file.is_file() and is_of_day:
                target = self.settings.landing / file.relative_to(self.aside)
                if not target.exists() or target.read_bytes() != file.read_bytes():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(file, target)
        return Files(self.settings.landing, day)

    def rows(self, query: str, **given: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.settings.url("auditor"), row_factory=dict_row) as connection:
            return connection.execute(query, given).fetchall()

    def status(self, day: date) -> dict[str, tuple[str, str]]:
        """Of every feed on a date: status and reason."""
        found = self.rows("select feed, status, reason from marts.data_status_daily where service_date = %(day)s", day=day)
        return {row["feed"]: (row["status"], row["reason"]) for row in found}

    def failed_checks(self, day: date) -> set[str]:
        """Checks that did not pass in the newest run of each gate of the date."""
        found = self.rows(
            """
            select "check"
            from ops.gate_results as r
            where service_date = %(day)s
                and outcome <> 'passed'
                and run = (
                    select run from ops.gate_results as l
                    where l.service_date = r.service_date and l.gate = r.gate order by recorded_at desc limit 1
                )
            """,
            day=day,
        )
        return {row["check"] for row in found}

    def verdicts(self, day: date) -> dict[tuple[str, str], str]:
        found = self.rows(
            """
            select 'customer' as kind, customer_id as party, recommendation from marts.customer_risk_daily where service_date = %(day)s
            union all
            select 'upstream', upstream_id, recommendation from marts.upstream_risk_daily where service_date = %(day)s
            """,
            day=day,
        )
        return {(row["kind"], row["party"]): row["recommendation"] for row in found}

    def served_by(self, feed: str, day: date) -> set[tuple[str, str]]:
        """Parties with a trunk on a switch whose calls the feed brings."""
        found = self.rows(
            """
            select distinct t.party_kind, t.party_id
            from lake.party_trunks_daily as t
            join lake.switch_coverage_hourly as c using (switch_id)
            where t.service_date = %(day)s and c.feed = %(feed)s
            """,
            day=day, feed=feed,
        )  # fmt: skip
        return {(row["party_kind"], row["party_id"]) for row in found}

    def broken_promises(self) -> list[str]:
        """What must hold whatever happened, and does not; in words."""
        with psycopg.connect(self.settings.url("auditor")) as connection:
            told = ledger.problems(connection)
        for what, query in PROMISES.items():
            told += [f"{what}: {row}" for row in self.rows(query)]
        return told


PROMISES = {
    "a receipt that does not add up": """
        select path, rows_read, rows_accepted, rows_rejected, rows_duplicate
        from ops.file_receipts
        where rows_read <> rows_accepted + rows_rejected + rows_duplicate
    """,
    "a rejected row that is nowhere": """
        select path, rows_rejected from ops.file_receipts as f
        where rows_rejected <> (select count(*) from ops.rejected_rows as r where r.file = f.file)
    """,
    "attempts of the lake that no receipt accounts for": """
        with accepted as (
            select d.service_date, f.feed, sum(d.rows) as most, sum(d.rows - coalesce((f.notes ->> 'superseded_rows')::bigint, 0)) as least
            from ops.file_service_dates as d
            join ops.file_receipts as f using (file)
            where f.kind = 'cdr'
            group by d.service_date, f.feed
        ),
        counted as (select service_date, feed, sum(attempts) as attempts from lake.switch_coverage_hourly group by service_date, feed)
        select c.service_date, c.feed, c.attempts, a.least, a.most
        from counted as c
        left join accepted as a using (service_date, feed)
        where c.attempts not between coalesce(a.least, 0) and coalesce(a.most, 0)
    """,
    "a party that looks clean on a date whose data are not complete": """
        select service_date, customer_id, data_status, recommendation
        from marts.customer_risk_daily
        where data_status not in ('complete', 'no_traffic_confirmed') and recommendation not in ('HOLD', 'SUSPEND')
    """,
    "a suspension without evidence": """
        select service_date, party_id, payload -> 'reason_codes' as reasons
        from decisions.ledger
        where entry_type = 'recommendation'
            and payload ->> 'recommendation' = 'SUSPEND'
            and not exists (
                select from jsonb_array_elements(payload -> 'hits') as hit where hit ->> 'tier' = 'SUSPEND'
            )
    """,
}
"""Queries that find nothing."""
