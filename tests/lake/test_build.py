"""Which dates' complaints and notices are matched again when a day is built."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date

import psycopg
import pytest

from include.lake import build
from include.settings import Settings

DAY = date(2026, 11, 20)


class Desk:
    """Receipts and published matches, written by hand."""

    def __init__(self, settings: Settings):
        self.settings = settings

    def receive(self, kind: str, day: date, rows: int) -> None:
        digest = hashlib.sha256(f"{kind} {day} {rows}".encode()).hexdigest()
        with psycopg.connect(self.settings.url("owner")) as connection:
            connection.execute(
                "insert into ops.file_receipts values (%s, %s, %s, %s, %s, %s, 0, 0, 'loaded', null, '{}', now())",
                (digest, f"{kind}/standard/{day}.csv", kind, f"{kind}/standard", rows, rows),
            )
            connection.execute("insert into ops.file_service_dates values (%s, %s, %s)", (digest, day, rows))

    def publish(self, model: str, day: date, rows: int) -> None:
        with psycopg.connect(self.settings.url("transformer")) as connection:
            connection.execute(f"create table if not exists lake.{model} (service_date date)")
            connection.execute(f"insert into lake.{model} select %s from generate_series(1, %s)", (day, rows))

    def days(self, *processed: date) -> list[date]:
        return build.evidence_days(self.settings, DAY, list(processed))


@pytest.fixture
def desk(warehouse: Settings) -> Iterator[Desk]:
    yield Desk(warehouse)
    with psycopg.connect(warehouse.url("owner")) as connection:
        connection.execute("truncate ops.file_receipts cascade")
        connection.execute("drop table if exists lake.complaint_matches, lake.notice_matches")


def test_the_first_day_of_an_empty_installation_is_matched_alone(desk):
    assert desk.days() == [DAY]


def test_processed_days_after_it_are_matched_again_and_those_before_are_not(desk):
    assert desk.days(date(2026, 11, 18), DAY, date(2026, 11, 23)) == [DAY, date(2026, 11, 23)]


def test_later_dates_that_were_matched_without_being_processed_are_matched_again(desk):
    desk.publish("notice_matches", date(2026, 11, 22), 1)
    assert desk.days() == [DAY, date(2026, 11, 22)]


@pytest.mark.parametrize(("kind", "model"), [("complaints", "complaint_matches"), ("tracebacks", "notice_matches")])
def test_an_earlier_date_is_matched_until_all_it_received_is_published(desk, kind, model):
    early = date(2026, 11, 2)
    desk.receive(kind, early, 2)
    assert desk.days() == [early, DAY]
    desk.publish(model, early, 2)
    assert desk.days() == [DAY]
    desk.receive(kind, early, 1)
    assert desk.days() == [early, DAY]


def test_what_other_feeds_brought_is_no_evidence(desk):
    desk.receive("cdr", date(2026, 11, 2), 5)
    assert desk.days() == [DAY]


def test_a_later_date_that_was_only_received_waits_for_its_own_run(desk):
    desk.receive("tracebacks", date(2026, 11, 21), 1)
    assert desk.days() == [DAY]
