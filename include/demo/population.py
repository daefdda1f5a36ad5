"""A population with known deserts: customers and upstreams drawn from `population.yaml`, their calls, and the verdict each deserves by day.

    python -m include.demo.population --landing DIR [--seed 1] [--from 2026-11-16] [--days 30] [--customers 500]

The same arguments write the same bytes. Detection is measured on it (`python -m benchmarks --only detection`): parameters come from
ranges, not from what the rules ask for, and labels from who a party is and what was sent about it, never from what rules make of it.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from include.demo import evidence, numbers, personas, reference, traffic
from include.demo.cdr import FEED_OF
from include.demo.personas import SWITCHES, Cast, Habit, Party
from include.demo.traffic import DAY_MS, Attempts, Outage, Planned, midnight
from include.demo.world import Lost, PartyDay, PlantedNotice, arriving, put, standard_id, write_calls, write_complaints, write_notices

UPSTREAMS = 20
FULL_SIZE = 500  # customers for which the counts of population.yaml are meant
GRAVE = ("fraud", "prerecorded", "live_scam")
LEAST_ATTEMPTS = 25  # a day of a stream, however small a share of the calls is asked for
VICTIM_DAYS = 14  # for so long do people complain about a number that somebody else uses
FIELDS = {f.name for f in fields(Habit)}
CARRIERS = ("Longreach", "Bellwether", "Greyfox", "Summerhill")
DOWNSTREAMS = tuple({"id": f"D{301 + k}", "name": f"{name} Demo Routes"} for k, name in enumerate(CARRIERS))
FIRST_NAMES = (
    "Alder Amber Ash Birch Blue Bramble Briar Cedar Clover Copper Coral Crane Dove Dune Elm Ember Fern Finch Flint Fox Gale Glen Gold Hazel "
    "Heron Holly Iron Ivy Jade Juniper Kestrel Lark Laurel Linden Maple Marsh Moss Oak Otter Pine"
).split()
LAST_NAMES = (
    "bank bourne bridge brook bury by combe croft dale den field ford gate grove ham haven hill holm hurst ley lock marsh mere mill mont mouth "
    "port quay ridge rock shaw side stead stone ton vale wall well wick wood"
).split()
KINDS = {
    "small_business": "Shop", "enterprise": "Company", "government": "Office", "health": "Clinic", "call_center": "Contacts", "school": "Schools",
    "reseller": "Hosted Voice", "other": "Society", "upstream": "Demo Carrier",
}  # fmt: skip


@dataclass(frozen=True)
class Stream:
    """What a party sends with one habit: attempts on a weekday, on which days (offsets), and whether that is what is to be found."""

    habit: Habit
    volume: float
    days: frozenset[int]
    bad: bool


@dataclass(frozen=True)
class Member:
    """A party drawn from a persona. Days are offsets from the first day."""

    party: Party
    persona: str
    streams: tuple[Stream, ...]
    since: int  # the day from which it is a customer
    starts: int  # the day from which its bad calls, or its change, are expected
    ends: int
    expected: str  # the tier it deserves by its calls, while it sends bad ones; empty where a day of calls cannot tell
    notices: tuple[dict, ...] = ()  # each with `day`
    named_on: int | None = None  # by an authority
    complaints: int = 0  # a day
    spoofed: int = 0


@dataclass(frozen=True)
class Label:
    """What a party deserves, by service date (from the day on which it is a party): SUSPEND, RESTRICT, HOLD or NO_ACTION.

    NO_ACTION stands for MONITOR too. `first_bad_call` (UTC) is None for the honest.
    """

    persona: str
    verdicts: dict[date, str]
    evidence_backed: bool
    first_bad_call: datetime | None


@dataclass(frozen=True)
class Population:
    labels: dict[tuple[str, str], Label]  # by party kind and id
    lost: tuple[Lost, ...]
    shares_a_feed: frozenset[PartyDay]
    """Party days whose own switch lost nothing, but another one that writes to the same feed."""
    outage: Outage
    outage_day: date
    notices: tuple[PlantedNotice, ...]
    attempts: int


@cache
def told() -> dict:
    return yaml.safe_load(Path(__file__).with_name("population.yaml").read_text(encoding="utf-8"))


def drawn(rng: np.random.Generator, record, key: str = ""):
    """The record with a value in the place of every range and choice."""
    if isinstance(record, dict):
        return {name: drawn(rng, value, name) for name, value in record.items()}
    if not isinstance(record, list):
        return record
    if all(isinstance(value, str) for value in record):
        return str(rng.choice(record))
    if isinstance(record[0], dict):
        return [drawn(rng, value) for value in record]
    low, high = record
    if key == "volume":
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))
    if isinstance(low, int) and isinstance(high, int):
        return int(rng.integers(low, high + 1))
    return round(float(rng.uniform(low, high)), 4)


def counts(rng: np.random.Generator, records: dict[str, dict], total: int, share: float) -> dict[str, int]:
    """How many parties of each persona; at least one of each."""
    asked = {name: record["count"] for name, record in records.items()}
    found = {name: max(1, round(rng.integers(low, high + 1) * share)) for name, (low, high) in ((n, a) for n, a in asked.items() if a != "rest")}
    rest = total - sum(found.values())
    if rest < 1:
        raise ValueError(f"{total} parties are too few for every persona: ask for {sum(found.values()) + 1} or more")
    return {name: found.get(name, rest) for name in records}


def switches_of(rng: np.random.Generator, record: dict, large: bool) -> tuple[str, ...]:
    if "switches" in record:
        return (record["switches"],)
    first = str(rng.choice(list(SWITCHES), p=[0.4, 0.35, 0.25]))
    other = str(rng.choice([s for s in ("nyc1", "dal1") if s != first]))
    return (first, other) if large and rng.random() < 0.4 else (first,)


def active_days(rng: np.random.Generator, stream: dict, starts: int, ends: int, first_day: date, days: int) -> frozenset[int]:
    when = stream.get("when", "always")
    if when == "some":
        weekdays = [d for d in range(days) if (first_day + timedelta(days=d)).weekday() < 5]
        some = max(1, round(stream["days"] * days / 30))
        return frozenset(int(d) for d in rng.choice(weekdays, min(some, len(weekdays)), replace=False))
    since, until = {"always": (0, days), "before": (0, starts), "after": (starts, ends)}[when]
    return frozenset(range(since, until))


def member(
    seed: int, kind: str, persona: str, number: int, linked: Member | None, first_day: date, days: int, volume: float, base: dict[str, Habit]
) -> Member:
    """One party of a persona. Each has a generator of its own, so that a new persona leaves the others as they were."""
    position = int(number) % 1000
    rng = np.random.default_rng([seed, 6, number])
    record = drawn(rng, told()[f"{kind}s"][persona])
    party_id = f"{kind[0].upper()}{number}"
    starts = max(1, int(record["starts"] * (days - 1) + 0.5)) if "starts" in record else 0
    if linked:
        starts = (linked.notices[0]["day"] if linked.notices else linked.starts + 2) + record["after"]
    starts = min(starts, days - 1)
    notices, day = [], starts
    for notice in record.get("notices", ()):
        day += notice["after"]
        notices.append({**notice, "day": day})
    notices = tuple(n for n in notices if n["day"] < days)
    ends = starts + record["lasts"] if "lasts" in record else notices[0]["day"] + 1 if record.get("quiet") and notices else days
    streams = []
    for stream in record["streams"]:
        habit = replace(base[stream["habit"]], **{name: value for name, value in stream.items() if name in FIELDS})
        full = stream["volume"] if "volume" in stream else record["streams"][0]["volume"] * stream["times"]
        asked = max(min(full, LEAST_ATTEMPTS), full * volume)
        streams.append(Stream(habit, asked, active_days(rng, stream, starts, min(ends, days), first_day, days), stream.get("bad", False)))
    since = starts if record.get("registers") else 0
    about = {"type": record.get("type"), "role": record.get("role")}
    for name in ("traffic_class", "country", "protected", "campaigns", "us_caller_id_recourse", "rmd"):
        if name in record:
            about[name] = record[name]
    if record.get("registers"):
        about["onboarded_on"] = first_day + timedelta(days=since)
    elif "age_days" in record:
        about["onboarded_on"] = first_day - timedelta(days=record["age_days"])
    if linked:
        about["payment_ref"] = f"pay-{linked.party.id[1:]}"
    named_on = starts + record["enforced"]["after"] if "enforced" in record else None
    if named_on is not None and named_on < days:
        about["enforcement"] = {"from": f"day{named_on}", "authority": "fcc", "kind": "cease_and_desist"}
    else:
        named_on = None
    party = Party(
        kind=kind,
        id=party_id,
        name=f"{FIRST_NAMES[position % 40]}{LAST_NAMES[(position // 40 + position) % 40]} {KINDS[record.get('type', 'upstream')]} {number}",
        traffic=tuple((stream.habit, 1.0) for stream in streams),
        volume=0,
        floor=0,
        switches=switches_of(rng, record, sum(s.volume for s in streams) > 700 * volume),
        npa=int(rng.choice(numbers.area_codes("US"))),
        written=str(rng.choice(["plus", "plus", "eleven", "ten", "sip"])),
        expected=(),
        quiet_from="",
        record=about,
        apart=tuple(k for k, stream in enumerate(record["streams"]) if stream.get("apart")),
    )
    return Member(
        party, persona, tuple(streams), since, starts, min(ends, days), record.get("expected", ""), notices, named_on,
        record.get("complaints", 0), record.get("spoofed", 0),
    )  # fmt: skip


def members(seed: int, first_day: date, days: int, customers: int, volume: float) -> list[Member]:
    """Everybody, customers first."""
    rng, base, made = np.random.default_rng([seed, 5]), personas.habits(), []
    for kind, total, share, first_number in (("customer", customers, customers / FULL_SIZE, 1001), ("upstream", UPSTREAMS, 1.0, 2001)):
        records, number = told()[f"{kind}s"], first_number
        for persona, count in counts(rng, records, total, share).items():
            friends = [m for m in made if m.persona == records[persona].get("linked_to")]
            for k in range(count):
                linked = friends[k % len(friends)] if friends else None
                made.append(member(seed, kind, persona, number, linked, first_day, days, volume, base))
                number += 1
    return made


def cast_of(made: list[Member], days: int) -> Cast:
    """The members as a cast, whose events are days: `day0`, `day1`, …"""
    events = {f"day{d}": d / (days - 1) for d in range(days)}
    events["removed_from_rmd"] = next(m.starts for m in made if m.party.record.get("rmd") == "removed") / (days - 1)
    notices = tuple(
        {
            "event": f"day{n['day']}", "party": m.party.id, "violation_class": n["violation_class"], "requester": n.get("requester", "itg"),
            "campaign": m.persona, "zone": ("-05:00", "-06:00", "+00:00")[k % 3], "description": "",
        }
        for m in made
        for k, n in enumerate(m.notices)
    )  # fmt: skip
    return Cast(tuple(m.party for m in made), DOWNSTREAMS, events, notices)


def plan(made: list[Member], seed: int, first_day: date, days: int) -> Iterator[Planned]:
    """Calls by party, stream and day: the weekday's volume, less on weekends, a sixth up or down from day to day."""
    rng = np.random.default_rng([seed, 7])
    per_call = 1 + traffic.ROUTE_ADVANCE * 1.2
    for position, m in enumerate(made):
        sway = rng.lognormal(0, 0.15, (len(m.streams), days))
        for part, stream in enumerate(m.streams):
            for d in sorted(stream.days):
                day = first_day + timedelta(days=d)
                wanted = stream.volume * (stream.habit.weekend if day.weekday() >= 5 else 1.0) * sway[part, d]
                yield Planned(position, part, day, int(rng.poisson(wanted / per_call)))


def failures(seed: int, first_day: date, days: int) -> tuple[list[Lost], Outage, date]:
    """Files that never arrive, and the hours in which one of our routes fails. At most one file a day."""
    rng = np.random.default_rng([seed, 8])
    lost, free = [], list(rng.permutation(np.arange(1, days)))
    for switch, span in told()["faults"].items():
        low, high = span
        for _ in range(min(int(rng.integers(low, high + 1)), max(1, days // 6))):
            if free:
                lost.append(Lost(switch, first_day + timedelta(days=int(free.pop())), int(rng.choice([12, 18]))))
    weekdays = [d for d in range(days) if (first_day + timedelta(days=d)).weekday() < 5]
    day = first_day + timedelta(days=int(rng.choice(weekdays)))
    record = drawn(rng, told()["outage"])
    since = midnight(day) + int(rng.integers(14, 18)) * 3_600_000
    return lost, Outage(int(rng.integers(len(DOWNSTREAMS))), since, since + record["hours"] * 3_600_000, record["share"]), day


def linked_members(made: list[Member], m: Member) -> list[Member]:
    """The member and those that pay with it."""
    payment = {id(o): o.party.record.get("payment_ref", f"pay-{o.party.id[1:]}") for o in made}
    return [o for o in made if payment[id(o)] == payment[id(m)]]


def suspended_since(made: list[Member], m: Member) -> int | None:
    """The day from which evidence alone asks for SUSPEND: an authority's notice, or traces received in the 30 days."""
    found = [m.named_on] if m.named_on is not None else []
    if m.party.kind == "customer":
        found += [n["day"] for n in m.notices if n["violation_class"] in GRAVE]
        together = sorted(n["day"] for o in linked_members(made, m) for n in o.notices)
        found += together[1:2]
    return max(min(found), m.since) if found else None


def bad_days(made: list[Member], rows: Attempts, first_day: date, days: int) -> np.ndarray:
    """Whether a member sends any of its bad streams on a day (members x days)."""
    bad = [k * 100 + part for k, m in enumerate(made) for part, stream in enumerate(m.streams) if stream.bad]
    mine = rows.take(np.flatnonzero(np.isin(rows.party.astype(np.int64) * 100 + rows.part, bad)))
    sent = np.zeros((len(made), days), bool)
    sent[mine.party, (mine.start - midnight(first_day)) // DAY_MS] = True
    return sent


def verdicts(made: list[Member], m: Member, lost: list[Lost], first_day: date, sent: np.ndarray) -> dict[date, str]:
    """By service date; `sent` says of each day whether bad calls were made."""
    suspended = suspended_since(made, m)
    thrice = sorted(n["day"] for n in m.notices)[2:3] if m.party.kind == "upstream" else []
    torn = {file.day for file in lost if file.switch in m.party.switches}
    found = {}
    for d in range(m.since, len(sent)):
        day, verdict = first_day + timedelta(days=d), "NO_ACTION"
        if m.expected and m.starts <= d < m.ends and (sent[d] or m.expected == "SUSPEND"):
            verdict = m.expected
        if thrice and d >= thrice[0]:
            verdict = "RESTRICT"
        if suspended is not None and d >= suspended:
            verdict = "SUSPEND"
        found[day] = "HOLD" if day in torn and verdict != "SUSPEND" else verdict
    return found


def first_bad_calls(made: list[Member], rows: Attempts, first_day: date) -> dict[int, datetime]:
    """By position: when the first call starts that is to be found."""
    bad = {(k, part): m.starts for k, m in enumerate(made) for part, stream in enumerate(m.streams) if stream.bad}
    key = rows.party.astype(np.int64) * 100 + rows.part
    mine = np.flatnonzero(np.isin(key, [k * 100 + part for k, part in bad]))
    found: dict[int, datetime] = {}
    for (k, part), starts in bad.items():
        times = rows.start[mine[key[mine] == k * 100 + part]]
        times = times[times >= midnight(first_day) + starts * DAY_MS]
        if len(times):
            found[k] = datetime.fromtimestamp(int(times.min()) / 1000, timezone.utc)
    return found


def desk_of(made: list[Member], seed: int, first_day: date):
    """Own-desk complaints by day: about the bad, about dialers whom people do not like, about anybody, and about the victims."""
    ordinary = [m.party.id for m in made if m.persona in ("office", "large_office", "reseller")]

    def desk(day: date) -> evidence.Desk:
        d = (day - first_day).days
        rng = np.random.default_rng([seed, 9, d])
        wanted: list[tuple[str, int, tuple[str, ...]]] = [("U", int(rng.integers(3, 12)), ())]
        wanted += [("2", 1, (str(party_id),)) for party_id in rng.choice(ordinary, int(rng.integers(0, 4)), replace=False)]
        for m in made:
            is_honest = not any(stream.bad for stream in m.streams)  # a dialer that some complain about
            if m.complaints and (is_honest or m.starts < d <= m.ends):
                exact = int(rng.binomial(m.complaints, 0.6))
                wanted += [("1", exact, (m.party.id,)), ("2", m.complaints - exact, (m.party.id,))]
            if m.spoofed and m.starts <= d < m.starts + VICTIM_DAYS:
                wanted.append(("V", m.spoofed, (m.party.id,)))
        return tuple(wanted)

    return desk


def reference_files(cast: Cast, world: traffic.World, first_day: date, days: int) -> dict[str, bytes]:
    """As the demo's; and a snapshot more of what speaks of customers on every day on which one registers."""

    def known(day: date) -> Cast:
        return replace(cast, parties=tuple(p for p in cast.parties if p.record.get("onboarded_on", day) <= day))

    found = reference.files(known(first_day), world, first_day, days, tuple(SWITCHES))
    for day in sorted({p.record["onboarded_on"] for p in cast.parties if p.record.get("onboarded_on", first_day) > first_day}):
        now = known(day)
        found |= {
            f"reference/customers/customers-{day}.csv": reference.customers(now),
            f"reference/trunks/trunks-{day}.csv": reference.trunks(now, tuple(SWITCHES)),
            f"reference/caller_ids/caller_ids-{day}.csv": reference.caller_ids(now, world),
        }
    return found


def write_population(landing: Path, *, seed: int, first_day: date, days: int = 30, customers: int = FULL_SIZE, volume: float = 1.0) -> Population:
    """Write the landing folder of 4 to 30 days from `first_day` (UTC); `volume` = share of the calls.

    Raises ValueError for fewer days, for more than traces count, and for too few customers for every persona.
    """
    if not 4 <= days <= 30:
        raise ValueError("a population has 4 to 30 days: what begins must have a day before and one after, and a trace counts for 30")
    made = members(seed, first_day, days, customers, volume)
    cast = cast_of(made, days)
    world = traffic.world_of(cast, seed)
    lost, outage, outage_day = failures(seed, first_day, days)
    rows = traffic.carried(world, cast, first_day, days, plan(made, seed, first_day, days), [outage])
    choice = evidence.Choice(cast, rows, arriving(rows, lost), seed)
    notices = evidence.notices(cast, choice, first_day, days, lambda k: standard_id(world, rows, k))
    complaints = evidence.complaints(cast, world, choice, first_day, days, desk_of(made, seed, first_day))

    _, _, calls = write_calls(landing, world, cast, rows, first_day, days, lost, {k for n in notices for k in n.rows})
    planted = [
        PlantedNotice(n.row["traceback_id"], n.received, path, n.match_status, tuple(calls[k] for k in n.rows))
        for n, path in write_notices(landing, notices, first_day, days)
    ]
    write_complaints(landing, complaints, first_day, days)
    for path, content in reference_files(cast, world, first_day, days).items():
        put(landing / path, content)

    bad_since, sent = first_bad_calls(made, rows, first_day), bad_days(made, rows, first_day, days)
    labels = {}
    for k, m in enumerate(made):
        deserved = verdicts(made, m, lost, first_day, sent[k])
        backed = "SUSPEND" in deserved.values() or (m.party.kind == "upstream" and len(m.notices) > 2)
        labels[m.party.kind, m.party.id] = Label(m.persona, deserved, backed, bad_since.get(k))
    return Population(labels, tuple(lost), frozenset(beside(made, lost)), outage, outage_day, tuple(planted), len(rows))


def beside(made: list[Member], lost: list[Lost]) -> Iterator[PartyDay]:
    """Days on which a party's feed, but none of its switches, lost a file."""
    for file in lost:
        for m in made:
            if file.switch not in m.party.switches and FEED_OF[file.switch] in {FEED_OF[s] for s in m.party.switches}:
                yield m.party.kind, m.party.id, file.day


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--landing", type=Path, required=True, help="folder to write into")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", dest="first_day", type=date.fromisoformat, default=date(2026, 11, 16), metavar="YYYY-MM-DD")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--customers", type=int, default=FULL_SIZE)
    given = parser.parse_args()
    began = time.perf_counter()
    made = write_population(given.landing, seed=given.seed, first_day=given.first_day, days=given.days, customers=given.customers)
    tally = Counter(verdict for label in made.labels.values() for verdict in label.verdicts.values())
    print(
        f"{given.landing}: {made.attempts:,} call attempts of {len(made.labels)} parties, {len(made.notices)} notices, party days that deserve "
        + ", ".join(f"{verdict} {count:,}" for verdict, count in tally.most_common())
        + f", {time.perf_counter() - began:.1f} s"
    )


if __name__ == "__main__":
    main()
