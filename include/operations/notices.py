"""Processing traceback notices at once, through the DAG that otherwise wakes by itself. What `make notice` does."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from include.operations.backfill import DAY_SECONDS, EVENT_SECONDS, POLL_SECONDS, RunFailed, settle, wait_for_task
from include.platform.airflow_api import AirflowApi

DAG = "handle_traceback"
REVIEWS = "review_recommendations"
ASKED = ("open_cases", "open_notices", "case.decide", "notice.respond")
"""The tasks of `review_recommendations` that put questions before people."""


def handle(api: AirflowApi, say: Callable[[str], None]) -> str:
    """Run the DAG for whatever lies in the landing folder, until its questions are open and the dates that it re-opened are built.

    Returns what failed, empty when nothing did.
    """
    run_id = f"notice__{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    api.trigger(DAG, None, run_id)
    say("loading notices, searching the lake for their calls")
    try:
        ended = wait_for_task(api, DAG, run_id, "recommend", time.monotonic() + DAY_SECONDS)
    except RunFailed as error:
        return str(error)
    emitted = {task["task_id"] for task in api.task_instances(DAG, run_id) if task["state"] == "success"}
    if "ask" in emitted:
        say("opening reviews")
        within(EVENT_SECONDS, lambda: any(has_asked(api, run) for run in api.runs(REVIEWS) if began_since(run, ended)))
    if "reopen" in emitted:
        say("building the dates again on which the notices were received")
        within(EVENT_SECONDS, lambda: api.unfinished("build_risk_marts"))
        settle(api)
    say("done")
    return ""


def within(seconds: float, happened: Callable[[], object]) -> None:
    """Wait until something happened, or the time is up: what follows from an event may be over before one looks."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not happened():
        time.sleep(POLL_SECONDS)


def began_since(run: dict, since: datetime) -> bool:
    return run["start_date"] is not None and datetime.fromisoformat(run["start_date"]) >= since


def has_asked(api: AirflowApi, run: dict) -> bool:
    """Whether a run of the reviews has put all its questions before people."""
    unsettled = (None, "scheduled", "queued", "running")
    return not any(task["state"] in unsettled for task in api.task_instances(REVIEWS, run["dag_run_id"]) if task["task_id"] in ASKED)
