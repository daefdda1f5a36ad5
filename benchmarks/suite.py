"""What `make bench` measures of the ingest: which contestants load which files, and what is asked of the outcome."""

from __future__ import annotations

import os
import shutil
import socket
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from benchmarks import calls, measure
from benchmarks.calls import World
from benchmarks.layouts import LAYOUTS
from benchmarks.measure import Run
from include import settings as installation
from include.platform import lifecycle, postgres
from include.settings import Settings

STANDARD = "cdr/standard"
MEMORY_LIMIT = 4 * 2**30


@dataclass(frozen=True)
class Sizes:
    """The worlds to measure with."""

    contest: World = World(5_000_000, files=10)
    """Beside bare DuckDB and PostgreSQL."""
    slow: World = World(500_000, files=10)
    """Beside pandas, which would take a quarter of an hour for the contest's."""
    one: World = World(1_000_000)
    """Of every layout; growth is from here."""
    large: World = World(20_000_000)
    small_files: World = World(1_000_000, files=2_000)
    repeats: int = 3

    def scaled(self, share: float) -> Sizes:
        """The same with this share of the calls; of small files there are fewer, not smaller ones."""
        fewer = max(round(self.small_files.files * share), 1)
        small = replace(self.small_files, calls=self.small_files.calls_per_file * fewer, files=fewer)
        contest, slow, one, large = (
            replace(world, calls=max(round(world.calls_per_file * share), 1) * world.files)
            for world in (self.contest, self.slow, self.one, self.large)
        )
        return Sizes(contest, slow, one, large, small, self.repeats)

    def groups(self) -> list[list[tuple[str, World]]]:
        """(contestant, world): those of a group take turns, so that what else the machine does falls on all of them."""
        layouts = [("Tollgate", replace(self.one, feed=feed)) for feed in LAYOUTS]
        return [
            [(contestant, self.contest) for contestant in ("Tollgate", "bare DuckDB", "PostgreSQL")],
            [(contestant, self.slow) for contestant in ("Tollgate", "pandas")],
            [*layouts, ("Tollgate", self.large)],
            [("Tollgate", self.small_files)],
        ]


QUICK = Sizes(
    contest=World(20_000, files=4),
    slow=World(4_000, files=2),
    one=World(2_000),
    large=World(40_000),
    small_files=World(2_000, files=20),
    repeats=1,
)
"""Whether it works, not how fast."""


@dataclass(frozen=True)
class Result:
    contestant: str
    world: World
    runs: list[Run]

    @property
    def seconds(self) -> float:
        return statistics.median(self.walls)

    @property
    def walls(self) -> list[float]:
        return [run.wall for run in self.runs]

    @property
    def memory(self) -> int:
        """The most of any run."""
        return max(run.memory for run in self.runs)

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.runs[0].counts.read / self.seconds


@dataclass(frozen=True)
class Target:
    what: str
    wanted: str
    measured: str
    met: bool | None
    """None where nothing is asked."""


def run(folder: Path, sizes: Sizes, say: Callable[[str], None]) -> list[Result]:
    """Make the worlds below `folder`, measure, and check that every contestant arrives at the same counts."""
    runs: dict[tuple[str, World], list[Run]] = defaultdict(list)
    with warehouse(folder / "home") as settings:
        for group in sizes.groups():
            expected = {}
            for world in {world: None for _, world in group}:
                say(f"making {world.name}")
                expected[world] = calls.make(world, folder / world.name)
            for _ in range(sizes.repeats):
                for contestant, world in group:
                    clear(settings)
                    loaded = measure.run(contestant, replace(settings, landing=folder / world.name / "landing"), world.feed)
                    if contestant != "bare DuckDB" and loaded.counts != expected[world]:
                        raise RuntimeError(f"{contestant} made {loaded.counts} of {world.name}, which holds {expected[world]}")
                    say(f"{contestant}, {world.name}: {loaded.wall:.1f} s, {loaded.memory / 2**20:,.0f} MiB")
                    runs[contestant, world].append(loaded)
        clear(settings)
    return [Result(contestant, world, of_it) for (contestant, world), of_it in runs.items()]


@contextmanager
def warehouse(home: Path) -> Iterator[Settings]:
    """An installation of its own with a running PostgreSQL."""
    settings = installation_in(home)
    try:
        lifecycle.warehouse_up(settings, say=lambda _: None)
        yield settings
    finally:
        postgres.stop(settings)


def installation_in(home: Path) -> Settings:
    """Of its own: whatever else runs on this machine, it has other folders and ports."""
    return installation.load(
        {
            "TOLLGATE_HOME": str(home), "TOLLGATE_LANDING": str(home / "landing"), "TOLLGATE_LAKE": str(home / "lake"),
            "TOLLGATE_WAREHOUSE_URL": "", "TOLLGATE_LAKE_ENGINE": "", "TOLLGATE_PG_PORT": str(free_port()), "TOLLGATE_AIRFLOW_PORT": str(free_port()),
        }
    )  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clear(settings: Settings) -> None:
    """Nothing loaded, and nothing left to write for the one before."""
    shutil.rmtree(settings.lake, ignore_errors=True)
    with psycopg.connect(settings.url("owner"), autocommit=True) as connection:
        connection.execute("truncate ops.file_receipts cascade; drop schema if exists bench cascade")
    with postgres.superuser_connection(settings) as connection:
        connection.execute("checkpoint")
    os.sync()


def targets(results: list[Result], sizes: Sizes) -> list[Target]:
    """What the ingest is held against."""
    of = {(result.contestant, result.world): result for result in results}
    contest, large, small = (of["Tollgate", world] for world in (sizes.contest, sizes.large, sizes.small_files))
    one, slow = of["Tollgate", sizes.one], of["Tollgate", sizes.slow]
    bare, peer, pandas = of["bare DuckDB", sizes.contest], of["PostgreSQL", sizes.contest], of["pandas", sizes.slow]
    times_more = sizes.large.calls / sizes.one.calls
    growth = f"Wall time of {sizes.large.calls:,} calls, {times_more:.0f} times that of {sizes.one.calls:,} = 1"
    return [
        at_most("Wall time, bare DuckDB's = 1", contest.seconds / bare.seconds, 2.0),
        at_least("Times as fast as PostgreSQL", peer.seconds / contest.seconds, 3.0),
        at_least("Times as fast as pandas", pandas.seconds / slow.seconds, 8.0),
        at_most(growth, large.seconds / one.seconds / times_more, 1.1),
        *(
            Target(f"Peak memory, {result.world.calls:,} calls in {files(result.world)}", "< 4 GiB", gib(result.memory), result.memory < MEMORY_LIMIT)
            for result in (large, small)
        ),
        *(layout(feed, of["Tollgate", replace(sizes.one, feed=feed)].rate / one.rate) for feed in LAYOUTS if feed != STANDARD),
    ]


def at_most(what: str, measured: float, limit: float) -> Target:
    return Target(what, f"≤ {limit:.1f}", f"{measured:.2f}", measured <= limit)


def at_least(what: str, measured: float, limit: float) -> Target:
    return Target(what, f"≥ {limit:.1f}", f"{measured:.1f}", measured >= limit)


def layout(feed: str, measured: float) -> Target:
    """A feed that needs a parser of its own is only told."""
    parser = LAYOUTS[feed].parser
    what = f"Rows/s of {feed}, {STANDARD}'s = 1"
    return Target(what, f"parser {parser}", f"{measured:.2f}", None) if parser else Target(what, "≥ 0.5", f"{measured:.2f}", measured >= 0.5)


def files(world: World) -> str:
    return f"{world.files:,} files" if world.files > 1 else "1 file"


def gib(size: int) -> str:
    return f"{size / 2**30:.2f} GiB"
