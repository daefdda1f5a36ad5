"""Builds service dates: the lake's daily tables, their publication, and the marts made of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from include.lake import dbt, publish, tables
from include.settings import Settings


def evidence_days(lake: Path, day: date, processed: list[date]) -> list[date]:
    """The dates whose complaints and notices are matched anew when `day` is built.

    The day itself; every later processed day, whose notices may be about calls of this day; and earlier dates on
    which complaints or notices were received but that were never built, so that none stays unmatched.
    """
    never_built = {
        received
        for table, model in (("complaints", "complaint_matches"), ("notices", "notice_matches"))
        for received in _dates(lake / table)
        if received < day and not (lake / "daily" / model / f"service_date={received}").exists()
    }
    return sorted({day, *never_built, *(later for later in processed if later > day)})


def _dates(table: Path) -> list[date]:
    """Service dates of a dated table that have rows; the date of the empty schema file is none."""
    found = (date.fromisoformat(folder.name.partition("=")[2]) for folder in table.glob("service_date=*"))
    return [day for day in found if day != date(1970, 1, 1)]


def run_of(settings: Settings, day: date, processed: list[date]) -> dict:
    """What the dbt macros are told about a run (see `dbt.run_dbt`)."""
    return {
        "service_date": day.isoformat(),
        "evidence_days": [other.isoformat() for other in evidence_days(settings.lake, day, processed)],
        "run_at": datetime.now(UTC).isoformat(),
    }


def build_lake(settings: Settings, day: date, processed: list[date]) -> dict[str, int]:
    """Build and publish the lake models of one service date; returns rows published by model."""
    tables.create(settings.lake)
    run = run_of(settings, day, processed)
    dbt.run_dbt(settings, "lake", "build", (*dbt.LAKE_MODELS, *dbt.WITHOUT_UNIT_TESTS), run)
    return publish.publish(settings, run)


def build_marts(settings: Settings, day: date, processed: list[date]) -> None:
    """Build the warehouse models of one service date and of the days that follow from it."""
    dbt.run_dbt(settings, "warehouse", "build", (*dbt.WAREHOUSE_MODELS, *dbt.WITHOUT_UNIT_TESTS), run_of(settings, day, processed))
