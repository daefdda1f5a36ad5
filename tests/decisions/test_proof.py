"""`make verify` finds every kind of tampering, also a superuser's: with the ledger, with receipts, with what gates recorded."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import UTC, datetime

import psycopg
import pytest
from processed_world import TUESDAY, ProcessedWorld, receipt

from include import stages
from include.decisions import ledger, proof
from include.settings import Settings

AT = datetime(2026, 11, 18, 9, tzinfo=UTC)
SOME_FILE = "(select file from ops.file_receipts where path like 'cdr/%' and rows_rejected > 0 order by path limit 1)"
A_GATE = f"gate = 'marts' and service_date = '{TUESDAY}'"


def problems(world: ProcessedWorld) -> list[str]:
    with psycopg.connect(world.settings.url("auditor")) as connection:
        return proof.problems(connection, proof.published_heads(world.settings))


def publish(settings: Settings, at: datetime = AT) -> int | None:
    with psycopg.connect(settings.url("auditor")) as connection:
        return proof.publish_head(settings, connection, at)


def test_a_world_as_it_was_processed_is_whole_and_every_receipt_and_gate_is_digested(processed_world: ProcessedWorld):
    assert problems(processed_world) == []
    digested = {file for row in processed_world.rows("select payload -> 'receipts' as files from decisions.ledger where entry_type = 'receipts'") for file in row["files"]}
    assert digested == {row["file"] for row in processed_world.rows("select file from ops.file_receipts where state <> 'refused'")}
    gates = processed_world.rows("select payload ->> 'gate' as gate, service_date, payload ->> 'checks' as checks from decisions.ledger where entry_type = 'gate'")
    assert {(row["gate"], row["service_date"]) for row in gates} == {(name, day) for name in ("arriving_data", "marts") for day in processed_world.days}


BESIDE_THE_LEDGER = {
    "a receipt's figure": (f"update ops.file_receipts set path = path || 'x' where file = {SOME_FILE}", "receipt of cdr/.*: was changed since ledger entry"),
    "a receipt's instant": (
        f"update ops.file_receipts set loaded_at = loaded_at - interval '1 second' where file = {SOME_FILE}", "receipt of cdr/.*: was changed since ledger entry",
    ),
    "figures that add up": (
        f"update ops.file_receipts set (rows_read, rows_duplicate) = (rows_read + 1, rows_duplicate + 1) where file = {SOME_FILE}", "was changed since ledger entry",
    ),
    "figures that do not": (f"update ops.file_service_dates set rows = rows + 1 where file = {SOME_FILE}", "receipt of .* do not add up with its rows"),
    "the reason of a reject": (f"update ops.rejected_rows set reason = 'fine' where file = {SOME_FILE}", "receipt of cdr/.*: was changed since ledger entry"),
    "a receipt removed": (f"delete from ops.file_receipts where file = {SOME_FILE}", "receipt of the file [0-9a-f]{64}: was removed; ledger entry"),
    "a receipt put in": (
        receipt("cdr", "cdr/standard", "cdr/standard/forged.csv").replace("now()", "'2026-01-01'"), "receipt of cdr/standard/forged.csv: no entry of the ledger has it",
    ),
    "a gate's outcome": (f"update ops.gate_results set outcome = 'overridden' where {A_GATE}", "were changed since ledger entry"),
    "what a gate saw": (f"update ops.gate_results set observed = '0 of 0' where {A_GATE}", f"gate marts of {TUESDAY}, run .*: its results were changed since ledger entry"),
    "a check removed": (f"delete from ops.gate_results where {A_GATE} and suite = 'verdicts'", "its results were changed since ledger entry"),
    "a gate removed": (f"delete from ops.gate_results where {A_GATE}", f"gate marts of {TUESDAY}, run .*: its results were removed; ledger entry"),
    "a gate put in": (
        f"""
        insert into ops.gate_results (run, gate, "check", suite, service_date, outcome, severity, recorded_at)
        select 'forged', gate, "check", suite, service_date, 'passed', severity, now() from ops.gate_results where {A_GATE}
        """,
        f"gate marts of {TUESDAY}, run forged: no entry of the ledger has its results",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "found"), BESIDE_THE_LEDGER.values(), ids=BESIDE_THE_LEDGER)
def test_what_is_tampered_with_beside_the_ledger_is_named(own_world: ProcessedWorld, statement: str, found: str):
    own_world.damage(statement)
    told = problems(own_world)
    assert any(re.search(found, problem) for problem in told), told


def test_a_gate_run_again_by_the_same_run_is_digested_anew(own_world: ProcessedWorld):
    stages.check_marts(TUESDAY, f"first__{TUESDAY}")
    assert problems(own_world) == []


def test_a_head_is_published_once_and_told_again_only_when_the_ledger_has_grown(own_world: ProcessedWorld, tmp_path):
    settings = dataclasses.replace(own_world.settings, evidence=tmp_path / "elsewhere")
    (newest,) = own_world.rows("select entry_id, hash from decisions.ledger order by entry_id desc limit 1")
    assert (publish(settings), publish(settings)) == (newest["entry_id"], None)
    (line,) = (settings.evidence / proof.HEADS).read_text().splitlines()
    assert json.loads(line) == {"published_at": "2026-11-18T09:00:00+00:00", "entry_id": newest["entry_id"], "hash": newest["hash"]}
    # what a crash cut short published nothing, and spoils no line after it
    with (settings.evidence / proof.HEADS).open("a") as file:
        file.write('{"published_at": "2026-11-1')
    stages.check_marts(TUESDAY, "again")
    assert publish(settings) > newest["entry_id"]
    assert [entry for entry, _ in proof.published_heads(settings)][0] == newest["entry_id"]
    assert len(proof.published_heads(settings)) == 2


CUT = "delete from decisions.ledger where entry_id > (select max(entry_id) - 3 from decisions.ledger)"
REWRITTEN = """
    do $$
    declare
        entry decisions.ledger;
        before text := repeat('0', 64);
    begin
        update decisions.ledger set actor = 'nobody' where entry_id = 3;
        for entry in select * from decisions.ledger order by entry_id loop
            entry.previous_hash := before;
            before := decisions.entry_hash(entry);
            update decisions.ledger set previous_hash = entry.previous_hash, hash = before where entry_id = entry.entry_id;
        end loop;
    end
    $$
"""


@pytest.mark.parametrize(("tampering", "found"), [(CUT, "was published and is gone"), (REWRITTEN, "was published with another hash")], ids=["cut off", "written anew"])
def test_a_ledger_that_is_whole_in_itself_is_found_by_its_published_head(own_world: ProcessedWorld, tampering: str, found: str):
    publish(own_world.settings)
    try:
        login = own_world.settings.url_of("postgres", (own_world.settings.secrets / "pg_superuser").read_text().strip(), "tollgate")
        with psycopg.connect(login) as connection:
            connection.execute("alter table decisions.ledger disable trigger all")
            connection.execute(tampering)
        with psycopg.connect(own_world.settings.url("auditor")) as connection:
            assert connection.execute("select * from decisions.first_broken_entry()").fetchall() == [], "in itself it is whole"
            told = proof.problems(connection, proof.published_heads(own_world.settings))
        assert any(problem.endswith(found) for problem in told), told
    finally:
        (own_world.settings.evidence / proof.HEADS).unlink()


def test_what_is_being_loaded_is_no_problem_until_a_load_has_ended(own_world: ProcessedWorld):
    own_world.damage(receipt("cdr", "cdr/standard", "cdr/standard/new.csv"))
    assert problems(own_world) == []
    with psycopg.connect(own_world.settings.url("loader")) as connection:
        assert ledger.append_receipts(connection, "ingest_cdr", datetime.now(UTC)) == 1
        assert ledger.append_receipts(connection, "ingest_cdr", datetime.now(UTC)) == 0
    assert problems(own_world) == []
