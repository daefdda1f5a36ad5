"""Seasons with a fault on each date, processed by the stages alone or by the real DAGs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from include import stages
from include.ingest import load
from tests.faults.season import Fault, Season

GOOD_DATES = 4
"""Before the first fault: what is usual is learnt from three days."""


@dataclass(frozen=True)
class Seen:
    """A date as it stood when it had been processed with its fault."""

    day: date
    status: dict[str, tuple[str, str]]
    failed_checks: set[str]
    verdicts: dict[tuple[str, str], str]
    served: set[tuple[str, str]]
    """Parties whose calls the fault's feed brings."""
    broken_promises: list[str]


def process_by_stages(day: date) -> None:
    """Load, build and judge a date and whatever else is re-opened, as the DAGs do it."""
    reopened = {other for kind in load.KINDS for other in stages.load_new_files(kind, day)}
    for each in sorted({day, *map(date.fromisoformat, reopened)}):
        run = f"faults__{each}"
        stages.build_lake(each)
        stages.check_arriving_data(each, run)
        stages.build_marts(each, run)
        stages.append_recommendations([date.fromisoformat(passed) for passed in stages.check_marts(each, run)], run)


def play(season: Season, faults: Iterable[Fault], process: Callable[[date], None]) -> dict[str, Seen]:
    """Process good dates, then one date for each fault; returns what was seen, by the fault's name."""
    dates = iter(season.dates)
    for _ in range(GOOD_DATES):
        season.bring(day := next(dates))
        process(day)
    seen = {}
    for fault in faults:
        fault.inject(season.bring(day := next(dates)))
        process(day)
        seen[fault.name] = Seen(
            day, season.status(day), season.failed_checks(day), season.verdicts(day), season.served_by(fault.feed, day), season.broken_promises()
        )
    return seen


def mend(season: Season, faults: Iterable[Fault], process: Callable[[date], None]) -> None:
    """Let whole files come for every date; they re-open theirs."""
    for day, fault in zip(season.dates[GOOD_DATES:], faults, strict=False):
        fault.mend(season.bring(day))
    process(day)
