"""A running platform that is hurt while it processes a date: what runs at which stage, and whom to kill."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import httpx
import psutil
import psycopg

from include.operations.backfill import INGEST_DAGS, settle
from include.platform import lifecycle, postgres, supervisor
from include.platform.airflow_api import AirflowApi
from include.settings import Settings
from tests.faults.season import Season, expected
from tests.running import eventually

STAGES = (
    ("ingest_cdr", "load"),
    ("build_risk_marts", "build_lake"),
    ("build_risk_marts", "check_arriving_data"),
    ("build_risk_marts", "build_marts"),
    ("recommend_suspensions", "append_recommendations"),
)
"""DAG and task, in the order in which a date goes through them."""

PATIENCE = 420
"""Seconds that a stage may take to come, or a date to end: a task of a killed scheduler is taken up again after more than a minute."""

FIGURES = """
    select party_kind, party_id, to_jsonb(risk) as figures
    from (
        select 'customer' as party_kind, customer_id as party_id, data_status, recommendation, reason_codes, attempts, calls, answered, asr, acd_seconds,
            share_le_6s, share_lt_30s, share_gt_120s, abandoned_share, distinct_calling_numbers, invalid_calling_share, attest_a_share, peak_cps
        from marts.customer_risk_daily
        where service_date = %(day)s
        union all
        select 'upstream', upstream_id, data_status, recommendation, reason_codes, attempts, calls, answered, asr, acd_seconds,
            share_le_6s, share_lt_30s, share_gt_120s, abandoned_share, distinct_calling_numbers, invalid_calling_share, attest_a_share, peak_cps
        from marts.upstream_risk_daily
        where service_date = %(day)s
    ) as risk
    order by party_kind, party_id
"""
"""Of every party, what follows from the calls of the date alone: the same on every date."""


@dataclass(frozen=True)
class Machine:
    settings: Settings
    api: AirflowApi
    season: Season

    def start(self, day: date, attempt: str = "first") -> None:
        """The date's files come, and its ingests start; the rest follows by itself."""
        self.season.files(day).bring()
        for dag_id in INGEST_DAGS:
            self.api.trigger(dag_id, day.isoformat(), f"faults__{day}__{attempt}")

    def task_states(self, day: date, stage: tuple[str, str]) -> list[str | None]:
        """Of a task in all runs of the date; empty while Airflow does not answer."""
        dag_id, task_id = stage
        with contextlib.suppress(httpx.HTTPError):
            tasks = [task for run in self.api.runs(dag_id, day.isoformat()) for task in self.api.task_instances(dag_id, run["dag_run_id"])]
            return [task["state"] for task in tasks if task["task_id"] == task_id]
        return []

    def wait_for(self, day: date, stage: tuple[str, str], state: str = "running") -> None:
        eventually(lambda: state in self.task_states(day, stage), f"{stage} of {day} is {state}", PATIENCE)

    def ends(self, day: date) -> None:
        """Wait until the date is judged and nothing goes on."""
        eventually(lambda: "success" in self.task_states(day, STAGES[-1]), f"{day} is judged", PATIENCE)
        settle(self.api)

    def figures(self, day: date) -> list[dict]:
        return self.season.rows(FIGURES, day=day)

    def is_whole(self, day: date, like: date) -> None:
        """The date is as if nothing had been: like one that nothing happened to."""
        expected([]).compare(self.season.seen(day))
        assert self.figures(day) == self.figures(like)
        assert self.entries(day) == self.entries(like)

    def entries(self, day: date) -> list[tuple[str, str, str]]:
        """What the ledger says of the date's parties: one entry each, unless something was restated."""
        found = self.season.rows(
            "select party_kind, party_id, payload ->> 'recommendation' as verdict from decisions.ledger"
            " where entry_type = 'recommendation' and service_date = %(day)s order by 1, 2, 3",
            day=day,
        )
        return [(row["party_kind"], row["party_id"], row["verdict"]) for row in found]

    def component(self, name: str) -> psutil.Process:
        """A living component of Airflow's: a child of the supervisor whose command names it."""

        def find() -> psutil.Process | None:
            state = supervisor.read_state(self.settings)
            for process in psutil.Process(state.pid).children() if state else []:
                with contextlib.suppress(psutil.NoSuchProcess):
                    # the api-server calls itself api_server once it runs
                    if name.replace("-", "_") in " ".join(process.cmdline()).replace("-", "_"):
                        return process
            return None

        return eventually(find, f"{name} runs")

    def tasks(self) -> list[psutil.Process]:
        """Processes of tasks: what the scheduler's workers started, and whatever that started."""
        workers = self.component("scheduler").children()
        found = []
        for worker in workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                found += worker.children(recursive=True)
        return found


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def kill_tasks(machine: Machine) -> None:
    kill(eventually(machine.tasks, "a task has a process"))


def kill_scheduler(machine: Machine) -> None:
    kill([machine.component("scheduler")])


def kill_api_server(machine: Machine) -> None:
    server = machine.component("api-server")
    kill([server, *server.children(recursive=True)])


def kill_supervisor(machine: Machine) -> None:
    """A person's `make up` follows: nobody watches the watchman."""
    state = supervisor.read_state(machine.settings)
    assert state is not None
    kill([psutil.Process(state.pid)])
    eventually(lambda: not state.running(), "the supervisor is dead")
    lifecycle.up(machine.settings, say=print)


def kill_postgres(machine: Machine) -> None:
    """All of the server at once, as when the machine loses it."""
    killed = postgres.processes(machine.settings)
    kill(killed)
    eventually(lambda: postgres.running_port(machine.settings) and not {*killed} & {*postgres.processes(machine.settings)}, "PostgreSQL runs again")


def restart_postgres(machine: Machine) -> None:
    """In order, with everybody thrown out, as an upgrade does it."""
    postgres.stop(machine.settings)
    eventually(lambda: postgres.running_port(machine.settings), "PostgreSQL runs again")


def disconnect_publisher(machine: Machine) -> None:
    """The session that publishes is thrown out in the middle of it, as a failover does it."""

    with postgres.superuser_connection(machine.settings) as connection:
        connection.autocommit = True
        # Looked for within the server: so few rows are published in less time than a question from outside takes.
        connection.execute(
            """
            do $$
            begin
                for attempt in 1..60000 loop
                    perform pg_terminate_backend(pid)
                    from pg_locks
                    where locktype = 'advisory' and granted and objid = (hashtext('tollgate.publish')::bigint & 4294967295)::oid;
                    if found then
                        return;
                    end if;
                    perform pg_sleep(0.002);
                end loop;
                raise exception 'nobody publishes';
            end
            $$
            """
        )


@contextlib.contextmanager
def mounted(*arguments: str, at: Path) -> Iterator[None]:
    """A file system at a place, for as long as this lasts."""
    subprocess.run(["mount", *arguments, str(at)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)  # somebody may be looking into it


@contextlib.contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Not a byte is free where the folder lies."""
    filler = folder / ".filler"
    try:
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"\0" * 65_536):
                pass
        assert os.statvfs(folder).f_bavail == 0
        yield
    finally:
        filler.unlink()


Hurt = Callable[[Machine], None]
