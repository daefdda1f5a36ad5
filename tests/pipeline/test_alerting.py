"""Airflow's events as alerts: which tasks and DAGs tell of them, and what is told. The DAG files are loaded as Airflow loads them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from include.pipeline import alerting
from include.pipeline.alerting import RunFailed, RunSucceeded, TaskFailed
from include.platform import airflow
from include.settings import REPOSITORY, Settings

LOADED = """
import json
from airflow.dag_processing.dagbag import DagBag
bag = DagBag("dags")
assert not bag.import_errors, bag.import_errors
def names(told):
    return [type(one).__name__ for one in (told if isinstance(told, (list, tuple)) else [told])]
print("DAGS", json.dumps({
    dag_id: {
        "tasks": {task.task_id: names(task.on_failure_callback) for task in dag.tasks},
        "runs": names(dag.on_success_callback) + names(dag.on_failure_callback),
        "deadlines": [deadline.interval.total_seconds() for deadline in dag.deadline or []],
    }
    for dag_id, dag in bag.dags.items()
}))
"""


@pytest.fixture(scope="module")
def dags(installation: Settings) -> dict[str, dict[str, Any]]:
    """Of every DAG: who is told when a task fails, when a run succeeds, and after how many seconds it is late."""
    environ = airflow.process_environment(installation)
    # Nothing of the database is needed to read the files.
    environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{installation.home}/airflow.db"
    done = subprocess.run([sys.executable, "-c", LOADED], env=environ, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("DAGS ")).removeprefix("DAGS "))


def test_every_task_that_fails_is_told_and_every_run_says_how_it_ended(dags: dict[str, dict[str, Any]]):
    assert len(dags) == len(list((REPOSITORY / "dags").glob("*.py")))
    for dag_id, dag in dags.items():
        assert dag["tasks"], dag_id
        assert {task for task, told in dag["tasks"].items() if told != ["TaskFailed"]} == set(), dag_id
        assert dag["runs"] == ["RunSucceeded", "RunFailed"], dag_id


def test_runs_that_wait_for_nobody_have_a_deadline(dags: dict[str, dict[str, Any]]):
    """A review waits for people, whose cases have clocks of their own; a sweep that hangs is asked to be watched from outside."""
    assert {dag_id for dag_id, dag in dags.items() if not dag["deadlines"]} == {"review_recommendations", "review_blocks", "release_party", "raise_alerts"}


def context(dag_id: str, partition_key: str | None, run_id: str) -> dict[str, Any]:
    """As much of a task's context as the notifiers look at."""
    return {
        "dag": SimpleNamespace(dag_id=dag_id),
        "dag_run": SimpleNamespace(partition_key=partition_key),
        "run_id": run_id,
        "ti": SimpleNamespace(dag_id=dag_id, run_id=run_id, task_id="record", map_index=2),
    }


def alerts_of(settings: Settings) -> list[tuple[str, str, bool]]:
    with psycopg.connect(settings.url("auditor")) as connection:
        return connection.execute("select kind, subject, ended_at is null from ops.alerts order by alert_id").fetchall()


def test_a_run_of_the_same_date_stands_for_others_unless_each_has_work_of_its_own(warehouse: Settings):
    TaskFailed().notify(context("build_risk_marts", "2026-11-20", "first"))
    TaskFailed(each=True).notify(context("review_recommendations", "2026-11-20", "first"))
    alerting.run_is_late(seconds=5400, context={"dag_run": {"dag_id": "build_risk_marts", "dag_run_id": "first", "partition_key": "2026-11-20"}})
    found = [
        ("failed_task", "build_risk_marts 2026-11-20: record 2"),
        ("failed_task", "review_recommendations first: record 2"),
        ("late_run", "build_risk_marts 2026-11-20"),
    ]
    assert alerts_of(warehouse) == [(*alert, True) for alert in found]
    RunSucceeded().notify(context("build_risk_marts", "2026-11-20", "second"))
    RunSucceeded(each=True).notify(context("review_recommendations", "2026-11-20", "second"))
    assert [is_open for _, _, is_open in alerts_of(warehouse)] == [False, True, False]
    RunSucceeded(each=True).notify(context("review_recommendations", "2026-11-20", "first"))
    assert [is_open for _, _, is_open in alerts_of(warehouse)] == [False, False, False]


def test_a_run_that_failed_is_told_where_none_of_its_tasks_was(warehouse: Settings):
    before = alerts_of(warehouse)
    for _ in range(2):
        RunFailed().notify(context("ingest_cdr", "2026-11-20", "first"))
    TaskFailed().notify(context("ingest_cdr", "2026-11-21", "second"))
    RunFailed().notify(context("ingest_cdr", "2026-11-21", "second"))
    assert alerts_of(warehouse)[len(before) :] == [
        ("failed_task", "ingest_cdr 2026-11-20: killed", True),
        ("failed_task", "ingest_cdr 2026-11-21: record 2", True),
    ]


def test_a_deadline_says_in_its_alert_how_long_it_is(warehouse: Settings):
    deadline = alerting.within(timedelta(minutes=30))
    assert deadline.callback.path == "include.pipeline.alerting.run_is_late"
    alerting.run_is_late(**deadline.callback.kwargs, context={"dag_run": {"dag_id": "handle_traceback", "dag_run_id": "r", "partition_key": None}})
    with psycopg.connect(warehouse.url("auditor")) as connection:
        (message,) = connection.execute("select message from ops.alerts where subject = 'handle_traceback'").fetchone()
    assert message == "handle_traceback has not ended 0.5 hours after it was queued. See in Airflow what it waits for (run r), and make status."
