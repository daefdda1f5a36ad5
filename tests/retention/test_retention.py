"""What is past its period goes, evidence stays, and the ledger says what was deleted: in the processed world, two years on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
from processed_world import MONDAY, TUESDAY, ProcessedWorld

from include import stages
from include.decisions import proof, reviews
from include.lineage import explain
from include.retention import periods, retention

LATER = datetime.combine(MONDAY + timedelta(days=551), datetime.min.time(), UTC)
"""Monday's calls are past their 550 days, Tuesday's are not."""


def rows_of(world: ProcessedWorld, table: str, day: date) -> dict[str, set[int]]:
    """Lines in the lake of a date, by landing file."""
    found: dict[str, set[int]] = {}
    for path in (world.settings.lake / table / f"service_date={day}").glob("*.parquet"):
        for row in pq.read_table(path, columns=["receipt_id", "source_line"], partitioning=None).to_pylist():
            found.setdefault(row["receipt_id"], set()).add(row["source_line"])
    return found


def files(world: ProcessedWorld) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in world.settings.lake.rglob("*.parquet")}


def traced(world: ProcessedWorld, day: date) -> dict[str, set[int]]:
    """Where the single calls of a date stand that notices trace."""
    found: dict[str, set[int]] = {}
    for row in world.rows("select receipt_id, source_line from lake.notice_matches where match_status = 'unique' and call_service_date = %(day)s", day=day):
        found.setdefault(row["receipt_id"], set()).add(row["source_line"])
    return found


def deletions(world: ProcessedWorld) -> list[dict[str, Any]]:
    found = world.rows("select payload from decisions.ledger where entry_type = 'retention' order by entry_id")
    return [told for row in found for told in row["payload"]["deleted"]]


def answer_every_case(world: ProcessedWorld) -> None:
    cases = world.rows("select distinct payload ->> 'case_id' as id from decisions.ledger where payload ->> 'recommendation' in ('SUSPEND', 'RESTRICT')")
    with psycopg.connect(world.settings.url("recommender")) as connection:
        for case in cases:
            reviews.record(connection, case["id"], "reject", "a test", "compliance", datetime(2026, 11, 18, tzinfo=UTC))


def problems(world: ProcessedWorld) -> list[str]:
    with psycopg.connect(world.settings.url("auditor")) as connection:
        return proof.problems(connection)


def test_a_date_with_an_open_case_keeps_its_calls_and_nothing_else_goes_before_its_time(own_world: ProcessedWorld):
    calls = rows_of(own_world, "calls", MONDAY)
    deleted = retention.enforce(own_world.settings, LATER, "first")
    assert rows_of(own_world, "calls", MONDAY) == calls
    assert set(deleted) == {"daily/calling_numbers_daily", "complaints", "rejected_rows"}
    assert {day["service_date"] for told in deletions(own_world) if told["table"] == "complaints" for day in told["dates"]} == {"2021-07-07", "2021-07-08"}
    assert rows_of(own_world, "complaints", MONDAY) and rows_of(own_world, "notices", MONDAY)


def test_calls_past_their_period_go_and_what_was_decided_stands(own_world: ProcessedWorld):
    answer_every_case(own_world)
    before = {day: rows_of(own_world, "calls", day) for day in own_world.days}
    marts = {mart: own_world.rows(f"select * from marts.{mart} as t order by t::text") for mart in ("customer_risk_daily", "traceback_worklist")}
    receipts = own_world.rows("select * from ops.file_receipts order by file")
    rejected = own_world.rows("select file, line, field, reason from ops.rejected_rows order by 1, 2")
    evidence = traced(own_world, MONDAY)
    assert evidence

    deleted = retention.enforce(own_world.settings, LATER, "first")

    assert rows_of(own_world, "calls", MONDAY) == evidence
    assert rows_of(own_world, "calls", TUESDAY) == before[TUESDAY]
    (calls,) = (told for told in deletions(own_world) if told["table"] == "calls")
    (monday,) = calls["dates"]
    gone = {receipt_id: len(lines - evidence.get(receipt_id, set())) for receipt_id, lines in before[MONDAY].items()}
    # a landing file's calls of a date may stand in several pieces
    told: dict[str, int] = {}
    for name, rows in monday["files"].items():
        told[name.partition("-")[0]] = told.get(name.partition("-")[0], 0) + rows
    assert told == {receipt_id: rows for receipt_id, rows in gone.items() if rows}
    assert (calls["kept_from"], monday["service_date"]) == (TUESDAY.isoformat(), MONDAY.isoformat())
    assert monday["rows"] == deleted["calls"] == sum(gone.values())
    assert monday["kept_as_evidence"] == sum(map(len, evidence.values()))

    # The chain is as provable as before.
    assert problems(own_world) == []
    assert own_world.rows("select * from ops.file_receipts order by file") == receipts
    assert own_world.rows("select file, line, field, reason from ops.rejected_rows order by 1, 2") == rejected
    assert {mart: own_world.rows(f"select * from marts.{mart} as t order by t::text") for mart in marts} == marts
    assert own_world.rows("select service_date from staging.stg_deleted_calls") == [{"service_date": MONDAY}]
    for row in own_world.rows("select recommendation_id from decisions.ledger where entry_type = 'recommendation' and service_date = %(day)s", day=MONDAY):
        assert row["recommendation_id"] in explain.explain(own_world.settings, row["recommendation_id"])

    # Nothing is left to do, and the date is not built from what is left.
    entries, lake = len(deletions(own_world)), files(own_world)
    assert retention.enforce(own_world.settings, LATER, "second") == {}
    assert (len(deletions(own_world)), files(own_world)) == (entries, lake)
    with pytest.raises(ValueError, match=f"{MONDAY} cannot be built again: its calls were deleted"):
        stages.build_lake(MONDAY)

    # The evidence has a period of its own.
    retention.enforce(own_world.settings, LATER + timedelta(days=1461), "third")
    assert rows_of(own_world, "calls", MONDAY) == rows_of(own_world, "notices", MONDAY) == {}


def test_killed_in_the_middle_the_next_run_ends_with_the_same_tables_and_one_entry(own_world: ProcessedWorld, monkeypatch: pytest.MonkeyPatch):
    answer_every_case(own_world)
    expected = sum(map(len, rows_of(own_world, "calls", MONDAY).values())) - sum(map(len, traced(own_world, MONDAY).values()))
    delete, done = retention._delete, []

    def dies(part: retention.Part) -> None:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(part)
        delete(part)

    monkeypatch.setattr(retention, "_delete", dies)
    with pytest.raises(KeyboardInterrupt):
        retention.enforce(own_world.settings, LATER, "killed")
    assert rows_of(own_world, "calls", MONDAY) != traced(own_world, MONDAY)
    monkeypatch.undo()
    with own_world.as_the_installation():
        assert stages.enforce_retention("again") == {}  # today Monday is young: nothing is deleted before its time
    assert retention.enforce(own_world.settings, LATER, "again") == {}
    assert rows_of(own_world, "calls", MONDAY) == traced(own_world, MONDAY)
    assert [sum(day["rows"] for day in told["dates"]) for told in deletions(own_world) if told["table"] == "calls"] == [expected]


def test_periods_that_cannot_be_delete_nothing(own_world: ProcessedWorld):
    lake = files(own_world)
    periods.file(own_world.settings).write_text("calls: {days: 1}")
    try:
        with pytest.raises(periods.BadPeriods):
            retention.enforce(own_world.settings, LATER, "run")
    finally:
        periods.file(own_world.settings).unlink()
    assert files(own_world) == lake
