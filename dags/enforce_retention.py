"""Every night what is past its period is deleted, and the ledger says what that was.

`include/retention/periods.yaml` has the periods; `docs/runbook.md` says what is kept all the same, and what never goes.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task

from include.pipeline.alerting import tried_and_told, within


@dag(
    schedule=CronTriggerTimetable("0 5 * * *", timezone="UTC"),
    max_active_runs=1,
    catchup=False,
    **tried_and_told(),
    deadline=within(timedelta(hours=1)),
    doc_md=__doc__,
    tags=["operations"],
)
def enforce_retention():
    @task
    def delete(dag_run=None) -> dict[str, int]:
        from include import stages

        return stages.enforce_retention(dag_run.run_id)

    delete()


enforce_retention()
