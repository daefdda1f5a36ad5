"""Simulated call attempts: one array per field, one block of calls per party, habit and day.

Each block has a generator of its own, seeded by the world's seed, the party's id and the day, so that adding
a persona leaves everybody else's calls as they were (but for the volume that all share). Times are epoch
milliseconds, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta, timezone
from zlib import crc32

import numpy as np

from include.demo import numbers
from include.demo.personas import SWITCHES, Cast, Habit, Party

DAY_MS = 86_400_000

# Share of a day's calls by local hour of their start; only the proportions count.
HOURS = {
    "business": [1, 1, 1, 1, 1, 2, 8, 25, 70, 95, 100, 95, 75, 85, 98, 95, 85, 55, 25, 14, 9, 5, 3, 2],
    "long": [2, 1, 1, 1, 1, 2, 6, 20, 70, 95, 100, 100, 95, 95, 100, 100, 95, 90, 80, 70, 50, 15, 6, 3],
    "flat": [40, 35, 30, 28, 28, 32, 45, 60, 75, 85, 90, 92, 95, 95, 95, 95, 98, 100, 95, 88, 80, 72, 60, 50],
    "evening_burst": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 12, 1, 0, 0, 0, 0],
    "morning_burst": [0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 100, 80, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    "night": [50, 90, 100, 100, 70, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
}
ROUTE_ADVANCE = 0.03  # share of calls that a first carrier refuses
ANSWERED, ABANDONED, REJECTED, INVALID, BUSY, RANG_OUT = range(6)
MARKS = ("", "A", "B", "C")
SIDES = ("caller", "called", "network")
REJECTIONS = np.array([403, 603, 607, 608])
COMMON_SPOOFED, COMMON_SHARE = 4, 0.05  # caller IDs that several robocallers happen to use, and how often
FIRST_LINE = 10  # the first of a customer's 100 numbers that calls out; below stand lines that only receive


@dataclass
class Attempts:
    """One row per call attempt. All arrays have the same length."""

    party: np.ndarray  # position in the cast
    part: np.ndarray  # position in the party's traffic
    call: np.ndarray  # serial of the call, shared by its attempts
    attempt: np.ndarray  # 1, 2, 3
    switch: np.ndarray  # position in SWITCHES
    egress: np.ndarray  # position in the downstreams
    start: np.ndarray  # ms
    answer: np.ndarray  # ms, -1 = never
    end: np.ndarray  # ms
    calling: np.ndarray  # E.164 digits, 0 = withheld
    asserted: np.ndarray  # E.164 digits
    called: np.ndarray  # E.164 digits
    sip: np.ndarray
    side: np.ndarray  # position in SIDES
    mark: np.ndarray  # position in MARKS

    def __len__(self) -> int:
        return len(self.call)

    def take(self, rows: np.ndarray) -> Attempts:
        """The rows that a mask or an index array selects."""
        return Attempts(*(getattr(self, field.name)[rows] for field in fields(self)))


def joined(blocks: list[Attempts]) -> Attempts:
    return Attempts(*(np.concatenate([getattr(b, field.name) for b in blocks]) for field in fields(Attempts)))


def midnight(day: date) -> int:
    """Epoch milliseconds at which a UTC date begins."""
    return int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp() * 1000)


def volumes(cast: Cast, first_day: date, days: int, attempts: int) -> np.ndarray:
    """Attempts by party and day (parties x days): weekday volumes scaled to `attempts` in all, floors kept."""
    dates = [first_day + timedelta(days=d) for d in range(days)]
    shape = np.array(
        [[p.volume * (p.traffic[0][0].weekend if d.weekday() >= 5 else 1.0) for d in dates] for p in cast.parties]
    )
    quiet = np.array(
        [[bool(p.quiet_from) and d >= cast.event_day(p.quiet_from, first_day, days) for d in dates] for p in cast.parties]
    )
    floors = np.array([[p.floor] * days for p in cast.parties])

    def scaled(factor: float) -> np.ndarray:
        return np.where(quiet, 0, np.maximum(floors, shape * factor))

    low, high = 0.0, 1.0 + attempts / shape.sum() * 2
    for _ in range(60):  # bisection: the total only grows with the factor
        middle = (low + high) / 2
        low, high = (low, middle) if scaled(middle).sum() > attempts else (middle, high)
    return np.rint(scaled(low)).astype(np.int64)


def starts(rng: np.random.Generator, n: int, hours: str, zone: int, day: date) -> np.ndarray:
    """Start times of `n` calls within a UTC date, following a curve of local hours."""
    by_utc_hour = np.roll(np.array(HOURS[hours], float), -zone)
    hour = rng.choice(24, n, p=by_utc_hour / by_utc_hour.sum())
    within = np.sort(hour * 3_600_000 + rng.integers(0, 3_600_000, n))
    return midnight(day) + np.minimum(within, DAY_MS - 6_000)  # all attempts of a call start on one date


def outcomes(rng: np.random.Generator, n: int, habit: Habit) -> np.ndarray:
    """What becomes of each call; who is neither reached nor refused is busy (a third) or does not pick up."""
    rest = 1 - habit.answered - habit.abandoned - habit.rejected - habit.invalid
    shares = np.array([habit.answered, habit.abandoned, habit.rejected, habit.invalid, rest / 3, rest * 2 / 3])
    return rng.choice(6, n, p=shares / shares.sum())


def rings(rng: np.random.Generator, outcome: np.ndarray, habit: Habit) -> np.ndarray:
    """Milliseconds from start to answer, or to the end of calls that are never answered."""
    n = len(outcome)
    answered = rng.lognormal(np.log(habit.ring_seconds), 0.5, n).clip(0.8, 40)
    abandoned = rng.lognormal(np.log(habit.abandon_seconds), 0.4, n).clip(0.6, 50)
    seconds = np.choose(
        outcome,
        [answered, abandoned, rng.uniform(0.2, 2.5, n), rng.uniform(0.3, 1.5, n), rng.uniform(0.8, 4, n), rng.uniform(28, 55, n)],
    )
    return (seconds * 1000).astype(np.int64)


def talks(rng: np.random.Generator, n: int, habit: Habit) -> np.ndarray:
    """Milliseconds of talk of answered calls: a share of at most 6 s, the others log-normal above that."""
    short = rng.uniform(0.4, 5.9, n)
    long = rng.lognormal(np.log(habit.talk_seconds), habit.talk_spread, n).clip(6.2, 7_200)
    if habit.under_30:
        long = np.where(rng.random(n) < habit.under_30, rng.uniform(6.2, 29.9, n), long)
    return (np.where(rng.random(n) < habit.short, short, long) * 1000).astype(np.int64)


def regular_numbers(habit: Habit, party: Party, world: World) -> np.ndarray:
    """The caller IDs that a party uses day after day; empty for one that makes them up as it goes."""
    kind, size = habit.callers["kind"], habit.callers.get("numbers", 0)
    rng = np.random.default_rng([world.seed, crc32(party.id.encode()), 1])
    if kind == "campaign":
        size = sum(campaign["numbers"] for campaign in party.record["campaigns"])
    if kind in ("own", "campaign", "dno"):
        return world.blocks[party.id] + FIRST_LINE + np.arange(size)
    if kind == "unassigned":
        return numbers.nanp(np.full(size, numbers.UNASSIGNED_NPA), np.full(size, 444), 2300 + np.arange(size))
    if kind == "british":
        return numbers.FICTIONAL_LONDON + np.arange(size)
    if kind in ("canadian", "subscribers", "leased"):
        return numbers.anywhere(rng, size, "CANADA" if kind == "canadian" else "US")
    if kind == "spoofed":
        return np.array([], np.int64)
    raise ValueError(f"{party.id}: unknown kind of callers {kind!r}")


def callers(rng: np.random.Generator, n: int, habit: Habit, party: Party, world: World) -> np.ndarray:
    """The caller IDs of `n` calls."""
    if habit.callers["kind"] == "spoofed":
        return np.where(rng.random(n) < COMMON_SHARE, rng.choice(world.common, n), numbers.anywhere(rng, n))
    regular = rng.choice(regular_numbers(habit, party, world), n)
    forbidden = rng.random(n) < habit.callers.get("share", 0.0)  # of do-not-originate numbers
    chosen = np.where(forbidden, rng.choice(world.dno, n), regular)
    if impossible := habit.callers.get("impossible", 0.0):
        chosen = np.where(rng.random(n) < impossible, numbers.impossible(rng, n), chosen)
    if unverified := habit.callers.get("unverified", 0.0):  # somebody else's numbers
        chosen = np.where(rng.random(n) < unverified, numbers.anywhere(rng, n), chosen)
    return chosen


def called_numbers(rng: np.random.Generator, n: int, habit: Habit, party: Party) -> np.ndarray:
    near = np.where(rng.random(n) < habit.footprint, numbers.around(rng, n, party.npa), numbers.anywhere(rng, n))
    called = np.where(rng.random(n) < habit.international, numbers.foreign(rng, n), near)
    if habit.sequential:
        row = numbers.anywhere(rng, 1) + np.arange(n)
        called = np.where(rng.random(n) < habit.sequential, row, called)
    return called


@dataclass(frozen=True)
class World:
    """What all parties share: the seed, assigned number blocks, do-not-originate and commonly spoofed numbers."""

    seed: int
    blocks: dict[str, int]
    dno: np.ndarray
    common: np.ndarray


def world_of(cast: Cast, seed: int) -> World:
    rng = np.random.default_rng([seed, 0])
    return World(
        seed=seed,
        blocks={party.id: numbers.block(party.npa, position) for position, party in enumerate(cast.parties)},
        dno=numbers.do_not_originate(rng),
        common=numbers.anywhere(rng, COMMON_SPOOFED),
    )


def block_of_calls(
    world: World, cast: Cast, position: int, habit: Habit, day: date, n: int, first_call: int, part: int
) -> Attempts:
    """The attempts of `n` calls that a party starts on a UTC date with one of its habits."""
    party = cast.parties[position]
    rng = np.random.default_rng([world.seed, crc32(party.id.encode()), day.toordinal(), part])
    places = np.array([list(SWITCHES).index(switch) for switch in party.switches])
    start = starts(rng, n, habit.hours, SWITCHES[party.switches[0]], day)
    outcome = outcomes(rng, n, habit)
    ring, talk = rings(rng, outcome, habit), talks(rng, n, habit)
    asserted = callers(rng, n, habit, party, world)
    calling = np.where(rng.random(n) < habit.anonymous, 0, asserted)
    called = called_numbers(rng, n, habit, party)
    if habit.neighbors:
        asserted = np.where(rng.random(n) < habit.neighbors, called // 10_000 * 10_000 + rng.integers(0, 10_000, n), asserted)
        calling = np.where(calling > 0, asserted, 0)
    if habit.forwarded:
        calling = np.where(rng.random(n) < habit.forwarded, numbers.anywhere(rng, n), calling)
    switch, egress = rng.choice(places, n), rng.integers(0, len(cast.downstreams), n)
    shares = [habit.attestation.get(mark, 0.0) for mark in MARKS[1:]]
    mark = rng.choice(4, n, p=[1 - sum(shares), *shares])
    sip = np.choose(outcome, [200, 487, rng.choice(REJECTIONS, n, p=[0.2, 0.5, 0.15, 0.15]), 404, 486, 480])
    side = np.choose(outcome, [rng.integers(0, 2, n), 0, 1, 2, 1, 2])

    # Route advance: one or two carriers refuse with 503 before the attempt that decides.
    refused = np.where(rng.random(n) < ROUTE_ADVANCE, np.where(rng.random(n) < 0.2, 2, 1), 0)
    delay = rng.integers(200, 2_500, (n, 2))
    call = np.repeat(np.arange(n), refused + 1)
    attempt = np.arange(len(call)) - np.repeat(np.cumsum(refused + 1) - refused - 1, refused + 1) + 1
    final = attempt == refused[call] + 1
    began = start[call] + np.where(attempt > 1, delay[call, 0], 0) + np.where(attempt > 2, delay[call, 1], 0)
    is_answered = final & (outcome[call] == ANSWERED)
    answer = np.where(is_answered, began + ring[call], -1)
    end = np.where(final, began + ring[call] + np.where(is_answered, talk[call], 0), began + delay[call, np.minimum(attempt, 2) - 1])
    return Attempts(
        party=np.full(len(call), position, np.int16),
        part=np.full(len(call), part, np.int8),
        call=first_call + call,
        attempt=attempt.astype(np.int8),
        switch=switch[call].astype(np.int8),
        egress=((egress[call] + attempt) % len(cast.downstreams)).astype(np.int8),
        start=began,
        answer=answer,
        end=end,
        calling=calling[call],
        asserted=asserted[call],
        called=called[call],
        sip=np.where(final, sip[call], 503).astype(np.int16),
        side=np.where(final, side[call], 2).astype(np.int8),
        mark=mark[call].astype(np.int8),
    )


@dataclass(frozen=True)
class Planned:
    """So many calls of one party, on one UTC date, with one of its habits."""

    position: int  # in the cast
    part: int  # in the party's traffic
    day: date
    calls: int


@dataclass(frozen=True)
class Outage:
    """Hours in which one of our own routes fails: a share of the attempts over it ends with 503."""

    egress: int  # position in the downstreams
    since: int  # ms
    until: int  # ms
    share: float


def broken(rows: Attempts, outage: Outage, seed: int) -> Attempts:
    """The attempts as they go during an outage: those that it hits end within half a second, refused by the network."""
    rng = np.random.default_rng([seed, 4, outage.since % 2**32])
    within = (rows.egress == outage.egress) & (rows.start >= outage.since) & (rows.start < outage.until)
    hit = within & (rng.random(len(rows)) < outage.share)
    rows.answer = np.where(hit, -1, rows.answer)
    rows.end = np.where(hit, rows.start + rng.integers(80, 500, len(rows)), rows.end)
    rows.sip = np.where(hit, 503, rows.sip).astype(np.int16)
    rows.side = np.where(hit, SIDES.index("network"), rows.side).astype(np.int8)
    return rows


def simulate(world: World, cast: Cast, first_day: date, days: int, attempts: int) -> Attempts:
    """About `attempts` attempts in all, shared out by the volumes that the cast's records give."""
    per_call = 1 + ROUTE_ADVANCE * 1.2
    plan = (
        Planned(position, part, first_day + timedelta(days=d), int(round(wanted * share / per_call)))
        for position, by_day in enumerate(volumes(cast, first_day, days, attempts))
        for d, wanted in enumerate(by_day)
        for part, (_, share) in enumerate(cast.parties[position].traffic)
    )
    return carried(world, cast, first_day, days, plan)


def carried(
    world: World, cast: Cast, first_day: date, days: int, plan: Iterable[Planned], outages: Iterable[Outage] = ()
) -> Attempts:
    """All attempts of a plan in the order in which switches write them: by end, per switch.

    Calls that end after the last day are not written yet and therefore left out.
    """
    blocks, first_call = [], 0
    for told in plan:
        habit, _ = cast.parties[told.position].traffic[told.part]
        blocks.append(block_of_calls(world, cast, told.position, habit, told.day, told.calls, first_call, told.part))
        first_call += told.calls
    rows = joined(blocks)
    for outage in outages:
        rows = broken(rows, outage, world.seed)
    rows = rows.take(rows.end < midnight(first_day + timedelta(days=days)))
    return rows.take(np.lexsort((rows.attempt, rows.call, rows.end, rows.switch)))
