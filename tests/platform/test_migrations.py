"""Migrations: each once, in order, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from include.platform import PlatformError, migrations, postgres, roles
from include.settings import Settings
from tests.running import another


@pytest.fixture
def folder(warehouse: Settings, tmp_path: Path) -> Iterator[Path]:
    """The real migrations, all applied, in a folder to add to. What a test adds is undone in the warehouse, too."""
    for name, text in migrations.read(migrations.FOLDER).items():
        (tmp_path / name).write_text(text)
    yield tmp_path
    with psycopg.connect(warehouse.url("owner")) as connection:
        connection.execute("drop schema if exists sample cascade")
        connection.execute("delete from ops.schema_migrations where not name = any(%s)", [list(migrations.read(migrations.FOLDER))])


def recorded(settings: Settings) -> list[str]:
    with psycopg.connect(settings.url("owner")) as connection:
        return [row[0] for row in connection.execute("select name from ops.schema_migrations order by applied_at")]


def exists(settings: Settings, relation: str) -> bool:
    with psycopg.connect(settings.url("owner")) as connection:
        return connection.execute("select to_regclass(%s) is not null", [relation]).fetchone()[0]


def test_all_were_applied_in_order(warehouse: Settings):
    names = [path.name for path in sorted(migrations.FOLDER.glob("*.sql"))]
    assert len(names) >= 4
    assert recorded(warehouse) == names


def test_a_second_run_applies_nothing(warehouse: Settings):
    before = recorded(warehouse)
    assert migrations.apply(warehouse) == []
    assert recorded(warehouse) == before


def test_only_new_files_are_applied_and_in_the_order_of_their_numbers(warehouse: Settings, folder: Path):
    (folder / "0101_table.sql").write_text("create table sample.second (id integer references sample.first)")
    (folder / "0100_schema.sql").write_text("create schema sample; create table sample.first (id integer primary key)")
    (folder / "notes.sql").write_text("this is not a migration")
    assert migrations.apply(warehouse, folder) == ["0100_schema.sql", "0101_table.sql"]
    assert exists(warehouse, "sample.second")
    assert migrations.apply(warehouse, folder) == []


def test_a_changed_file_is_refused(warehouse: Settings, folder: Path):
    first = min(folder.glob("*.sql"))
    first.write_text(first.read_text() + "\n-- an afterthought\n")
    (folder / "0100_schema.sql").write_text("create schema sample; create table sample.first (id integer)")
    with pytest.raises(PlatformError, match=f"{first.name} was changed after it was applied"):
        migrations.apply(warehouse, folder)
    assert not exists(warehouse, "sample.first")


def test_a_failing_file_leaves_nothing_and_can_be_mended(warehouse: Settings, folder: Path):
    (folder / "0100_schema.sql").write_text("create schema sample; create table sample.first (id integer)")
    failing = folder / "0101_table.sql"
    failing.write_text("create table sample.second (id integer); insert into sample.second values ('not a number')")
    with pytest.raises(PlatformError, match="migration 0101_table.sql failed: invalid input syntax for type integer"):
        migrations.apply(warehouse, folder)
    assert exists(warehouse, "sample.first")
    assert not exists(warehouse, "sample.second")
    assert recorded(warehouse)[-1] == "0100_schema.sql"
    failing.write_text("create table sample.second (id integer)")
    assert migrations.apply(warehouse, folder) == ["0101_table.sql"]


def test_a_newer_warehouse_is_refused(warehouse: Settings, folder: Path):
    (folder / "0100_schema.sql").write_text("create schema sample")
    migrations.apply(warehouse, folder)
    with pytest.raises(PlatformError, match="newer version.*0100_schema.sql"):
        migrations.apply(warehouse)


def test_several_at_once_apply_each_file_once(warehouse: Settings, folder: Path):
    (folder / "0100_schema.sql").write_text("create schema sample; create table sample.first (id integer)")
    (folder / "0101_table.sql").write_text("create table sample.second (id integer)")
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(lambda _: migrations.apply(warehouse, folder), range(4)))
    assert sorted(sum(applied, [])) == ["0100_schema.sql", "0101_table.sql"]


def test_a_ledger_of_the_release_before_notices_is_brought_up_with_its_chain_whole(tmp_path_factory: pytest.TempPathFactory):
    """Entries and processed days of then stay as they were, and from then on a notice's steps are appended, each once."""
    before = tmp_path_factory.mktemp("before")
    for name, text in migrations.read(migrations.FOLDER).items():
        if name < "0004":
            (before / name).write_text(text)
    old = another(tmp_path_factory.mktemp("old"))
    postgres.start(old)
    try:
        roles.prepare(old)
        assert len(migrations.apply(old, before)) == 3
        with psycopg.connect(old.url("transformer")) as connection:
            connection.execute("insert into ops.processed_days values ('2026-01-01', '2026-01-02 03:04Z', 'r')")
        given = '[{"entry_type": "recommendation", "actor": "a", "recommendation_id": "R1", "payload": {"case_id": "R1"}}, {"entry_type": "%s", "actor": "a", "payload": {"transition_id": "t 1"}}]'
        with psycopg.connect(old.url("recommender")) as connection:
            connection.execute("select decisions.append(%s, now())", [given % "gate"])
            with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
                connection.execute("select decisions.append(%s, now())", [given % "transition"])
        entries = ledger_of(old)
        assert len(entries) == 2

        assert migrations.apply(old) == [name for name in migrations.read(migrations.FOLDER) if name >= "0004"]
        assert ledger_of(old) == entries
        with psycopg.connect(old.url("recommender")) as connection:
            for _ in range(2):
                connection.execute("select decisions.append(%s, now())", [given % "transition"])
            with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
                connection.execute("select decisions.append(%s, now())", [given % "rumour"])
        assert ledger_of(old)[:2] == entries
        assert [entry[1] for entry in ledger_of(old)[2:]] == ["transition"]
        with psycopg.connect(old.url("auditor")) as connection:
            assert connection.execute("select * from decisions.first_broken_entry()").fetchall() == []
            assert connection.execute("select first_processed_at = processed_at from ops.processed_days").fetchall() == [(True,)]
    finally:
        postgres.stop(old)


def ledger_of(settings: Settings) -> list[tuple]:
    with psycopg.connect(settings.url("auditor")) as connection:
        return connection.execute("select * from decisions.ledger order by entry_id").fetchall()
