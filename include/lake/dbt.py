"""Runs dbt: one process per stage, each target with a target folder of its own, failures told by node.

The targets share one project (`dbt_project/`): `lake` (DuckDB over the lake's Parquet), `warehouse` (PostgreSQL, as the
transformer role), `trial` (the same, where other rules judge in a schema of their own) and `docs` (the same, to be read and not
run: it needs no database).
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl

from include.lineage import openlineage
from include.settings import REPOSITORY, Settings

PROJECT = REPOSITORY / "dbt_project"
TARGETS = ("lake", "warehouse", "trial", "docs")

START = "import gc; gc.disable(); from dbt.cli.main import cli; cli()"
"""A process that ends after seconds has no garbage worth looking for, and the search is an eighth of its work."""

LAKE_MODELS = ("--select", "tag:lake")
WAREHOUSE_MODELS = ("--exclude", "tag:lake")
WITHOUT_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
"""Unit tests prove the models, not the day's data: they belong to the test suite."""


class DbtFailed(RuntimeError):
    """dbt ended with an error; the message names each failing node and says why."""


def workspace(settings: Settings, name: str) -> Path:
    """Where a target's manifest, compiled SQL and run results lie. Sharing one would parse everything at every switch.

    Named by the target, or else by the work that may go on beside the target's other.
    """
    return settings.home / "dbt" / name


def arguments(settings: Settings, target: str, command: str, selection: tuple[str, ...] = (), beside: str | None = None) -> list[str]:
    """The command line of one dbt run, e.g. `build` of `("--select", "tag:lake")`."""
    if target not in TARGETS:
        raise ValueError(f"unknown dbt target {target!r}: one of {', '.join(TARGETS)}")
    folder = workspace(settings, beside or target)
    return [
        sys.executable, "-c", START, *command.split(),
        "--project-dir", str(PROJECT),
        "--profiles-dir", str(PROJECT),
        "--target", target,
        "--target-path", str(folder),
        "--log-path", str(folder / "logs"),
        "--log-level-file", "info",  # every statement besides is a twentieth of the work, and lies compiled in the folder
        *selection,
    ]  # fmt: skip


def environment(settings: Settings, target: str, run: dict) -> dict[str, str]:
    """The caller's, without what is given to Airflow and to us, and what profiles.yml and the macros read. `run`: see `run_dbt`.

    There are keys and passwords among those, which are none of dbt's business, and it looks through all it has with every line that it
    writes. Only the warehouse gets a password.
    """
    given = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "TOLLGATE_"))} | {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")])),
        "DO_NOT_TRACK": "1",
        "TOLLGATE_RUN": json.dumps(run, sort_keys=True),
        "TOLLGATE_LAKE": str(settings.lake),
    }
    if target == "lake":
        return given | {"TOLLGATE_DUCKDB_TEMP": str(settings.home / "dbt" / "duckdb-temp")}
    # Before the first `make up` there is neither a database nor a password, and the documentation can be made.
    known = target != "docs" or (settings.secrets / "pg_transformer").is_file()
    # An external server's TLS options reach libpq under its own names: PGSSLMODE, PGSSLROOTCERT, ...
    tls = {f"PG{name.upper()}": value for name, value in parse_qsl(settings.external.query) if name.startswith("ssl")}
    return given | tls | {
        "TOLLGATE_PG_HOST": settings.pg_host,
        "TOLLGATE_PG_PORT": str(settings.pg_server_port),
        "TOLLGATE_PG_DATABASE": settings.database,
        "TOLLGATE_PG_USER": settings.role_name("transformer"),
        "TOLLGATE_OFFICE_ZONE": settings.office_zone,
        "DBT_ENV_SECRET_TOLLGATE_PG_PASSWORD": settings.password("transformer") if known else "",
    }


def failures(run_results: dict) -> list[str]:
    """`node: message` of every node that did not succeed, in the order dbt ran them."""
    return [
        f"{result['unique_id']}: {(result['message'] or result['status']).strip()}"
        for result in run_results["results"]
        if result["status"] in ("error", "fail", "runtime error")
    ]


def run_dbt(
    settings: Settings, target: str, command: str, selection: tuple[str, ...] = (), run: dict | None = None, beside: str | None = None
) -> dict:
    """Run dbt in a process of its own and return its run results.

    `run` says what the run is about: `service_date` ('YYYY-MM-DD'), `evidence_days` and `following_days` (lists of such
    dates), `run_at` (ISO 8601 instant), `private_rules` (see `include/decisions/private_rules.py`), `known_at` (as `run_at`: what
    came later is left out) and, for a date judged again, `rule_set` and `ruleset` (dbt_project/macros/run_days.sql). `beside` names
    a workspace of its own, for what may run at the same time. Raises DbtFailed, with the messages of the failing nodes, unless
    dbt ends with 0.
    """
    results = workspace(settings, beside or target) / "run_results.json"
    results.unlink(missing_ok=True)
    started = datetime.now(UTC)
    done = subprocess.run(
        arguments(settings, target, command, selection, beside),
        env=environment(settings, target, run or {}),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    report = json.loads(results.read_text()) if results.exists() else {"results": []}
    if command == "build":
        openlineage.dbt_ran(settings, target, results.parent, run or {}, started, failed=done.returncode != 0)
    if done.returncode != 0:
        reasons = failures(report) or [done.stdout[-4000:].strip()]
        raise DbtFailed(f"dbt {command} --target {target} failed:\n" + "\n".join(reasons))
    return report


def manifest(settings: Settings, name: str) -> dict:
    """The manifest that the last run in a workspace wrote."""
    return json.loads((workspace(settings, name) / "manifest.json").read_text())


def seed(name: str) -> list[dict[str, str]]:
    """The rows of a seed as the repository has them, in its order and with its columns."""
    with (PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
