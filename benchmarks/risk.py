"""What a day of calls costs from the lake to the verdicts, beside one script written by hand that computes the same figures."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import duckdb
import psycopg

from benchmarks import measure, suite
from benchmarks.calls import SQL
from include import settings as installation
from include.ingest import call_sql, receipts
from include.ingest.landing import LandingFile
from include.ingest.receipts import Receipt
from include.lake import build, dbt, publish, tables
from include.settings import Settings
from include.text import literal

DAY = date(2026, 11, 20)
SWITCHES = ("nyc1", "nyc2", "lax1", "lax2")
BEGAN = datetime(2026, 11, 21, 2, tzinfo=UTC)
FIGURES = ("party_traffic_daily", "party_numbers_daily", "new_calling_numbers_daily", "upstream_cells_daily")
"""What the script by hand computes; it also leaves calling_numbers_daily for the days to come, as the models do."""
MODELS = ("--select", "code_allocation", "attempts_of_day", "calling_numbers_daily", *FIGURES)
BY_HAND = SQL / "day_by_hand.sql"
SCRIPT, LAKE, WHOLE_LAKE, MARTS = "script by hand", "lake models of the same figures", "all lake models, published", "warehouse models and rules"
LIMITS = {"times": 1.5, "marts": 60.0}


@dataclass(frozen=True)
class Size:
    calls: int = 10_000_000
    """Attempts of the measured day."""
    days: int = 30
    """Of history, the measured day with them."""
    repeats: int = 3

    def scaled(self, share: float) -> Size:
        return replace(self, calls=max(round(self.calls * share), len(SWITCHES)))


QUICK = Size(calls=20_000, days=9, repeats=1)
"""Whether it works, not how fast."""


@dataclass(frozen=True)
class Cost:
    """One run of something."""

    wall: float
    """Seconds."""
    memory: int
    """The most bytes that its processes had at once. PostgreSQL's server is none of these."""


def run(folder: Path, size: Size, say: Callable[[str], None]) -> dict[str, list[Cost]]:
    """Make a lake and a warehouse below `folder`, and measure by turns: what else the machine does falls on all."""
    home = folder / "risk"
    shutil.rmtree(home, ignore_errors=True)
    costs = defaultdict(list)
    with suite.warehouse(home) as settings:
        fill(settings, size, say)
        for _ in range(size.repeats):
            for what in STEPS:
                wall, memory, _ = measure.watch(["benchmarks.risk", what], settings)
                costs[what].append(Cost(wall, memory))
                say(f"{what}: {costs[what][-1].wall:.1f} s, {suite.gib(costs[what][-1].memory)}")
    return dict(costs)


def fill(settings: Settings, size: Size, say: Callable[[str], None]) -> None:
    """The day's calls and reference data in the lake, and before it a history of daily tables in lake and warehouse, marts included."""
    tables.create(settings.lake)
    say(f"making {size.calls:,} calls")
    with psycopg.connect(settings.url("loader"), autocommit=True) as connection, duckdb.connect() as duck:
        for query in sorted((SQL / "risk_reference").glob("*.sql")):
            put(connection, duck, settings, "reference", query.stem, f"reference/{query.stem}/{DAY - timedelta(days=size.days)}.csv", query.read_text(encoding="utf-8"))
        made = (SQL / "risk_day.sql").read_text(encoding="utf-8")
        for switch in SWITCHES:
            put(connection, duck, settings, "cdr", "standard", f"cdr/standard/{switch}/{DAY}.csv", made, switch=switch, day=str(DAY), calls=size.calls // len(SWITCHES))
    say("building the day and its history")
    build.build_lake(settings, DAY, [])
    repeat_backwards(settings, size.days - 1)
    first = DAY - timedelta(days=size.days - 1)
    with psycopg.connect(settings.url("transformer")) as connection:
        for back in range(size.days):
            connection.execute(
                "insert into ops.processed_days (service_date, processed_at, first_processed_at, run) values (%s, now(), now(), 'risk')",
                (DAY - timedelta(days=back),),
            )
    build.build_marts(settings, first, [DAY - timedelta(days=back) for back in range(size.days)])


def put(connection: psycopg.Connection, duck: duckdb.DuckDBPyConnection, settings: Settings, kind: str, name: str, relative: str, made: str, **given: object) -> None:
    """What the loader leaves of a landing file: its rows as the lake's Parquet, then the receipts. How long the loader takes is measured elsewhere."""
    receipt = Receipt(sha256(relative.encode()).hexdigest(), relative, kind, f"{kind}/{name}", BEGAN)
    is_dated = kind == "cdr"
    table = "calls" if is_dated else f"reference/{name}"
    to = tables.file_of(settings.lake, table, receipt.file, DAY if is_dated else None, 0 if is_dated else None)
    to.parent.mkdir(parents=True, exist_ok=True)
    if not is_dated:
        made = f"select '{receipt.file}' as receipt_id, cast(row_number() over () + 1 as integer) as source_line, * from ({made})"
    columns = tables.file_of(settings.lake, table, "schema", date(1970, 1, 1))
    [rows] = duck.execute(
        f"copy (from '{columns}' where false union all by name ({made})) to {literal(str(to))} ({call_sql.PARQUET})",
        given | ({"receipt_id": receipt.file} if is_dated else {}),
    ).fetchone()
    receipt.rows_read = receipt.rows_accepted = receipt.rows_by_date[DAY] = rows
    receipts.record(connection, settings.lake, LandingFile(settings.landing / relative, relative, kind, receipt.feed, 0, 0), receipt)


def repeat_backwards(settings: Settings, days: int) -> None:
    """The built day's tables again for the days before it: in the warehouse alike, and in the lake most of the numbers of each party."""
    numbers = settings.lake / "daily" / "calling_numbers_daily"
    with psycopg.connect(settings.url("transformer")) as connection, duckdb.connect() as duck:
        for back in range(1, days + 1):
            to = numbers / f"service_date={DAY - timedelta(days=back)}"
            to.mkdir(parents=True)
            # one number in twenty was never there before, and of the others each is missing on one day in three
            duck.execute(
                f"""
                copy (
                    select * from read_parquet('{numbers}/service_date={DAY}/part-0.parquet', hive_partitioning = false)
                    where hash(calling_number) % 20 > 0 and hash(calling_number, {back}) % 3 > 0
                ) to '{to}/part-0.parquet' (format parquet, compression zstd)
                """
            )
        for model in publish.published_models(dbt.manifest(settings, "lake")):
            columns = ", ".join(f'"{name}"' for name in model.columns)
            values = ", ".join("service_date - back" if name == "service_date" else f'"{name}"' for name in model.columns)
            connection.execute(
                f"insert into {model.relation} ({columns}) select {values} from {model.relation}, generate_series(1, %s) as back where service_date = %s",
                (days, DAY),
            )
            connection.execute(f"analyze {model.relation}")


def by_hand(settings: Settings, day: date, to: Path) -> None:
    """Run the script of one day on a lake; it leaves a Parquet file by figure in `to`."""
    to.mkdir(parents=True, exist_ok=True)
    temporary = to / "duckdb-temp"
    with duckdb.connect(config={"temp_directory": str(temporary), "preserve_insertion_order": False}) as duck:
        duck.execute(f"set variable lake = {literal(str(settings.lake))}; set variable day = date '{day}'; set variable results = {literal(str(to))}")
        duck.execute(BY_HAND.read_text(encoding="utf-8"))


def lake_models(settings: Settings) -> None:
    dbt.run_dbt(settings, "lake", "build", (*MODELS, *dbt.WITHOUT_UNIT_TESTS), build.run_of(settings, DAY, []))


STEPS: dict[str, Callable[[Settings], object]] = {
    SCRIPT: lambda settings: by_hand(settings, DAY, settings.home / "by-hand"),
    LAKE: lake_models,
    WHOLE_LAKE: lambda settings: build.build_lake(settings, DAY, []),
    MARTS: lambda settings: build.build_marts(settings, DAY, []),
}


def seconds(costs: list[Cost]) -> float:
    return statistics.median(cost.wall for cost in costs)


def targets(costs: dict[str, list[Cost]], size: Size) -> list[suite.Target]:
    """What the models are held against."""
    memory = max(cost.memory for what in (LAKE, WHOLE_LAKE) for cost in costs[what])
    marts = seconds(costs[MARTS])
    return [
        suite.at_most(f"Wall time of the lake models of {size.calls:,} calls, the script's by hand = 1", seconds(costs[LAKE]) / seconds(costs[SCRIPT]), LIMITS["times"]),
        suite.Target("Peak memory of the lake models", "< 4 GiB", suite.gib(memory), memory < suite.MEMORY_LIMIT),
        suite.Target(f"Warehouse models and rules, {size.days} days of history", "< 60 s", f"{marts:.1f} s", marts < LIMITS["marts"]),
    ]


def main(what: str) -> None:
    settings = installation.load()
    began = time.perf_counter()
    STEPS[what](settings)
    print(json.dumps({"wall": time.perf_counter() - began, "memory": measure.most_resident()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
