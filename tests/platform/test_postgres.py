"""The embedded server: started, stopped, killed and started again."""

from __future__ import annotations

import dataclasses
import os
import pwd
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from include.platform import PlatformError, postgres
from include.settings import Settings
from tests.conftest import free_port
from tests.running import another, eventually, listens, processes_of


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return another(tmp_path_factory.mktemp("server"))


@pytest.fixture
def server(home: Settings) -> Iterator[Settings]:
    """A running server; the tests of this module share its data."""
    postgres.start(home)
    yield home
    postgres.stop(home)


def postmaster(settings: Settings) -> int:
    return int((postgres.data(settings) / "postmaster.pid").read_text().splitlines()[0])


def write(settings: Settings, word: str) -> None:
    with postgres.superuser_connection(settings) as connection:
        connection.execute("create table if not exists words (word text primary key)")
        connection.execute("insert into words values (%s)", [word])


def words(settings: Settings) -> set[str]:
    with postgres.superuser_connection(settings) as connection:
        return {row[0] for row in connection.execute("select word from words")}


def test_starting_twice_is_harmless(server: Settings):
    first = postmaster(server)
    postgres.start(server)
    assert postmaster(server) == first
    assert postgres.running_port(server) == server.pg_port


def test_stop_leaves_no_process_and_a_free_port(server: Settings):
    assert processes_of(server)
    postgres.stop(server)
    assert processes_of(server) == []
    assert not listens(server.pg_port)
    assert postgres.running_port(server) is None


def test_stopping_twice_is_harmless(server: Settings):
    postgres.stop(server)
    postgres.stop(server)
    assert processes_of(server) == []


def test_stopping_what_never_was_is_harmless(tmp_path: Path):
    postgres.stop(another(tmp_path / "never"))
    assert not (tmp_path / "never").exists()


def test_data_survive_a_restart(server: Settings):
    write(server, "restart")
    postgres.stop(server)
    postgres.start(server)
    assert "restart" in words(server)


def test_an_open_transaction_does_not_keep_it_from_stopping(server: Settings):
    write(server, "committed")
    with postgres.superuser_connection(server) as connection:
        connection.autocommit = False
        connection.execute("insert into words values ('uncommitted')")
        postgres.stop(server)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    postgres.start(server)
    assert "committed" in words(server)
    assert "uncommitted" not in words(server)


@pytest.mark.parametrize("written", ["a pid that no process has", "the pid of another program"])
def test_a_stale_pid_file_is_recovered(server: Settings, written: str):
    write(server, written)
    file = postgres.data(server) / "postmaster.pid"
    lines = file.read_text().splitlines()
    postgres.stop(server)
    lines[0] = str(os.getpid()) if "another" in written else str(max(psutil.pids()) + 100_000)
    file.write_text("\n".join(lines) + "\n")
    assert postgres.running_port(server) is None
    postgres.start(server)
    assert written in words(server)


def test_an_empty_pid_file_is_recovered(server: Settings):
    """What a power cut leaves of it."""
    postgres.stop(server)
    (postgres.data(server) / "postmaster.pid").write_text("")
    postgres.start(server)
    assert postgres.running_port(server) == server.pg_port


def test_a_killed_postmaster_is_recovered(server: Settings):
    write(server, "killed")
    killed = psutil.Process(postmaster(server))
    killed.kill()
    eventually(lambda: not killed.is_running() or killed.status() == psutil.STATUS_ZOMBIE, "the postmaster is dead")
    postgres.start(server)
    assert postmaster(server) != killed.pid
    assert "killed" in words(server)


def test_a_killed_postmaster_can_be_stopped(server: Settings):
    """Its children outlive it for a while; they go too."""
    psutil.Process(postmaster(server)).kill()
    postgres.stop(server)
    assert processes_of(server) == []


def test_a_taken_port_is_named_with_its_setting(home: Settings):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", home.pg_port))
        other.listen()
        with pytest.raises(PlatformError, match=f"port {home.pg_port} .*PostgreSQL.* in use .*TOLLGATE_PG_PORT"):
            postgres.start(home)
    assert processes_of(home) == []
    postgres.start(home)
    postgres.stop(home)


def test_another_port_moves_the_server(server: Settings):
    write(server, "moved")
    moved = dataclasses.replace(server, pg_port=free_port())
    postgres.start(moved)
    assert not listens(server.pg_port)
    assert postgres.running_port(server) == moved.pg_port
    assert "moved" in words(moved)


def test_an_interrupted_creation_is_begun_again(tmp_path: Path):
    settings = another(tmp_path / "half")
    draft = postgres.folder(settings) / "data.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    postgres.start(settings)
    try:
        with postgres.superuser_connection(settings) as connection:
            assert connection.execute("show server_encoding").fetchone() == ("UTF8",)
    finally:
        postgres.stop(settings)
    assert not draft.exists()


def test_it_listens_on_this_machine_alone_and_asks_for_a_password(server: Settings):
    [process] = [p for p in postgres.processes(server) if p.pid == postmaster(server)]
    assert {c.laddr.ip for c in process.net_connections() if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(host="127.0.0.1", port=server.pg_port, user="postgres", dbname="postgres", password="", passfile="/dev/null")


def test_durability_is_on(server: Settings):
    with postgres.superuser_connection(server) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"show {name}").fetchone() == ("on",), name
        assert connection.execute("show timezone").fetchone() == ("UTC",)


def test_the_data_folder_is_private(server: Settings):
    assert stat.S_IMODE(postgres.data(server).stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as another user")
def test_root_runs_it_as_a_user_without_rights(server: Settings):
    for process in postgres.processes(server):
        assert process.uids().effective == pwd.getpwnam(postgres.OS_USER).pw_uid
        status = Path(f"/proc/{process.pid}/status").read_text()
        bits = int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), 16)
        assert bits in {1 << bit for bit in postgres.PASSAGE_CAPABILITIES.values()}


@pytest.mark.skipif(os.geteuid() != 0, reason="root's own folders are root's")
def test_root_may_keep_it_where_only_root_can_go(tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    settings = another(closed / "home")
    postgres.start(settings)
    try:
        assert postgres.running_port(settings) == settings.pg_port
    finally:
        postgres.stop(settings)
