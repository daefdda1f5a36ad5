"""How well bad callers are told from honest ones: the verdicts of the real stages on populations whose deserts are known."""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import psycopg

from benchmarks import suite
from benchmarks.measure import environment
from benchmarks.suite import Target
from include import stages
from include.demo.population import Label, Population, write_population
from include.demo.world import Lost
from include.ingest import load
from include.settings import Settings

FIRST_DAY = date(2026, 11, 16)
SEVERITY = {"NO_ACTION": 0, "MONITOR": 0, "RESTRICT": 1, "SUSPEND": 2}
"""HOLD is no verdict, and MONITOR asks nobody to stop anything."""
TIERS = ("SUSPEND", "RESTRICT")
RUN = "detection"


@dataclass(frozen=True)
class Size:
    seeds: tuple[int, ...] = (2, 3, 4, 5, 6)
    """Not 1: it is the one looked at while rules are written."""
    days: int = 30
    customers: int = 500
    volume: float = 1.0
    """Share of the calls."""

    def scaled(self, share: float) -> Size:
        return replace(self, volume=share)


QUICK = Size(seeds=(1,), days=5, customers=80, volume=0.1)
"""Whether it works, not how well."""


@dataclass(frozen=True)
class Judged:
    """A party's day: what it deserved and what it got."""

    seed: int
    kind: str
    party: str
    day: date
    label: Label
    deserved: str
    found: str
    codes: tuple[str, ...]
    beside: bool
    """Another switch that writes to the same feed lost a file: a HOLD is caution, neither right nor wrong."""

    @property
    def is_bad(self) -> bool:
        """The party, whether or not this day can tell."""
        return self.label.first_bad_call is not None

    @property
    def is_suspended_wrongly(self) -> bool:
        return self.found == "SUSPEND" and self.deserved != "SUSPEND"

    @property
    def is_restricted_wrongly(self) -> bool:
        return self.found == "RESTRICT" and self.deserved == "NO_ACTION"

    def gets(self, tier: str) -> bool:
        """At least what the tier asks."""
        return SEVERITY.get(self.found, 0) >= SEVERITY[tier]


@dataclass(frozen=True)
class Measured:
    """One population."""

    seed: int
    population: Population
    judged: list[Judged]
    seconds: float
    """From the landing folder to the verdicts."""


def run(folder: Path, size: Size, say: Callable[[str], None]) -> list[Measured]:
    """Make each population below `folder` and let the stages judge it, one per processor at a time. Nothing runs afterwards.

    `say` is called in other processes.
    """
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        at_work = [pool.submit(measure, folder / f"detection-{seed}", seed, size, say) for seed in size.seeds]
        return [done.result() for done in at_work]


def measure(home: Path, seed: int, size: Size, say: Callable[[str], None]) -> Measured:
    shutil.rmtree(home, ignore_errors=True)
    days = [FIRST_DAY + timedelta(days=d) for d in range(size.days)]
    with suite.warehouse(home) as settings, installed(settings):
        say(f"seed {seed}: making {size.days} days of {size.customers} customers")
        population = write_population(
            settings.landing, seed=seed, first_day=FIRST_DAY, days=size.days, customers=size.customers, volume=size.volume
        )
        say(f"seed {seed}: {population.attempts:,} call attempts")
        began = datetime.now(UTC)
        process(settings, days, lambda text: say(f"seed {seed}: {text}"))
        found = verdicts(settings)
        seconds = (datetime.now(UTC) - began).total_seconds()
    return Measured(seed, population, judged(seed, population, found), seconds)


@contextmanager
def installed(settings: Settings) -> Iterator[None]:
    """The stages ask the environment where the installation is."""
    told = environment(settings)
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def process(settings: Settings, days: list[date], say: Callable[[str], None]) -> None:
    """All days through the stages as the DAGs do it, but the marts of all days at once: they are the same as one after the other.

    RuntimeError where a day does not pass its checks.
    """
    for kind in load.KINDS:
        stages.load_new_files(kind, None)
    say("loaded")
    for day in days:
        stages.build_lake(day)
        stages.check_arriving_data(day, RUN)
        say(f"{day} in the lake")
    with psycopg.connect(settings.url("transformer")) as connection:
        for day in days:
            connection.execute(
                "insert into ops.processed_days (service_date, processed_at, first_processed_at, run) values (%s, now(), now(), %s)", (day, RUN)
            )
    stages.build_marts(days[0], RUN)
    passed = stages.check_marts(days[0], RUN)
    if len(passed) < len(days):
        raise RuntimeError(f"the marts of {', '.join(str(day) for day in days if str(day) not in passed)} did not pass their checks")
    stages.append_recommendations([date.fromisoformat(day) for day in passed], RUN)
    say("judged")


def verdicts(settings: Settings) -> dict[tuple[str, str, date], tuple[str, tuple[str, ...]]]:
    """Recommendation and reasons by party kind, party and service date."""
    with psycopg.connect(settings.url("auditor")) as connection:
        return {
            (kind, party, day): (recommendation, tuple(codes))
            for kind in ("customer", "upstream")
            for party, day, recommendation, codes in connection.execute(
                f"select {kind}_id, service_date, recommendation, reason_codes from marts.{kind}_risk_daily"
            ).fetchall()
        }


def judged(seed: int, population: Population, found: dict[tuple[str, str, date], tuple[str, tuple[str, ...]]]) -> list[Judged]:
    """RuntimeError where a party has a verdict on a day on which it is none, or none on a day on which it is one."""
    wanted = {(*party, day): (label, deserved) for party, label in population.labels.items() for day, deserved in label.verdicts.items()}
    if wanted.keys() != found.keys():
        raise RuntimeError(f"party days without a verdict or without a label: {sorted(wanted.keys() ^ found.keys())[:5]}")
    return [Judged(seed, *key, label, deserved, *found[key], key in population.shares_a_feed) for key, (label, deserved) in wanted.items()]


# --- what comes of it ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Share:
    """A part of a whole; nothing is a share of nothing."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        return self.part / self.whole if self.whole else None


@dataclass(frozen=True)
class Delay:
    """From a party's first bad call to the end of the first service date with the verdict that it deserved."""

    persona: str
    hours: float | None
    """None = no such day."""
    dates_late: int | None
    """Service dates since the first on which it was deserved: 0 = on that very date."""


def settled(days: list[Judged]) -> list[Judged]:
    """Without the days that another switch's lost file put on HOLD."""
    return [each for each in days if not (each.beside and each.found == "HOLD")]


def precision(days: list[Judged], tier: str) -> Share:
    """Days on which the tier was recommended, and those of them that deserved it or worse."""
    recommended = [each for each in days if each.found == tier]
    return Share(sum(SEVERITY.get(each.deserved, 0) >= SEVERITY[tier] for each in recommended), len(recommended))


def recall(days: list[Judged], tier: str) -> Share:
    """Days that deserved the tier, and those of them that got it or worse."""
    deserved = [each for each in settled(days) if each.deserved == tier]
    return Share(sum(each.gets(tier) for each in deserved), len(deserved))


def holds(days: list[Judged]) -> Share:
    torn = [each for each in days if each.deserved == "HOLD"]
    return Share(sum(each.found == "HOLD" for each in torn), len(torn))


def per_thousand(days: list[Judged], is_wrong: Callable[[Judged], bool]) -> tuple[int, float]:
    """Wrong ones of the customer days, and how many that is in 1,000 of them."""
    customers = [each for each in days if each.kind == "customer"]
    wrong = sum(map(is_wrong, customers))
    return wrong, 1_000 * wrong / len(customers)


def delays(days: list[Judged], tier: str) -> list[Delay]:
    """One for each party that deserved the tier on any day."""
    of_party: dict[tuple[int, str, str], list[Judged]] = {}
    for each in sorted(settled(days), key=lambda each: each.day):
        if each.deserved == tier:
            of_party.setdefault((each.seed, each.kind, each.party), []).append(each)
    return [delay(theirs, tier) for theirs in of_party.values()]


def delay(theirs: list[Judged], tier: str) -> Delay:
    first = theirs[0]
    right = next((each.day for each in theirs if each.gets(tier)), None)
    if right is None or first.label.first_bad_call is None:
        return Delay(first.label.persona, None, None)
    known = datetime.combine(right + timedelta(days=1), time(), UTC)
    return Delay(first.label.persona, (known - first.label.first_bad_call).total_seconds() / 3600, (right - first.day).days)


def median_hours(found: list[Delay]) -> float | None:
    hours = [each.hours for each in found if each.hours is not None]
    return statistics.median(hours) if hours else None


def held(measured: Measured, lost: Lost) -> tuple[Share, int]:
    """Of the parties whose switch lost the file, those on HOLD; and how many on HOLD beside them, whose switch lost nothing."""
    day = [each for each in measured.judged if each.day == lost.day]
    return holds(day), sum(each.beside and each.found == "HOLD" for each in day)


def targets(results: list[Measured]) -> list[Target]:
    days = [each for measured in results for each in measured.judged]
    backed = [each for each in days if each.label.evidence_backed]
    wrong, rate = per_thousand(days, lambda each: each.is_restricted_wrongly)
    return [
        at_least("SUSPEND: precision", precision(days, "SUSPEND"), 1.0),
        at_least("SUSPEND: recall of days that evidence asks for", recall(backed, "SUSPEND"), 0.95),
        at_least("RESTRICT: recall of days", recall(days, "RESTRICT"), 0.9),
        Target("RESTRICT: false ones in 1,000 customer days", "≤ 1", f"{rate:.2f} ({wrong})", rate <= 1),
        at_least("HOLD: recall of days that lost a file", holds(days), 1.0),
    ]


def at_least(what: str, share: Share, asked: float) -> Target:
    return Target(what, f"≥ {100 * asked:.0f} %" if asked < 1 else "100 %", told(share), None if share.value is None else share.value >= asked)


def told(share: Share) -> str:
    """`94.1 % (16 of 17)`; never rounded up to the whole."""
    if share.value is None:
        return "none"
    percent = min(100 * share.value, 99.9) if share.part < share.whole else 100.0
    return f"{percent:.1f} % ({share.part:,} of {share.whole:,})"
