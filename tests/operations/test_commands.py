"""The command line as a user calls it, with the database running and without Airflow."""

from __future__ import annotations

import os
import subprocess
import sys

import psycopg
import pytest
from processed_world import TUESDAY, ProcessedWorld

from include.settings import REPOSITORY


def command(world: ProcessedWorld, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "include.cli", *arguments],
        cwd=REPOSITORY, env=os.environ | world.environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_explain_prints_the_chain(processed_world: ProcessedWorld):
    recommendation_id = processed_world.verdict(TUESDAY, "U210")["recommendation_id"]
    ended = command(processed_world, "explain", recommendation_id)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"{recommendation_id}: SUSPEND upstream U210 ")


def test_explain_of_an_unknown_id(processed_world: ProcessedWorld):
    ended = command(processed_world, "explain", "R0")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "tollgate: no recommendation R0 in the ledger: marts.recommendations has the ids that stand\n"


@pytest.mark.parametrize(
    ("first", "last", "code", "message"),
    [
        ("2026-02-30", "2026-03-01", 2, "2026-02-30"),
        ("", "", 2, "--from"),
        ("2024-03-02", "2024-03-01", 1, "tollgate: FROM=2024-03-02 lies after TO=2024-03-01"),
        ("2024-03-01", "9999-03-01", 1, "tollgate: TO=9999-03-01 lies in the future"),
    ],
)
def test_backfill_of_dates_that_are_none_starts_nothing(processed_world: ProcessedWorld, first: str, last: str, code: int, message: str):
    ended = command(processed_world, "backfill", "--from", first, "--to", last)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("arguments", [[], ["dance"], ["explain"], ["backfill"]])
def test_a_command_that_is_none_shows_how_to_call_it(processed_world: ProcessedWorld, arguments: list[str]):
    ended = command(processed_world, *arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith("usage: tollgate")


def test_verify_of_a_whole_ledger(processed_world: ProcessedWorld):
    ended = command(processed_world, "verify", "--sample=0")
    assert ended.returncode == 0
    assert ended.stdout.startswith("ledger: ")
    assert ended.stdout.endswith("; no problems\n")


def test_verify_of_a_changed_ledger(own_world: ProcessedWorld):
    own_world.tamper("update decisions.ledger set actor = 'nobody' where entry_id = 7")
    ended = command(own_world, "verify", "--sample=0")
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[0] == "ledger entry 7: its content was changed"
    assert ended.stdout.endswith("; 1 problems\n")


def test_warehouse_url_is_all_that_is_printed_and_it_reads_marts_and_changes_nothing(processed_world: ProcessedWorld):
    ended = command(processed_world, "warehouse-url")
    assert (ended.returncode, ended.stderr) == (0, "")
    (url,) = ended.stdout.splitlines()
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from marts.customer_risk_daily").fetchone()[0] > 0
        for forbidden in ("delete from marts.customer_risk_daily", "select * from ops.file_receipts", "create table marts.mine ()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)
            connection.rollback()
