"""A PostgreSQL server that is not ours: all that is known of it is its owner's URL."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from urllib.parse import quote

import psycopg
import pytest
from psycopg import errors, sql
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from include.platform import PlatformError, airflow, lifecycle, migrations, postgres
from include.settings import ROLES, Settings
from tests.running import another

OWNER, PASSWORD = 'Risk "owner"', "p@ss/w%rd: ?#"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Somebody else's server, with a role that may create roles and databases and is no superuser."""
    theirs = another(tmp_path_factory.mktemp("theirs"))
    postgres.start(theirs)
    with postgres.superuser_connection(theirs) as connection:
        create = "create role {} login createdb createrole password {}"
        connection.execute(sql.SQL(create).format(sql.Identifier(OWNER), sql.Literal(PASSWORD)))
    yield theirs
    postgres.stop(theirs)


def url(server: Settings, database: str) -> str:
    login = f"{quote(OWNER, safe='')}:{quote(PASSWORD, safe='')}"
    return f"postgresql://{login}@127.0.0.1:{server.pg_port}/{quote(database)}?sslmode=prefer&application_name=tollgate"


@pytest.fixture(scope="module")
def ours(server: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation on that server, in a database that was not there before."""
    settings = another(tmp_path_factory.mktemp("ours"), TOLLGATE_WAREHOUSE_URL=url(server, "Risk marts"))
    lifecycle.warehouse_up(settings, say=lambda _: None)
    return settings


def test_everything_is_there_and_nothing_is_ours_to_run(ours: Settings):
    assert not postgres.folder(ours).exists()
    with psycopg.connect(ours.url("owner")) as connection:
        assert connection.execute("select current_database(), current_user").fetchone() == ("Risk marts", OWNER)
        assert set(migrations.recorded(connection)) == set(migrations.read(migrations.FOLDER))
        assert connection.execute("show application_name").fetchone() == ("tollgate",)


def test_a_second_time_is_harmless(ours: Settings):
    said = []
    lifecycle.warehouse_up(ours, say=said.append)
    assert said == []


@pytest.mark.parametrize("role", ROLES)
def test_every_role_connects(ours: Settings, role: str):
    with psycopg.connect(ours.url(role)) as connection:
        assert connection.execute("select current_user, current_database()").fetchone() == (ours.role_name(role), "Risk marts")


def test_the_roles_have_what_they_need_and_no_more(ours: Settings):
    with psycopg.connect(ours.url("recommender"), autocommit=True) as connection:
        entry = '[{"entry_type": "gate", "actor": "a", "payload": {}}]'
        assert connection.execute("select decisions.append(%s, now())", [entry]).fetchone() == (1,)
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("insert into decisions.ledger select * from decisions.ledger")
    with psycopg.connect(ours.url("transformer")) as connection:
        connection.execute("create table marts.built as select 1 as id")
    with psycopg.connect(ours.url("auditor")) as connection:
        assert connection.execute("select id from marts.built").fetchone() == (1,)
        assert connection.execute("select count(*) from decisions.first_broken_entry()").fetchone() == (0,)


def test_a_database_that_is_there_is_taken(server: Settings, ours: Settings, tmp_path_factory: pytest.TempPathFactory):
    with postgres.superuser_connection(server) as connection:
        connection.execute(sql.SQL("create database ready owner {}").format(sql.Identifier(OWNER)))
        connection.execute("revoke connect on database postgres from public")
    # The server's roles are the same, so their secrets have to be.
    home = tmp_path_factory.mktemp("second")
    (home / "secrets").symlink_to(ours.secrets)
    second = another(home, TOLLGATE_WAREHOUSE_URL=url(server, "ready"))
    lifecycle.warehouse_up(second, say=lambda _: None)
    with psycopg.connect(second.url("loader")) as connection:
        assert connection.execute("select current_database(), count(*) from ops.file_receipts").fetchone() == ("ready", 0)


def test_its_state_is_seen_without_the_owners_password(ours: Settings, server: Settings):
    """In a deployment, only the migration knows it."""
    login = quote(OWNER, safe="")
    limited = another(ours.home, TOLLGATE_WAREHOUSE_URL=f"postgresql://{login}@127.0.0.1:{server.pg_port}/Risk%20marts")
    assert lifecycle.database_status(limited).startswith("healthy, PostgreSQL ")
    assert lifecycle.migration_status(limited).startswith("up to date")


def test_down_leaves_it_running_and_ends_an_embedded_one_from_before(ours: Settings, server: Settings):
    postgres.start(dataclasses.replace(ours, warehouse_url=""))
    lifecycle.down(ours, say=lambda _: None)
    assert postgres.processes(ours) == []
    assert postgres.running_port(server) == server.pg_port
    assert lifecycle.database_status(ours).startswith("healthy")


def test_airflows_asynchronous_sessions_connect(ours: Settings):
    """The options of the warehouse's URL are libpq's; asyncpg refuses those that it does not know."""

    async def ask(url: str) -> tuple:
        engine = create_async_engine(url)
        async with engine.connect() as connection:
            found = (await connection.execute(text("select current_user, current_database()"))).one()
        await engine.dispose()
        return tuple(found)

    environ = airflow.environment(ours, airflow.load_secrets(ours))
    assert asyncio.run(ask(environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"])) == ("tollgate_airflow", "tollgate_airflow")


def test_a_wrong_password_is_told(server: Settings, tmp_path_factory: pytest.TempPathFactory):
    wrong = url(server, "Risk marts").replace(quote(PASSWORD, safe=""), "wrong")
    settings = another(tmp_path_factory.mktemp("wrong"), TOLLGATE_WAREHOUSE_URL=wrong)
    with pytest.raises(PlatformError, match=f"warehouse at 127.0.0.1:{server.pg_port} .*password authentication failed"):
        lifecycle.warehouse_up(settings, say=lambda _: None)
