"""Every fault of data, through the real DAGs: it ends in its recorded state, nobody looks clean for it, and its mend re-opens the date."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from include.operations.backfill import backfill
from include.platform import lifecycle
from include.platform.airflow_api import AirflowApi
from include.settings import Settings
from tests.faults.faults_of_data import FAULTS
from tests.faults.provider import CLEAN
from tests.faults.season import Fault, Season, Seen, dates_from, expected, put_on_dates

pytestmark = pytest.mark.faults

QUIET_DATES = 3
"""Before the first fault of a season: what is usual is learnt from three days."""

PLAN = put_on_dates(FAULTS, dates_from(date(2026, 10, 12)))
SEASONS = (date(2026, 10, 9), date(2028, 2, 26))
"""First dates, each with quiet ones before its first fault."""


@dataclass(frozen=True)
class Played:
    first: dict[date, Seen]
    """The dates with faults, when they had been processed."""
    last: dict[date, Seen]
    """Every date, when whatever could be mended had come, with the files of the next one."""


def play(season: Season) -> Played:
    """Live through all dates, in their order."""
    quiet = [day + timedelta(days=offset) for day in SEASONS for offset in range(QUIET_DATES)]
    days = sorted([*quiet, *PLAN])
    first, last = {}, {}
    for before, day in itertools.pairwise([None, *days, days[-1] + timedelta(days=1)]):
        if before is None or day - before > timedelta(days=1):
            season.introduce(day)
        if day in PLAN:
            first[day] = season.suffer(day, PLAN[day])
        else:
            season.live(day)
        if before is not None:
            last[before] = season.seen(before)
    return Played(first, last)


@pytest.fixture(scope="module")
def played(installation: Settings) -> Iterator[Played]:
    try:
        lifecycle.up(installation, say=print)
        with AirflowApi(installation) as api:

            def process(day: date) -> None:
                for outcome in backfill(api, [day], say=print):
                    assert not outcome.failed, outcome

            yield play(Season(installation, process))
    finally:
        lifecycle.down(installation)


each = pytest.mark.parametrize(("day", "fault"), [(day, fault) for day, faults in PLAN.items() for fault in faults], ids=lambda value: str(value))


@each
def test_a_fault_of_data_leaves(played: Played, day: date, fault: Fault) -> None:
    """Its own marks, which others of the same date do not hide."""
    seen, alone = played.first[day], expected([fault])
    assert set(seen.status) >= set(alone.status), seen.reasons
    assert seen.checks >= alone.checks
    assert {party for party, verdict in alone.verdicts.items() if verdict == "HOLD" != seen.verdicts[party]} == set()


@pytest.mark.parametrize("day", PLAN, ids=str)
def test_a_date_of_faults_shows_them_and_nothing_else(played: Played, day: date) -> None:
    expected(PLAN[day]).compare(played.first[day])


@pytest.mark.parametrize("day", PLAN, ids=str)
def test_a_date_ends_as_if_nothing_had_been(played: Played, day: date) -> None:
    """But for what stays: calls that came in addition, and a date that has not come yet."""
    expected([fault for fault in PLAN[day] if fault.stays]).compare(played.last[day])


def test_quiet_dates_are_as_they_are_meant_to_be(played: Played) -> None:
    assert all(seen.verdicts == CLEAN and not seen.status for day, seen in played.last.items() if day not in PLAN)
