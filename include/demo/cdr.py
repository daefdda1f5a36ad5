"""Call attempts as the files that switches write: `cdr/standard` CSV and Asterisk's `Master.csv`.

A file holds the rows whose calls ended in its six hours (UTC), in that order: switches write at hang-up, so a
call over midnight lies in the next day's file. Rows are rendered column by column with Arrow; only the few
planted rows of damage are handled one by one.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, timedelta
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.demo.personas import SWITCHES, Cast
from include.demo.traffic import DAY_MS, MARKS, SIDES, Attempts, World, midnight

STANDARD_COLUMNS = (
    "call_id,attempt,switch_id,start_time,answer_time,end_time,ingress_trunk,egress_trunk,source_ip,calling_number,"
    "asserted_number,called_number,sip_code,release_party,attestation,verstat,signer,orig_id"
)
FEED_OF = {"nyc1": "standard", "dal1": "standard", "phx1": "asterisk"}
ASTERISK_HOST_ZONE = 0  # phx1's clock is in UTC
HOURS_PER_FILE = 6
DAMAGED_HOUR = 12  # the file of each day and switch that holds damage
SPELLINGS = ("plus", "eleven", "ten", "sip")
HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


@dataclass(frozen=True)
class CdrFile:
    """A rendered file, and what a correct reader makes of it. Lines are counted from 1, headers included."""

    feed: str  # standard, asterisk
    name: str  # path below the feed's folder
    day: date
    lines: pa.Array  # text without line ends, header first where there is one
    rows: int  # data rows
    duplicates: tuple[int, ...]  # lines that repeat an earlier line
    broken: tuple[tuple[int, str], ...]  # line, and what is wrong: fields, time, negative
    line_of: np.ndarray  # line of each of `attempts`
    attempts: np.ndarray  # positions in the world's Attempts

    def content(self) -> bytes:
        whole = pc.binary_join(pa.LargeListArray.from_arrays([0, len(self.lines)], self.lines), "\n")
        return whole[0].as_py().encode() + b"\n"


def text(codes: np.ndarray, vocabulary: list[str] | tuple[str, ...]) -> pa.Array:
    return pa.array(list(vocabulary)).take(pa.array(codes))


def digits(values: np.ndarray) -> pa.Array:
    return pa.array(values).cast(pa.string())


def hexes(raw: bytes, width: int) -> np.ndarray:
    """Bytes as rows of `width` hex characters (uint8 matrix)."""
    return np.frombuffer(raw.hex().encode(), np.uint8).reshape(-1, width)


def as_text(matrix: np.ndarray) -> pa.Array:
    return pa.array(np.ascontiguousarray(matrix).view(f"S{matrix.shape[1]}").ravel()).cast(pa.string())


def hex_numbers(values: np.ndarray, width: int) -> pa.Array:
    return as_text(hexes(values.astype(">u8").tobytes(), 16)[:, 16 - width :])


def uuids(rng: np.random.Generator, n: int) -> pa.Array:
    digits32 = hexes(rng.bytes(16 * n), 32).copy()
    digits32[:, 12] = ord("4")
    digits32[:, 16] = HEX[8 + digits32[:, 16] % 4]
    dash = np.full((n, 1), ord("-"), np.uint8)
    cuts = (0, 8, 12, 16, 20, 32)
    parts = [digits32[:, a:b] for a, b in zip(cuts, cuts[1:])]
    return as_text(np.hstack([piece for part in parts for piece in (part, dash)][:-1]))


def joined(columns: list, separator: str = ",") -> pa.Array:
    return pc.binary_join_element_wise(*columns, separator)


def spelled(numbers: np.ndarray, spelling: np.ndarray, host: str, abroad: str) -> pa.Array:
    """E.164 digits as switches spell them, numbers abroad after the prefix `abroad`; 0 is `anonymous`."""
    full = digits(numbers)
    domestic = (numbers >= 10_000_000_000) & (numbers < 20_000_000_000)
    plus = joined(["+", full], "")
    chosen = pc.choose(
        pa.array(np.where(domestic, spelling, 4)),
        plus,
        full,
        pc.utf8_slice_codeunits(full, 1),
        joined(["sip:", plus, f"@{host};user=phone"], ""),
        joined([abroad, full], ""),
    )
    return pc.if_else(pa.array(numbers == 0), "anonymous", chosen)


def spellings(cast: Cast, party: np.ndarray, call: np.ndarray) -> np.ndarray:
    """Each party spells in its own way, and every 97th call in another one."""
    usual = np.array([SPELLINGS.index(p.written) for p in cast.parties])[party]
    return np.where(call % 97 == 0, (usual + 1) % 4, usual)


def iso(ms: np.ndarray, zone: int) -> pa.Array:
    """`2026-11-16T09:30:00.250-05:00`; empty where there is no time (-1)."""
    local = pa.array(ms + zone * 3_600_000, pa.timestamp("ms"))
    stamped = joined([pc.strftime(local, "%Y-%m-%dT%H:%M:%S"), f"{zone:+03d}:00"], "")
    return pc.if_else(pa.array(ms < 0), "", stamped)


def ingress(cast: Cast, switch: str, party: np.ndarray) -> pa.Array:
    return text(party, [p.trunk(switch) for p in cast.parties])


def egress(cast: Cast, switch: str, carrier: np.ndarray) -> pa.Array:
    return text(carrier, [f"{d['id'].lower()}-{switch}" for d in cast.downstreams])


def call_ids(world: World, call: np.ndarray, switch: str) -> pa.Array:
    mixed = (call.astype(np.uint64) + np.uint64(world.seed * 1_000_003 + 1)) * np.uint64(0x9E3779B97F4A7C15)
    return joined([hex_numbers(mixed, 16), f"@{switch}"], "")


def address(k: int) -> str:
    """The k-th source address: the networks kept for documentation, and after them the one kept for benchmarks."""
    if k < 240:
        return f"{('192.0.2', '198.51.100', '203.0.113')[k % 3]}.{10 + k}"
    return f"198.18.{k // 240}.{10 + k % 240}"


def standard_rows(world: World, cast: Cast, rows: Attempts, switch: str, name: str) -> pa.Array:
    """Rows of a `cdr/standard` file, times with the switch's offset and milliseconds."""
    rng = np.random.default_rng([world.seed, crc32(name.encode())])
    zone, spelling = SWITCHES[switch], spellings(cast, rows.party, rows.call)
    marked = rows.mark > 0
    failed = marked & (rows.call % 61 == 0)
    verstat = np.where(failed, 4, np.where(marked, rows.mark, 0))
    sources = 2 * len(cast.parties)  # of every party, then of what comes apart from its other calls
    addresses = [address(k) for k in range(sources)]
    signers = [f"SHAKEN {k + 1:03d}{'JKL'[k % 3]}" for k in range(sources)]
    apart = {(position, part) for position, party in enumerate(cast.parties) for part in party.apart}
    is_apart = np.isin(rows.party.astype(np.int64) * 100 + rows.part, [position * 100 + part for position, part in apart])
    source = rows.party + np.where(is_apart, len(cast.parties), 0)
    return joined(
        [
            call_ids(world, rows.call, switch),
            digits(rows.attempt),
            switch,
            iso(rows.start, zone),
            iso(rows.answer, zone),
            iso(rows.end, zone),
            ingress(cast, switch, rows.party),
            egress(cast, switch, rows.egress),
            text(source, addresses),
            spelled(rows.calling, spelling, "edge.example.net", "+"),
            joined(["+", digits(rows.asserted)], ""),
            spelled(rows.called, spelling, "tollgate.example.net", "011"),
            digits(rows.sip),
            text(rows.side, SIDES),
            text(rows.mark, MARKS),
            text(verstat, ["No-TN-Validation", *(f"TN-Validation-Passed-{m}" for m in "ABC"), "TN-Validation-Failed"]),
            pc.if_else(pa.array(marked), text(source, signers), ""),
            pc.if_else(pa.array(marked), uuids(rng, len(rows)), ""),
        ]
    )


def asterisk_rows(cast: Cast, rows: Attempts, serial: np.ndarray, first_serial: np.ndarray, first_start: np.ndarray) -> pa.Array:
    """Rows of Asterisk's `cdr_csv`: 21 columns, text quoted, durations and sequence bare, whole seconds.

    `serial` numbers the rows of the switch; `first_serial` and `first_start` are those of the call's first attempt.
    """

    def stamp(ms: np.ndarray) -> pa.Array:
        local = pa.array(ms // 1000 + ASTERISK_HOST_ZONE * 3600, pa.timestamp("s"))
        return pc.if_else(pa.array(ms < 0), "", pc.strftime(local, "%Y-%m-%d %H:%M:%S"))

    def unique_id(start: np.ndarray, number: np.ndarray) -> pa.Array:
        return joined([digits(start // 1000), digits(2 * number)], ".")

    switch, spelling = "phx1", spellings(cast, rows.party, rows.call)
    source = spelled(rows.calling, np.where(spelling == 0, 2, spelling), "edge.example.net", "+")
    called = spelled(rows.called, np.where(spelling == 0, 2, spelling), "tollgate.example.net", "011")
    out = egress(cast, switch, rows.egress)
    answered = rows.answer >= 0
    disposition = pc.if_else(
        pa.array(answered),
        "ANSWERED",
        pc.if_else(
            pa.array(rows.sip == 486),
            "BUSY",
            pc.if_else(
                pa.array(np.isin(rows.sip, (480, 487))), "NO ANSWER", pc.if_else(pa.array(rows.sip == 503), "CONGESTION", "FAILED")
            ),
        ),
    )
    columns = [
        "",
        source,
        called,
        "from-trunks",
        joined(['""', source, '"" <', source, ">"], ""),
        joined(["PJSIP/", ingress(cast, switch, rows.party), "-", hex_numbers(2 * serial, 8)], ""),
        joined(["PJSIP/", out, "-", hex_numbers(2 * serial + 1, 8)], ""),
        "Dial",
        joined(["PJSIP/", called, "@", out, ",60,"], ""),
        stamp(rows.start),
        stamp(rows.answer),
        stamp(rows.end),
    ]
    talk = np.where(answered, rows.end // 1000 - rows.answer // 1000, 0)
    tail = [disposition, "DOCUMENTATION", unique_id(rows.start, serial), "", "", unique_id(first_start, first_serial)]
    return joined(
        [
            joined(['"', joined(columns, '","'), '"'], ""),
            digits(rows.end // 1000 - rows.start // 1000),
            digits(talk),
            joined(['"', joined(tail, '","'), '"'], ""),
            digits(serial),
        ]
    )


def broken_copies(line: str, asterisk: bool) -> list[tuple[str, str]]:
    """Damaged copies of a good line, each with what is wrong with it."""
    values = next(csv.reader([line]))
    start, end = (9, 11) if asterisk else (3, 5)

    def rendered(changed: list[str]) -> str:
        if not asterisk:
            return ",".join(changed)
        bare = (12, 13, 20)
        return ",".join(v if k in bare else '"' + v.replace('"', '""') + '"' for k, v in enumerate(changed))

    bad_time, negative = list(values), list(values)
    bad_time[start] = values[start].replace(values[start][11:16], "25:61")
    negative[start], negative[end] = values[end], values[start]
    return [(rendered(values[:6]), "fields"), (rendered(bad_time), "time"), (rendered(negative), "negative")]


def with_damage(rows: pa.Array, lasting: np.ndarray, asterisk: bool) -> tuple[pa.Array, np.ndarray, dict[int, str]]:
    """Plant two exact duplicates and three broken rows.

    `lasting` holds the positions of rows that last two seconds or more (a swapped start and end shows).
    Returns the lines, the 0-based line of each original row, and 0-based line -> damage of planted ones.
    """
    n = len(rows)
    model = int(lasting[len(lasting) // 3])
    places = [n // 2, n * 3 // 4, n // 5, n * 2 // 5, n * 3 // 5]
    planted = [(rows[n // 4].as_py(), "duplicate"), (rows[n // 3].as_py(), "duplicate")]
    planted += broken_copies(rows[model].as_py(), asterisk)
    order = np.argsort(places, kind="stable")
    before = np.sort(np.array(places))
    pieces, at, found = [], 0, {}
    for shift, (place, k) in enumerate(zip(before, order)):
        pieces += [rows.slice(at, place - at), pa.array([planted[k][0]])]
        found[int(place) + shift] = planted[k][1]
        at = int(place)
    lines = pa.concat_arrays([*pieces, rows.slice(at)])
    positions = np.arange(n) + np.searchsorted(before, np.arange(n), side="right")
    return lines, positions, found


def file_name(switch: str, day: date, hour: int) -> str:
    """Where the file of the six hours from `hour` on lies, below its feed's folder."""
    if FEED_OF[switch] == "asterisk":
        return f"{switch}/Master-{day}T{hour:02d}.csv"
    return f"{switch}/{switch}-{day}T{hour:02d}.csv.gz"


def files(world: World, cast: Cast, rows: Attempts, first_day: date, days: int):
    """Every CDR file of the world, one after another (they are large). Yields CdrFile."""
    for position, switch in enumerate(SWITCHES):
        mine = np.flatnonzero(rows.switch == position)
        ends = rows.end[mine]
        asterisk = FEED_OF[switch] == "asterisk"
        if asterisk:
            _, first, of = np.unique(rows.call[mine], return_index=True, return_inverse=True)
            first_serial, first_start = first[of], rows.start[mine][first[of]]
        for d in range(days):
            day = first_day + timedelta(days=d)
            for hour in range(0, 24, HOURS_PER_FILE):
                since = midnight(day) + hour * 3_600_000
                until = since + HOURS_PER_FILE * (DAY_MS // 24)
                low, high = np.searchsorted(ends, [since, until])
                if low == high:
                    continue  # a switch without calls writes no file
                part = rows.take(mine[low:high])
                name, header = file_name(switch, day, hour), []
                if asterisk:
                    lines = asterisk_rows(cast, part, np.arange(low, high), first_serial[low:high], first_start[low:high])
                else:
                    header = [STANDARD_COLUMNS]
                    lines = standard_rows(world, cast, part, switch, name)
                at, found = np.arange(len(lines)), {}
                lasting = np.flatnonzero(part.end - part.start >= 2_000)
                if hour == DAMAGED_HOUR and len(lasting) and len(lines) >= 20:
                    lines, at, found = with_damage(lines, lasting, asterisk)
                first_line = 1 + len(header)
                yield CdrFile(
                    feed=FEED_OF[switch],
                    name=name,
                    day=day,
                    lines=pa.concat_arrays([pa.array(header, pa.string()), lines]),
                    rows=len(lines),
                    duplicates=tuple(k + first_line for k, what in found.items() if what == "duplicate"),
                    broken=tuple((k + first_line, what) for k, what in found.items() if what != "duplicate"),
                    line_of=at + first_line,
                    attempts=mine[low:high],
                )


def manifest(listed: list[tuple[str, int, str]]) -> bytes:
    """`file,rows,sha256` of a feed's files of one date."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("file", "rows", "sha256"), *listed])
    return out.getvalue().encode()


def call_id_in(file: CdrFile, line: int) -> str:
    """The call id that stands on a line of a file: `call_id`, or Asterisk's linkedid."""
    values = next(csv.reader([file.lines[line - 1].as_py()]))
    return values[19] if file.feed == "asterisk" else values[0]
