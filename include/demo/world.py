"""The demo world: a landing folder of call records, complaints, notices and reference data, from a seed.

    python -m include.demo.world --landing DIR [--seed 7] [--from 2026-11-16] [--days 7] [--attempts 300000]

The same arguments write the same bytes. What was planted, and what the rules should make of it, is returned.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from include.demo import cdr, evidence, personas, reference, traffic
from include.demo.personas import SWITCHES, Cast
from include.demo.traffic import DAY_MS, Attempts, midnight

FTC_DAY = "dnc_complaint_numbers_2021-07-08.csv"

PartyDay = tuple[str, str, date]  # party kind, party id, service date


@dataclass(frozen=True)
class Verdict:
    recommendation: str
    reason_codes: tuple[str, ...]
    """The codes that must be among the reasons."""


@dataclass(frozen=True)
class FileTotals:
    """What a correct reader makes of a file: rows = accepted + rejected + duplicates. Lines count from 1."""

    sha256: str
    rows: int
    accepted: int
    duplicates: tuple[int, ...] = ()  # lines
    rejected: tuple[tuple[int, str], ...] = ()  # line, what is wrong: fields, time, negative


@dataclass(frozen=True)
class PlantedCall:
    file: str  # landing path
    line: int  # counted from 1, header included
    call_id: str
    party_kind: str
    party_id: str


@dataclass(frozen=True)
class PlantedNotice:
    traceback_id: str
    received: date
    file: str
    match_status: str  # unique, multiple, none
    calls: tuple[PlantedCall, ...]


@dataclass(frozen=True)
class PlantedComplaint:
    complaint_id: str
    received: date
    level: str  # 1, 2, 3, V, U
    party_id: str  # empty where none or several


@dataclass(frozen=True)
class DayTotals:
    """What arrives of a party's calls that start on a UTC date."""

    attempts: int
    calls: int
    answered: int


@dataclass(frozen=True)
class Expected:
    verdicts: dict[PartyDay, Verdict]
    totals: dict[PartyDay, DayTotals]
    files: dict[str, FileTotals]  # landing path -> totals, CDR files that arrive
    missing: dict[str, int]  # landing path -> rows, files that a manifest lists and that never arrive
    notices: tuple[PlantedNotice, ...]
    complaints: tuple[PlantedComplaint, ...]


def put(path: Path, content: bytes) -> None:
    """Write a file whole. One that is there already stays; FileExistsError where its content is another."""
    if path.suffix == ".gz":
        content = gzip.compress(content, 6, mtime=0)
    if path.exists():
        if path.read_bytes() != content:
            raise FileExistsError(f"{path} is there with other content: files in landing never change; use an empty folder")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)


@dataclass(frozen=True)
class Lost:
    """A file that the day's manifest lists and that does not arrive."""

    switch: str
    day: date
    hour: int  # of its first hang-ups, UTC: 0, 6, 12, 18

    @property
    def path(self) -> str:
        return f"cdr/{cdr.FEED_OF[self.switch]}/{cdr.file_name(self.switch, self.day, self.hour)}"


def missing_file(last_day: date) -> str:
    """The file, below `cdr/asterisk/`, that does not arrive in the demo's world."""
    return cdr.file_name("phx1", last_day, 18)


def arriving(rows: Attempts, lost: list[Lost]) -> np.ndarray:
    """Mask of attempts whose file arrives."""
    arrives = np.ones(len(rows), bool)
    for file in lost:
        since = midnight(file.day) + file.hour * 3_600_000
        within = (rows.end >= since) & (rows.end < since + cdr.HOURS_PER_FILE * 3_600_000)
        arrives &= ~((rows.switch == list(SWITCHES).index(file.switch)) & within)
    return arrives


def expected_verdicts(cast: Cast, first_day: date, days: int) -> dict[PartyDay, Verdict]:
    verdicts = {}
    for party in cast.parties:
        for stage in party.expected:
            since = cast.event_day(stage.since, first_day, days) if stage.since else first_day
            for d in range((since - first_day).days, days):
                day = first_day + timedelta(days=d)
                verdicts[party.kind, party.id, day] = Verdict(stage.verdict, stage.codes)
    return verdicts


def day_totals(cast: Cast, rows: Attempts, first_day: date, days: int) -> dict[PartyDay, DayTotals]:
    slot = rows.party.astype(np.int64) * days + (rows.start - midnight(first_day)) // DAY_MS
    size = len(cast.parties) * days
    attempts, calls, answered = (
        np.bincount(slot[mask], minlength=size) for mask in (slot >= 0, rows.attempt == 1, rows.answer >= 0)
    )
    return {
        (p.kind, p.id, first_day + timedelta(days=d)): DayTotals(
            *(int(counts[k * days + d]) for counts in (attempts, calls, answered))
        )
        for k, p in enumerate(cast.parties)
        for d in range(days)
    }


def write_world(landing: Path, *, first_day: date, days: int, attempts: int, seed: int) -> Expected:
    """Write the landing folder of `days` >= 2 days from `first_day` (UTC) with about `attempts` call attempts.

    Parties keep the daily minimum that their verdict needs, so very small worlds hold more than asked for.
    Raises ValueError for worlds too small for their events, FileExistsError where `landing` holds other files
    under the same names.
    """
    if days < 2:
        raise ValueError("a world needs at least 2 days: something must change from one to the next")
    cast, last_day = personas.load(), first_day + timedelta(days=days - 1)
    world = traffic.world_of(cast, seed)
    rows = traffic.simulate(world, cast, first_day, days, attempts)
    lost = [Lost("phx1", last_day, 18)]
    arrives = arriving(rows, lost)
    choice = evidence.Choice(cast, rows, arrives, seed)
    notices = evidence.notices(cast, choice, first_day, days, lambda k: standard_id(world, rows, k))
    complaints = evidence.complaints(cast, world, choice, first_day, days)

    files, missing, calls = write_calls(landing, world, cast, rows, first_day, days, lost, {k for n in notices for k in n.rows})
    planted = []
    for n, path in write_notices(landing, notices, first_day, days):
        planted.append(PlantedNotice(n.row["traceback_id"], n.received, path, n.match_status, tuple(calls[k] for k in n.rows)))
    write_complaints(landing, complaints, first_day, days)
    put(landing / "complaints/ftc_csv" / FTC_DAY, reference.real(FTC_DAY))
    for path, content in reference.files(cast, world, first_day, days, tuple(SWITCHES)).items():
        put(landing / path, content)

    return Expected(
        verdicts=expected_verdicts(cast, first_day, days),
        totals=day_totals(cast, rows.take(arrives), first_day, days),
        files=files,
        missing=missing,
        notices=tuple(planted),
        complaints=tuple(
            PlantedComplaint(c.row["complaint_id"], c.received, c.level, c.party_id) for c in complaints
        ),
    )


def standard_id(world: traffic.World, rows: Attempts, k: int) -> str:
    """The call id in `cdr/standard` of the attempt at `k`."""
    return cdr.call_ids(world, rows.call[k : k + 1], list(SWITCHES)[rows.switch[k]])[0].as_py()


def write_calls(
    landing: Path, world: traffic.World, cast: Cast, rows: Attempts, first_day: date, days: int, lost: list[Lost], traced: set[int]
) -> tuple[dict[str, FileTotals], dict[str, int], dict[int, PlantedCall]]:
    """The CDR files and their manifests: files that arrive, rows of those that do not, both by landing path, and where traced calls stand."""
    files, missing, calls = {}, {}, {}
    never = {file.path for file in lost}
    listed: dict[tuple[str, date], list] = {}
    for file in cdr.files(world, cast, rows, first_day, days):
        content, path = file.content(), f"cdr/{file.feed}/{file.name}"
        if path in never:
            missing[path] = file.rows
            digest = hashlib.sha256(content).hexdigest()
        else:
            put(landing / path, content)
            digest = hashlib.sha256((landing / path).read_bytes()).hexdigest()
            accepted = file.rows - len(file.duplicates) - len(file.broken)
            files[path] = FileTotals(digest, file.rows, accepted, file.duplicates, file.broken)
        listed.setdefault((file.feed, file.day), []).append((file.name, file.rows, digest))
        for k in traced.intersection(file.attempts.tolist()):
            party = cast.parties[rows.party[k]]
            line = int(file.line_of[np.searchsorted(file.attempts, k)])
            calls[k] = PlantedCall(path, line, cdr.call_id_in(file, line), party.kind, party.id)
    for (feed, day), entries in listed.items():
        put(landing / f"cdr/{feed}/manifest-{day}.csv", cdr.manifest(entries))
    return files, missing, calls


def write_notices(landing: Path, notices: list[evidence.Notice], first_day: date, days: int) -> list[tuple[evidence.Notice, str]]:
    """A file per day; returns the notices by date received, each with its landing path."""
    written = []
    for day in (first_day + timedelta(days=d) for d in range(days)):
        received = [n for n in notices if n.received == day]
        # A day without notices brings a header alone: no notices and a feed that is down differ.
        as_json = any(n.row["violation_class"] == "live_scam" for n in received)
        path = f"tracebacks/standard/notices-{day}.{'json' if as_json else 'csv'}"
        told = [n.row for n in received]
        put(landing / path, evidence.as_json(told) if as_json else evidence.as_csv(evidence.NOTICE_COLUMNS, told))
        written += [(n, path) for n in received]
    return written


def write_complaints(landing: Path, complaints: list[evidence.Complaint], first_day: date, days: int) -> None:
    """A file per day."""
    for day in (first_day + timedelta(days=d) for d in range(days)):
        desk = [c.row for c in complaints if c.received == day]
        put(landing / f"complaints/standard/desk-{day}.csv", evidence.as_csv(evidence.COMPLAINT_COLUMNS, desk))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--landing", type=Path, required=True, help="folder to write into")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--from", dest="first_day", type=date.fromisoformat, default=date(2026, 11, 16), metavar="YYYY-MM-DD")
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--attempts", type=int, default=300_000, help="call attempts in all, about")
    given = parser.parse_args()
    began = time.perf_counter()
    expected = write_world(
        given.landing, first_day=given.first_day, days=given.days, attempts=given.attempts, seed=given.seed
    )
    rows = sum(file.rows for file in expected.files.values())
    print(
        f"{given.landing}: {rows:,} call attempts in {len(expected.files)} files, {len(expected.complaints)} complaints, "
        f"{len(expected.notices)} traceback notices, {given.days} days from {given.first_day}, "
        f"{time.perf_counter() - began:.1f} s"
    )


if __name__ == "__main__":
    main()
