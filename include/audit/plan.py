"""Which builds have to be done again, so that the marts of a date are what they were at an instant.

A table of a date stands as the last build left it that wrote it. Dates before those that were touched since are what they were, and
are taken as they are published; all others are built again by the builds that made them, in their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

LAKE = ("service_date", "evidence_days", "following_days")
"""The days of a run that a lake model may be rebuilt for, as dbt_project/macros/run_days.sql has them."""

LOOKED_BACK = timedelta(days=364)
"""How far models look back at most: at notices."""


class NotRecorded(LookupError):
    """What a recommendation was made from is not on record; the message says what is missing."""


@dataclass(frozen=True)
class Build:
    """A row of `ops.builds`."""

    build_id: int
    stage: str
    run: dict[str, Any]
    known_at: datetime
    ledger_head: int
    models: str
    deliveries: list[dict[str, Any]] | None
    files: dict[str, str] | None
    ended_at: datetime | None
    ledger_head_at_end: int | None
    ruleset_version: str | None

    @property
    def service_date(self) -> date:
        return date.fromisoformat(self.run["service_date"])

    def days(self, name: str) -> set[date]:
        given = self.run.get(name, [])
        return {date.fromisoformat(day) for day in ([given] if isinstance(given, str) else given)}

    @property
    def days_written(self) -> set[date]:
        """Every date of which it writes anything; of marts the first of them."""
        names = {"lake": LAKE, "notices": ("evidence_days",), "marts": ("service_date",)}[self.stage]
        return {day for name in names for day in self.days(name)}

    def writes(self, name: str, day: date) -> bool:
        """Whether it writes the lake tables that are rebuilt for these days of a run; the search for notices' calls writes `notices` alone."""
        if name == "notices":
            return self.stage in ("lake", "notices") and day in self.days("evidence_days")
        return self.stage == "lake" and day in self.days(name)


@dataclass(frozen=True)
class Plan:
    """`builds` are done again, in this order, from `first` on; dates before it are taken as they are published."""

    first: date
    builds: list[Build]
    doubts: list[str]
    """Why the outcome may be another although nothing was changed: what happened while the builds of then went on."""
    newest: int
    """The last build on record as the plan was made."""


def make(builds: list[Build], processed: set[date], judged: date, last: date, at: datetime) -> Plan:
    """The plan for the marts of `judged`, and for notices received until `last`, as they were at an instant. Errors: NotRecorded.

    `processed` are the dates that had been by then, `judged` is one of them, `last` that date or a later one.
    """
    ended = sorted((build for build in builds if build.ended_at), key=lambda build: (build.ended_at, build.build_id))
    past = [build for build in ended if build.ended_at <= at]
    marts = [build for build in past if build.stage == "marts"]
    lake = [build for build in past if build.stage != "marts"]
    since = [build for build in builds if build.ended_at is None or build.ended_at > at]
    first = min([judged, *(day for build in since for day in build.days_written if day >= judged - LOOKED_BACK)])
    while True:
        again = {build.build_id: build for build in _marts(marts, processed, first, judged)}
        instants = [*((build.known_at, judged) for build in again.values()), (at, last)]
        again |= {build.build_id: build for instant, until in instants for build in _lake(lake, first, until, instant)}
        # of earlier dates whose complaints and notices they matched too, nothing has changed since
        reached = min([first, *(build.service_date for build in again.values() if build.stage != "notices")])
        if reached == first:
            ordered = [build for build in past if build.build_id in again]
            return Plan(first, ordered, _doubts(ordered, builds, at), max(build.build_id for build in builds))
        first = reached


def _marts(marts: list[Build], processed: set[date], first: date, judged: date) -> list[Build]:
    """The builds that left the marts of these dates; each writes its date and all processed ones after it."""
    found, day = [], judged
    while wanted := [other for other in processed if first <= other <= day]:
        build = next((build for build in reversed(marts) if build.service_date <= max(wanted)), None)
        if build is None:
            raise NotRecorded(f"{max(wanted)} was built before builds were recorded")
        found.append(build)
        day = build.service_date - timedelta(days=1)
    return found


def _lake(lake: list[Build], first: date, until: date, at: datetime) -> list[Build]:
    """The builds that left what is published of these dates at an instant."""
    past = [build for build in lake if build.ended_at <= at]
    found = {}
    for offset in range((until - first).days + 1):
        day = first + timedelta(days=offset)
        for name in (*LAKE, "notices"):
            build = next((build for build in reversed(past) if build.writes(name, day)), None)
            if build is not None:
                found[build.build_id] = build
    return list(found.values())


def _doubts(again: list[Build], builds: list[Build], at: datetime) -> list[str]:
    told = []
    for build in again:
        if build.stage == "marts" and build.ledger_head != build.ledger_head_at_end:
            told.append(f"entries {build.ledger_head + 1} to {build.ledger_head_at_end} were appended while build {build.build_id} went on")
        for other in builds:
            if build.stage == "marts" and other.stage != "marts" and other.ended_at and build.known_at < other.ended_at < build.ended_at:
                told.append(f"build {other.build_id} was published while build {build.build_id} went on")
    # what broke off before was done again by the last
    newest = max((build.build_id for build in again if build.stage == "marts"), default=0)
    return told + [f"build {build.build_id} broke off" for build in builds if build.ended_at is None and build.build_id > newest and build.known_at < at]
