"""What a file is to a feed's declaration: rows as parsed, what would be rejected and why, and what the rows say against it.

How a new declaration is written. Nothing is loaded, and nothing is written but to a scratch folder of the system's.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb

from include.ingest import calls, declarations, evidence, records
from include.ingest.calls import Evidence, ParsedFile
from include.ingest.declarations import Declaration
from include.ingest.landing import LandingFile
from include.ingest.receipts import RefusedFile, RejectedRow
from include.lake import tables
from include.settings import Settings
from include.text import literals

FIRST_ROWS = 5
FIRST_REJECTS = 10
EPOCH = r"(?:^|[^0-9])(1[0-9]{9})(?:[^0-9]|$)"
"""Epoch seconds of 2001 to 2033 standing by themselves in an id."""
FARTHEST_ZONE_S = 15 * 3600
SHOWN = (
    "source_line", "record_kind", "call_id", "attempt", "switch_id", "start_at", "answer_at", "end_at", "zone_as_sent", "stated_ms",
    "ingress_trunk", "egress_trunk", "source_ip", "calling_raw", "calling_number", "calling_class", "asserted_raw", "asserted_number",
    "called_raw", "called_number", "called_class", "sip_code", "release_party", "attestation", "attestation_sent", "verstat", "signer", "orig_id", "flags",
)  # fmt: skip


class Doubtful(Exception):
    """The file would be refused, or its rows contradict the declaration; the message says how."""


def preview(settings: Settings, feed: str, path: Path) -> Iterator[str]:
    """Lines of text for a terminal. Doubtful at the end where the file would not be taken as it is."""
    declaration = declarations.load(feed, settings.home)
    file = _landing_file(settings, declaration, path)
    yield f"feed      {feed}: {declaration.description} ({declaration.path.name})"
    if not declaration.verified:
        yield "          UNVERIFIED: this layout was never read from a real file. Compare the rows below with what the switch shows."
    yield f"file      {path.name}, {file.size:,} bytes"
    if declaration.kind == "cdr":
        yield from _calls(settings, declaration, file)
    else:
        yield from _records(declaration, file)


def _landing_file(settings: Settings, declaration: Declaration, path: Path) -> LandingFile:
    """The file as if it lay in the feed's folder; where it does lie in the landing folder, with the folders it lies in."""
    stat, landing = path.stat(), settings.landing.resolve()
    inside = path.resolve().is_relative_to(landing)
    relative = path.resolve().relative_to(landing).as_posix() if inside else f"{declaration.feed}/{path.name}"
    return LandingFile(path, relative, declaration.kind, declaration.feed, stat.st_size, stat.st_mtime_ns)


def _records(declaration: Declaration, file: LandingFile) -> Iterator[str]:
    """A small feed's file."""
    schema = tables.REFERENCE[declaration.name] if declaration.kind == "reference" else tables.DATED[evidence.EVIDENCE[declaration.kind][0]]
    try:
        parsed = records.read(file, declaration, schema)
    except RefusedFile as refused:
        raise Doubtful(f"the file would be refused: {refused}") from refused
    yield f"rows      {parsed.rows_read:,} read = {len(parsed.rows):,} accepted + {len(parsed.rejected):,} rejected"
    yield from (f"note      {note}: {value}" for note, value in parsed.notes.items())
    yield from ("", "first rows, as parsed")
    for row in parsed.rows.head(FIRST_ROWS).to_dict("records"):
        yield "  " + ", ".join(f"{name} {masked(str(value))}" for name, value in row.items() if value is not None and str(value) not in ("nan", "NaT"))
    yield from _rejects(parsed.rejected)


def _calls(settings: Settings, declaration: Declaration, file: LandingFile) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="tollgate-preview-") as scratch:
        try:
            parsed = calls.read(file, declaration, Path(scratch))
        except RefusedFile as refused:
            raise Doubtful(f"the file would be refused: {refused}") from refused
        with calls.connect(threads=calls.WORKERS) as duck:
            paths = [str(piece.path) for piece in parsed.pieces] or [str(_no_rows(Path(scratch)))]
            duck.execute(f"create view rows as select * from read_parquet([{literals(paths)}], hive_partitioning = false)")
            yield from _counts(duck, parsed)
            yield from _first_rows(duck)
            yield from _rejects(parsed.rejected)
            yield from ("", "what the rows say of the declaration")
            doubts = []
            yield from _clock(duck, parsed.evidence, declaration, doubts)
            yield from _durations(parsed.evidence, declaration)
            yield from _trunks(duck, settings.lake)
        try:
            calls.check(parsed, declaration)
        except RefusedFile as refused:
            doubts.append(f"the file would be refused: {refused}")
        if parsed.broken:
            yield f"  broken off: {parsed.broken}; the rows before the break would be loaded and their days be partial"
        if doubts:
            raise Doubtful("\n".join(doubts))


def _no_rows(scratch: Path) -> Path:
    path = scratch / "none.parquet"
    tables.write(path, tables.schema("calls").empty_table())
    return path


def _counts(duck: duckdb.DuckDBPyConnection, parsed: ParsedFile) -> Iterator[str]:
    [(accepted, repeated)] = duck.execute("select count(*), count(*) - count(distinct key_hash) from rows").fetchall()
    yield f"rows      {parsed.rows_read:,} read = {accepted:,} accepted + {len(parsed.rejected):,} rejected"
    if repeated:
        yield f"          {repeated:,} of the accepted have the switch, call and attempt of another: duplicates, or corrections of it"
    for note, value in parsed.notes.items():
        yield f"note      {note.replace('_', ' ')}: {value}"
    for title, column in (("dates", "cast(start_at as date)"), ("kinds", "record_kind"), ("numbers", "calling_class"), ("flags", "flags")):
        found = duck.execute(f"select {column}, count(*) from rows where {column} is not null group by 1 order by 2 desc, 1 limit 12").fetchall()
        if found:
            yield f"{title:<9} " + ", ".join(f"{value} {count:,}" for value, count in found)


def _first_rows(duck: duckdb.DuckDBPyConnection) -> Iterator[str]:
    found = duck.execute(f"select {', '.join(SHOWN)} from rows order by source_line limit {FIRST_ROWS}").fetchall()
    yield from ("", f"first {len(found)} rows, as parsed (last four digits of numbers masked; what is not shown is null)")
    for line, *values in found:
        yield f"  line {line}"
        for name, value in zip(SHOWN[1:], values, strict=True):
            if value is not None:
                number = name.endswith(("_raw", "_number"))
                yield f"    {name:<16}{masked(str(value)) if number else value}"


def _rejects(rejected: list[RejectedRow]) -> Iterator[str]:
    if not rejected:
        return
    yield from ("", "rejected, by reason")
    reasons = Counter((row.field, row.reason.partition(":")[0]) for row in rejected)
    yield from (f"  {count:,} rows: {field}: {reason}" for (field, reason), count in reasons.most_common(FIRST_REJECTS))
    yield from ("", f"first {min(FIRST_REJECTS, len(rejected))} rejected rows")
    for row in rejected[:FIRST_REJECTS]:
        yield f"  line {row.line}, {row.field}: {masked(row.reason)}"
        yield f"    {masked(row.raw[:300])}"


def _clock(duck: duckdb.DuckDBPyConnection, found: Evidence, declaration: Declaration, doubts: list[str]) -> Iterator[str]:
    """What the epochs in ids say of the declared zone: those that the declaration names or else any in call_id."""
    clocks, source = found.clocks, declaration.times.epoch.sources[0] if declaration.times.epoch else "call_id"
    if not clocks:
        clocks = Counter(dict(duck.execute(
            f"""
            with epochs as (
                select epoch(start_at) - try_cast(nullif(regexp_extract(call_id, '{EPOCH}', 1), '') as bigint) as off from rows
            )
            select cast(round(off / 900) as integer), count(*) from epochs where abs(off) < {FARTHEST_ZONE_S} group by 1
            """
        ).fetchall()))  # fmt: skip
    if not clocks:
        yield "  zone: no id holds an epoch that could be compared with the times: check the first rows against a clock"
        return
    error = Evidence(clocks=clocks).clock_error
    if error is None:
        yield f"  zone: the epochs in {source} agree with the times of {clocks[0]:,} of {clocks.total():,} rows"
        return
    doubts.append(f"times.zone in {declaration.path.name} is wrong: the times are {calls.hours(error)} from the epochs in {source}")
    spread = ", ".join(f"{quarters / 4:+g} h {count:,}" for quarters, count in clocks.most_common(6))
    yield f"  zone: ERROR, the times are not where the epochs in {source} are (rows by hours off: {spread})"


def _durations(found: Evidence, declaration: Declaration) -> Iterator[str]:
    if "talk_time" not in declaration.fields:
        yield "  durations: the declaration names no talk_time to compare end - answer with"
        return
    field, total = declaration.fields["talk_time"], found.durations.total()
    if not total:
        yield "  durations: no answered call of 5 s or more to compare end - answer with"
        return
    power, count = found.durations.most_common(1)[0]
    source = " or ".join(field.sources)
    if power == 0:
        yield f"  durations: {source} in {field.unit} agrees with end - answer for {found.durations[0]:,} of {total:,} calls; {found.mismatches:,} differ by more than 2 s"
    else:
        yield f"  durations: WARNING, {source} in {field.unit} is 10^{power} times end - answer for {count:,} of {total:,} calls: is the unit another?"


def _trunks(duck: duckdb.DuckDBPyConnection, lake: Path) -> Iterator[str]:
    """Ingress trunks that the newest snapshot of reference/trunks does not name."""
    known = _known_trunks(lake)
    duck.execute("create table known (trunk varchar, switch_id varchar)")
    if known:
        duck.executemany("insert into known values (?, ?)", known)
    unmapped = duck.execute(
        """
        select ingress_trunk, switch_id, count(*) as attempts
        from rows
        anti join known on known.trunk = rows.ingress_trunk and (known.switch_id is null or known.switch_id = rows.switch_id)
        where ingress_trunk is not null
        group by all order by attempts desc, ingress_trunk limit 20
        """
    ).fetchall()
    if not unmapped:
        yield "  trunks: every ingress trunk is in reference/trunks"
        return
    yield "  trunks: not in reference/trunks" + ("" if known else ", of which no snapshot is loaded yet")
    yield from (f"    {trunk} on {switch}: {attempts:,} rows" for trunk, switch, attempts in unmapped)


def _known_trunks(lake: Path) -> list[tuple[str, str | None]]:
    if not (lake / "receipts").is_dir():
        return []
    with duckdb.connect(":memory:") as duck:
        return duck.execute(
            """
            select distinct trunk, switch_id
            from read_parquet($trunks)
            where receipt_id = (
                select receipt_id from read_parquet($receipts)
                where feed = 'reference/trunks' and state <> 'refused' order by loaded_at desc limit 1
            )
            """,
            {"trunks": str(lake / "reference" / "trunks" / "*.parquet"), "receipts": str(lake / "receipts" / "*.parquet")},
        ).fetchall()


def masked(text: str) -> str:
    """Without the last four digits of what may be a telephone number: terminals are logged and shared."""
    return re.sub(r"(?<![0-9])([0-9]{3,11})[0-9]{4}(?![0-9])", r"\1xxxx", text)
