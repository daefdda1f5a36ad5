"""A season of service dates, a fault on each of them, and what stands in the tables then."""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from psycopg.rows import dict_row

from include import stages
from include.decisions import proof
from include.ingest import load
from include.settings import Settings
from tests.faults import provider
from tests.faults.provider import CALLS, CLEAN, PARTIES

COMPLETE = ("complete", "no_traffic_confirmed", "overridden")
Party = tuple[str, str]  # kind, id

REPEATS = "call_files.few_rows_were_there_already"
"""A warning of every file that is sent again, mends among them: which calls count is looked at here one by one."""


@dataclass(frozen=True)
class Files:
    """The landing folder, and the files of one date in it: what a fault does its damage to. `{day}` in a path is the date."""

    landing: Path
    day: date

    def at(self, path: str) -> Path:
        return self.landing / path.format(day=self.day)

    def put(self, path: str, content: bytes) -> None:
        """Write a file whole, old enough not to be waited for. One that says the same already is left alone."""
        file = self.at(path)
        if file.exists() and file.read_bytes() == content:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(file.name + ".part")
        draft.write_bytes(content)
        long_ago = time.time() - 60
        os.utime(draft, (long_ago, long_ago))
        draft.rename(file)

    def bring(self) -> None:
        """Every file of the date as it should be."""
        for path, content in provider.files_of(self.day).items():
            self.put(path, content)

    def text(self, path: str) -> str:
        content = self.at(path).read_bytes()
        return (gzip.decompress(content) if path.endswith(".gz") else content).decode()

    def rewrite(self, path: str, change: Callable[[str], str]) -> None:
        """Change what a file says; its compression stays."""
        self.put(path, provider.packed(path, change(self.text(path)).encode()))


def whole_files(files: Files) -> None:
    """The usual mend: every file comes as it should have come."""
    files.bring()


@dataclass(frozen=True)
class Fault:
    """What happens to a date's files, and what must come of it."""

    name: str
    places: tuple[str, ...]
    """Switches and feeds that it touches."""
    leads_to: str
    """In words, for docs/reliability.md."""
    inject: Callable[[Files], object]
    status: dict[str, str] = field(default_factory=dict)
    """Of feeds that are not complete on the date."""
    held: tuple[str, ...] = ()
    """Switches whose parties are on HOLD, unless evidence says worse; those of no other switch are."""
    checks: tuple[str, ...] = ()
    """Checks of the first gate that do not pass."""
    lost: int = 0
    """Calls of the date that do not count while the fault lasts; negative where there are more than on other dates."""
    mend: Callable[[Files], object] = whole_files
    day: date | None = None
    """The date that it needs; others take the next one."""
    stays: bool = False
    """Nothing is to be mended: the date ends as the fault left it."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Seen:
    """A date as it stands in the tables."""

    status: dict[str, str]
    reasons: dict[str, str]
    checks: set[str]
    """Checks of both gates that did not pass."""
    verdicts: dict[Party, str]
    calls: int
    alerts: set[tuple[str, str]]
    """Open alerts of the date: kind, and the words of the subject before the date."""
    broken_promises: list[str]


class Season:
    """An installation into which a provider's files come, one date after the other."""

    def __init__(self, settings: Settings, process: Callable[[date], None]):
        self.settings = settings
        self.process = process
        for name, text in provider.declarations_of_its_own().items():
            declaration = settings.home / "feeds" / name
            declaration.parent.mkdir(parents=True, exist_ok=True)
            declaration.write_text(text)

    def introduce(self, day: date) -> None:
        """Snapshots of who everybody is, from a date on."""
        for path, content in provider.reference(day).items():
            self.files(day).put(path, content)

    def files(self, day: date) -> Files:
        return Files(self.settings.landing, day)

    def live(self, day: date) -> None:
        """A date without a fault."""
        self.files(day).bring()
        self.process(day)

    def suffer(self, day: date, faults: list[Fault]) -> Seen:
        """A date with its faults, as it then stands; afterwards the mends lie in the landing folder, to be found by the next load."""
        files = self.files(day)
        files.bring()
        for fault in faults:
            fault.inject(files)
        self.process(day)
        seen = self.seen(day)
        for fault in faults:
            if not fault.stays:
                fault.mend(files)
        return seen

    def rows(self, query: str, **given: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.settings.url("auditor"), row_factory=dict_row) as connection:
            return connection.execute(query, given).fetchall()

    def seen(self, day: date) -> Seen:
        stages.raise_alerts()
        status = self.rows("select feed, status, reason from marts.data_status_daily where service_date = %(day)s", day=day)
        return Seen(
            {row["feed"]: row["status"] for row in status if row["status"] not in COMPLETE},
            {row["feed"]: row["reason"] for row in status},
            self.failed_checks(day),
            self.verdicts(day),
            self.calls(day),
            self.alerts(day),
            self.broken_promises(),
        )

    def failed_checks(self, day: date) -> set[str]:
        found = self.rows(
            """
            select "check"
            from (
                select *, max(recorded_at) over (partition by gate) as newest
                from ops.gate_results
                where service_date = %(day)s
            ) as results
            where outcome <> 'passed' and run = (
                select run from ops.gate_results as last
                where last.service_date = %(day)s and last.gate = results.gate
                order by recorded_at desc limit 1
            )
            """,
            day=day,
        )
        return {row["check"] for row in found} - {REPEATS}

    def verdicts(self, day: date) -> dict[Party, str]:
        found = self.rows(f"select party_kind, party_id, recommendation from ({RISK}) as risk where service_date = %(day)s", day=day)
        assert len(found) == len(PARTIES), f"{day}: {len(found)} rows for {len(PARTIES)} parties"
        return {(row["party_kind"], row["party_id"]): row["recommendation"] for row in found}

    def calls(self, day: date) -> int:
        """Attempts of the date that the daily tables count."""
        ((row),) = self.rows("select coalesce(sum(attempts), 0)::int as calls from lake.switch_coverage_hourly where service_date = %(day)s", day=day)
        return row["calls"]

    def alerts(self, day: date) -> set[tuple[str, str]]:
        found = self.rows("select kind, subject from ops.alerts where ended_at is null and subject like '%%' || %(day)s", day=str(day))
        return {(row["kind"], row["subject"].removesuffix(str(day)).strip()) for row in found}

    def broken_promises(self) -> list[str]:
        """What must hold whatever happened, and does not; in words."""
        with psycopg.connect(self.settings.url("auditor")) as connection:
            told = proof.problems(connection)
        for what, query in PROMISES.items():
            told += [f"{what}: {row}" for row in self.rows(query)]
        return told + self.doubled()

    def doubled(self) -> list[str]:
        """Calls that stand more than once in what the daily tables were counted from."""
        counted = self.rows("select service_date, sum(attempts)::int as attempts from lake.switch_coverage_hourly group by service_date order by 1")
        found = duckdb.sql(
            f"""
            select service_date::text, count(distinct (receipts.feed, switch_id, call_id, attempt))
            from read_parquet('{self.settings.lake}/calls/*/*.parquet', hive_partitioning = true) as calls
            join read_parquet('{self.settings.lake}/receipts/*.parquet') as receipts on receipts.receipt_id = calls.receipt_id
            anti join (select * from read_parquet('{self.settings.lake}/superseded/*.parquet') where verdict = 'superseded') as replaced
                on replaced.receipt_id = calls.receipt_id and replaced.source_line = calls.source_line
            where receipts.state <> 'refused'
            group by service_date
            """
        ).fetchall()
        distinct = dict(found)
        return [
            f"calls of {row['service_date']}: {row['attempts']} counted, {distinct.get(str(row['service_date']), 0)} different ones in the lake"
            for row in counted
            if row["attempts"] != distinct.get(str(row["service_date"]), 0)
        ]


RISK = """
    select service_date, 'customer' as party_kind, customer_id as party_id, data_status, recommendation from marts.customer_risk_daily
    union all
    select service_date, 'upstream', upstream_id, data_status, recommendation from marts.upstream_risk_daily
"""

PROMISES = {
    "a receipt that does not add up": """
        select path, rows_read, rows_accepted, rows_rejected, rows_duplicate
        from ops.file_receipts
        where rows_read <> rows_accepted + rows_rejected + rows_duplicate
    """,
    "a rejected row that is nowhere": """
        select path, rows_rejected from ops.file_receipts as f
        where state <> 'refused' and rows_rejected <> (select count(*) from ops.rejected_rows as r where r.file = f.file)
    """,
    "a party that looks clean on a date whose data are not complete": f"""
        select *
        from ({RISK}) as risk
        where data_status not in ('complete', 'no_traffic_confirmed', 'overridden') and recommendation in ('NO_ACTION', 'MONITOR')
    """,
    "a party that has not exactly one row on a processed date": f"""
        select service_date, party_kind, party_id, count(risk.recommendation) as rows
        from ops.processed_days
        join lake.party_daily using (service_date)
        left join ({RISK}) as risk using (service_date, party_kind, party_id)
        where party_kind in ('customer', 'upstream')
        group by service_date, party_kind, party_id
        having count(risk.recommendation) <> 1
    """,
    "a suspension without evidence": """
        select service_date, party_id, payload -> 'reason_codes' as reasons
        from decisions.ledger
        where entry_type = 'recommendation'
            and payload ->> 'recommendation' = 'SUSPEND'
            and not exists (select from jsonb_array_elements(payload -> 'hits') as hit where hit ->> 'tier' = 'SUSPEND')
    """,
}
"""Queries that find nothing, after every fault."""


def parties_on(switches: set[str]) -> set[Party]:
    return {party.key for party in PARTIES if switches & set(party.switches)}


WORST = ("partial", "missing", "blocked")


@dataclass(frozen=True)
class Expected:
    """What must be seen of a date with these faults, and of nobody else."""

    status: dict[str, str]
    checks: set[str]
    verdicts: dict[Party, str]
    calls: int
    alerts: set[tuple[str, str]]

    def compare(self, seen: Seen) -> None:
        """AssertionError for whatever is otherwise."""
        assert seen.status == self.status, seen.reasons
        assert seen.checks == self.checks
        assert {party: verdict for party, verdict in seen.verdicts.items() if verdict != self.verdicts[party]} == {}
        assert seen.calls == self.calls
        assert seen.alerts == self.alerts
        assert seen.broken_promises == []


def expected(faults: list[Fault]) -> Expected:
    """Who is on HOLD for the faults of a date, and what the others are, as on every date. Evidence alone suspends, held or not."""
    status: dict[str, str] = {}
    for feed, one in ((feed, one) for fault in faults for feed, one in fault.status.items()):
        status[feed] = max(status.get(feed, one), one, key=WORST.index)
    held = parties_on({switch for fault in faults for switch in fault.held})
    return Expected(
        status,
        {check for fault in faults for check in fault.checks},
        CLEAN | {party: "HOLD" for party in held if CLEAN[party] != "SUSPEND"},
        CALLS - sum(fault.lost for fault in faults),
        {alert for fault in faults for alert in alerts_of(fault, status)},
    )


def alerts_of(fault: Fault, status: dict[str, str]) -> set[tuple[str, str]]:
    """A feed of calls that is not all there is overdue, unless it is blocked; a check that blocks is told as such."""
    overdue = {("feed_overdue", feed) for feed in fault.status if feed.startswith("cdr/") and status[feed] in ("partial", "missing")}
    blocks = "blocked" in fault.status.values()
    return overdue | ({("gate_block", f"arriving_data {fault.checks[0]}")} if blocks else set())


def put_on_dates(faults: Iterable[Fault], dates: Iterator[date]) -> dict[date, list[Fault]]:
    """Each fault on the first date on which its places are free, in their order; those that need a date on that one."""
    plan: dict[date, list[Fault]] = {}
    for fault in (fault for fault in faults if fault.day is None):
        free = [day for day, others in plan.items() if not any(set(fault.places) & set(other.places) for other in others)]
        plan.setdefault(free[0] if free else next(dates), []).append(fault)
    for fault in (fault for fault in faults if fault.day is not None):
        assert fault.day not in plan
        plan[fault.day] = [fault]
    return dict(sorted(plan.items()))


def process_by_stages(day: date) -> None:
    """Load, build and judge a date, and the dates that it re-opens, as the DAGs do it."""
    reopened = {other for kind in load.KINDS for other in stages.load_new_files(kind, day)}
    for each in sorted({day, *map(date.fromisoformat, reopened)}):
        run = f"faults__{each}"
        stages.build_lake(each)
        stages.check_arriving_data(each, run)
        stages.build_marts(each, run)
        stages.append_recommendations([date.fromisoformat(passed) for passed in stages.check_marts(each, run)], run)


def dates_from(first: date) -> Iterator[date]:
    while True:
        yield first
        first += timedelta(days=1)
