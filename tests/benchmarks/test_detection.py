"""The scores are counted as docs/detection.md says. How good they are is no test."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from benchmarks import detection
from benchmarks.detection import Judged, Share
from include.demo.population import Label

MONDAY = date(2026, 11, 16)
BEGAN = datetime(2026, 11, 17, 15, tzinfo=UTC)


def days(party: str, *pairs: tuple[str, str], beside: tuple[int, ...] = (), kind: str = "customer", bad: bool = True) -> list[Judged]:
    """A party's days from Monday on, as (deserved, found)."""
    dated = [(MONDAY + timedelta(days=d), *pair) for d, pair in enumerate(pairs)]
    label = Label("persona", {day: deserved for day, deserved, _ in dated}, True, BEGAN if bad else None)
    return [Judged(1, kind, party, day, label, deserved, found, (), d in beside) for d, (day, deserved, found) in enumerate(dated)]


ROBOCALLER = days(
    "C1", ("NO_ACTION", "NO_ACTION"), ("RESTRICT", "MONITOR"), ("RESTRICT", "RESTRICT"), ("SUSPEND", "RESTRICT"), ("SUSPEND", "SUSPEND")
)  # fmt: skip
OFFICE = days("C2", ("NO_ACTION", "MONITOR"), ("NO_ACTION", "RESTRICT"), ("HOLD", "HOLD"), ("HOLD", "NO_ACTION"), bad=False)


def test_precision_forgives_what_is_too_mild_and_recall_what_is_too_strict():
    assert detection.precision(ROBOCALLER + OFFICE, "RESTRICT") == Share(2, 3)
    assert detection.recall(ROBOCALLER + OFFICE, "RESTRICT") == Share(1, 2)
    assert detection.precision(ROBOCALLER, "SUSPEND") == Share(1, 1)
    assert detection.recall(ROBOCALLER, "SUSPEND") == Share(1, 2)
    stricter = days("C3", ("RESTRICT", "SUSPEND"))
    assert detection.recall(stricter, "RESTRICT") == Share(1, 1)
    assert detection.precision(stricter, "SUSPEND") == Share(0, 1)
    assert stricter[0].is_suspended_wrongly


def test_false_ones_are_counted_among_customers_alone():
    upstream = days("U1", ("NO_ACTION", "RESTRICT"), kind="upstream", bad=False)
    assert detection.per_thousand(ROBOCALLER + OFFICE + upstream, lambda each: each.is_restricted_wrongly) == (1, pytest.approx(1000 / 9))


def test_a_lost_file_holds_its_parties_and_others_only_out_of_caution():
    assert detection.holds(ROBOCALLER + OFFICE) == Share(1, 2)
    cautious = days("C3", ("RESTRICT", "RESTRICT"), ("RESTRICT", "HOLD"), beside=(1,))
    assert detection.recall(cautious, "RESTRICT") == Share(1, 1)
    assert detection.recall(days("C4", ("RESTRICT", "HOLD")), "RESTRICT") == Share(0, 1)


def test_a_delay_runs_from_the_first_bad_call_to_the_end_of_the_date_with_the_right_verdict():
    (restricted,), (suspended,) = detection.delays(ROBOCALLER, "RESTRICT"), detection.delays(ROBOCALLER, "SUSPEND")
    assert (restricted.hours, restricted.dates_late) == (33, 1)
    assert (suspended.hours, suspended.dates_late) == (81, 1)
    (never,) = detection.delays(days("C3", ("RESTRICT", "MONITOR")), "RESTRICT")
    assert never.hours is None and detection.median_hours([never]) is None
    assert detection.median_hours([restricted, suspended, never]) == 57


def test_a_share_is_never_rounded_up_to_the_whole():
    assert [detection.told(share) for share in (Share(9_999, 10_000), Share(3, 3), Share(0, 0))] == [
        "99.9 % (9,999 of 10,000)", "100.0 % (3 of 3)", "none"
    ]  # fmt: skip
