"""Traceback notices and own-desk complaints of the demo world, each about a call that is (or is not) in the CDRs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

import numpy as np

from include.demo import numbers
from include.demo.personas import Cast
from include.demo.traffic import DAY_MS, Attempts, World, midnight

MINUTE, HOUR = 60_000, 3_600_000
NOTICE_COLUMNS = (
    "traceback_id,requester,received_at,call_at,calling_number,called_number,campaign,violation_class,description,"
    "downstream_provider,sip_call_id,recording_url"
).split(",")
COMPLAINT_COLUMNS = (
    "complaint_id,received_at,call_at,calling_number,called_number,callback_number,topic,recorded_message,consumer_state,text"
).split(",")
STATES = ("NY", "TX", "FL", "OH", "PA", "GA", "IL", "WA")
TOPICS = ("Medical & prescriptions", "Reducing your debt", "Calls pretending to be government, businesses, or family and friends", "Other")
TEXTS = ("", 'Voice said "press 1", then hung up', "Third call this week, wants card details", "No one there")

Desk = tuple[tuple[str, int, tuple[str, ...]], ...]
"""A day's complaints: level, number of them, and whose calls they are about (V: whose number was used)."""

DESK: Desk = (
    ("1", 10, ("C1026", "C1031", "C1028", "C1029")),
    ("2", 8, ("C1027", "C1028", "C1021")),
    ("3", 4, ("C1026", "C1031")),
    ("V", 5, ("C1025",)),
    ("U", 8, ()),
)


@dataclass(frozen=True)
class Notice:
    """A notice as written, and the positions of the attempts it is about (none, one, or several)."""

    row: dict[str, str]
    received: date
    match_status: str  # unique, multiple, none
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Complaint:
    row: dict[str, str]
    received: date
    level: str  # 1, 2, 3, V, U
    party_id: str  # the customer it is about (the victim for V), empty where none or several


def instant(ms: int, zone: str = "+00:00", precision: str = "seconds") -> str:
    """ISO 8601 with the offset `zone`; the instant is cut, not rounded, to `precision` (seconds or minutes)."""
    sign, hours, minutes = (-1 if zone[0] == "-" else 1), int(zone[1:3]), int(zone[4:])
    local = timezone(sign * timedelta(hours=hours, minutes=minutes))
    return datetime.fromtimestamp(ms // 1000, local).isoformat(timespec=precision)


class Choice:
    """Calls that a notice or complaint may be about: answered at the first attempt, in a file that arrives,
    to a US number that nobody else calls."""

    def __init__(self, cast: Cast, rows: Attempts, arrives: np.ndarray, seed: int):
        self.cast, self.rows, self.seed = cast, rows, seed
        firsts = rows.attempt == 1
        called, times = np.unique(rows.called[firsts], return_counts=True)
        once = np.isin(rows.called, called[times == 1])
        abroad = rows.called >= 20_000_000_000
        self.usable = arrives & firsts & (rows.answer >= 0) & once & ~abroad & (rows.calling > 0)
        self.taken = np.union1d(rows.called, rows.calling)
        self.by_party = np.argsort(rows.party, kind="stable")
        self.begins = np.searchsorted(rows.party[self.by_party], np.arange(len(cast.parties) + 1))

    def among(self, party_ids: tuple[str, ...], day: date, since_hour: int = 0, until_hour: int = 24) -> np.ndarray:
        """Positions of usable calls of these parties that start within hours of a UTC date."""
        positions = [k for k, party in enumerate(self.cast.parties) if party.id in party_ids]
        theirs = np.sort(np.concatenate([self.by_party[self.begins[k] : self.begins[k + 1]] for k in positions]))
        start = self.rows.start[theirs] - midnight(day)
        return theirs[self.usable[theirs] & (start >= since_hour * HOUR) & (start < until_hour * HOUR)]

    def unused_number(self, rng: np.random.Generator) -> int:
        found = numbers.anywhere(rng, 50)
        at = np.minimum(np.searchsorted(self.taken, found), len(self.taken) - 1)
        return int(found[self.taken[at] != found][0])


def calls_before(day: date, first_day: date) -> tuple[date, int]:
    """The date of calls that are spoken of on `day`, and the UTC hour before which they must lie."""
    return (day - timedelta(days=1), 24) if day > first_day else (day, 18)


def plant_pair(choice: Choice, cast: Cast, day: date, until_hour: int) -> tuple[int, int]:
    """Make two parties call one number within one minute: the notice that gives only the minute fits both."""
    rows = choice.rows
    ordinary = tuple(p.id for p in cast.parties if p.kind == "customer" and p.expected[-1].verdict == "NO_ACTION")
    found = choice.among(ordinary, day, 12, until_hour)
    found = found[np.argsort(rows.start[found], kind="stable")]
    a, b = found[:-1], found[1:]
    pairs = np.flatnonzero((rows.start[a] // MINUTE == rows.start[b] // MINUTE) & (rows.party[a] != rows.party[b]))
    if not len(pairs):
        raise ValueError(f"no two customers call within one minute of {day}: ask for more attempts")
    chosen = pairs[len(pairs) // 2]
    rows.called[b[chosen]] = rows.called[a[chosen]]
    choice.usable[[a[chosen], b[chosen]]] = False
    return int(a[chosen]), int(b[chosen])


def notices(cast: Cast, choice: Choice, first_day: date, days: int, call_id) -> list[Notice]:
    """The cast's traceback notices, by date received. `call_id(position)` gives the switch's own id of a call.

    May change a called number in the attempts, so it must run before they are written.
    """
    rows, made = choice.rows, []
    for k, told in enumerate(cast.notices):
        received_on = cast.event_day(told["event"], first_day, days)
        call_day, until = calls_before(received_on, first_day)
        rng = np.random.default_rng([choice.seed, 2, k])
        minute_only = told["party"] in ("two", "none")
        if told["party"] == "two":
            about = plant_pair(choice, cast, call_day, until)
        elif told["party"] == "none":
            about = ()
        else:
            candidates = choice.among((told["party"],), call_day, 0, until)
            about = (int(rng.choice(candidates)),)
            choice.usable[about[0]] = False
        call_ms = int(rows.start[about[0]]) if about else midnight(call_day) + 16 * HOUR + 7 * MINUTE
        ended = int(rows.end[about[0]]) if about else call_ms
        received = max(midnight(received_on) + 14 * HOUR + k % 30 * 17 * MINUTE, ended + HOUR)
        unique = len(about) == 1
        made.append(
            Notice(
                row={
                    "traceback_id": f"TB-{received_on:%Y%m%d}-{k + 1:02d}",
                    "requester": told["requester"],
                    "received_at": instant(received, "-05:00"),
                    "call_at": instant(call_ms, told["zone"], "minutes" if minute_only else "seconds"),
                    "calling_number": f"+{rows.calling[about[0]]}" if unique else "",
                    "called_number": f"+{rows.called[about[0]] if about else choice.unused_number(rng)}",
                    "campaign": told["campaign"],
                    "violation_class": told["violation_class"],
                    "description": told["description"],
                    "downstream_provider": cast.downstreams[rows.egress[about[0]] if about else 0]["name"],
                    "sip_call_id": call_id(about[0]) if told.get("sip_call_id") else "",
                    "recording_url": "",
                },
                received=received_on,
                match_status=("none", "unique")[unique] if len(about) < 2 else "multiple",
                rows=about,
            )
        )
    return made


def shared_numbers(cast: Cast, choice: Choice, party_ids: tuple[str, ...], day: date, common: np.ndarray) -> list[int]:
    """Commonly spoofed numbers that each of these parties used on a UTC date."""
    used = [set(choice.rows.calling[choice.among((party_id,), day)].tolist()) for party_id in party_ids]
    return [int(n) for n in common if all(int(n) in numbers_used for numbers_used in used)]


def picked(rng: np.random.Generator, candidates: np.ndarray, count: int) -> np.ndarray:
    return rng.choice(candidates, min(count, len(candidates)), replace=False)


def complaints(
    cast: Cast, world: World, choice: Choice, first_day: date, days: int, desk: Callable[[date], Desk] = lambda day: DESK
) -> list[Complaint]:
    """What comes to the own desk, in the order received; where calls are fewer than complaints, one about each."""
    rows, made = choice.rows, []
    for day in (first_day + timedelta(days=d) for d in range(days)):
        call_day, until = calls_before(day, first_day)
        rng = np.random.default_rng([world.seed, 3, day.toordinal()])
        today = []
        for level, count, party_ids in desk(day):
            if level == "1":
                chosen = picked(rng, choice.among(party_ids, call_day, 0, until), count)
                found = [(cast.parties[rows.party[c]].id, rows.calling[c], rows.called[c], rows.start[c]) for c in chosen]
            elif level == "2":  # the consumer knows the date, not the hour
                chosen = picked(rng, choice.among(party_ids, call_day, 13, min(until, 22)), count)
                found = [(cast.parties[rows.party[c]].id, rows.calling[c], 0, rows.start[c]) for c in chosen]
            elif level == "3":
                shared = shared_numbers(cast, choice, party_ids, call_day, world.common)
                found = [("", n, 0, midnight(call_day) + 17 * HOUR) for n in (shared * count)[:count]]
            else:
                calling = world.blocks[party_ids[0]] if level == "V" else choice.unused_number(rng)
                about = party_ids[0] if level == "V" else ""
                times = midnight(call_day) + rng.integers(13 * HOUR, 17 * HOUR, count)
                found = [(about, calling, choice.unused_number(rng), ms) for ms in times]
            today += [(level, *one) for one in found]
        received = midnight(day) + np.sort(rng.integers(19 * HOUR, DAY_MS - 3 * HOUR, len(today)))
        for k, at in zip(rng.permutation(len(today)), received):
            level, party_id, calling, called, ms = today[k]
            minute = int(ms) // MINUTE * MINUTE
            made.append(
                Complaint(
                    row={
                        "complaint_id": f"OD-{day:%Y%m%d}-{k + 1:03d}",
                        "received_at": instant(int(at), "-05:00"),
                        "call_at": instant(minute, "-06:00") if called else instant(minute)[:10],
                        "calling_number": str(calling)[1:],
                        "called_number": str(called)[1:] if called else "",
                        "callback_number": f"+{numbers.anywhere(rng, 1)[0]}" if k % 9 == 0 else "",
                        "topic": TOPICS[k % 4],
                        "recorded_message": ("true", "false", "")[k % 3],
                        "consumer_state": STATES[k % 8],
                        "text": TEXTS[k % 4],
                    },
                    received=day,
                    level=level,
                    party_id=party_id,
                )
            )
    return made


def as_csv(columns: list[str], rows: list[dict[str, str]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def as_json(rows: list[dict[str, str]]) -> bytes:
    """One object, or an array of several; fields without a value are left out."""
    told = [{key: value for key, value in row.items() if value} for row in rows]
    return (json.dumps(told[0] if len(told) == 1 else told, indent=2) + "\n").encode()
