"""The lake that notices are measured with is one that the loader could have made, and its notices find their calls. How fast is no test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import psycopg
import pyarrow.parquet as pq
import pytest

from benchmarks import notices, report
from benchmarks.notices import QUICK, Measured, Size, Way
from include.decisions import private_rules
from include.ingest import load
from include.lake import build, tables
from include.settings import Settings

DAYS = notices.days_before(datetime.now(UTC).date(), QUICK)


@pytest.fixture(scope="module")
def filled(warehouse: Settings) -> Settings:
    notices.fill(warehouse, DAYS, QUICK.calls)
    load.load_new_files(warehouse, "reference")
    return warehouse


def test_days_of_calls_are_as_the_loader_writes_them(filled: Settings):
    files = sorted((filled.lake / "calls").glob("service_date=2*/*.parquet"))
    assert [file.parent.name for file in files] == [f"service_date={day}" for day in DAYS]
    for day, file in zip(DAYS, files, strict=True):
        written, declared = pq.read_schema(file), tables.schema("calls")
        assert (written.names, written.types) == (declared.names, declared.types)
        outside = f"cast(start_at as date) <> date '{day}' or end_at < start_at or receipt_id <> '{tables.receipt_of(file)}'"
        key = "hash(switch_id, call_id, attempt, case when record_kind in ('start', 'interim', 'other') then record_kind end)"
        found = duckdb.sql(f"select count(*), count(distinct key_hash), count(*) filter (({outside}) or key_hash <> {key}) from '{file}'").fetchall()
        assert found == [(QUICK.calls, QUICK.calls, 0)]


def test_a_notice_finds_its_call_in_the_built_lake(filled: Settings):
    build.build_lake(filled, DAYS[-1], [])
    without = {f"C{number}" for number in range(0, notices.CUSTOMERS, 2)}
    call = notices.choose(filled, DAYS[0], without)
    assert call.customer not in without
    notices.deliver(filled.landing / "tracebacks/standard/TB0.csv", notices.notice("TB0", call))
    load.load_new_files(filled, "tracebacks")
    build.match_notices(filled)
    with psycopg.connect(filled.url("transformer")) as connection:
        traffic = connection.execute("select sum(attempts)::bigint, sum(abandoned)::bigint from lake.party_traffic_daily where party_kind = 'customer'").fetchone()
        found = connection.execute("select match_status, party_id, call_service_date, answered from lake.notice_matches").fetchall()
    assert traffic == (QUICK.calls, 0)  # of the newest day alone, and nothing that a customer is reviewed for without a notice
    assert found == [("unique", call.customer, DAYS[0], True)]


def test_the_slowest_notice_and_the_slower_explanation_are_held_against_their_targets():
    ways = [Way(20.0, 30.0), Way(22.0, 31.5), Way(21.0, 60.5)]
    measured = Measured(ways, {"behaviour": [5.0, 5.2, 4.8, 9.0, 5.1], "traceback": [1.0] * 5})
    text = report.render_notices(measured, Size(), report.machine("notices: 3", 0.5))
    assert "| Notice to open review, 30 days of 1,000,000 calls | ≤ 60 s | 60.5 s at most | **no** |" in text
    assert "| Explaining a recommendation, 30 days of 1,000,000 calls | ≤ 5 s | 5.1 s | **no** |" in text
    assert "| from the arrival of a notice's file to the recommendation in the database | 21.0 (20.0 to 22.0) |" in text
    assert "| from the arrival of a notice's file to the open review in Airflow | 31.5 (30.0 to 60.5) |" in text
    assert "| `make explain` of a recommendation that rests on behaviour | 5.1 (4.8 to 9.0) |" in text
    assert all(target.met for target in notices.targets(Measured(ways[:2], {"traceback": [1.0]}), Size()))


def test_the_rule_that_is_explained_is_one(filled: Settings):
    (rule,) = private_rules.read(private_rules.file(filled))
    assert (rule["rule_code"], rule["tier"], rule["metric"]) == ("LONG_CALLS", "MONITOR", "share_gt_120s")


def test_no_notice_is_about_a_day_to_come():
    today = datetime.now(UTC).date()
    assert DAYS == [today - timedelta(days=2), today - timedelta(days=1)]
