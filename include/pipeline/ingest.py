"""The shape that the ingest DAGs share: load what is new, report the date as done, re-open dates that got late rows."""

from __future__ import annotations

from airflow.sdk import Asset, dag, task
from airflow.sdk.exceptions import AirflowSkipException

from include.pipeline.assets import DAILY, DAY_REOPENED, DEFAULT_ARGS, service_date


def ingest_dag(dag_id: str, kind: str, asset: Asset, doc: str):
    """A DAG that loads one kind of landing folder and then reports its service date, also when nothing came."""

    @dag(
        dag_id=dag_id, schedule=DAILY, catchup=False, max_active_runs=1, default_args=DEFAULT_ARGS, doc_md=doc, tags=["ingest"],
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
        def reopen(days: list[str], outlet_events=None) -> None:
            if not days:
                raise AirflowSkipException("no processed date got late rows")
            outlet_events[DAY_REOPENED].extra = {"why": f"late rows of {kind}"}
            outlet_events[DAY_REOPENED].add_partitions(days)

        days = load()
        days >> report()
        reopen(days)

    return ingest()
