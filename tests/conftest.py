"""Installations for tests: real ones, each with a home, ports and a PostgreSQL of its own."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator

import pytest

from include import settings as installations
from include.platform import lifecycle, postgres
from include.settings import Settings

pytest_plugins = ["processed_world"]


LONGEST = ("pipeline/test_whole_days.py", "decisions/test_notices.py", "lake/", "platform/", "dbt/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules first, or one worker is still at one of them when the other has nothing left to do."""

    def rank(item: pytest.Item) -> int:
        return next((place for place, module in enumerate(LONGEST) if item.nodeid.startswith(f"tests/{module}")), len(LONGEST))

    items.sort(key=rank)


# Test processes side by side take their ports from ranges of their own, below those the system gives to clients.
PORTS = itertools.count(20_000 + 1_000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")))


def free_port() -> int:
    """A port on 127.0.0.1 that nothing listens on and no other test gets."""
    return next(port for port in PORTS if is_free(port))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An empty installation, which is also what `settings.load()` finds. Nothing of it runs."""
    home = tmp_path_factory.mktemp("tollgate")
    with pytest.MonkeyPatch.context() as environ:
        for name, value in {
            "TOLLGATE_HOME": home,
            "TOLLGATE_LANDING": home / "landing",
            "TOLLGATE_LAKE": home / "lake",
            "TOLLGATE_WAREHOUSE_URL": "",
            "TOLLGATE_PG_PORT": free_port(),
            "TOLLGATE_AIRFLOW_PORT": free_port(),
        }.items():
            environ.setenv(name, str(value))
        yield installations.load()


@pytest.fixture(scope="module")
def warehouse(installation: Settings) -> Iterator[Settings]:
    """The installation with its PostgreSQL running: roles and migrations in place, all tables empty. Ends with the module."""
    lifecycle.warehouse_up(installation, say=lambda _: None)
    yield installation
    postgres.stop(installation)
