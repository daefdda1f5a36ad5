"""Databases, roles and their passwords: the part of the warehouse that must exist before the first migration."""

from __future__ import annotations

import psycopg
from psycopg import sql

from include.platform import postgres
from include.platform.secrets import secret
from include.settings import ROLES, Settings

AIRFLOW = "tollgate_airflow"
"""Airflow's metadata: the name of its database and of the role that owns it. Secret `pg_airflow`."""


def prepare(settings: Settings) -> None:
    """Creates what is missing and sets every password to its secret file's, so that a lost or changed file heals.

    On an external server all of it is done by the owner, who needs CREATEROLE and CREATEDB.
    """
    if settings.embedded:
        with postgres.superuser_connection(settings) as connection:
            prepare_owner(connection, settings)
    with owner_connection(settings, maintenance_database(settings)) as connection:
        for role in ROLES:
            if role != "owner":
                prepare_role(connection, settings.role_name(role), secret(settings, f"pg_{role}"))
        prepare_role(connection, AIRFLOW, secret(settings, "pg_airflow"))
        # Airflow's sessions that a killed component left open would hold row locks, and its runs would stand still.
        connection.execute(sql.SQL("alter role {} set idle_in_transaction_session_timeout = '5min'").format(sql.Identifier(AIRFLOW)))
        create_database(connection, settings.database, settings.role_name("owner"))
        create_database(connection, AIRFLOW, AIRFLOW)
        grant(connection, "connect", settings.database, [settings.role_name(role) for role in ROLES if role != "owner"])
        # dbt and the checks keep intermediate results in temporary tables; the others make none.
        grant(connection, "temporary", settings.database, [settings.role_name(role) for role in ("transformer", "recommender")])
        grant(connection, "connect, temporary", AIRFLOW, [AIRFLOW])
    with owner_connection(settings, settings.database) as connection:
        connection.execute("revoke all on schema public from public")


def prepare_owner(connection: psycopg.Connection, settings: Settings) -> None:
    owner = settings.role_name("owner")
    create_role(connection, owner, "login createdb createrole", secret(settings, "pg_owner"))
    connection.execute("revoke all on database postgres, template1 from public")
    grant(connection, "connect", "postgres", [owner])


def prepare_role(connection: psycopg.Connection, name: str, password: str) -> None:
    create_role(connection, name, "login", password)
    # The owner makes schemas and default privileges in the name of the roles it created.
    connection.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(name)))


def create_role(connection: psycopg.Connection, name: str, options: str, password: str) -> None:
    identifier = sql.Identifier(name)
    if not connection.execute("select from pg_roles where rolname = %s", [name]).rowcount:
        connection.execute(sql.SQL("create role {} " + options).format(identifier))
    # Hashed here: the password itself travels nowhere and stands in no server log.
    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    connection.execute(sql.SQL("alter role {} login password {}").format(identifier, sql.Literal(verifier)))


def create_database(connection: psycopg.Connection, name: str, owner: str) -> None:
    identifier = sql.Identifier(name)
    if not connection.execute("select from pg_database where datname = %s", [name]).rowcount:
        create = sql.SQL("create database {} owner {} template template0 encoding 'UTF8'")
        connection.execute(create.format(identifier, sql.Identifier(owner)))
    connection.execute(sql.SQL("alter database {} set timezone = 'UTC'").format(identifier))


def grant(connection: psycopg.Connection, privileges: str, database: str, roles: list[str]) -> None:
    """`roles` get `privileges` on `database`; PUBLIC has none."""
    names = sql.SQL(", ").join(map(sql.Identifier, roles))
    connection.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(database)))
    connection.execute(sql.SQL("grant " + privileges + " on database {} to {}").format(sql.Identifier(database), names))


def maintenance_database(settings: Settings) -> str:
    """A database that is there before ours is: an external server's URL may name one that is still to be created."""
    return "postgres" if settings.embedded or not exists(settings) else settings.database


def exists(settings: Settings) -> bool:
    try:
        owner_connection(settings, settings.database).close()
    except psycopg.OperationalError as error:
        if "does not exist" not in str(error):
            raise
        return False
    return True


def owner_connection(settings: Settings, database: str) -> psycopg.Connection:
    return psycopg.connect(settings.url("owner", database=database), autocommit=True, connect_timeout=10)
