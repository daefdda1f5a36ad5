"""What an auditor needs to trust nobody: whenever a date was judged, the ledger's head goes to a place outside the database.

`make verify` compares the ledger with every head that was published: who cuts its end off, or writes all of it anew, is found.
"""

from datetime import timedelta

from airflow.sdk import dag, task

from include.pipeline.alerting import tried_and_told, within
from include.pipeline.assets import RECOMMENDATIONS, when_all_of


@dag(
    schedule=when_all_of(RECOMMENDATIONS),
    max_active_runs=1,
    catchup=False,
    **tried_and_told(),
    deadline=within(timedelta(hours=1)),
    doc_md=__doc__,
    tags=["audit"],
)
def publish_evidence():
    @task
    def publish_head() -> None:
        from include import stages

        stages.publish_head()

    publish_head()


publish_evidence()
