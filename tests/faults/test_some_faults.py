"""A handful of the matrix's faults, one date of them, by the stages alone: what `make test` has of `make faults`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from include import stages
from include.ingest import load
from include.settings import Settings
from tests.faults.faults_of_data import FAULTS
from tests.faults.season import Season, Seen, expected, process_by_stages

DAY = date(2026, 10, 12)
CHOSEN = [
    fault
    for fault in FAULTS
    if fault.name in (
        "a file of calls is lost",
        "a file comes again with one call more",
        "a file without a manifest is lost",
        "a manifest of words",
        "a web page in place of the complaints",
        "customers are renamed",
    )
]  # fmt: skip


@pytest.fixture(scope="module")
def seen(warehouse: Settings) -> Iterator[tuple[Seen, Seen]]:
    """The date with its faults, and when whatever could be mended had come."""
    season = Season(warehouse, process_by_stages)
    before = [DAY - timedelta(days=back) for back in (3, 2, 1)]
    season.introduce(before[0])
    for day in before:
        # What is usual is learnt from calls; nobody asks for verdicts of these dates.
        season.files(day).bring()
        for kind in load.KINDS:
            stages.load_new_files(kind, day)
        stages.build_lake(day)
    first = season.suffer(DAY, CHOSEN)
    season.process(DAY)
    yield first, season.seen(DAY)


def test_faults_of_data_lead_to_what_they_say_and_to_nothing_else(seen: tuple[Seen, Seen]) -> None:
    assert len(CHOSEN) == 6
    expected(CHOSEN).compare(seen[0])


def test_their_mends_leave_nothing_of_them(seen: tuple[Seen, Seen]) -> None:
    expected([fault for fault in CHOSEN if fault.stays]).compare(seen[1])
