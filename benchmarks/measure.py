"""One load in a process of its own: how long it took and how much memory it had.

`python -m benchmarks.measure <contestant> <feed>` is that process. The clock runs around `load` alone: starting Python and importing
a contestant's libraries is left out for all of them alike.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks.counts import Counts
from include import settings as installation
from include.ingest import landing
from include.settings import REPOSITORY, Settings

CONTESTANTS = {
    "Tollgate": "benchmarks.tollgate",
    "bare DuckDB": "benchmarks.peers.bare_duckdb",
    "PostgreSQL": "benchmarks.peers.postgres_copy",
    "pandas": "benchmarks.peers.pandas_phonenumbers",
}
LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Run:
    wall: float
    """Seconds."""
    memory: int
    """The most bytes that the process, with those it started, had at once. PostgreSQL's server is none of these."""
    counts: Counts


def run(contestant: str, settings: Settings, feed: str) -> Run:
    """Load a feed's files with a contestant, from the page cache. RuntimeError with what it printed, where it fails."""
    for file in (settings.landing / feed).rglob("*.gz"):
        landing.sha256(file)
    wall, memory, told = watch(["benchmarks.measure", contestant, feed], settings)
    return Run(wall, memory, Counts(**told["counts"]))


def watch(module: list[str], settings: Settings) -> tuple[float, int, dict]:
    """Run a module with its arguments; returns the wall time that it told, the most memory it had, and all that it told.

    RuntimeError with what it printed, where it fails.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", *module], cwd=REPOSITORY, env=os.environ | environment(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    most = 0
    printed = errors = None
    while printed is None:
        try:
            printed, errors = process.communicate(timeout=LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            most = max(most, resident(process.pid))
    if process.returncode:
        raise RuntimeError(f"{' '.join(module)} failed:\n{errors}")
    told = json.loads(printed)
    return told["wall"], max(most, told["memory"]), told


def environment(settings: Settings) -> dict[str, str]:
    return {
        "TOLLGATE_HOME": str(settings.home),
        "TOLLGATE_LANDING": str(settings.landing),
        "TOLLGATE_LAKE": str(settings.lake),
        "TOLLGATE_PG_PORT": str(settings.pg_port),
        "TOLLGATE_WAREHOUSE_URL": settings.warehouse_url,
    }


def resident(pid: int) -> int:
    """Bytes of a process and its descendants together, 0 where it has ended."""
    try:
        process = psutil.Process(pid)
        return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


def most_resident() -> int:
    """The most bytes that this process had at once. Not getrusage's ru_maxrss, which begins with what the parent had."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def main(contestant: str, feed: str) -> None:
    load = importlib.import_module(CONTESTANTS[contestant]).load
    settings = installation.load()
    began = time.perf_counter()
    counts = load(settings, feed)
    wall = time.perf_counter() - began
    print(json.dumps({"wall": wall, "memory": most_resident(), "counts": asdict(counts)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
