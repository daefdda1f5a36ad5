"""Assets by service date (partition key `YYYY-MM-DD`, UTC), and when the DAGs run on them."""

from __future__ import annotations

import os
from datetime import date, datetime
from typing import Any

from airflow.sdk import (
    Asset, AssetOrTimeSchedule, AssetWatcher, CronPartitionTimetable, CronTriggerTimetable, PartitionedAssetTimetable, StartOfDayMapper,
)  # fmt: skip

from include.pipeline.notice_arrivals import NoticeArrivals

CALLS = Asset("calls", uri="tollgate://lake/calls")
COMPLAINTS = Asset("complaints", uri="tollgate://lake/complaints")
NOTICES = Asset("notices", uri="tollgate://lake/notices")
REFERENCE = Asset("reference", uri="tollgate://lake/reference")
DAY_REOPENED = Asset("day_reopened", uri="tollgate://lake/day_reopened")
"""A processed date got rows later, and is built again."""
RISK_MARTS = Asset("risk_marts", uri="tollgate://warehouse/marts")
GATES = Asset("gates", uri="tollgate://warehouse/gates")
"""Both gates of a date were run, whatever they found."""
RECOMMENDATIONS = Asset("recommendations", uri="tollgate://warehouse/decisions")

# At midnight UTC for the day that just ended. Not later in the night: the partition's date is that of the cron tick.
DAILY = CronPartitionTimetable("0 0 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d")

NOTICE_FILES = Asset(
    "notice_files",
    uri="tollgate://landing/tracebacks",
    watchers=[AssetWatcher("notice_arrivals", trigger=NoticeArrivals(folder=os.environ["TOLLGATE_LANDING"], kind="tracebacks"))],
)
"""Files of notices in the landing folder, seen within seconds of their arrival."""

# Clocks run out without any file; and a sweep finds what an event that was lost would have told.
ON_NOTICES = AssetOrTimeSchedule(timetable=CronTriggerTimetable("*/15 * * * *", timezone="UTC"), assets=[NOTICE_FILES])

# Days before the installation are backfilled, not scheduled: nothing of them may lie in the landing folder.
INSTALLED_AT = datetime.fromisoformat(os.environ["TOLLGATE_INSTALLED_AT"])


def when_all_of(assets: Any) -> PartitionedAssetTimetable:
    """Once per service date, when every asset of the expression has it."""
    mapper = StartOfDayMapper(input_format="%Y-%m-%d", output_format="%Y-%m-%d")
    return PartitionedAssetTimetable(assets=assets, default_partition_mapper=mapper)


def service_date(dag_run: Any) -> date:
    """The service date of a run: its partition key. ValueError for a run that was started without one."""
    if not dag_run.partition_key:
        raise ValueError("this run has no partition key: trigger it with one, the service date as YYYY-MM-DD")
    return date.fromisoformat(dag_run.partition_key)
