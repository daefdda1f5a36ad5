"""How Airflow's own events become alerts: a task that failed, a run that takes too long, and their end.

A failed task and a late run are told by the run's name: its DAG and, where it has one, its service date. Their alerts end
when a run of that name succeeds.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import BaseNotifier, DeadlineAlert, DeadlineReference, SyncCallback


class OfRuns(BaseNotifier):
    """Something that happens to a run. With `each`, a run does not stand for others of the same DAG and date: its work is its own."""

    def __init__(self, each: bool = False):
        super().__init__()
        self.each = each

    def run(self, context: Any) -> str:
        return run_name(context["dag"].dag_id, context["run_id"] if self.each else context["dag_run"].partition_key)


class TaskFailed(OfRuns):
    """An alert for a task that has failed for good. For `on_failure_callback` of tasks."""

    def notify(self, context: Any) -> None:
        from include import stages

        task = context["ti"]
        stages.alert_failed_task(self.run(context), task.run_id, task.task_id, task.map_index)


class RunSucceeded(OfRuns):
    """The end of what was told of runs of this name. For `on_success_callback` of DAGs."""

    def notify(self, context: Any) -> None:
        from include import stages

        stages.end_alerts_of_run(self.run(context))


class RunFailed(OfRuns):
    """An alert for a run that failed without a word of its tasks: a process that was killed calls nobody. For `on_failure_callback` of DAGs."""

    def notify(self, context: Any) -> None:
        from include import stages

        stages.alert_failed_run(self.run(context), context["run_id"])


def tried_and_told(each: bool = False) -> dict[str, Any]:
    """What every DAG has in common, as arguments of `dag`: how often a task is tried, and what is told of it and of the run."""
    return {
        "default_args": {"owner": "tollgate", "retries": 2, "retry_delay": timedelta(seconds=15), "on_failure_callback": TaskFailed(each)},
        "on_success_callback": RunSucceeded(each),
        "on_failure_callback": RunFailed(each),
    }


def run_is_late(seconds: int, context: dict[str, Any]) -> None:
    """An alert for a run that has not ended in time. Called by a deadline of Airflow's, by name, in a process of the executor's."""
    from include import stages

    run = context["dag_run"]
    stages.alert_late_run(run_name(run["dag_id"], run.get("partition_key")), run["dag_run_id"], seconds)


def within(limit: timedelta) -> DeadlineAlert:
    """An alert for a run that has not ended this long after it was queued. Not after its logical date: a run of a service date has none."""
    seconds = int(limit.total_seconds())
    return DeadlineAlert(
        name=f"within {limit}",
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=limit,
        callback=SyncCallback(run_is_late, kwargs={"seconds": seconds}),
    )


def run_name(dag_id: str, which: str | None) -> str:
    return f"{dag_id} {which}" if which else dag_id
