"""How long a traceback notice takes, from the arrival of its file to the recommendation in the database and the open review in Airflow;
and how long it takes to explain a recommendation."""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import duckdb
import psycopg

from benchmarks import suite
from benchmarks.calls import SQL
from include.decisions import private_rules
from include.ingest import call_sql, receipts
from include.ingest.landing import LandingFile
from include.ingest.receipts import Receipt
from include.lake import tables
from include.operations import backfill
from include.platform import lifecycle
from include.platform.airflow_api import AirflowApi
from include.settings import REPOSITORY, Settings
from include.text import literal

CUSTOMERS = 500
"""Of one trunk each: C0 sends over tg0."""
FEED = "cdr/standard"
NOTICE = "traceback_id,requester,received_at,call_at,calling_number,called_number,campaign,violation_class"
DAGS = ("handle_traceback", "build_risk_marts", "recommend_suspensions")
"""What a notice sets going, but for the review, which stays open."""
POLL_SECONDS = 0.25
GIVE_UP_SECONDS = 300
ASKED_SECONDS = 60
EXPLAINED_ASKED_SECONDS = 5
EXPLAINED_TIMES = 5
RULE = "LONG_CALLS,1,1,any,MONITOR,behaviour,share_gt_120s,point,>,0,limit,1,,,2020-01-01,,Many of its calls are long,"
"""Of the installation itself: it fires for nearly everybody, and asks nobody. Its calls are counted again wherever it is explained."""


@dataclass(frozen=True)
class Size:
    days: int = 30
    calls: int = 1_000_000
    """A day."""
    notices: int = 5

    def scaled(self, share: float) -> Size:
        return replace(self, calls=max(round(self.calls * share), 1))


QUICK = Size(days=2, calls=2_000, notices=1)
"""Whether it works, not how fast."""


@dataclass(frozen=True)
class Way:
    """Seconds that a notice took, from the arrival of its file."""

    recommendation: float
    review: float


@dataclass(frozen=True)
class Call:
    """What a notice says of an answered call, and whose call it was."""

    at: datetime
    calling: str
    called: str
    customer: str


@dataclass(frozen=True)
class Measured:
    ways: list[Way]
    explained: dict[str, list[float]]
    """Seconds of each `make explain`, by the kind of evidence."""


def run(folder: Path, size: Size, say: Callable[[str], None]) -> Measured:
    """Make an installation below `folder`, fill its lake, send it one notice after the other, and have it explain. Nothing runs afterwards."""
    home = folder / "notices"
    shutil.rmtree(home, ignore_errors=True)
    settings = suite.installation_in(home)
    days = days_before(datetime.now(UTC).date(), size)
    chance = random.Random(7)
    ways = []
    try:
        lifecycle.up(settings, say=lambda _: None)
        say(f"making {size.days} days of {size.calls:,} calls")
        fill(settings, days, size.calls)
        with AirflowApi(settings) as api:
            for outcome in backfill.backfill(api, days[-1:], say):
                if outcome.failed:
                    raise RuntimeError(f"{outcome.day}: {outcome.failed} failed")
            for number in range(size.notices):
                settle(api)
                call = choose(settings, chance.choice(days), unsettled_customers(settings))
                ways.append(send(settings, api, f"TB{number}", call))
                say(f"notice {number + 1}: recommended after {ways[-1].recommendation:.1f} s, review after {ways[-1].review:.1f} s")
            settle(api)
        explained = {evidence: explain(settings, recommendation) for evidence, recommendation in to_explain(settings).items()}
    finally:
        lifecycle.down(settings, say=lambda _: None)
    return Measured(ways, explained)


def to_explain(settings: Settings) -> dict[str, str]:
    """A recommendation that rests on the calls of a day, and one that rests on a notice: the first of each."""
    asked = """
        select recommendation_id from decisions.ledger
        where entry_type = 'recommendation' and payload -> 'reason_codes' ? %s
        order by entry_id
        limit 1
    """
    with psycopg.connect(settings.url("auditor")) as connection:
        return {kind: connection.execute(asked, (code,)).fetchone()[0] for kind, code in (("behaviour", "LONG_CALLS"), ("traceback", "TB_ORIGINATED"))}


def explain(settings: Settings, recommendation_id: str) -> list[float]:
    """Seconds of the command behind `make explain`, from its start to its end."""
    folders = {"TOLLGATE_HOME": settings.home, "TOLLGATE_LANDING": settings.landing, "TOLLGATE_LAKE": settings.lake}
    environ = os.environ | {name: str(folder) for name, folder in folders.items()} | {"TOLLGATE_WAREHOUSE_URL": "", "TOLLGATE_PG_PORT": str(settings.pg_port)}
    walls = []
    for _ in range(EXPLAINED_TIMES):
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "include.cli", "explain", recommendation_id], cwd=REPOSITORY, env=environ, stdout=subprocess.DEVNULL, check=True)
        walls.append(time.monotonic() - began)
    return walls


def days_before(today: date, size: Size) -> list[date]:
    """The last days with calls, oldest first: a notice that arrives now is about one of them."""
    return [today - timedelta(days=back) for back in range(size.days, 0, -1)]


def fill(settings: Settings, days: list[date], calls: int) -> None:
    """Reference data in the landing folder, a rule of its own, and days of calls in the lake."""
    private_rules.file(settings).write_text(f"{','.join(private_rules.columns())}\n{RULE}\n", encoding="utf-8")
    reference = {
        "customers": ["customer_id,legal_name,customer_type,country", *(f"C{n},Customer {n},enterprise,US" for n in range(CUSTOMERS))],
        "trunks": ["trunk,switch_id,party_kind,party_id,valid_from", *(f"tg{n},,customer,C{n},{days[0]}" for n in range(CUSTOMERS))],
        "upstreams": ["upstream_id,legal_name,country"],
    }
    for name, lines in reference.items():
        deliver(settings.landing / "reference" / name / f"{name}-{days[0]}.csv", lines)
    tables.create(settings.lake)
    with psycopg.connect(settings.url("loader"), autocommit=True) as connection:
        for day in days:
            put_day(connection, settings, day, calls)


def put_day(connection: psycopg.Connection, settings: Settings, day: date, calls: int) -> None:
    """A day of calls as the loader leaves it: Parquet in the lake, then the receipts. How long the loader takes is measured elsewhere."""
    relative = f"{FEED}/{day}.csv"
    receipt = Receipt(sha256(relative.encode()).hexdigest(), relative, "cdr", FEED, datetime.now(UTC))
    receipt.rows_read = receipt.rows_accepted = receipt.rows_by_date[day] = calls
    to = tables.file_of(settings.lake, "calls", receipt.file, day, 0)
    to.parent.mkdir(parents=True, exist_ok=True)
    made = (SQL / "day_of_calls.sql").read_text(encoding="utf-8")
    columns = ", ".join(tables.schema("calls").names)
    with duckdb.connect() as duck:
        duck.execute(
            f"copy (select {columns} from ({made})) to {literal(str(to))} ({call_sql.PARQUET})",
            {"receipt_id": receipt.file, "day": day.isoformat(), "calls": calls, "customers": CUSTOMERS},
        )
    receipts.record(connection, settings.lake, LandingFile(settings.landing / relative, relative, "cdr", FEED, 0, 0), receipt)


def deliver(file: Path, lines: list[str]) -> None:
    """A landing file that is whole as soon as it is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".tmp")
    unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(unfinished, file)


def settle(api: AirflowApi) -> None:
    """Wait until nothing goes on that the notice before set going: notices seldom come within the same minute."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while any(api.unfinished(dag_id) for dag_id in DAGS):
        if time.monotonic() > deadline:
            raise RuntimeError(f"still going on after {GIVE_UP_SECONDS} s: one of {', '.join(DAGS)}")
        time.sleep(POLL_SECONDS)


def unsettled_customers(settings: Settings) -> set[str]:
    """Of whom a review is open already, so that a notice would not open one."""
    with psycopg.connect(settings.url("auditor")) as connection:
        found = connection.execute("select party_id from marts.recommendations where recommendation in ('SUSPEND', 'RESTRICT')").fetchall()
    return {party_id for (party_id,) in found}


def choose(settings: Settings, day: date, without: set[str]) -> Call:
    """Any answered call of the day, but of these customers."""
    calls = duckdb.read_parquet(str(settings.lake / "calls" / f"service_date={day}" / "*.parquet"))
    whose = "replace(ingress_trunk, 'tg', 'C')"
    wanted = calls.filter(f"answer_at is not null and not list_contains({sorted(without)}::varchar[], {whose})")
    found = wanted.project(f"start_at, calling_number, called_number, {whose}").order("random()").limit(1).fetchall()
    if not found:
        raise RuntimeError(f"no call of {day} is left to send a notice about: ask for more calls")
    return Call(*found[0])


def notice(traceback_id: str, call: Call) -> list[str]:
    """The lines of a file with one notice, which gives the call's time to the second, as requesters do."""
    received_at = datetime.now(UTC)
    return [NOTICE, f"{traceback_id},itg,{received_at:%Y-%m-%dT%H:%M:%SZ},{call.at:%Y-%m-%dT%H:%M:%SZ},{call.calling},{call.called},bank,fraud"]


def send(settings: Settings, api: AirflowApi, traceback_id: str, call: Call) -> Way:
    """Put a notice into the landing folder and wait for what it makes of the customer."""
    deliver(settings.landing / "tracebacks" / "standard" / f"{traceback_id}.csv", notice(traceback_id, call))
    arrived = time.monotonic()
    recommendation = review = None
    with psycopg.connect(settings.url("auditor"), autocommit=True) as connection:
        while recommendation is None or review is None:
            if time.monotonic() - arrived > GIVE_UP_SECONDS:
                raise RuntimeError(f"no open review of {call.customer} within {GIVE_UP_SECONDS} s of notice {traceback_id}")
            if recommendation is None and is_recommended(connection, call.customer):
                recommendation = time.monotonic() - arrived
            if review is None and is_asked(api, call.customer):
                review = time.monotonic() - arrived
            time.sleep(POLL_SECONDS)
    return Way(recommendation, review)


def is_recommended(connection: psycopg.Connection, customer: str) -> bool:
    found = connection.execute("select from marts.recommendations where party_id = %s and recommendation = 'SUSPEND'", (customer,)).fetchone()
    return found is not None


def is_asked(api: AirflowApi, customer: str) -> bool:
    return any(f"({customer})" in review["subject"] for review in api.pending_reviews())


def targets(measured: Measured, size: Size) -> list[suite.Target]:
    """The slowest notice is held against its target, and the median of the slower kind of explanation against its own."""
    slowest = max(way.review for way in measured.ways)
    median = max(map(statistics.median, measured.explained.values()))
    lake = f"{size.days} days of {size.calls:,} calls"
    return [
        suite.Target(f"Notice to open review, {lake}", f"≤ {ASKED_SECONDS} s", f"{slowest:.1f} s at most", slowest <= ASKED_SECONDS),
        suite.Target(f"Explaining a recommendation, {lake}", f"≤ {EXPLAINED_ASKED_SECONDS} s", f"{median:.1f} s", median <= EXPLAINED_ASKED_SECONDS),
    ]
