"""The whole platform with the real Airflow: started once, then hurt in turn. The tests follow each other's state."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import psutil
import pytest

from include.platform import PlatformError, airflow, lifecycle, postgres, probe, supervisor
from include.platform.airflow_api import AirflowApi
from include.settings import Settings
from tests.conftest import free_port
from tests.running import eventually, listens, processes_of

DAGS = {
    "ingest_cdr", "ingest_complaints", "ingest_tracebacks", "ingest_reference",
    "build_risk_marts", "recommend_suspensions", "review_recommendations", "review_blocks", "handle_traceback", "raise_alerts", "enforce_retention",
    "audit_controls", "deliver_actions", "publish_evidence", "release_party",
}  # fmt: skip


@pytest.fixture(scope="module")
def platform(installation: Settings) -> Iterator[Settings]:
    said: list[str] = []
    try:
        lifecycle.up(installation, say=said.append)
        assert said[-1] == "airflow: starting"
        yield installation
    finally:
        lifecycle.down(installation, say=said.append)


@pytest.fixture
def api(platform: Settings) -> Iterator[AirflowApi]:
    with AirflowApi(platform) as api:
        yield api


def state(settings: Settings) -> supervisor.State:
    found = supervisor.read_state(settings)
    assert found is not None
    return found


def components(settings: Settings, name: str) -> list[psutil.Process]:
    """The living processes of a component: children of the supervisor whose command names it."""
    return [p for p in psutil.Process(state(settings).pid).children() if name in words(p)]


def words(process: psutil.Process) -> set[str]:
    try:
        return {word.rsplit("/", 1)[-1] for word in process.cmdline()}
    except psutil.NoSuchProcess:  # ended, or a zombie by now
        return set()


def up(settings: Settings) -> list[str]:
    said: list[str] = []
    lifecycle.up(settings, say=said.append)
    return said


def test_everything_is_healthy(platform: Settings):
    healthy, rows = lifecycle.status(platform)
    assert healthy
    told = dict(rows)
    assert told["database"].startswith("healthy, PostgreSQL") and told["database"].endswith("(embedded)")
    assert told["migrations"].startswith("up to date")
    assert {told[part] for part in ("api server", "scheduler", "triggerer", "dag processor")} == {"healthy"}


@pytest.mark.parametrize("part", [part for part in probe.PARTS if part != "worker"])
def test_every_part_is_healthy_to_the_probe(platform: Settings, part: str):
    assert probe.works(part, airflow.environment(platform, airflow.load_secrets(platform)))


def test_every_dag_loads(api: AirflowApi):
    eventually(lambda: DAGS <= {dag["dag_id"] for dag in api.every("/api/v2/dags", "dags")} or api.dag_errors() != {}, "all DAGs are known")
    assert api.dag_errors() == {}
    # One sent to a paused consumer would be lost.
    assert [dag["dag_id"] for dag in api.every("/api/v2/dags", "dags") if dag["is_paused"]] == []


def test_tasks_that_publish_wait_for_each_other(api: AirflowApi):
    assert api.call("GET", f"/api/v2/pools/{airflow.PUBLISH_POOL}")["slots"] == 1


@pytest.mark.parametrize(("user", "may_trigger"), [("engineer", True), ("compliance", True), ("auditor", False)])
def test_logins_have_their_own_rights(platform: Settings, user: str, may_trigger: bool):
    with AirflowApi(platform, user) as api:
        assert api.call("GET", "/api/v2/dags")["total_entries"] >= len(DAGS)
        # An unknown DAG: who may trigger learns that there is none, who may not learns nothing.
        answer = api.http.post("/api/v2/dags/nowhere/dagRuns", json={"logical_date": None})
        assert answer.status_code == (404 if may_trigger else 403)


def test_only_this_machine_is_listened_to(platform: Settings):
    addresses = set()
    for process in [psutil.Process(state(platform).pid), *psutil.Process(state(platform).pid).children(recursive=True)]:
        # one that ended meanwhile listens nowhere
        with contextlib.suppress(psutil.NoSuchProcess):
            addresses |= {c.laddr.ip for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert addresses == {"127.0.0.1"}


def test_up_again_starts_nothing(platform: Settings):
    before = state(platform)
    assert up(platform) == []
    assert state(platform) == before


def test_two_at_once_start_nothing_twice(platform: Settings):
    before = state(platform)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(up, [platform, platform])) == [[], []]
    assert state(platform) == before


def test_a_killed_scheduler_comes_back(platform: Settings, api: AirflowApi):
    [killed] = components(platform, "scheduler")
    killed.kill()

    def another_works() -> bool:
        running = [p for p in components(platform, "scheduler") if p.pid != killed.pid]
        heartbeat = datetime.fromisoformat(api.call("GET", "/api/v2/monitor/health")["scheduler"]["latest_scheduler_heartbeat"])
        return len(running) == 1 and heartbeat.timestamp() > running[0].create_time() and api.healthy()

    eventually(another_works, "another scheduler is healthy")


def test_a_killed_database_comes_back(platform: Settings):
    """By itself; and it outlives the supervisor that started it, and every part of Airflow that dies."""
    killed = postgres.processes(platform)
    for process in killed:
        process.kill()
    eventually(lambda: postgres.running_port(platform), "PostgreSQL runs again")
    alive = {process.pid for process in postgres.processes(platform)}
    assert alive.isdisjoint({process.pid for process in killed})
    [triggerer] = eventually(lambda: components(platform, "triggerer"), "a triggerer runs")
    triggerer.kill()
    eventually(lambda: [p for p in components(platform, "triggerer") if p.pid != triggerer.pid], "another triggerer runs")
    eventually(lambda: lifecycle.status(platform)[0], "everything is healthy")
    assert postgres.running_port(platform)


def test_a_killed_supervisor_is_recovered(platform: Settings):
    before = state(platform)
    database = postgres.processes(platform)  # which the supervisor may have started, and which goes on
    parts = [p for p in psutil.Process(before.pid).children(recursive=True) if p not in database]
    assert parts
    psutil.Process(before.pid).kill()
    eventually(lambda: not before.running(), "the supervisor is dead")
    assert up(platform) == ["airflow: starting"]
    assert state(platform).pid != before.pid
    assert [p for p in parts if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    assert lifecycle.status(platform)[0]


def test_changed_settings_restart_it(platform: Settings):
    """Also a port: Airflow then listens there, and no longer on the old one."""
    port = free_port()
    changed = dataclasses.replace(platform, landing=platform.home / "elsewhere", airflow_port=port)
    said = up(changed)
    assert said[0].startswith("airflow: restarting, because these settings changed: ")
    names = set(said[0].split(": ")[-1].split(", "))
    assert {"TOLLGATE_LANDING", "TOLLGATE_AIRFLOW_PORT", "AIRFLOW__API__PORT"} <= names
    assert not {"TOLLGATE_HOME", "TOLLGATE_LAKE", "AIRFLOW__CORE__FERNET_KEY"} & names
    assert said[1:] == ["airflow: stopping", "airflow: starting"]
    [scheduler] = components(changed, "scheduler")
    assert scheduler.environ()["TOLLGATE_LANDING"] == str(changed.landing)
    assert listens(port) and not listens(platform.airflow_port)
    assert up(changed) == []


def test_down_leaves_nothing(platform: Settings):
    supervising = psutil.Process(state(platform).pid)
    ports = (platform.pg_port, int(supervising.environ()["TOLLGATE_AIRFLOW_PORT"]))
    # Some of them call themselves something else, and lose their environment over it.
    parts = supervising.children(recursive=True)
    assert all(map(listens, ports))
    assert len(processes_of(platform)) > 5
    lifecycle.down(platform, say=lambda _: None)
    assert processes_of(platform) == []
    assert [p for p in parts if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    assert not any(map(listens, ports))
    assert supervisor.read_state(platform) is None


def test_down_again_is_harmless_and_status_says_so(platform: Settings):
    lifecycle.down(platform, say=lambda _: None)
    healthy, rows = lifecycle.status(platform)
    assert not healthy
    told = dict(rows)
    assert told["database"] == told["api server"] == told["scheduler"] == "not running"


def test_a_taken_port_is_named_with_its_setting(platform: Settings):
    postgres.start(platform)
    try:
        taken = dataclasses.replace(platform, airflow_port=platform.pg_port)
        with pytest.raises(PlatformError, match=f"port {platform.pg_port} .*Airflow.* in use .*TOLLGATE_AIRFLOW_PORT"):
            lifecycle.up(taken, say=lambda _: None)
    finally:
        lifecycle.down(platform, say=lambda _: None)
    assert processes_of(platform) == []
