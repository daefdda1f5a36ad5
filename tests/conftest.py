"""Installations for tests: real ones, each with a home, ports and a PostgreSQL of its own."""

from __future__ import annotations

import functools
import itertools
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from include import settings as installations
from include.platform import lifecycle, postgres
from include.settings import Settings

pytest_plugins = ["processed_world"]


TESTS = Path(__file__).parent

LONGEST = ("pipeline/test_whole_days.py", "decisions/", "lake/", "platform/", "dbt/")


@functools.cache
def looks_at_the_processed_world(module: str) -> bool:
    return "processed_world" in (TESTS.parent / module).read_text(encoding="utf-8")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules first, or one worker is still at one of them when the other has nothing left to do."""

    def rank(item: pytest.Item) -> int:
        module = item.nodeid.split("::")[0]
        if looks_at_the_processed_world(module):
            return 1
        return next((place for place, longest in enumerate(LONGEST) if module.startswith(f"tests/{longest}")), len(LONGEST))

    items.sort(key=rank)


class OneWorld(LoadScopeScheduling):
    """A module is one worker's; so are all that look at the processed world, which takes a minute to make."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.split("::")[0]
        return "the processed world" if looks_at_the_processed_world(module) else module


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return OneWorld(config, log)


# Test processes side by side take their ports from ranges of their own, below those the system gives to clients.
PORTS = itertools.count(20_000 + 1_000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")))


def free_port() -> int:
    """A port on 127.0.0.1 that nothing listens on and no other test gets."""
    return next(port for port in PORTS if is_free(port))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture(scope="session")
def ports() -> tuple[int, int]:
    """Of the one installation that a test process has at a time: PostgreSQL's and Airflow's."""
    return free_port(), free_port()


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, ports: tuple[int, int]) -> Iterator[Settings]:
    """An empty installation, which is also what `settings.load()` finds. Nothing of it runs.

    Each lies where the one before it lay, which is moved aside, and has its ports and its dbt's parsed project: dbt parses for
    some ten seconds whenever a folder or a port is another.
    """
    home = tmp_path_factory.getbasetemp() / "tollgate"
    parsed = [(path.relative_to(home), path.read_bytes()) for path in home.glob("dbt/*/partial_parse.msgpack")]
    if home.exists():
        home.rename(tmp_path_factory.mktemp("tollgate-before") / home.name)
    home.mkdir(mode=0o700)
    for path, content in parsed:
        (home / path).parent.mkdir(parents=True)
        (home / path).write_bytes(content)
    with pytest.MonkeyPatch.context() as environ:
        for name, value in {
            "TOLLGATE_HOME": home,
            "TOLLGATE_LANDING": home / "landing",
            "TOLLGATE_LAKE": home / "lake",
            "TOLLGATE_WAREHOUSE_URL": "",
            "TOLLGATE_PG_PORT": ports[0],
            "TOLLGATE_AIRFLOW_PORT": ports[1],
        }.items():
            environ.setenv(name, str(value))
        yield installations.load()


@pytest.fixture(scope="module")
def warehouse(installation: Settings) -> Iterator[Settings]:
    """The installation with its PostgreSQL running: roles and migrations in place, all tables empty. Ends with the module."""
    lifecycle.warehouse_up(installation, say=lambda _: None)
    yield installation
    postgres.stop(installation)
