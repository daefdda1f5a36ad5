"""The report of a day: 80 columns, every party, words that fit, and the day that nobody was judged on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from processed_world import MONDAY, TUESDAY, ProcessedWorld

from include.decisions import words
from include.demo import landing
from include.operations import backfill, report


def row(**other: Any) -> dict[str, Any]:
    given = {
        "party_kind": "customer", "party_id": "C1", "legal_name": "Kestrel Bank", "recommendation": "NO_ACTION", "reason_codes": ["CLEAN"],
        "attempts": 1234, "asr": 0.5, "share_le_6s": None, "complaints_matched": 0, "rmd_status": None,
    }  # fmt: skip
    return given | other


@pytest.mark.parametrize("day", ProcessedWorld.days)
def test_the_whole_report_fits_80_columns_and_names_every_party(processed_world: ProcessedWorld, day: date):
    text = report.full(processed_world.settings, day)
    assert max(map(len, text.splitlines())) <= 80
    tables = text.split("RECOMMENDED, AND WHY")[0]
    for (_, party_id, of_day), verdict in processed_world.expected.verdicts.items():
        if of_day == day:
            (line,) = (line for line in tables.splitlines() if line.startswith(f"{party_id} "))
            assert line[25:35].strip() == verdict.recommendation


def test_each_suspension_and_restriction_is_told_with_its_id_and_where_it_stands(processed_world: ProcessedWorld):
    text = report.full(processed_world.settings, TUESDAY)
    for (kind, party_id, day), verdict in processed_world.expected.verdicts.items():
        if day == TUESDAY and verdict.recommendation in ("SUSPEND", "RESTRICT"):
            assert f"{verdict.recommendation} {kind} {party_id} " in text
            assert f"make explain ID={processed_world.verdict(day, party_id)['recommendation_id']}" in text
    assert "waits for a person" in text


def test_who_is_on_hold_and_for_which_file(processed_world: ProcessedWorld):
    held = report.full(processed_world.settings, TUESDAY).split("ON HOLD")[1]
    (missing,) = processed_world.expected.missing
    assert "C1037, C1038" in held
    assert missing.removeprefix("cdr/asterisk/") in held
    assert "ON HOLD" not in report.full(processed_world.settings, MONDAY)


def test_the_outcome_counts_verdicts_and_names_the_feed_that_is_not_complete(processed_world: ProcessedWorld):
    told, *feeds = report.outcome(processed_world.settings, TUESDAY).splitlines()
    counted: dict[str, int] = {}
    for (_, _, day), verdict in processed_world.expected.verdicts.items():
        if day == TUESDAY:
            counted[verdict.recommendation] = counted.get(verdict.recommendation, 0) + 1
    assert told == ", ".join(f"{counted[verdict]} {verdict}" for verdict in report.VERDICTS if verdict in counted)
    assert feeds[0].strip().startswith("cdr/asterisk partial: ")
    assert len(report.outcome(processed_world.settings, MONDAY).splitlines()) == 1


def test_a_blocked_day_says_so(own_world: ProcessedWorld):
    own_world.damage(f"update marts.customer_risk_daily set asr = 2 where customer_id = 'C1001' and service_date = '{MONDAY}'")
    own_world.judge(MONDAY, "again")
    assert "marts blocked: nothing is recommended for the day" in report.outcome(own_world.settings, MONDAY)


def test_a_day_without_any_party_holds_everyone(processed_world: ProcessedWorld):
    assert report.outcome(processed_world.settings, date(2020, 1, 1)) == "HOLD for everyone: no customer and no upstream is known"
    assert max(map(len, report.full(processed_world.settings, date(2020, 1, 1)).splitlines())) <= 80


@pytest.mark.parametrize(
    "odd",
    [
        {"legal_name": "A very long name of a very large company, its successors and assigns " * 3},
        {"party_id": "CUSTOMER-000000000001"},
        {"reason_codes": ["SHORT30_MANY_ANI_AND_MORE", "B", "C"] + ["D"] * 99},
        {"reason_codes": []},
        {"attempts": 999_999},
        {"attempts": 1_000_000},
        {"attempts": 12_345_678_901},
        {"asr": None},
        {"asr": 1.0, "share_le_6s": 1.0},
        {"complaints_matched": 123_456},
        {"party_kind": "upstream", "complaints_matched": None, "rmd_status": "unknown"},
    ],
)
def test_no_row_is_wider_than_80_columns_or_out_of_its_columns(odd: dict[str, Any]):
    usual, told = (report.risk_tables([row(**given)]) for given in ({}, odd))
    assert max(map(len, told.splitlines())) <= 80
    line = next(line for line in told.splitlines() if "NO_ACTION " in line)
    assert line[25:35] == next(line for line in usual.splitlines() if "NO_ACTION " in line)[25:35]
    assert line[51] == " " and line[52:60].strip()


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0"), (999_999, "999,999"), (1_000_000, "1.0M"), (12_345_678, "12.3M"), (9_999_000_000, "9,999.0M"), (12_345_678_901, "12,346M")],
)
def test_volumes(count: int, told: str):
    assert report.volume(count) == told


def test_no_parties_at_all():
    told = report.risk_tables([]).splitlines()
    assert [line for line in told if line.startswith(("Customers", "Upstreams"))] == ["Customers: none", "Upstreams: none"]


def test_a_long_name_in_the_reasons_is_wrapped():
    payload = {"recommendation": "SUSPEND", "legal_name": "Long name " * 30, "reason_codes": ["X"], "hits": []}
    found = {
        "payload": payload, "review": "approve", "reviewer": "olga", "party_kind": "customer", "party_id": "C1", "recommendation_id": "R1",
    }  # fmt: skip
    told = report.reasons_in_words([found], words.Catalogue({}, {}))
    assert max(map(len, told.splitlines())) <= 80
    assert "approved by olga" in " ".join(told.split())


def test_where_to_look_names_this_installation(processed_world: ProcessedWorld):
    text = report.where_to_look(processed_world.settings)
    assert f"http://127.0.0.1:{processed_world.settings.airflow_port}" in text
    assert str(processed_world.settings.landing) in text
    assert "make explain ID=" in text


def test_days_between():
    past = date(2024, 2, 28)
    assert backfill.days_between(past, past + timedelta(days=2)) == [past, date(2024, 2, 29), date(2024, 3, 1)]
    assert backfill.days_between(past, past) == [past]


def test_days_in_the_wrong_order_or_in_the_future_are_refused():
    with pytest.raises(ValueError, match="FROM=2024-02-29 lies after TO=2024-02-28"):
        backfill.days_between(date(2024, 2, 29), date(2024, 2, 28))
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    with pytest.raises(ValueError, match=f"TO={tomorrow} lies in the future"):
        backfill.days_between(tomorrow, tomorrow)


def test_the_demo_keeps_out_of_a_folder_with_real_files(tmp_path):
    real = tmp_path / "cdr" / "standard" / "real.csv"
    real.parent.mkdir(parents=True)
    real.write_text("call_id\n")
    with pytest.raises(FileExistsError, match=f"{tmp_path} holds files that are not the demo's: set TOLLGATE_HOME"):
        landing.put_in_place(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [real]
