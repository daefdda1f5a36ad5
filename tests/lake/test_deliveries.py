"""What a feed's declaration says that it delivers, from its YAML to what is said of the day."""

from __future__ import annotations

import gzip
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from include.ingest import declarations, load
from include.lake import build, dbt, publish, tables
from include.settings import Settings
from tests.ingest.desk import calls_csv, numbered_calls

DAY = date(2026, 11, 16)
STATUS = "+data_status_daily"
STANDARD = (declarations.BUILT_IN / "cdr" / "standard.yaml").read_text()


class Desk:
    """Declares feeds, puts files, and tells what is said of the day once they are loaded."""

    def __init__(self, settings: Settings):
        self.settings = settings

    def declare(self, **deliveries: str) -> None:
        for name, delivery in deliveries.items():
            self.write(self.settings.home / "feeds" / "cdr" / f"{name}.yaml", f"{STANDARD}\n{delivery}\n")

    def put(self, relative: str, content: str) -> None:
        self.write(self.settings.landing / "cdr" / relative, content)

    @staticmethod
    def write(path: Path, content: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def rows(self, query: str) -> dict[str, Any]:
        """The first column and the others."""
        with psycopg.connect(self.settings.url("transformer")) as connection:
            return {key: tuple(values) for key, *values in connection.execute(query).fetchall()}

    def build(self, day: date) -> None:
        """Of all models those that the status of a day rests on."""
        tables.create(self.settings.lake)
        build.write_deliveries(self.settings.lake, build.declared_deliveries(self.settings))
        run = build.run_of(self.settings, day, processed=[])
        built = dbt.run_dbt(self.settings, "lake", "build", ("--select", f"{STATUS},tag:lake", *dbt.WITHOUT_UNIT_TESTS), run)
        names = {result["unique_id"].split(".")[-1] for result in built["results"]}
        publish.publish(self.settings, run, [model for model in publish.published_models(dbt.manifest(self.settings, "lake")) if model.name in names])
        dbt.run_dbt(self.settings, "warehouse", "build", ("--select", STATUS, "--exclude", "tag:lake", *dbt.WITHOUT_UNIT_TESTS), run)

    def process(self) -> dict[str, tuple]:
        load.load_new_files(self.settings, "cdr")
        self.build(DAY)
        return self.rows("select feed, status, expected, loaded, reason from marts.data_status_daily where kind = 'cdr'")


@pytest.fixture(scope="module")
def desk(warehouse: Settings) -> Desk:
    return Desk(warehouse)


def test_a_declared_file_that_is_missing_makes_the_day_partial_until_it_comes(desk: Desk):
    desk.declare(
        mine='delivery: {files_per_day: 2, switches: [nyc1, dal1], due: "02:00"}',
        silent="delivery: {files_per_hour: 1}",
        faulty="delivery: {files_per_day: all}",
    )
    desk.put(f"mine/{DAY}/nyc1.csv", numbered_calls(3))
    desk.put(f"mine/{DAY}/nyc1-again.csv", calls_csv({"call_id": "c3"}, {"call_id": "c2"}))  # other bytes, no other call
    desk.put(f"faulty/{DAY}.csv", numbered_calls(1, switch_id="phx1"))
    assert desk.process() == {
        "cdr/mine": ("partial", 2, 1, "1 of 2 declared files have arrived; no calls of declared switches: dal1; due 2026-11-17 02:00 UTC"),
        "cdr/silent": ("missing", 24, 0, "none of the 24 declared files has arrived"),
    }
    assert desk.rows("select feed, due_at from lake.feed_delivery_daily where due_at is not null") == {"cdr/mine": (datetime(2026, 11, 17, 2),)}

    desk.put(f"mine/{DAY}/dal1.csv", calls_csv({"switch_id": "dal1"}))
    desk.declare(silent="", faulty="")
    assert desk.process() == {
        "cdr/mine": ("complete", 2, 2, "no manifest; all 2 declared files have arrived with 4 rows and no usual hour is empty"),
        "cdr/faulty": ("complete", 1, 1, "no manifest; 1 files brought 1 rows and no usual hour is empty"),
    }


def test_a_file_that_broke_off_makes_the_day_partial_until_it_comes_whole(desk: Desk):
    desk.write(desk.settings.home / "feeds" / "cdr" / "torn.yaml", STANDARD.replace("header: true", "header: true\n  corrupt_tail: keep"))
    whole = gzip.compress(numbered_calls(2_000, switch_id="chi1").encode())
    path = desk.settings.landing / "cdr" / "torn" / f"{DAY}.csv.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(whole[: len(whole) // 2])
    status, _, _, reason = desk.process()["cdr/torn"]
    assert (status, reason) == ("partial", f"broken off, to be sent again whole: cdr/torn/{DAY}.csv.gz")

    path.write_bytes(whole)
    assert desk.process()["cdr/torn"] == ("complete", 1, 2, "no manifest; 2 files brought 2000 rows and no usual hour is empty")


def test_a_feed_that_rests_by_the_federal_calendar_is_not_missed_on_a_weekend_or_holiday(desk: Desk):
    """A file of Tuesday the 10th: nothing came for Veterans Day, Thursday and Saturday."""
    header = "Company_Phone_Number,Created_Date,Violation_Date,Consumer_City,Consumer_State,Consumer_Area_Code,Subject,Recorded_Message_Or_Robocall"
    row = "2025550123,2026-11-10 09:00:00,2026-11-09 09:00:00,Clinton,Illinois,217,Other,Y"
    path = desk.settings.landing / "complaints" / "ftc_csv" / "DNC_Complaint_Numbers_2026-11-11.csv"
    desk.write(path, f"{header}\n{row}\n")
    load.load_new_files(desk.settings, "complaints")
    for day in (10, 11, 12, 14):
        desk.build(date(2026, 11, day))
    found = desk.rows("select extract(day from service_date)::int, status, reason from marts.data_status_daily where feed = 'complaints/ftc_csv'")
    rests = ("complete", "no file is published on weekends and federal holidays")
    assert found == {
        10: ("complete", "1 files brought 1 rows"),
        11: rests,
        12: ("missing", "no file of this day has arrived: a quiet day and a feed that is down look alike"),
        14: rests,
    }


def test_a_file_of_the_day_before_exported_anew_is_not_the_one_that_the_manifest_promises(desk: Desk):
    """It has the promised name and as many rows, and brings no call that was not there."""
    before = {name: f"2026-11-15T10:0{minute}:00Z" for minute, name in enumerate(("start_time", "answer_time", "end_time"))}
    desk.declare(listed="")
    desk.put("listed/h10-2026-11-15.csv", numbered_calls(3, **before))
    desk.put(f"listed/h10-{DAY}.csv", numbered_calls(3, **before).replace("\n", "\r\n"))
    desk.put(f"listed/manifest-{DAY}.csv", f"file,rows,sha256\nh10-{DAY}.csv,3,\n")
    status, expected, loaded, _ = desk.process()["cdr/listed"]
    assert (status, expected, loaded) == ("missing", 1, 0)

    desk.put(f"listed/h10-{DAY}.csv", calls_csv({"call_id": "d1"}, {"call_id": "d2"}, {"call_id": "d3"}))
    assert desk.process()["cdr/listed"][:3] == ("complete", 1, 1)


def test_the_promised_file_may_hold_what_another_brought_before(desk: Desk):
    desk.declare(again="")
    calls = calls_csv({"call_id": "e1"}, {"call_id": "e2"})
    desk.put(f"again/early-{DAY}.csv", calls)
    desk.process()
    desk.put(f"again/h10-{DAY}.csv", calls.replace("\n", "\r\n"))
    desk.put(f"again/manifest-{DAY}.csv", f"file,rows,sha256\nh10-{DAY}.csv,2,\n")
    assert desk.process()["cdr/again"][:3] == ("complete", 1, 1)
