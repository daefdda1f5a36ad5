"""The shape that the ingest DAGs share: load what is new, report the date as done, re-open dates that got late rows."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Asset, dag, task

from include.pipeline.alerting import tried_and_told, within
from include.pipeline.assets import DAILY, DAY_REOPENED, INSTALLED_AT, service_date


def ingest_dag(dag_id: str, kind: str, asset: Asset, doc: str):
    """A DAG that loads one kind of landing folder and then reports its service date, also when nothing came."""

    @dag(
        dag_id=dag_id, schedule=DAILY, start_date=INSTALLED_AT, catchup=False, max_active_runs=1,
        **tried_and_told(), deadline=within(timedelta(hours=2)), doc_md=doc, tags=["ingest"],
    )  # fmt: skip
    def ingest():
        @task
        def load(dag_run=None) -> list[str]:
            from include import stages

            return stages.load_new_files(kind, service_date(dag_run))

        # One slot for all reporting tasks: two assets that report one date within the same moment would lose it.
        @task(outlets=[asset], pool="publish")
        def report(dag_run=None) -> None:
            service_date(dag_run)

        @task(outlets=[DAY_REOPENED], pool="publish")
        def reopen(day: str, outlet_events=None) -> None:
            outlet_events[DAY_REOPENED].extra = {"why": f"late rows of {kind}"}
            outlet_events[DAY_REOPENED].add_partitions(day)

        days = load()
        days >> report()
        reopen.expand(day=days)

    return ingest()
