"""Notices are searched for in the lake as soon as they are loaded, beside whatever else is being built."""

from __future__ import annotations

import csv
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import psycopg
import pytest

from include.lake import build
from include.settings import Settings
from tests.ingest.desk import calls_csv
from tests.lake.receiving import receive

EXHIBIT = Path(__file__).parents[1] / "ingest/samples/ftc_point_of_no_entry_exhibit_rows.csv"
TRUNKS = "trunk,switch_id,party_kind,party_id,valid_from\ntg-acme,,customer,c1,2020-01-01\ntg-up,,upstream,u1,2020-01-01\n"
NOTICES = "traceback_id,received_at,call_at,calling_number,called_number\n"


class Lake:
    def __init__(self, settings: Settings):
        self.settings = settings

    def receive(self, path: str, content: str) -> None:
        receive(self.settings, path, content)

    def rows(self, query: str, *values) -> list[tuple]:
        with psycopg.connect(self.settings.url("transformer")) as connection:
            return connection.execute(query, values).fetchall()


@pytest.fixture(scope="module")
def lake(warehouse: Settings) -> Lake:
    found = Lake(warehouse)
    found.receive("reference/trunks/trunks-2020-01-01.csv", TRUNKS)
    return found


def call(call_id: str, start: str, calling: str, trunk: str = "tg-acme", **other: str) -> dict[str, str]:
    times = {"start_time": f"{start}:05-04:00", "answer_time": f"{start}:09-04:00", "end_time": f"{start}:50-04:00"}
    return {"call_id": call_id, "calling_number": calling, "ingress_trunk": trunk, **times, **other}


# The tests of this module tell one story and run in this order.


def test_of_72_real_rows_three_find_their_calls_and_near_misses_none(lake: Lake):
    sent = {row["caller_id_raw"]: row["call_date_raw"] for row in csv.DictReader(EXHIBIT.read_text().splitlines())}
    assert (sent["17244428039"], sent["2028337500"], sent["18008693557"]) == ("7/17/2023", "Jul 29, 2021", "8/19/2023")
    lake.receive(
        "cdr/standard/calls.csv",
        calls_csv(
            call("first", "2023-07-17T13:10", "17244428039"),
            call("second", "2021-07-29T23:50", "+12028337500", trunk="tg-up"),
            # presented under another number, asserted under the traced one
            call("third", "2023-08-19T00:10", "+12125550100", asserted_number="+18008693557"),
            # the day before, and one digit off
            call("yesterday", "2023-07-16T13:10", "17244428041"),
            call("neighbour", "2023-07-17T13:10", "17244428042"),
        ),
    )
    lake.receive("tracebacks/ftc_exhibit/rows.csv", EXHIBIT.read_text())
    days = build.match_notices(lake.settings)
    assert len(days) == len(set(lake.rows("select service_date from lake.notice_matches")))
    statuses = Counter(lake.rows("select match_status, match_basis, match_window_seconds from lake.notice_matches"))
    assert statuses == {("none", None, None): 69, ("unique", "calling", 93_600): 3}
    found = lake.rows("select call_id, party_kind, party_id, source_line from lake.notice_matches where match_status = 'unique' order by call_service_date")
    assert found == [("second", "upstream", "u1", 3), ("first", "customer", "c1", 2), ("third", "customer", "c1", 4)]


def test_what_was_searched_for_is_not_searched_for_again(lake: Lake):
    assert build.match_notices(lake.settings) == []


def test_a_new_notice_is_searched_for_with_the_others_of_its_day(lake: Lake):
    day = "2023-07-20"
    lake.receive("tracebacks/standard/a.csv", NOTICES + f"t1,{day}T15:00:00Z,2023-07-17T17:10:05Z,,+12125550188\n")
    assert build.match_notices(lake.settings) == [date.fromisoformat(day)]
    lake.receive("tracebacks/standard/b.csv", NOTICES + f"t2,{day}T16:00:00Z,2023-07-17T17:10:05Z,17244428039,+12125550188\n")
    assert build.match_notices(lake.settings) == [date.fromisoformat(day)]
    found = lake.rows("select traceback_id, match_status, candidates, match_basis from lake.notice_matches where service_date = %s order by 1", day)
    # two calls to that number in that second
    assert found == [("t1", "multiple", 2, "called"), ("t2", "unique", 1, "called_and_calling")]


def test_a_search_beside_a_days_build_leaves_every_row_once(lake: Lake):
    day = date(2023, 7, 20)
    for number in range(3):
        with ThreadPoolExecutor(2) as both:
            built = both.submit(build.build_lake, lake.settings, day, [])
            lake.receive(f"tracebacks/standard/c{number}.csv", NOTICES + f"c{number},{day}T17:00:00Z,2023-07-17T17:10:05Z,,+12125550199\n")
            both.submit(build.match_notices, lake.settings).result()
            built.result()
        build.match_notices(lake.settings)
        expected = ["t1", "t2", *(f"c{made}" for made in range(number + 1))]
        found = lake.rows("select traceback_id from lake.notice_matches where service_date = %s and feed = 'tracebacks/standard'", day)
        assert sorted(found) == sorted((name,) for name in expected)
