"""The weekly audit: the ledger's chain and the receipts are checked, and past recommendations are made again from what was known then.

The newest recommendations, and others that the ledger's head chooses. What came of it is an entry of the ledger; what was found is
alerted, and so is that no audit was recorded for eight days.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task

from include.pipeline.alerting import tried_and_told, within


@dag(
    schedule=CronTriggerTimetable("0 4 * * 1", timezone="UTC"),
    max_active_runs=1,
    catchup=False,
    **tried_and_told(),
    deadline=within(timedelta(hours=4)),
    doc_md=__doc__,
    tags=["audit"],
)
def audit_controls():
    @task
    def audit(dag_run=None) -> str:
        from include import stages

        return stages.audit_controls(dag_run.run_id)

    audit()


audit_controls()
