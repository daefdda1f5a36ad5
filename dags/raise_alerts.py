"""Tells people, once each, of what waits for them: blocked gates, overdue feeds, legal clocks, unanswered cases, missing dates.

Every five minutes; what a gate blocks is told by the gate's own task, and a failed task by itself. `docs/runbook.md` says what
each alert means.
"""

from airflow.sdk import CronTriggerTimetable, dag, task

from include.pipeline.alerting import tried_and_told


@dag(
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC"),
    max_active_runs=1,
    catchup=False,
    **tried_and_told(),
    doc_md=__doc__,
    tags=["alerts"],
)
def raise_alerts():
    @task
    def sweep() -> None:
        from include import stages

        stages.raise_alerts()

    sweep()


raise_alerts()
