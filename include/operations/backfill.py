"""Processing chosen service dates, in order, through Airflow's own DAGs. What `make backfill` and `make demo` do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from include.platform.airflow_api import FINISHED, AirflowApi

INGEST_DAGS = ("ingest_reference", "ingest_cdr", "ingest_complaints", "ingest_tracebacks")

DAY_SECONDS = 3600
"""How long one date may take before it is given up."""
EVENT_SECONDS = 20
"""How long after the last ingest its event may take to start the build."""
POLL_SECONDS = 0.5
QUIET_SECONDS = 3
"""How long nothing must go on for all to be settled: between a build and its judgement there is an event on its way."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """How the processing of a service date ended."""

    day: date
    failed: str
    """What failed; empty when the date reached its recommendations, a HOLD or a block."""


class RunFailed(Exception):
    """A DAG run of the date failed; the message names its tasks."""


def days_between(first: date, last: date) -> list[date]:
    """Every date from `first` to `last`, both included. ValueError where `last` lies before `first` or in the future."""
    if last < first:
        raise ValueError(f"FROM={first} lies after TO={last}")
    if last > datetime.now(UTC).date():
        raise ValueError(f"TO={last} lies in the future")
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def backfill(api: AirflowApi, days: list[date], say: Say) -> Iterator[Outcome]:
    """Process the dates one after the other, oldest first; `say` gets a word at every step of each."""
    for number, day in enumerate(days, start=1):
        failed = ""
        try:
            process(api, day, lambda step, number=number, day=day: say(f"{day} ({number} of {len(days)}) {step}"))
        except RunFailed as error:
            failed = str(error)
        yield Outcome(day, failed)
    settle(api)


def settle(api: AirflowApi) -> None:
    """Wait until no date is being built or judged: late rows may have re-opened others."""
    deadline = time.monotonic() + DAY_SECONDS
    quiet_since = time.monotonic()
    while time.monotonic() < min(deadline, quiet_since + QUIET_SECONDS):
        if any(api.unfinished(dag_id) for dag_id in ("build_risk_marts", "recommend_suspensions")):
            quiet_since = time.monotonic()
        time.sleep(POLL_SECONDS)


def process(api: AirflowApi, day: date, say: Say) -> None:
    """Load what is new, then build and judge the date. Returns when its recommendations stand. Errors: RunFailed."""
    key = day.isoformat()
    run_id = f"process__{key}__{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    deadline = time.monotonic() + DAY_SECONDS
    say("loading")
    for dag_id in INGEST_DAGS:
        api.trigger(dag_id, key, run_id)
    loaded_at = max(wait_for_task(api, dag_id, run_id, "load", deadline) for dag_id in INGEST_DAGS)
    say("building")
    build = run_after(api, "build_risk_marts", key, loaded_at, time.monotonic() + EVENT_SECONDS)
    if build is None:
        # Reports of an attempt that was broken off may have started a build before the last feed was loaded, or have
        # left this attempt's reports waiting for others. Re-opening the date always starts a build.
        api.emit("day_reopened", key, {"why": "backfill"})
        build = run_after(api, "build_risk_marts", key, loaded_at, deadline)
    judge(api, key, build, deadline, say)


def process_again(api: AirflowApi, day: date, why: str, say: Say) -> None:
    """Build and judge a date again from what is loaded. Returns when its recommendations stand. Errors: RunFailed."""
    key = day.isoformat()
    since = datetime.now(UTC)
    deadline = time.monotonic() + DAY_SECONDS
    say("building")
    api.emit("day_reopened", key, {"why": why})
    judge(api, key, run_after(api, "build_risk_marts", key, since, deadline), deadline, say)


def judge(api: AirflowApi, key: str, build: str | None, deadline: float, say: Say) -> None:
    """Wait until a build of the key and the judgement that follows have ended. Errors: RunFailed."""
    built_at = wait_for_task(api, "build_risk_marts", build, "build_marts", deadline)
    say("judging")
    judging = run_after(api, "recommend_suspensions", key, built_at, deadline)
    wait_for_task(api, "recommend_suspensions", judging, "append_recommendations", deadline)


def run_after(api: AirflowApi, dag_id: str, key: str, since: datetime, deadline: float) -> str | None:
    """The id of a run of the key that began after an instant, or is still to begin; None where none comes in time."""
    while time.monotonic() < deadline:
        for run in api.runs(dag_id, key):
            if run["start_date"] is None or datetime.fromisoformat(run["start_date"]) >= since:
                return run["dag_run_id"]
        time.sleep(POLL_SECONDS)
    return None


def wait_for_task(api: AirflowApi, dag_id: str, run_id: str | None, task_id: str, deadline: float) -> datetime:
    """When a task of the run ended, once the whole run has succeeded; the run's own end is noted later than what follows
    from the task. RunFailed names the failed tasks, or says that the run did not come or end in time."""
    if run_id is None:
        raise RunFailed(f"{dag_id} did not start: see `make status` and the scheduler's log")
    while time.monotonic() < deadline:
        run = api.run(dag_id, run_id)
        if run["state"] in FINISHED:
            tasks = api.task_instances(dag_id, run_id)
            failed = [f"{dag_id}.{task['task_id']}" for task in tasks if task["state"] == "failed"]
            if run["state"] == "failed":
                raise RunFailed(", ".join(failed) or dag_id)
            return datetime.fromisoformat(next(task["end_date"] for task in tasks if task["task_id"] == task_id))
        time.sleep(POLL_SECONDS)
    raise RunFailed(f"{dag_id} did not end within {DAY_SECONDS} s")
