"""Verdicts of a service date, and of later dates built with it, into the ledger, once the marts pass the second gate.

A gate that blocks stops every append for the day, says so in the ledger, and is never retried by itself: `review_blocks` asks
a person about it.
"""

from datetime import date, timedelta

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowSkipException

from include.pipeline.alerting import tried_and_told, within
from include.pipeline.assets import GATES, RECOMMENDATIONS, RISK_MARTS, service_date, when_all_of


@dag(
    schedule=when_all_of(RISK_MARTS),
    max_active_runs=1,
    catchup=False,
    **tried_and_told(),
    deadline=within(timedelta(hours=1)),
    doc_md=__doc__,
    tags=["decisions"],
)
def recommend_suspensions():
    @task(outlets=[GATES])
    def check_marts(dag_run=None) -> list[str]:
        from include import stages

        return stages.check_marts(service_date(dag_run), dag_run.run_id)

    @task(outlets=[RECOMMENDATIONS])
    def append_recommendations(days: list[str], dag_run=None) -> int:
        from include import stages

        if not days:
            raise AirflowSkipException("the gate blocked every day")
        return stages.append_recommendations([date.fromisoformat(day) for day in days], dag_run.run_id)

    append_recommendations(check_marts())


recommend_suspensions()
