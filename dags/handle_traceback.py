"""Traceback notices, within a minute of a file's arrival, and what becomes of them.

1. `load`: whatever lies new under `landing/tracebacks/`.
2. `search`: the lake is searched for the calls that the notices speak of.
3. `recommend`: a suspension follows at once where a notice names a customer as the caller; every change of a notice's state
   goes to the ledger. Reviews, and the answers to requesters, are asked for in `review_recommendations`.

Beside them `escalate`: a case that nobody answered in 24 hours is said to be so, in the ledger and as a warning.

Dates that are processed already are re-opened, so that all that follows from the notices is built anew.
"""

from datetime import timedelta

from airflow.sdk import dag, task

from include.pipeline.alerting import tried_and_told, within
from include.pipeline.assets import DAY_REOPENED, ON_NOTICES, RECOMMENDATIONS


@dag(
    schedule=ON_NOTICES,
    max_active_runs=1,
    catchup=False,
    **tried_and_told(),
    deadline=within(timedelta(minutes=30)),
    doc_md=__doc__,
    tags=["decisions"],
)
def handle_traceback():
    @task
    def load() -> list[str]:
        from include import stages

        return stages.load_notices()

    @task
    def search() -> None:
        from include import stages

        stages.match_notices()

    @task
    def recommend(dag_run=None) -> list[str]:
        from include import stages

        return stages.act_on_notices(dag_run.run_id)

    @task(outlets=[RECOMMENDATIONS], pool="publish")
    def ask(day: str, outlet_events=None) -> None:
        outlet_events[RECOMMENDATIONS].add_partitions(day)

    # Also when nothing could be said at once: the day's own build says it then.
    @task(outlets=[DAY_REOPENED], pool="publish", trigger_rule="all_done")
    def reopen(day: str, outlet_events=None) -> None:
        outlet_events[DAY_REOPENED].extra = {"why": "notices"}
        outlet_events[DAY_REOPENED].add_partitions(day)

    # Here because this runs every quarter of an hour, whether or not there is a notice.
    @task
    def escalate() -> None:
        from include import stages

        stages.escalate()

    escalate()
    processed = load()
    asked = recommend()
    processed >> search() >> asked
    ask.expand(day=asked)
    asked >> reopen.expand(day=processed)


handle_traceback()
