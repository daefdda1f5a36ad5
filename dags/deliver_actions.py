"""Orders, to those who operate the switches: as files, and by webhook where an address is set. At least once, by the same id.

`review_recommendations` and `release_party` deliver at once what their answers order. Every quarter of an hour what a release by
command ordered follows, and what could not be delivered before.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag

from include.pipeline.alerting import tried_and_told, within
from include.pipeline.orders import deliver


@dag(
    schedule=CronTriggerTimetable("*/15 * * * *", timezone="UTC"),
    max_active_runs=1,
    catchup=False,
    **tried_and_told(),
    deadline=within(timedelta(hours=1)),
    doc_md=__doc__,
    tags=["decisions"],
)
def deliver_actions():
    deliver()


deliver_actions()
