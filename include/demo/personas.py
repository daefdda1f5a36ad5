"""The people of the demo world as records, read from `personas.yaml` and checked."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import yaml

SWITCHES = {"nyc1": -5, "dal1": -6, "phx1": -7}
"""Switch and the hours its customers' local time is from UTC (the demo week lies in standard time)."""


@dataclass(frozen=True)
class Habit:
    """How a kind of caller behaves: shares of attempts or of answered calls, medians in seconds."""

    hours: str
    weekend: float
    answered: float
    abandoned: float
    rejected: float
    invalid: float
    ring_seconds: float
    abandon_seconds: float
    short: float
    talk_seconds: float
    talk_spread: float
    callers: dict
    anonymous: float
    footprint: float
    international: float
    attestation: dict
    written: str
    under_30: float = 0.0  # share of the answered calls longer than 6 s that end within 30 s
    neighbors: float = 0.0  # share of calls whose caller ID is made up in the called number's exchange
    forwarded: float = 0.0  # share of calls that carry the caller ID of whoever called in first; the asserted number is its own
    sequential: float = 0.0  # share of called numbers that follow one another


@dataclass(frozen=True)
class Stage:
    """The expected verdict of a party from a named event on (empty = from the first day)."""

    verdict: str
    codes: tuple[str, ...]
    since: str = ""


@dataclass(frozen=True)
class Party:
    """A customer or an upstream: who it is, how it calls, and what the rules should say of it."""

    kind: str  # customer, upstream
    id: str
    name: str
    traffic: tuple[tuple[Habit, float], ...]  # habits and the share of the volume each has
    volume: float
    floor: int
    switches: tuple[str, ...]
    npa: int
    written: str
    expected: tuple[Stage, ...]
    quiet_from: str
    record: dict  # the whole record, for the reference tables
    apart: tuple[int, ...] = ()  # positions in `traffic` of what comes from an address and with a signer of its own

    def trunk(self, switch: str) -> str:
        return f"{self.id.lower()}-{switch}"


@dataclass(frozen=True)
class Cast:
    """Everybody, the events of the week and the notices about them."""

    parties: tuple[Party, ...]
    downstreams: tuple[dict, ...]
    events: dict[str, float]
    notices: tuple[dict, ...]

    def party(self, party_id: str) -> Party:
        return next(party for party in self.parties if party.id == party_id)

    def event_day(self, event: str, first_day: date, days: int) -> date:
        """The date on which `event` happens in a world of `days` days."""
        return first_day + timedelta(days=int(self.events[event] * (days - 1) + 0.5))


def _habits(records: dict[str, dict]) -> dict[str, Habit]:
    """Habits by name; one that says `like: other` takes what it does not say from the other."""

    def whole(name: str) -> dict:
        record = dict(records[name])
        return {**whole(record.pop("like")), **record} if "like" in record else record

    return {name: Habit(**whole(name)) for name in records}


def _party(kind: str, record: dict, habits: dict[str, Habit]) -> Party:
    overrides = {field.name: record[field.name] for field in fields(Habit) if field.name in record}
    blend = record.get("traffic") or [{"habit": record["habit"], "share": 1.0}]
    traffic = tuple((Habit(**{**vars(habits[part["habit"]]), **overrides}), part["share"]) for part in blend)
    unknown = set(record["switches"]) - set(SWITCHES)
    if unknown:
        raise ValueError(f"{record['id']}: unknown switch {', '.join(sorted(unknown))}")
    return Party(
        kind=kind,
        id=record["id"],
        name=record["name"],
        traffic=traffic,
        volume=record["volume"],
        floor=record.get("floor", 15),
        switches=tuple(record["switches"]),
        npa=record.get("npa", 212),
        written=traffic[0][0].written,
        expected=tuple(Stage(s["verdict"], tuple(s["codes"]), s.get("from", "")) for s in record["expected"]),
        quiet_from=record.get("quiet_from", ""),
        record=record,
    )


PERSONAS = Path(__file__).with_name("personas.yaml")


@cache
def habits() -> dict[str, Habit]:
    """The habits of `personas.yaml` by name."""
    return _habits(yaml.safe_load(PERSONAS.read_text(encoding="utf-8"))["habits"])


@cache
def load(path: Path = PERSONAS) -> Cast:
    """The cast of `path`. Raises ValueError or KeyError on a record that does not fit."""
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    habits = _habits(told["habits"])
    parties = tuple(
        _party(kind, record, habits) for kind in ("customer", "upstream") for record in told[f"{kind}s"]
    )
    if len({party.id for party in parties}) < len(parties):
        raise ValueError("personas.yaml: an id stands twice")
    return Cast(parties, tuple(told["downstreams"]), told["events"], tuple(told["notices"]))
