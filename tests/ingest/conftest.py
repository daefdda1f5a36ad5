"""A desk for each test: a landing folder and a lake of its own, before one PostgreSQL that all tests of this folder share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from include import settings as installations
from include.platform import lifecycle, postgres
from include.settings import Settings
from tests.conftest import free_port
from tests.ingest.desk import Desk


@pytest.fixture(scope="package")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A running embedded PostgreSQL with roles and migrations, started once: a server per module would take most of the time."""
    home = tmp_path_factory.mktemp("ingest")
    settings = installations.load(
        {"TOLLGATE_HOME": str(home), "TOLLGATE_PG_PORT": str(free_port()), "TOLLGATE_AIRFLOW_PORT": str(free_port())}
    )
    lifecycle.warehouse_up(settings, say=lambda _: None)
    yield settings
    postgres.stop(settings)


@pytest.fixture(scope="package")
def connection(warehouse: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(warehouse.url("owner"), autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture
def desk(warehouse: Settings, connection: psycopg.Connection, tmp_path: Path) -> Desk:
    """Nothing in the landing folder, nothing in the lake, no receipts, no declarations but the built-in ones."""
    shutil.rmtree(warehouse.home / "feeds", ignore_errors=True)
    # Quotes in the paths: whatever puts a path into SQL has to escape it.
    fresh = Desk(replace(warehouse, landing=tmp_path / "o'clock" / "landing", lake=tmp_path / "o'clock" / "lake"), connection)
    fresh.clear()
    return fresh
