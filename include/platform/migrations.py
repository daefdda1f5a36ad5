"""The warehouse's migrations: `migrations/NNNN_name.sql`, applied in order, once, by the owner."""

from __future__ import annotations

import hashlib
from pathlib import Path

import psycopg

from include.platform import PlatformError
from include.settings import Settings

FOLDER = Path(__file__).parent / "migrations"

RECORD = """
create table if not exists ops.schema_migrations (
    name text primary key,
    sha256 text not null,
    applied_at timestamptz not null default clock_timestamp()
)
"""


def apply(settings: Settings, folder: Path = FOLDER) -> list[str]:
    """Applies what is new, each file in a transaction of its own; returns the names of the files applied.

    Safe to run from several places at once. The first file creates the schema `ops`, in which applied files are recorded.
    Errors: PlatformError when an applied file was changed or is gone, or when a file fails (it then leaves nothing behind).
    """
    files = read(folder)
    applied = []
    # Autocommit, or reading what is recorded would open one transaction around all files.
    with psycopg.connect(settings.url("owner"), connect_timeout=10, autocommit=True) as connection:
        refuse_unknown(set(recorded(connection)) - set(files))
        for name, text in files.items():
            with connection.transaction():
                connection.execute("select pg_advisory_xact_lock(hashtext('tollgate.schema_migrations'))")
                digest = hashlib.sha256(text.encode()).hexdigest()
                known = recorded(connection).get(name)
                if known == digest:
                    continue
                if known:
                    raise PlatformError(f"migration {name} was changed after it was applied: restore it, and put the change in a new file")
                try:
                    connection.execute(text)
                except psycopg.Error as error:
                    raise PlatformError(f"migration {name} failed: {error}") from error
                connection.execute(RECORD)
                connection.execute("insert into ops.schema_migrations (name, sha256) values (%s, %s)", [name, digest])
                applied.append(name)
    return applied


def read(folder: Path) -> dict[str, str]:
    """Migration files in their order: name -> text."""
    return {path.name: path.read_text() for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))}


def recorded(connection: psycopg.Connection) -> dict[str, str]:
    """Applied migrations: name -> SHA-256 of the file's text."""
    if connection.execute("select to_regclass('ops.schema_migrations')").fetchone() == (None,):
        return {}
    return dict(connection.execute("select name, sha256 from ops.schema_migrations").fetchall())


def refuse_unknown(names: set[str]) -> None:
    if names:
        raise PlatformError(f"the warehouse was made by a newer version: this one does not know {', '.join(sorted(names))}")
