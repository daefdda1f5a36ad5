"""Each fault of files ends in its recorded state, nobody looks clean for it, and whole files mend it without anybody's doing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from include.operations.backfill import backfill
from include.platform import lifecycle
from include.platform.airflow_api import AirflowApi
from include.settings import Settings
from tests.faults.conftest import GOOD_DATES, Seen, mend, play
from tests.faults.faults_of_files import FAULTS
from tests.faults.season import Fault, Season

pytestmark = pytest.mark.faults

ON_A_GOOD_DATE = {"evidence_feeds.every_feed_arrived"}
"""The world's FTC file is of one day alone."""


@dataclass(frozen=True)
class Played:
    season: Season
    seen: dict[str, Seen]


@pytest.fixture(scope="module")
def played(installation: Settings, tmp_path_factory) -> Iterator[Played]:
    lifecycle.up(installation, say=print)
    api = AirflowApi(installation)

    def process(day):
        for outcome in backfill(api, [day], say=print):
            assert not outcome.failed, outcome

    season = Season(installation, tmp_path_factory.mktemp("aside"), days=GOOD_DATES + len(FAULTS) + 1, attempts=2_000 * (GOOD_DATES + len(FAULTS)))
    try:
        played = Played(season, play(season, FAULTS, process))
        yield played
    finally:
        lifecycle.down(installation)


each = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)


@each
def test_its_feed_has_the_status_that_it_leads_to(played: Played, fault: Fault) -> None:
    status, reason = played.seen[fault.name].status[fault.feed]
    assert status == fault.status, reason


@each
def test_its_checks_fail_and_no_other(played: Played, fault: Fault) -> None:
    assert played.seen[fault.name].failed_checks - ON_A_GOOD_DATE == set(fault.fails)
