"""Two days of the demo world, processed once per session by the stages that the DAGs call, and put back after every damage."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from include import settings as installations
from include import stages
from include.demo.world import Expected, write_world
from include.ingest import load
from include.platform import lifecycle, postgres
from include.settings import Settings

MONDAY = date(2026, 11, 16)
TUESDAY = MONDAY + timedelta(days=1)
WEDNESDAY = MONDAY + timedelta(days=2)
"""In the world's folder there is nothing of Wednesday: a day on which no feed has brought a thing."""


def receipt(
    kind: str, feed: str, path: str, state: str = "loaded", read: int = 0, accepted: int = 0, rejected: int = 0, duplicate: int = 0
) -> str:
    """An insert of a receipt that no file stands behind."""
    digest = hashlib.sha256(path.encode()).hexdigest()
    return f"""
    insert into ops.file_receipts
    values ('{digest}', '{path}', '{kind}', '{feed}', {read}, {accepted}, {rejected}, {duplicate}, '{state}', 'why', '{{}}', now())
    """


class ProcessedWorld:
    """The world with its answers; `days` were loaded, built, judged and appended. `restore` makes every change undone."""

    days = (MONDAY, TUESDAY)

    def __init__(self, home: Path, ports: tuple[int, int]):
        self.environ = {
            "TOLLGATE_HOME": str(home),
            "TOLLGATE_LANDING": str(home / "landing"),
            "TOLLGATE_LAKE": str(home / "lake"),
            "TOLLGATE_WAREHOUSE_URL": "",
            "TOLLGATE_PG_PORT": str(ports[0]),
            "TOLLGATE_AIRFLOW_PORT": str(ports[1]),
        }
        self.settings: Settings = installations.load(self.environ)
        self.kept_lake = home / "kept_lake"
        self.expected: Expected = write_world(self.settings.landing, first_day=MONDAY, days=2, attempts=20_000, seed=7)

    @contextmanager
    def as_the_installation(self) -> Iterator[ProcessedWorld]:
        """While this lasts, `settings.load()` finds this world."""
        with pytest.MonkeyPatch.context() as environ:
            for name, value in self.environ.items():
                environ.setenv(name, value)
            yield self

    def process(self) -> None:
        for kind in load.KINDS:
            stages.load_new_files(kind, MONDAY)
        for day in self.days:
            self.build(day, f"first__{day}")
            self.judge(day, f"first__{day}")

    def build(self, day: date, run: str) -> str:
        """What `build_risk_marts` does; returns the first gate's outcome."""
        stages.build_lake(day)
        return self.build_marts(day, run)

    def build_marts(self, day: date, run: str) -> str:
        """The same where the lake is as it was when the day was last built."""
        outcome = stages.check_arriving_data(day, run)
        stages.build_marts(day, run)
        return outcome

    def judge(self, day: date, run: str) -> int:
        """What `recommend_suspensions` does; returns how many entries it appended."""
        return stages.append_recommendations([date.fromisoformat(passed) for passed in stages.check_marts(day, run)], run)

    def keep(self) -> None:
        self.copy_database("tollgate", "kept")
        shutil.copytree(self.settings.lake, self.kept_lake)

    def restore(self) -> None:
        """Database and lake as they were when the world had been processed."""
        self.copy_database("kept", "tollgate")
        lifecycle.warehouse_up(self.settings, say=lambda _: None)  # a copied database has none of the grants to connect
        shutil.rmtree(self.settings.lake)
        shutil.copytree(self.kept_lake, self.settings.lake)

    def copy_database(self, source: str, target: str) -> None:
        with postgres.superuser_connection(self.settings) as connection:
            connection.autocommit = True
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (source,))
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(target)))
            copied = sql.SQL("create database {} template {} owner {}")
            owner = self.settings.role_name("owner")
            connection.execute(copied.format(*map(sql.Identifier, (target, source, owner))))

    def rows(self, query: str, **given: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.settings.url("auditor"), row_factory=dict_row) as connection:
            return connection.execute(query, given).fetchall()

    def damage(self, *statements: str) -> None:
        """Change rows as the superuser, whom no grant holds back; each statement must hit something."""
        login = self.settings.url_of(postgres.SUPERUSER, (self.settings.secrets / "pg_superuser").read_text().strip(), "tollgate")
        with psycopg.connect(login) as connection:
            connection.execute("set session_replication_role = replica")  # triggers rest
            for statement in statements:
                assert connection.execute(statement).rowcount, statement

    def tamper(self, *statements: str) -> None:
        """The same with the ledger, whose own triggers rest for nobody unless they are disabled."""
        triggers = [f"alter table decisions.ledger enable always trigger {name}" for name in ("ledger_is_append_only", "ledger_is_a_chain")]
        login = self.settings.url_of(postgres.SUPERUSER, (self.settings.secrets / "pg_superuser").read_text().strip(), "tollgate")
        with psycopg.connect(login) as connection:
            connection.execute("alter table decisions.ledger disable trigger all")
            for statement in statements:
                assert connection.execute(statement).rowcount, statement
            for trigger in triggers:
                connection.execute(trigger)

    def verdict(self, day: date, party_id: str) -> dict[str, Any]:
        """What the ledger says of a party on a day: its newest entry."""
        found = self.rows(
            "select * from decisions.ledger where entry_type = 'recommendation' and service_date = %(day)s and party_id = %(party_id)s"
            " order by entry_id desc limit 1",
            day=day, party_id=party_id,
        )  # fmt: skip
        return found[0]


@pytest.fixture(scope="session")
def world_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessedWorld]:
    from conftest import free_port

    world = ProcessedWorld(tmp_path_factory.mktemp("processed"), (free_port(), free_port()))
    lifecycle.warehouse_up(world.settings, say=lambda _: None)
    try:
        with world.as_the_installation():
            world.process()
        world.keep()
        yield world
    finally:
        postgres.stop(world.settings)


@pytest.fixture(scope="module")
def processed_world(world_of_the_session: ProcessedWorld) -> Iterator[ProcessedWorld]:
    """The processed world, to be read only."""
    with world_of_the_session.as_the_installation():
        yield world_of_the_session


@pytest.fixture
def own_world(processed_world: ProcessedWorld) -> Iterator[ProcessedWorld]:
    """The processed world, to be changed: afterwards it is put back."""
    yield processed_world
    processed_world.restore()
