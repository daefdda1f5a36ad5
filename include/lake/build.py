"""Builds service dates: the lake's daily tables, their publication, and the marts made of them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pyarrow as pa

from include.decisions import private_rules
from include.ingest import declarations
from include.lake import builds, dbt, publish, tables
from include.settings import Settings

EVIDENCE = {"complaints": "lake.complaint_matches", "tracebacks": "lake.notice_matches"}
"""Kinds of landing files that bring evidence, and where its matches with calls are published, one row per row accepted."""

NOTHING_MATCHED = "select null::date as service_date, 0 as rows where false"  # before the first publication

NOT_YET_MATCHED = """
    select received.service_date
    from (
        select d.service_date, sum(d.rows) as rows
        from ops.file_service_dates as d
        join ops.file_receipts as f using (file)
        where f.kind = %(kind)s and d.service_date < %(before)s
        group by d.service_date
    ) as received
    left join matched using (service_date)
    where received.rows > coalesce(matched.rows, 0)
"""

LOOKED_BACK = timedelta(days=7)
"""How far lake models look back at earlier days: new_calling_numbers_daily."""

NOTICES = ("--select", "notice_matches")


def evidence_days(settings: Settings, day: date, processed: list[date]) -> list[date]:
    """The dates whose complaints and notices are matched anew when `day` is built.

    The day itself; every later date that is processed or was matched, whose notices may be about calls of this day; and
    earlier dates that received more than was matched and published: nobody may ever build them for their calls. That is
    asked of the warehouse, so that neither a crash before publishing nor an emptied warehouse leaves a date out.
    """
    days = {day, *(later for later in processed if later > day)}
    with psycopg.connect(settings.url("transformer")) as connection:
        for kind, matches in EVIDENCE.items():
            days |= _ask_matched(connection, kind, "select service_date from matched where service_date > %(before)s union " + NOT_YET_MATCHED, day)
    return sorted(days)


def _ask_matched(connection: psycopg.Connection, kind: str, question: str, before: date | str) -> set[date]:
    """Dates from a question about `matched`: how many rows of a kind of evidence stand in the warehouse, by date of receipt."""
    matches = EVIDENCE[kind]
    (exists,) = connection.execute("select to_regclass(%s) is not null", (matches,)).fetchone()
    source = f"select service_date, count(*) as rows from {matches} group by 1" if exists else NOTHING_MATCHED
    return {day for (day,) in connection.execute(f"with matched as ({source}) {question}", {"kind": kind, "before": before}).fetchall()}


def run_of(settings: Settings, day: date, processed: list[date], known_at: datetime | None = None) -> dict:
    """What the dbt macros are told about a run (see `dbt.run_dbt`)."""
    run = {
        "service_date": day.isoformat(),
        "evidence_days": [other.isoformat() for other in evidence_days(settings, day, processed)],
        "following_days": [day.isoformat(), *(later.isoformat() for later in sorted(processed) if day < later <= day + LOOKED_BACK)],
        "run_at": datetime.now(UTC).isoformat(),
    }
    return run | ({"known_at": known_at.astimezone(UTC).isoformat()} if known_at else {})


def declared_deliveries(settings: Settings) -> list[dict]:
    """What the feeds' declarations say now, as rows of the lake's table."""
    return [{"feed": feed, **asdict(delivery)} for feed, delivery in declarations.deliveries(settings.home).items()]


def write_deliveries(lake: Path, declared: list[dict]) -> None:
    """Put what is declared to where the models read it."""
    tables.write(lake / "deliveries" / "declared.parquet", pa.Table.from_pylist(declared, schema=tables.schema("deliveries")))


def build_lake(settings: Settings, day: date, processed: list[date], known_at: datetime | None = None) -> dict[str, int]:
    """Build and publish the lake models of one service date; returns rows published by model.

    With `known_at`, from what had arrived by then, as if nothing had come since.
    """
    tables.create(settings.lake)
    declared = declared_deliveries(settings)
    write_deliveries(settings.lake, declared)
    with builds.recorded(settings, "lake", run_of(settings, day, processed, known_at), declared) as run:
        dbt.run_dbt(settings, "lake", "build", (*dbt.LAKE_MODELS, *dbt.WITHOUT_UNIT_TESTS), run)
        return publish.publish(settings, run, publish.published_models(dbt.manifest(settings, "lake")))


def match_notices(settings: Settings) -> list[date]:
    """Search the lake for the calls of notices that were received and not searched for yet; returns their dates of receipt.

    A day may be built at the same time: this has a workspace of its own, and both replace whole days.
    """
    with psycopg.connect(settings.url("transformer")) as connection:
        days = sorted(_ask_matched(connection, "tracebacks", NOT_YET_MATCHED, "infinity"))
    if not days:
        return []
    tables.create(settings.lake)
    asked = {"service_date": days[-1].isoformat(), "evidence_days": [day.isoformat() for day in days], "run_at": datetime.now(UTC).isoformat()}
    with builds.recorded(settings, "notices", asked) as run:
        dbt.run_dbt(settings, "lake", "build", (*NOTICES, *dbt.WITHOUT_UNIT_TESTS), run, beside="notices")
        publish.publish(settings, run, [model for model in publish.published_models(dbt.manifest(settings, "notices")) if model.name == "notice_matches"])
    return days


def build_marts(settings: Settings, day: date, processed: list[date]) -> None:
    """Build the warehouse models of one service date and of the days that follow from it. Errors: BadRules, of the private ones."""
    own = private_rules.file(settings)
    rules = {"private_rules": private_rules.read(own)} if own.exists() else {}
    with builds.recorded(settings, "marts", run_of(settings, day, processed)) as run:
        dbt.run_dbt(settings, "warehouse", "build", (*dbt.WAREHOUSE_MODELS, *dbt.WITHOUT_UNIT_TESTS), run | rules)
