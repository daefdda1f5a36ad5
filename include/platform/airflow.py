"""How Airflow is configured here: its whole configuration is environment, made from `Settings` and the secrets."""

from __future__ import annotations

import importlib.metadata
import json
import os
import secrets as random
import subprocess
import sys
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import psycopg

from include.alerts import channels as alerts
from include.decisions import actions
from include.files import replace
from include.lineage import openlineage
from include.platform import PlatformError, roles
from include.platform.secrets import secret
from include.settings import REPOSITORY, Settings

PASSWORDS = "airflow_passwords.json"
PUBLISH_POOL = "publish"

LINEAGE_OF_TASKS = [
    {
        "scope": {},
        # Of tasks alone: for runs of DAGs the scheduler would keep a process more. What tasks read and write they tell themselves,
        # and without a look at the operator nothing is told of its code.
        "controls": {"emit_dag_events": False, "extract_operator_metadata": False},
        "locked": True,
    }
]
"""What Airflow's OpenLineage provider tells; see `include/lineage/openlineage_transport.py` for what remains of it."""


def environment(settings: Settings, secrets: dict[str, str]) -> dict[str, str]:
    """Variables for every Airflow component and task of this installation. `secrets` as from `load_secrets`."""
    api = f"http://127.0.0.1:{settings.airflow_port}"
    metadata = settings.url_of(roles.AIRFLOW, secrets["pg_airflow"], roles.AIRFLOW, scheme="postgresql+psycopg2")
    return {
        # What our own code reads in a task.
        "TOLLGATE_HOME": str(settings.home),
        "TOLLGATE_LANDING": str(settings.landing),
        "TOLLGATE_LAKE": str(settings.lake),
        "TOLLGATE_LAKE_ENGINE": settings.lake_engine,
        "TOLLGATE_WAREHOUSE_URL": settings.warehouse_url,
        "TOLLGATE_PG_PORT": str(settings.pg_port),
        "TOLLGATE_AIRFLOW_PORT": str(settings.airflow_port),
        "TOLLGATE_OFFICE_ZONE": settings.office_zone,
        "TOLLGATE_ALERT_EMAIL_TO": ",".join(settings.alert_email_to),
        "TOLLGATE_ALERT_EMAIL_FROM": settings.alert_email_from,
        "TOLLGATE_SMTP_URL": settings.smtp_url,
        "TOLLGATE_ALERT_WEBHOOK_URL": settings.alert_webhook_url,
        "TOLLGATE_ACTION_WEBHOOK_URL": settings.action_webhook_url,
        "TOLLGATE_COMPLIANCE_USERS": ",".join(settings.compliance_users),
        "TOLLGATE_EVIDENCE": str(settings.evidence),
        "TOLLGATE_OPENLINEAGE_URL": settings.openlineage_url,
        "TOLLGATE_INSTALLED_AT": installed_at(settings),
        "PYTHONPATH": str(REPOSITORY),
        "TZ": "UTC",
        # Components talk to each other on this machine, whatever proxy it uses for the rest.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        # Nothing here calls home.
        "GX_ANALYTICS_ENABLED": "False",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "DO_NOT_TRACK": "1",
        "AIRFLOW_HOME": str(settings.home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # Consumers must be awake before the first event: one sent to a paused consumer is lost.
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "utc",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "6",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{api}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": asyncpg_url(metadata),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(settings.airflow_port),
        "AIRFLOW__API__BASE_URL": api,
        "AIRFLOW__API__WORKERS": "1",
        # Fixed, so that components still agree after one of them restarts.
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets["airflow_jwt"],
        "AIRFLOW__API__SECRET_KEY": secrets["airflow_api"],
        "AIRFLOW__CORE__FERNET_KEY": secrets["airflow_fernet"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in users(settings).items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(settings.secrets / PASSWORDS),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(settings.home / "logs" / "tasks"),
        "AIRFLOW__LOGGING__UVICORN_LOGGING_LEVEL": "WARNING",
        # A changed DAG file is seen within seconds. To read the others again is for what they import, and after a failure.
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
        # A killed component's tasks are taken up again within half a minute instead of five.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
        # A task outlives a restart of the API server.
        "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "10",
        "AIRFLOW__OPENLINEAGE__NAMESPACE": openlineage.NAMESPACE,
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(openlineage.transport(settings)),
        "AIRFLOW__OPENLINEAGE__EMISSION_POLICY": json.dumps(LINEAGE_OF_TASKS),
        # Of a copy of the task's process, which would be made for each event, Airflow says that it can leave the task running for ever.
        "AIRFLOW__OPENLINEAGE__EXECUTE_IN_THREAD": "True",
        # Seconds that telling one event may hold up its task.
        "AIRFLOW__OPENLINEAGE__EXECUTION_TIMEOUT": "5",
    }


def users(settings: Settings) -> dict[str, str]:
    """Airflow's logins and their roles: those of compliance answer questions, `engineer` operates, `auditor` only looks."""
    return dict.fromkeys(settings.compliance_users, "op") | {"engineer": "admin", "auditor": "viewer"}


def installed_at(settings: Settings) -> str:
    """When Airflow was first configured here, ISO 8601 UTC: the daily schedule begins with the day it lies in."""
    file = settings.home / "airflow" / "installed-at"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(datetime.now(UTC).isoformat(timespec="seconds"))
    return file.read_text()


def asyncpg_url(url: str) -> str:
    """The URL for asyncpg, which knows `sslmode` by another name and refuses libpq's other options."""
    parts = urlsplit(url)
    options = {"ssl": value for name, value in parse_qsl(parts.query) if name == "sslmode"}
    return parts._replace(scheme="postgresql+asyncpg", query=urlencode(options)).geturl()


def load_secrets(settings: Settings) -> dict[str, str]:
    """The secrets `environment` needs, generated where missing; the logins' passwords and the webhooks' keys, for people to read, are written beside them."""
    prepare_passwords(settings)
    secret(settings, alerts.WEBHOOK_KEY)
    secret(settings, actions.WEBHOOK_KEY)
    return {
        "pg_airflow": secret(settings, "pg_airflow"),
        "airflow_jwt": secret(settings, "airflow_jwt", lambda: random.token_urlsafe(64)),
        "airflow_api": secret(settings, "airflow_api"),
        "airflow_fernet": secret(settings, "airflow_fernet", lambda: urlsafe_b64encode(random.token_bytes(32)).decode()),
    }


def prepare_passwords(settings: Settings) -> None:
    """A generated password for every login; those that are there stay, and who is no user any more has none."""
    known = json.loads(secret(settings, PASSWORDS, lambda: "{}"))
    wanted = {user: known.get(user) or random.token_urlsafe(12) for user in users(settings)}
    if wanted != known:
        replace(settings.secrets / PASSWORDS, json.dumps(wanted) + "\n", 0o600)


def password(settings: Settings, user: str) -> str:
    """The generated Airflow password of one of `users`."""
    return json.loads((settings.secrets / PASSWORDS).read_text())[user]


def process_environment(settings: Settings) -> dict[str, str]:
    """The environment in which Airflow runs here: the caller's, without the configuration of any other Airflow."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return inherited | environment(settings, load_secrets(settings)) | {"PATH": path}


def changed_settings(settings: Settings, running: dict[str, str]) -> list[str]:
    """Names of what Airflow, running in the environment `running`, would be started with differently now."""
    wanted = environment(settings, load_secrets(settings))
    names = wanted.keys() | {name for name in running if name.startswith("AIRFLOW")}
    return sorted(name for name in names if running.get(name) != wanted.get(name))


def executable() -> str:
    return str(Path(sys.executable).parent / "airflow")


def migrate_metadata(settings: Settings, environ: dict[str, str]) -> bool:
    """Brings Airflow's metadata database to this Airflow's schema and makes the pool; True when there was work to do.

    The work takes Airflow's command line several seconds; a stamp (Airflow's version, the schema's revision) saves it.
    """
    stamp = settings.home / "airflow" / "metadata-schema"
    version = importlib.metadata.version("apache-airflow-core")
    if stamp.is_file() and stamp.read_text() == f"{version} {metadata_revision(environ)}":
        return False
    stamp.parent.mkdir(parents=True, exist_ok=True)
    for arguments in (
        ["db", "migrate"],
        # Publishing one asset event at a time: Airflow 3.3 can lose a partition when two producers finish together.
        ["pools", "set", PUBLISH_POOL, "1", "One at a time: publishing asset events"],
    ):
        done = subprocess.run([executable(), *arguments], env=environ, capture_output=True, text=True)
        if done.returncode:
            raise PlatformError(f"`airflow {' '.join(arguments)}` failed:\n{(done.stdout + done.stderr)[-3000:]}")
    stamp.write_text(f"{version} {metadata_revision(environ)}")
    return True


def metadata_revision(environ: dict[str, str]) -> str | None:
    """The revision of the metadata database's schema; None where there is none yet."""
    url = environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")
    with psycopg.connect(url, connect_timeout=10) as connection:
        if connection.execute("select to_regclass('alembic_version')").fetchone() == (None,):
            return None
        return connection.execute("select version_num from alembic_version").fetchone()[0]
