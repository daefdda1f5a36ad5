"""The platform is hurt in the middle of its work, and goes on by itself: nothing is lost, nothing doubled, and the date ends as any other."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from include.platform import airflow, lifecycle
from include.platform.airflow_api import AirflowApi
from include.settings import REPOSITORY, Settings
from tests.faults.faults_of_machinery import AT_EVERY_STAGE, ONCE
from tests.faults.machine import STAGES, Machine, full_disk, mounted
from tests.faults.season import Season, dates_from
from tests.running import eventually

pytestmark = pytest.mark.faults

QUIET = date(2026, 5, 1)
LEFT_OUT = date(2026, 5, 2)
"""A date that is processed forty days late."""
FORTY_DAYS_LATER = LEFT_OUT + timedelta(days=40)
DATES = dates_from(FORTY_DAYS_LATER)
LAKE_BYTES = "512m"


@pytest.fixture(scope="module")
def lake_of_its_own(installation: Settings) -> Iterator[None]:
    """A small file system for the lake, to be filled."""
    installation.lake.mkdir(parents=True)
    with mounted("-t", "tmpfs", "-o", f"size={LAKE_BYTES}", "tmpfs", at=installation.lake):
        yield


@pytest.fixture(scope="module")
def machine(installation: Settings, lake_of_its_own: None) -> Iterator[Machine]:
    try:
        lifecycle.up(installation, say=print)
        with AirflowApi(installation) as api:
            machine = Machine(installation, api, Season(installation, lambda day: None))
            machine.season.introduce(QUIET)
            machine.season.introduce(FORTY_DAYS_LATER)
            machine.start(QUIET)
            machine.ends(QUIET)
            yield machine
    finally:
        lifecycle.down(installation)


@pytest.mark.parametrize("fault", ONCE)
def test_hurt_while_the_lake_is_built(machine: Machine, fault: str) -> None:
    day = next(DATES)
    machine.start(day)
    machine.wait_for(day, ("build_risk_marts", "build_lake"))
    ONCE[fault](machine)
    machine.ends(day)
    machine.is_whole(day, like=QUIET)


@pytest.mark.parametrize("stage", [("ingest_cdr", "load"), ("build_risk_marts", "build_lake")], ids=lambda stage: stage[1])
def test_the_disk_is_full(machine: Machine, stage: tuple[str, str]) -> None:
    """The task fails and is tried again; when there is room the date goes on."""
    day = next(DATES)
    if stage == STAGES[0]:
        with full_disk(machine.settings.lake):
            machine.start(day)
            machine.wait_for(day, stage, "up_for_retry")
    else:
        machine.start(day)
        machine.wait_for(day, stage)
        with full_disk(machine.settings.lake):
            machine.wait_for(day, stage, "up_for_retry")
    machine.ends(day)
    machine.is_whole(day, like=QUIET)


def test_the_landing_folder_cannot_be_written_to(machine: Machine) -> None:
    day, landing = next(DATES), machine.settings.landing
    machine.season.files(day).bring()
    before = listing(landing)
    with mounted("--bind", "-o", "ro", str(landing), at=landing):
        with pytest.raises(OSError, match="Read-only"):
            (landing / "written").touch()
        machine.start(day)
        machine.ends(day)
    machine.is_whole(day, like=QUIET)
    assert listing(landing) == before


def listing(folder: Path) -> dict[str, tuple[int, str]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files}


def test_files_are_stamped_by_a_clock_that_is_ahead(machine: Machine) -> None:
    """A step of the sender's clock: files that seem to be of tomorrow are whole all the same."""
    day = next(DATES)
    machine.season.files(day).bring()
    tomorrow = datetime.now(UTC).timestamp() + 86_400
    for file in machine.settings.landing.rglob(f"*{day}*"):
        os.utime(file, (tomorrow, tomorrow))
    machine.start(day)
    machine.ends(day)
    machine.is_whole(day, like=QUIET)


def test_one_date_twice_at_once(machine: Machine) -> None:
    day = next(DATES)
    machine.start(day, "first")
    machine.start(day, "second")
    machine.ends(day)
    machine.is_whole(day, like=QUIET)


def test_two_dates_at_once(machine: Machine) -> None:
    days = [next(DATES), next(DATES)]
    for day in days:
        machine.start(day)
    for day in days:
        machine.ends(day)
    for day in days:
        machine.is_whole(day, like=QUIET)


HISTORY = "dag_run,task_instance,task_instance_history,task_reschedule,xcom,log,job,asset_event,partitioned_asset_key_log,deadline,callback"
"""Tables of Airflow's that grow. The others hold what the DAGs are, and Airflow refuses to empty those."""


def test_airflow_forgets_everything(machine: Machine) -> None:
    """Its metadata are purged: the warehouse needs none of them, and the next date runs."""
    before = machine.figures(QUIET), machine.entries(QUIET)
    now = datetime.now(UTC).isoformat()
    command = [airflow.executable(), "db", "clean", "--tables", HISTORY, "--clean-before-timestamp", now, "--skip-archive", "--yes"]
    subprocess.run(command, cwd=REPOSITORY, env=airflow.process_environment(machine.settings), check=True)
    assert machine.api.runs("build_risk_marts", QUIET.isoformat()) == []
    assert (machine.figures(QUIET), machine.entries(QUIET)) == before
    day = next(DATES)
    machine.start(day)
    machine.ends(day)
    machine.is_whole(day, like=QUIET)


def test_a_date_comes_forty_days_late(machine: Machine) -> None:
    later = next(DATES)
    machine.start(later)
    machine.ends(later)
    machine.start(LEFT_OUT)
    machine.ends(LEFT_OUT)
    machine.is_whole(LEFT_OUT, like=QUIET)
    machine.is_whole(later, like=QUIET)


@pytest.mark.parametrize("victim", AT_EVERY_STAGE)
def test_killed_at_every_stage(machine: Machine, victim: str) -> None:
    """One date, hurt again at each stage that it reaches."""
    day = next(DATES)
    machine.start(day)
    for stage in STAGES:
        machine.wait_for(day, stage)
        AT_EVERY_STAGE[victim](machine)
    machine.ends(day)
    machine.is_whole(day, like=QUIET)


def test_the_command_verifies_all_of_it(machine: Machine) -> None:
    done = subprocess.run([sys.executable, "-m", "include.cli", "verify"], cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, "no problems" in done.stdout) == (0, True), done.stdout
    assert eventually(lambda: lifecycle.status(machine.settings)[0], "everything is healthy")
