"""Which processed dates are built again when a file arrives, new or known."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date, datetime

import pytest

from include import stages
from include.lake import builds
from tests.ingest.desk import Desk, calls_csv, numbered_calls

COMPLAINTS = "complaint_id,received_at\n"
DNO = "number\n+1900*\n"
MANIFEST = "file,rows\na.csv,2\n"


@pytest.fixture
def processed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The desk, with 16 to 19 November processed."""
    monkeypatch.setattr(stages.configuration, "load", lambda: desk.settings)
    for day in range(16, 20):
        desk.connection.execute("insert into ops.processed_days values (%s, now(), 'test')", (date(2026, 11, day),))
    yield desk
    desk.connection.execute("delete from ops.processed_days")


def reopened(kind: str) -> list[str]:
    return [day.removeprefix("2026-11-") for day in stages.load_new_files(kind, date(2026, 11, 19))]


@pytest.mark.parametrize(
    ("path", "content", "days", "days_again"),
    [
        ("reference/dno/dno-2026-11-{}.csv", DNO, ["16", "17", "18"], ["18"]),
        ("cdr/standard/manifest-2026-11-{}.csv", MANIFEST, ["16"], ["18"]),
        ("complaints/standard/desk-2026-11-{}.csv", COMPLAINTS, ["16"], ["18"]),
        ("tracebacks/standard/2026-11-{}/none.json", "[]", ["16"], ["18"]),
        ("cdr/standard/quiet-hour-2026-11-{}.csv", calls_csv(), ["16"], ["18"]),
        ("cdr/standard/calls-2026-11-{}.csv", numbered_calls(2), ["16"], []),  # its rows are there already
        ("reference/dno/bad-2026-11-{}.csv", "category\n", [], []),
    ],
)
def test_a_known_file_reopens_the_dates_it_speaks_of_as_a_new_one_does(
    processed: Desk, path: str, content: str, days: list[str], days_again: list[str]
):
    kind = path.split("/")[0]
    processed.put(path.format(16), content)
    assert reopened(kind) == days
    assert reopened(kind) == []
    processed.put(path.format(18), content)
    assert reopened(kind) == days_again
    assert reopened(kind) == []


def test_the_day_of_the_run_and_days_not_processed_are_not_reopened(processed: Desk):
    for day in (15, 19, 20):
        processed.put(f"complaints/standard/{day}/2026-11-{day}.csv", COMPLAINTS)
    assert reopened("complaints") == []


def test_a_date_that_is_being_built_is_reopened_by_what_comes_after_the_build_began(processed: Desk):
    """Its build leaves out what it did not know of; nobody would ever look again."""
    with contextlib.suppress(BrokenBuild), builds.recorded(processed.settings, "lake", {"service_date": "2026-11-20"}) as run:
        before = datetime.fromisoformat(run["known_at"])
        processed.put("complaints/standard/20/2026-11-20.csv", COMPLAINTS)
        assert reopened("complaints") == ["20"]
        (receipt,) = processed.connection.execute("select loaded_at from ops.file_receipts where path like 'complaints/standard/20/%'").fetchall()
        assert receipt["loaded_at"] > before
        raise BrokenBuild
    processed.connection.execute("delete from ops.builds")


class BrokenBuild(Exception):
    """A build that did not end."""


def test_a_new_file_of_calls_reopens_the_date_in_its_path_too(processed: Desk):
    processed.put("cdr/standard/2026-11-17/h00.csv", numbered_calls(1))  # a call of the 16th
    assert reopened("cdr") == ["16", "17"]
    processed.check_books()


def test_calls_that_move_to_another_date_reopen_the_one_that_they_leave(processed: Desk):
    """A switch's clock was an hour ahead: before midnight it wrote the date after."""
    late = {"start_time": "2026-11-17T00:30:00Z", "answer_time": "2026-11-17T00:30:05Z", "end_time": "2026-11-17T00:31:00Z"}
    right = {name: time.replace("17T00", "16T23") for name, time in late.items()}
    processed.put("cdr/standard/ahead.csv", calls_csv(late))
    assert reopened("cdr") == ["17"]
    processed.put("cdr/standard/right.csv", calls_csv(right))
    assert reopened("cdr") == ["16", "17"]
    processed.check_books()
