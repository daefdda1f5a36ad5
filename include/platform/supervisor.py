"""Keeps Airflow's components running: `python -m include.platform.supervisor`, in the environment they shall have.

Rules, each for a failure that was seen without it:
- The API server answers before the scheduler starts, and stops after it; else tasks that succeeded are marked failed.
- A component that dies takes its whole process group with it: executor processes left behind keep row locks in the
  metadata database, and runs stand still; a log server left behind keeps its port.
- Orphans come to the supervisor (subreaper) and are ended; when the supervisor itself is killed, the kernel tells the
  components to stop (parent-death signal).
- Stopping lets running tasks end first.
- The embedded PostgreSQL is no component, and is started again when it died. While `make up` or `down` is at work, it is theirs.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx
import psutil

from include import settings as installation
from include.platform import PlatformError, airflow, postgres
from include.platform.turns import only_one
from include.settings import Settings

PRELOADED = [sys.executable, "-P", "-m", "include.platform.preloaded"]

# The scheduler last: it is started when the API server answers.
# No log servers: they would listen on every interface, and here the API server reads the log files themselves.
COMPONENTS = {
    "api-server": [airflow.executable(), "api-server"],
    "dag-processor": [*PRELOADED, "dag-processor"],
    "triggerer": [airflow.executable(), "triggerer", "--skip-serve-logs"],
    "scheduler": [*PRELOADED, "scheduler", "--skip-serve-logs"],
}
"""Their commands."""

STOP_ORDER = (("scheduler",), ("triggerer", "dag-processor"), ("api-server",))

LOOK_AT_DATABASE_SECONDS = 2
DRAIN_SECONDS = 300
"""How long running tasks may take to end when the platform stops."""
IDLE_SECONDS = 10
"""How long a scheduler that runs no task may take to end."""

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LIBC = ctypes.CDLL(None)


@dataclass
class State:
    """What the supervisor tells others, in a file."""

    pid: int
    started: float
    """The supervisor's start, seconds since the epoch: with it, a pid used again is not mistaken for ours."""
    sessions: list[tuple[int, float]] = field(default_factory=list)
    """Of its components: each the pid that leads it, and when that started."""

    def running(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def state_file(settings: Settings) -> Path:
    return settings.home / "airflow" / "supervisor.json"


def log_folder(settings: Settings) -> Path:
    return settings.home / "logs"


def read_state(settings: Settings) -> State | None:
    """The last supervisor's state, whether it still runs or not; None where there never was one, or it ended in order."""
    try:
        return State(**json.loads(state_file(settings).read_text()))
    except FileNotFoundError:
        return None


def write_state(settings: Settings, state: State) -> None:
    draft = state_file(settings).with_suffix(".new")
    draft.write_text(json.dumps(asdict(state)))
    draft.replace(state_file(settings))


def left_behind(state: State) -> list[psutil.Process]:
    """Processes of a supervisor's components: same sessions, started after it, and running our Python."""
    python = os.path.realpath(sys.executable)
    sessions = {pid for pid, started in state.sessions if not used_again(pid, started)}
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            if (
                os.getsid(process.pid) in sessions
                and process.create_time() >= state.started - 1
                and process.status() != psutil.STATUS_ZOMBIE
                and os.path.realpath(process.exe()) == python
            ):
                found.append(process)
    return found


def used_again(pid: int, started: float) -> bool:
    """Whether another process has this pid now, after a reboot say: then the session of that number is not ours."""
    try:
        return abs(psutil.Process(pid).create_time() - started) >= 1
    except psutil.NoSuchProcess:
        return False


class Supervisor:
    def __init__(self, settings: Settings):
        self.settings = settings
        self.pids: dict[str, int] = {}
        self.due = dict.fromkeys(COMPONENTS, 0.0)
        """When to start a component that does not run, in seconds of the monotonic clock."""
        self.failures = dict.fromkeys(COMPONENTS, 0)
        self.started_at: dict[str, float] = {}
        self.sessions: dict[str, tuple[int, float]] = {}
        self.stopping = False
        self.database_due = 0.0
        """When to look at the database again, in seconds of the monotonic clock."""
        self.state = State(os.getpid(), psutil.Process().create_time())

    def run(self) -> None:
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.ask_to_stop)
        write_state(self.settings, self.state)
        while not self.stopping:
            for name in self.reap():
                self.after_death(name)
            if self.settings.embedded and time.monotonic() >= self.database_due:
                self.keep_database()
            for name in COMPONENTS:
                if name not in self.pids and time.monotonic() >= self.due[name]:
                    if name != "scheduler" or api_answers(self.settings):
                        self.start(name)
            time.sleep(0.2)
        self.stop()
        state_file(self.settings).unlink()

    def keep_database(self) -> None:
        """Starts PostgreSQL where it does not run."""
        self.database_due = time.monotonic() + LOOK_AT_DATABASE_SECONDS
        if postgres.postmaster_lives(self.settings):
            return
        with only_one(self.settings, wait=False) as ours:
            if not ours:
                return
            try:
                postgres.start(self.settings)
                say("PostgreSQL had died, and is started")
            except PlatformError as error:
                say(str(error))
                self.database_due = time.monotonic() + 30

    def ask_to_stop(self, *_) -> None:
        self.stopping = True

    def start(self, name: str) -> None:
        log_folder(self.settings).mkdir(parents=True, exist_ok=True)
        with (log_folder(self.settings) / f"{name}.log").open("a") as log:
            process = subprocess.Popen(
                COMPONENTS[name],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=end_with_parent,
            )  # fmt: skip
        say(f"{name} started, pid {process.pid}")
        # Its end is seen by reap(), which waits for every child, orphans too: keep Popen from waiting as well.
        process.returncode = 0
        self.pids[name] = process.pid
        self.started_at[name] = time.monotonic()
        self.sessions[name] = (process.pid, psutil.Process(process.pid).create_time())
        self.state.sessions.append(self.sessions[name])
        write_state(self.settings, self.state)

    def reap(self) -> list[str]:
        """Waits for children that ended, orphans included; returns the names of components among them."""
        dead = []
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                for name, pid in list(self.pids.items()):
                    if pid == ended[0]:
                        say(f"{name} (pid {pid}) ended, status {os.waitstatus_to_exitcode(ended[1])}")
                        dead.append(name)
                        del self.pids[name]
        return dead

    def after_death(self, name: str) -> None:
        """Ends what the component left behind and plans its restart, later each time it dies young."""
        self.end_orphans()
        young = time.monotonic() - self.started_at[name] < 60
        self.failures[name] = self.failures[name] + 1 if young else 0
        self.due[name] = time.monotonic() + min(30, 2 ** self.failures[name] - 1)

    def end_orphans(self) -> None:
        """Kills the sessions of dead components, and every child of ours that is neither a component nor PostgreSQL, started by us."""
        living = [self.sessions[name] for name in self.pids]
        gone = State(self.state.pid, self.state.started, [session for session in self.state.sessions if session not in living])
        for _ in range(20):
            self.reap()
            kept = {*self.pids.values(), *(process.pid for process in postgres.processes(self.settings))}
            orphans = [child for child in psutil.Process().children() if child.pid not in kept]
            remaining = {*left_behind(gone), *orphans}
            if not remaining:
                break
            for process in remaining:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.1)
        self.state.sessions = living
        write_state(self.settings, self.state)

    def stop(self) -> None:
        for group in STOP_ORDER:
            for name in group:
                self.signal(name, signal.SIGTERM)
            asked = time.monotonic()
            again = asked + 2
            busy = asked
            while any(name in self.pids for name in group) and time.monotonic() < asked + patience(group):
                self.reap()
                # Told to stop just as it hands a task to a worker, Airflow 3.3's executor waits for ever.
                if "scheduler" in group:
                    busy = time.monotonic() if self.runs_tasks() else busy
                    if time.monotonic() > busy + IDLE_SECONDS:
                        break
                # Asked once, the triggerer waits ten seconds for a child that has ended already.
                if "triggerer" in group and time.monotonic() > again:
                    self.signal("triggerer", signal.SIGTERM)
                    again += 2
                time.sleep(0.1)
            for name in group:
                self.signal(name, signal.SIGKILL)
        while self.pids:
            self.reap()
            time.sleep(0.05)
        self.end_orphans()
        say("stopped")

    def runs_tasks(self) -> bool:
        """Whether a worker of the scheduler's has a process of its own: a task."""
        with contextlib.suppress(KeyError, psutil.NoSuchProcess):
            scheduler = psutil.Process(self.pids["scheduler"])
            return any(child.ppid() != scheduler.pid for child in scheduler.children(recursive=True))
        return False

    def signal(self, name: str, number: signal.Signals) -> None:
        if name in self.pids:
            say(f"{name}: {number.name}")
            os.kill(self.pids[name], number)


def patience(group: tuple[str, ...]) -> int:
    """Seconds that a group of components gets to end by itself."""
    if "scheduler" in group:
        return DRAIN_SECONDS
    # A watch over the landing folder never ends by itself, and holds nothing that would be lost.
    return 8 if "triggerer" in group else 20


def end_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def api_answers(settings: Settings) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{settings.airflow_port}/api/v2/version", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def say(message: str) -> None:
    print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), message, flush=True)


if __name__ == "__main__":
    Supervisor(installation.load()).run()
