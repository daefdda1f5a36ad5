"""Which builds are done again for a date as it was at an instant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from include.audit import plan
from include.audit.plan import Build, NotRecorded

DAYS = [date(2026, 11, 16) + timedelta(days=offset) for offset in range(5)]
BEGIN = datetime(2026, 11, 20, tzinfo=UTC)


def minute(number: int) -> datetime:
    return BEGIN + timedelta(minutes=number)


class Records:
    """Builds one after the other, two minutes each: the first begins at minute 0 and ends at minute 1."""

    def __init__(self) -> None:
        self.builds: list[Build] = []
        self.processed: set[date] = set()

    def build(self, stage: str, day: date, evidence: set[date] = frozenset(), **told: Any) -> int:
        begun = 2 * len(self.builds)
        run = {"service_date": str(day), "evidence_days": sorted(map(str, {day, *evidence})), "following_days": [str(day)]}
        given = {"known_at": minute(begun), "ended_at": minute(begun + 1), "ledger_head": 7, "ledger_head_at_end": 7} | told
        self.builds.append(Build(len(self.builds) + 1, stage, run, models="m", deliveries=[], files={}, ruleset_version="3+a", **given))
        return len(self.builds)

    def process(self, day: date) -> None:
        """The lake, then the marts, as the DAG does it."""
        later = {other for other in self.processed if other > day}
        self.build("lake", day, evidence=later)
        self.build("marts", day)
        self.processed.add(day)

    def plan(self, day: date, at: int, last: date | None = None) -> tuple[date, list[int]]:
        made = plan.make(self.builds, {other for other in self.processed if other <= day}, day, last or day, minute(at))
        return made.first, [build.build_id for build in made.builds]


@pytest.fixture
def records() -> Records:
    """Three dates in order: builds 1 and 2, 3 and 4, 5 and 6, all done by minute 12."""
    records = Records()
    for day in DAYS[:3]:
        records.process(day)
    return records


def test_a_date_of_which_nothing_has_come_since_is_built_alone_and_those_before_are_taken_as_they_are(records: Records):
    assert records.plan(DAYS[2], at=12) == (DAYS[2], [5, 6])
    assert records.plan(DAYS[1], at=8) == (DAYS[1], [3, 4])


def test_dates_after_it_change_nothing(records: Records):
    records.process(DAYS[3])
    assert records.plan(DAYS[2], at=12) == (DAYS[2], [5, 6])


def test_a_date_before_it_that_was_built_again_since_is_built_as_it_was_and_all_from_it_on(records: Records):
    records.process(DAYS[1])
    assert records.plan(DAYS[2], at=12) == (DAYS[1], [3, 4, 5, 6])


def test_a_restated_date_rests_on_the_build_that_restated_it(records: Records):
    records.process(DAYS[1])
    # of the third date its own build brought the calls, that of the second its complaints and notices
    assert records.plan(DAYS[2], at=16) == (DAYS[1], [5, 7, 8])


def test_the_search_for_a_notices_calls_counts_from_when_it_was_published(records: Records):
    searched = records.build("notices", DAYS[3])
    assert records.plan(DAYS[2], at=12, last=DAYS[3]) == (DAYS[2], [5, 6])
    assert records.plan(DAYS[2], at=14, last=DAYS[3]) == (DAYS[2], [5, 6, searched])


def test_evidence_of_long_ago_that_a_build_matched_as_well_takes_nothing_with_it(records: Records):
    records.build("lake", DAYS[3], evidence={date(2021, 7, 8)})
    assert records.plan(DAYS[2], at=12) == (DAYS[2], [5, 6])
    records.build("lake", DAYS[3], evidence={DAYS[1]})
    assert records.plan(DAYS[2], at=12) == (DAYS[1], [3, 4, 5, 6])


def test_a_date_that_was_built_before_builds_were_recorded_is_not_made_up(records: Records):
    records.processed.add(DAYS[0] - timedelta(days=1))
    assert records.plan(DAYS[2], at=12) == (DAYS[2], [5, 6])
    records.process(DAYS[0] - timedelta(days=1))
    with pytest.raises(NotRecorded, match="2026-11-15 was built before builds were recorded"):
        records.plan(DAYS[2], at=12)


def test_what_happened_while_a_build_went_on_is_a_doubt(records: Records):
    records.build("marts", DAYS[3], ended_at=None)  # done again by the next
    lake = records.build("lake", DAYS[3])
    marts = records.build("marts", DAYS[3], ledger_head_at_end=9)
    records.processed.add(DAYS[3])
    broken = records.build("marts", DAYS[3], ended_at=None)
    made = plan.make(records.builds, records.processed, DAYS[3], DAYS[3], minute(22))
    assert [build.build_id for build in made.builds] == [lake, marts]
    assert made.doubts == [f"entries 8 to 9 were appended while build {marts} went on", f"build {broken} broke off"]
