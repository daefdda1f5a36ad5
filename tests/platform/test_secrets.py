"""Generated secrets: who may read them, when they change, and what a lost one costs."""

from __future__ import annotations

import stat
from pathlib import Path

import psycopg
import pytest

from include.platform import airflow, postgres, roles
from include.platform.secrets import secret
from include.settings import ROLES, Settings, load


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"TOLLGATE_HOME": str(tmp_path / "home")})


def test_only_the_owner_may_read(settings: Settings):
    secret(settings, "one")
    assert mode(settings.secrets) == 0o700
    assert mode(settings.secrets / "one") == 0o600


def test_loose_modes_are_put_right(settings: Settings):
    secret(settings, "one")
    settings.secrets.chmod(0o755)
    (settings.secrets / "one").chmod(0o644)
    secret(settings, "one")
    assert (mode(settings.secrets), mode(settings.secrets / "one")) == (0o700, 0o600)


def test_generated_once(settings: Settings):
    first = secret(settings, "one")
    assert secret(settings, "one") == first
    assert secret(settings, "two") != first
    assert sorted(path.name for path in settings.secrets.iterdir()) == ["one", "two"]


def test_a_given_secret_is_kept(settings: Settings):
    settings.secrets.mkdir(parents=True)
    (settings.secrets / "one").write_text("chosen by a person\n")
    assert secret(settings, "one") == "chosen by a person"


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_file_is_no_secret(settings: Settings, content: str):
    settings.secrets.mkdir(parents=True)
    (settings.secrets / "one").write_text(content)
    assert len(secret(settings, "one")) >= 32


def test_airflows_secrets_stay_the_same(settings: Settings):
    first = airflow.load_secrets(settings)
    assert airflow.load_secrets(settings) == first
    assert all(first.values()) and len(set(first.values())) == len(first)
    assert {airflow.password(settings, user) for user in airflow.users(settings)}.isdisjoint({""})


def connects(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        assert "password authentication failed" in str(error)
        return False
    return True


def test_every_role_logs_in_with_its_secret_and_with_nothing_else(warehouse: Settings):
    for role in ROLES:
        assert connects(warehouse.url(role))
        wrong = warehouse.url_of(warehouse.role_name(role), "wrong", warehouse.database)
        assert not connects(wrong)


def test_a_lost_secret_heals(warehouse: Settings):
    """The passwords of all roles are set again to what the files say, new ones included."""
    before = {role: warehouse.url(role) for role in ROLES}
    for role in ("owner", "bi_reader"):
        (warehouse.secrets / f"pg_{role}").unlink()
    roles.prepare(warehouse)
    for role in ROLES:
        assert connects(warehouse.url(role))
        assert connects(before[role]) == (role not in ("owner", "bi_reader"))


def test_a_lost_superuser_secret_heals(warehouse: Settings):
    (warehouse.secrets / "pg_superuser").unlink()
    roles.prepare(warehouse)
    with postgres.superuser_connection(warehouse) as connection:
        assert connection.execute("select current_user, current_setting('is_superuser')").fetchone() == ("postgres", "on")
    assert connects(warehouse.url("loader"))
