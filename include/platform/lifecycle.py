"""Starting, stopping and describing the whole platform. What `make up`, `down` and `status` do."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil
import psycopg

from include.alerts import alerts, channels
from include.platform import PlatformError, airflow, migrations, postgres, roles, supervisor, wait_until
from include.platform.airflow_api import AirflowApi
from include.platform.turns import only_one
from include.settings import REPOSITORY, Settings

START_SECONDS = 240
"""How long Airflow may take to be healthy. About 20 s is usual on two free cores."""

SHOWN_ALERTS = 20

Say = Callable[[str], None]


def up(settings: Settings, say: Say = print) -> None:
    """Starts what does not run and returns when all of it is healthy. Safe to repeat. Errors: PlatformError."""
    with only_one(settings):
        warehouse_up(settings, say)
        airflow_up(settings, say)


def warehouse_up(settings: Settings, say: Say = print) -> None:
    """The database alone: server started where it is ours, roles and passwords in place, migrations applied."""
    if settings.embedded:
        postgres.start(settings)
    try:
        roles.prepare(settings)
    except psycopg.OperationalError as error:
        raise PlatformError(f"the warehouse at {settings.pg_host}:{settings.pg_server_port} cannot be used: {error}") from error
    for name in migrations.apply(settings):
        say(f"warehouse: applied {name}")


def migrate(settings: Settings, say: Say = print) -> None:
    """Brings both databases to this version, without starting anything but our own PostgreSQL."""
    with only_one(settings):
        warehouse_up(settings, say)
        if airflow.migrate_metadata(settings, airflow.process_environment(settings)):
            say("airflow: metadata database ready")


def airflow_up(settings: Settings, say: Say) -> None:
    state = supervisor.read_state(settings)
    if state and state.running() and (changed := airflow.changed_settings(settings, psutil.Process(state.pid).environ())):
        # Its components hold what they were started with.
        say(f"airflow: restarting, because these settings changed: {', '.join(changed)}")
        airflow_down(settings, say)
        state = None
    if not (state and state.running()):
        end_left_behind(settings)
        postgres.refuse_taken_port(settings.airflow_port, "Airflow", "TOLLGATE_AIRFLOW_PORT")
        settings.landing.mkdir(parents=True, exist_ok=True)
        environ = airflow.process_environment(settings)
        if airflow.migrate_metadata(settings, environ):
            say("airflow: metadata database ready")
        say("airflow: starting")
        start_supervisor(settings, environ)
    wait_until_healthy(settings)


def start_supervisor(settings: Settings, environ: dict[str, str]) -> None:
    supervisor.log_folder(settings).mkdir(parents=True, exist_ok=True)
    with (supervisor.log_folder(settings) / "supervisor.log").open("a") as log:
        subprocess.Popen(
            [sys.executable, "-m", "include.platform.supervisor"],
            cwd=REPOSITORY, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def wait_until_healthy(settings: Settings) -> None:
    deadline = time.monotonic() + START_SECONDS
    with AirflowApi(settings) as api:
        while not api.healthy():
            state = supervisor.read_state(settings)
            if time.monotonic() > deadline or (state and not state.running()):
                raise PlatformError(
                    f"Airflow did not become healthy ({api.health() or 'its API server does not answer'}): "
                    f"see the logs in {supervisor.log_folder(settings)}"
                )
            time.sleep(0.3)


def down(settings: Settings, say: Say = print) -> None:
    """Stops the platform, letting running tasks end, and leaves no process. Harmless when nothing runs."""
    with only_one(settings):
        airflow_down(settings, say)
        # Also where an external server has taken its place since it was started.
        postgres.stop(settings)


def airflow_down(settings: Settings, say: Say) -> None:
    state = supervisor.read_state(settings)
    if state and state.running():
        say("airflow: stopping")
        process = psutil.Process(state.pid)
        process.send_signal(signal.SIGTERM)
        if not wait_until(lambda: not state.running(), seconds=supervisor.DRAIN_SECONDS + 60):
            process.kill()
            wait_until(lambda: not state.running(), seconds=10)
    end_left_behind(settings)


def end_left_behind(settings: Settings) -> None:
    """Ends the components of a supervisor that was killed. The kernel has asked them to stop already."""
    state = supervisor.read_state(settings)
    if not state or state.running():
        return
    wait_until(lambda: not supervisor.left_behind(state), seconds=10)
    while remaining := supervisor.left_behind(state):
        for process in remaining:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        wait_until(lambda: not supervisor.left_behind(state), seconds=5)
    supervisor.state_file(settings).unlink()


def status(settings: Settings) -> tuple[bool, list[tuple[str, str]]]:
    """Whether everything is healthy, and rows (what, how it is) for a person."""
    rows = [("database", database_status(settings)), ("migrations", migration_status(settings))]
    with AirflowApi(settings) as api:
        parts = api.health()
        rows.append(("api server", "healthy" if parts else "not running"))
        rows += [(name.replace("_", " "), parts.get(name, "not running")) for name in ("scheduler", "triggerer", "dag_processor")]
        broken = api.dag_errors() if parts else {}
    rows += [(f"dag file {name}", "does not load") for name in broken]
    healthy = all(value.split(",")[0] in ("healthy", "up to date") for _, value in rows)
    passwords = settings.secrets / airflow.PASSWORDS
    return healthy, rows + [
        ("alerts", alert_status(settings)),
        ("landing folder", str(settings.landing)),
        ("airflow", f"http://127.0.0.1:{settings.airflow_port}  ({', '.join(airflow.users(settings))}; passwords in {passwords})"),
        ("warehouse", f"{settings.pg_host}:{settings.pg_server_port}/{settings.database}  (read-only URL: make warehouse-url)"),
        ("logs", str(supervisor.log_folder(settings))),
    ]


def asked(settings: Settings, question: Callable[[psycopg.Connection], Any]) -> Any | None:
    """What the warehouse answers the auditor; None where it gives no answer."""
    try:
        with psycopg.connect(settings.url("auditor"), connect_timeout=5) as connection:
            return question(connection)
    except (psycopg.Error, FileNotFoundError):
        return None


def database_status(settings: Settings) -> str:
    version = asked(settings, lambda connection: connection.execute("show server_version").fetchone()[0].split()[0])
    if version is None:
        return "not running"
    return f"healthy, PostgreSQL {version}{' (embedded)' if settings.embedded else ''}"


def migration_status(settings: Settings) -> str:
    applied = asked(settings, migrations.recorded)
    if applied is None:
        return "unknown"
    missing = sorted(set(migrations.read(migrations.FOLDER)) - set(applied))
    return f"missing: {', '.join(missing)} (make up)" if missing else f"up to date, {len(applied)} applied"


def alert_status(settings: Settings) -> str:
    """How many alerts are open, and each in a line of its own."""
    found = asked(settings, alerts.open_alerts)
    if found is None:
        return "unknown"
    shown = [f"\n  {channels.line(alert)}" for alert in found[:SHOWN_ALERTS]]
    more = f"\n  and {len(found) - SHOWN_ALERTS} more: select * from ops.alerts where ended_at is null" if len(found) > SHOWN_ALERTS else ""
    return (f"{len(found)} open" if found else "none open") + "".join(shown) + more
