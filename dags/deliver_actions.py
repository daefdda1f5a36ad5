"""Orders, to those who operate the switches: as files, and by webhook where an address is set. At least once, by the same id.

What cannot be delivered is tried again every quarter of an hour.
"""

from airflow.sdk import dag, task

from include.pipeline.alerting import tried_and_told
from include.pipeline.assets import ON_ACTIONS


@dag(
    schedule=ON_ACTIONS,
    max_active_runs=1,
    catchup=False,
    **tried_and_told(),
    doc_md=__doc__,
    tags=["decisions"],
)
def deliver_actions():
    @task
    def deliver() -> None:
        from include import stages

        stages.deliver_actions()

    deliver()


deliver_actions()
