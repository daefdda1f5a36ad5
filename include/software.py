"""Which software makes a recommendation: told with each one, so that it can be made again with the same."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import version

import psycopg

from include.settings import REPOSITORY

SOURCES = ("include", "dags", "dbt_project", "expectations")
KINDS = {".py", ".sql", ".yml", ".yaml", ".csv"}
LIBRARIES = {"dbt": "dbt-core", "DuckDB": "duckdb", "Great Expectations": "great_expectations", "Airflow": "apache-airflow"}


def versions(connection: psycopg.Connection) -> dict[str, str]:
    """Versions by name. Tollgate's is a hash of its sources, which a deployment has and a history of them it has not."""
    libraries = {name: version(distribution) for name, distribution in LIBRARIES.items()}
    server = connection.info.parameter_status("server_version") or ""
    return {"Tollgate": sources(), "Python": platform.python_version(), **libraries, "PostgreSQL": server}


@cache
def sources() -> str:
    """SHA-256 over the paths and contents of all that judges."""
    found = sorted(path for folder in SOURCES for path in (REPOSITORY / folder).rglob("*") if path.suffix in KINDS and path.is_file())
    together = hashlib.sha256()
    for path in found:
        together.update(f"{path.relative_to(REPOSITORY).as_posix()}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return together.hexdigest()
