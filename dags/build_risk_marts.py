"""The risk marts of a service date, once calls, complaints, notices and reference data have reported it, or it was re-opened.

1. `build_lake`: dbt turns the day's calls into daily tables (DuckDB over Parquet), matches complaints and notices
   to calls, and the tables are published to PostgreSQL in one transaction.
2. `check_arriving_data`: the first gate. What it blocks is held in the marts, feed by feed; evidence still counts.
3. `build_marts`: dbt turns the published tables into the marts.
"""

from datetime import timedelta

from airflow.sdk import dag, task

from include.pipeline.alerting import tried_and_told, within
from include.pipeline.assets import (
    CALLS, COMPLAINTS, DAY_REOPENED, NOTICES, REFERENCE, RISK_MARTS, service_date, when_all_of,
)  # fmt: skip


@dag(
    schedule=when_all_of((CALLS & COMPLAINTS & NOTICES & REFERENCE) | DAY_REOPENED),
    max_active_runs=1,
    catchup=False,
    **tried_and_told(),
    deadline=within(timedelta(hours=2)),
    doc_md=__doc__,
    tags=["marts"],
)
def build_risk_marts():
    @task
    def build_lake(dag_run=None) -> None:
        from include import stages

        stages.build_lake(service_date(dag_run))

    @task
    def check_arriving_data(dag_run=None) -> str:
        from include import stages

        return stages.check_arriving_data(service_date(dag_run), dag_run.run_id)

    @task(outlets=[RISK_MARTS])
    def build_marts(dag_run=None) -> None:
        from include import stages

        stages.build_marts(service_date(dag_run), dag_run.run_id)

    build_lake() >> check_arriving_data() >> build_marts()


build_risk_marts()
