"""Verdicts of a service date into the ledger, once its marts are built and pass the second gate.

A gate that blocks stops every append for the day, says so in the ledger, and is never retried by itself.
"""

from airflow.sdk import dag, task

from include.pipeline.assets import DEFAULT_ARGS, RECOMMENDATIONS, RISK_MARTS, service_date, when_all_of


@dag(
    schedule=when_all_of(RISK_MARTS),
    max_active_runs=1,
    catchup=False,
    default_args=DEFAULT_ARGS,
    doc_md=__doc__,
    tags=["decisions"],
)
def recommend_suspensions():
    @task.short_circuit
    def check_marts(dag_run=None) -> bool:
        from include import stages

        return stages.check_marts(service_date(dag_run), dag_run.run_id)

    @task(outlets=[RECOMMENDATIONS])
    def append_recommendations(dag_run=None) -> int:
        from include import stages

        return stages.append_recommendations(service_date(dag_run), dag_run.run_id)

    check_marts() >> append_recommendations()


recommend_suspensions()
