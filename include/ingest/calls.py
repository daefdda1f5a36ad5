"""Call detail records: a landing file, read as physical lines by DuckDB, into Parquet pieces as they will stand in the lake.

Workers take pieces of the stream, each with a DuckDB of its own and one thread; no Python looks at a single
call. Only distinct numbers that SQL cannot decide go to libphonenumber. What becomes of the pieces: `repeats.py`.
"""

from __future__ import annotations

import csv
import os
import re
import threading
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from include.ingest import call_sql, numbers
from include.ingest.declarations import Declaration, Layout
from include.ingest.landing import LandingFile
from include.ingest.receipts import RAW_LIMIT, RefusedFile, RejectedRow
from include.ingest.stream import LONGEST_RECORD, PIECE_BYTES, LineStream, Piece
from include.text import literal, literals

WORKERS = os.cpu_count() or 1
WORKER_MEMORY = "1GB"
ROWS_THAT_TELL = 100
"""Of a file without a header, so many rows are looked at for its layout."""
REJECTED_MAY_BE = 10_000
"""More, and more than half of the rows: the file is not what its declaration says."""
REJECTED_AT_MOST = 500_000
CLOCK_SHARE_MAY_BE = 0.01
CLOCK_ROWS_AT_LEAST = 10
"""Rows whose time disagrees with the epoch in their id by the same: with a larger share than that, the declared zone is wrong."""
HASH_OF_A_CALL = 6941727806844190744
"""What DuckDB's hash() must give: key_hash and content_hash of the lake compare with nothing else."""


@dataclass(frozen=True)
class PieceFile:
    """Accepted rows of one service date, in a scratch folder."""

    piece: int
    day: date
    path: Path
    rows: int


@dataclass
class Evidence:
    """What a file's rows say of their own clock and of their unit of duration."""

    clocks: Counter[int] = field(default_factory=Counter)
    """Rows by how far their time is from the epoch in their id, in quarters of an hour."""
    durations: Counter[int] = field(default_factory=Counter)
    """Answered calls of 5 s or more by the power of ten between the talk time stated and end - answer; 0 where they agree."""
    mismatches: int = 0
    """Answered calls whose stated talk time is off by more than two seconds."""
    sequences: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """By switch the first and the last number of its records' sequence, and how many numbers there are."""

    def add(self, other: Evidence) -> None:
        for switch, (first, last, count) in other.sequences.items():
            known = self.sequences.get(switch, (first, last, 0))
            self.sequences[switch] = (min(first, known[0]), max(last, known[1]), count + known[2])
        self.clocks += other.clocks
        self.durations += other.durations
        self.mismatches += other.mismatches

    @property
    def missing_records(self) -> int:
        """Numbers left out between a switch's first and last: its records that are not in the file."""
        return sum(max(last - first + 1 - count, 0) for first, last, count in self.sequences.values())

    @property
    def clock_error(self) -> timedelta | None:
        """How far the declared zone is off; null where the ids say nothing against it.

        A wrong zone, or a clock that is changed in mid-file, puts many rows off by the same; damaged rows are off by anything.
        """
        quarters, rows = max(((quarters, rows) for quarters, rows in self.clocks.items() if quarters), key=lambda off: off[1], default=(0, 0))
        total = self.clocks.total()
        is_meant = rows >= min(CLOCK_ROWS_AT_LEAST, total / 2) and rows > CLOCK_SHARE_MAY_BE * total
        return timedelta(minutes=15 * quarters) if is_meant else None


@dataclass
class ParsedFile:
    """A landing file, parsed into Parquet pieces in a scratch folder; nothing of it is in the lake yet."""

    digest: str = ""
    columns: tuple[str, ...] = ()
    """Of its header."""
    pieces: list[PieceFile] = field(default_factory=list)
    lines: int = 0
    """Physical lines behind the header."""
    joined: int = 0
    """Lines that belong to the record of the line before."""
    rows_read: int = 0
    rejected: list[RejectedRow] = field(default_factory=list)
    evidence: Evidence = field(default_factory=Evidence)
    not_calls: Counter[date] = field(default_factory=Counter)
    """Accepted rows that are no finished attempts, by service date."""
    notes: dict = field(default_factory=dict)
    broken: str | None = None
    """Why it was not read to its end, where the declaration says to keep what came before."""


@dataclass
class _ParsedPiece:
    read: int
    """Records."""
    joined: int
    """Lines that belong to the record of the line before."""
    files: list[PieceFile]
    rejected: list[RejectedRow]
    evidence: Evidence
    not_calls: Counter[date]


@dataclass(frozen=True)
class _Job:
    """What the pieces of one file have in common."""

    file: LandingFile
    declaration: Declaration
    layouts: tuple[Layout, ...]
    header_lines: int
    usual_offset: str
    """How its first times with an offset end."""
    are_quoted_oddly: bool
    """Whether most of its first lines are."""
    receipt_id: str
    scratch: Path


def parse(
    file: LandingFile, declaration: Declaration, scratch: Path, receipt_id: str = "", piece_bytes: int = PIECE_BYTES,
    pool: Executor | None = None,
) -> ParsedFile:  # fmt: skip
    """Parse a whole file into `scratch`. RefusedFile where it cannot be read to its end, or is not what is declared.

    `receipt_id`, the SHA-256 of the bytes, is written into the rows. Pieces are parsed by `pool`.
    """
    parsed = read(file, declaration, scratch, receipt_id, piece_bytes, pool)
    check(parsed, declaration)
    return parsed


def read(
    file: LandingFile, declaration: Declaration, scratch: Path, receipt_id: str = "", piece_bytes: int = PIECE_BYTES,
    pool: Executor | None = None,
) -> ParsedFile:  # fmt: skip
    """Parse a whole file, whatever its rows say against its declaration."""
    if pool is None:
        with ThreadPoolExecutor(WORKERS) as own:
            return read(file, declaration, scratch, receipt_id, piece_bytes, own)
    stream = LineStream(file.path, declaration.encoding, piece_bytes, declaration.corrupt_tail == "keep")
    parsed, job = ParsedFile(), None
    running: set[Future[_ParsedPiece]] = set()
    try:
        for number, piece in enumerate(stream):
            if job is None:
                parsed.columns, job = _look_at(piece, file, declaration, receipt_id, scratch)
            running.add(pool.submit(_parse_piece, job, number, piece))
            if len(running) > WORKERS:  # no more pieces in memory than there are workers, and one
                done, running = wait(running, return_when=FIRST_COMPLETED)
                _collect(done, parsed)
        _collect(running, parsed)
    finally:
        for future in running:
            future.cancel()
        wait(running)
    if job is None:
        raise RefusedFile(stream.broken or "the file is empty: no header and no rows is no proof of no traffic")
    parsed.digest, parsed.broken = stream.digest, stream.broken
    parsed.rejected.sort(key=lambda row: row.line)
    parsed.pieces.sort(key=lambda piece: (piece.piece, piece.day))
    parsed.lines = max(stream.lines - job.header_lines, 0)
    found = {
        "replaced_bytes": stream.replaced,
        "records_over_lines": parsed.joined,
        "other_lines": parsed.lines - parsed.joined - parsed.rows_read if declaration.other_lines else 0,
        "duration_mismatches": parsed.evidence.mismatches,
        "missing_records": parsed.evidence.missing_records,
        "unknown_columns": call_sql.unknown_columns(declaration, parsed.columns),
    }
    parsed.notes |= {note: value for note, value in found.items() if value}
    return parsed


def _look_at(piece: Piece, file: LandingFile, declaration: Declaration, receipt_id: str, scratch: Path) -> tuple[tuple[str, ...], _Job]:
    """The header's columns, and how all pieces of the file are parsed."""
    lines = piece.beginning.split(b"\n", declaration.skip_lines + ROWS_THAT_TELL)[declaration.skip_lines : -1]
    if not lines:
        raise RefusedFile(f"the file ends before its header, which {declaration.path.name} expects in line {declaration.skip_lines + 1}")
    rows = [_fields(line, declaration) for line in lines[: 1 if declaration.header else None]]
    layouts = call_sql.choose_layouts(declaration, rows)
    header_lines = declaration.skip_lines + (1 + declaration.type_lines if declaration.header else 0)
    columns = tuple(name.strip() for name in rows[0]) if declaration.header else ()
    offset = re.search(rb":[0-9]{2}(?:[.][0-9]+)?(Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])", lines[1] if lines[1:] else lines[0])
    usual_offset = offset[1].decode() if offset else "Z"
    simply = re.compile(call_sql.quoted_simply(declaration))
    quoted = [line for line in lines if b'"' in line]
    oddly = [line for line in quoted if not simply.fullmatch(line.decode())]
    return columns, _Job(file, declaration, layouts, header_lines, usual_offset, len(oddly) > len(quoted) / 2, receipt_id, scratch)


def _fields(line: bytes, declaration: Declaration) -> list[str]:
    if declaration.quotes == "loose":
        return [value.strip('"') for value in re.findall(call_sql.quoted_field(declaration), declaration.delimiter + line.decode())]
    escape = {"backslash": {"quoting": csv.QUOTE_NONE, "escapechar": "\\"}, "none": {"quoting": csv.QUOTE_NONE}}.get(declaration.quotes, {})
    try:
        return next(csv.reader([line.decode()], delimiter=declaration.delimiter, **escape), [])
    except csv.Error:  # a field longer than any that means something
        return [line[:100].decode(errors="replace")]


def check(parsed: ParsedFile, declaration: Declaration) -> None:
    """RefusedFile where the parts of a file contradict each other or the declaration."""
    read = parsed.rows_read + parsed.joined
    if read != parsed.lines and not declaration.other_lines:
        raise RefusedFile(
            f"{parsed.lines} lines were counted but {read} read: look for lone carriage returns as line ends and send the file again"
        )
    rejected = len(parsed.rejected)
    if rejected > REJECTED_AT_MOST or (rejected > REJECTED_MAY_BE and rejected > parsed.rows_read / 2):
        [(reason, times)] = Counter(f"{row.field}: {row.reason.partition(':')[0]}" for row in parsed.rejected).most_common(1)
        raise RefusedFile(
            f"{rejected} of {parsed.rows_read} rows would be rejected, {times} because of {reason}: "
            f"the file is not what {declaration.path.name} says; mend either"
        )
    error = parsed.evidence.clock_error
    if error is not None:
        raise RefusedFile(
            f"its times are {hours(error)} from the epochs in its ids ({declaration.times.epoch.sources[0]}): "
            f"mend times.zone in {declaration.path.name}"
        )


def hours(error: timedelta) -> str:
    """As +5:00 h."""
    minutes = int(error.total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60}:{abs(minutes) % 60:02d} h"


def _collect(futures: set[Future[_ParsedPiece]], parsed: ParsedFile) -> None:
    for future in futures:
        piece = future.result()
        parsed.rows_read += piece.read
        parsed.rejected += piece.rejected
        parsed.pieces += piece.files
        parsed.evidence.add(piece.evidence)
        parsed.not_calls += piece.not_calls
        parsed.joined += piece.joined
    if len(parsed.rejected) > REJECTED_AT_MOST:
        raise RefusedFile(f"more than {REJECTED_AT_MOST} rows would be rejected: the file is not what its declaration says; mend either")


def _parse_piece(job: _Job, number: int, piece: Piece) -> _ParsedPiece:
    connection = _worker_connection()
    statement = {
        "folder": job.file.folder_below_feed, "holds": piece.holds, "usual_offset": job.usual_offset, "are_quoted_oddly": job.are_quoted_oddly
    }  # fmt: skip
    connection.register("lines", piece.lines(job.header_lines))
    _take(connection, call_sql.parse_lines(job.declaration, job.layouts, lines="select source_line, line from lines", **statement))
    connection.unregister("lines")
    joined = _join_lines(connection, job, statement) if '"' in piece.holds and job.declaration.quotes in ("strict", "loose") else 0
    rejected = connection.execute(
        f"select source_line, reject.field, reject.reason, left(line, {RAW_LIMIT}) from parsed where reject is not null"
    ).fetchall()
    if rejected:
        _refuse_other_header(connection, job)
    _classify_numbers(connection)
    # fetchall(), because DuckDB takes a result of which rows may be left for one still in use.
    [(read,)] = connection.execute("select count(*) from parsed").fetchall()
    found = _ParsedPiece(read, joined, [], [RejectedRow(*row) for row in rejected], _evidence(connection, job.declaration), Counter())
    days = connection.execute("select distinct cast(start_at as date) from parsed where reject is null order by 1").fetchall()
    for (day,) in days:
        found.files.append(_write_day(connection, job, number, day))
    if "record_kind" in job.declaration.fields:
        found.not_calls.update(dict(connection.execute(
            "select cast(start_at as date), count(*) from parsed where reject is null and record_kind not in ('stop', 'attempt') group by 1"
        ).fetchall()))  # fmt: skip
    connection.unregister("parsed")
    piece.give_back()
    return found


def _take(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Make `parsed` of a query's rows: beside the database, since filling a table takes longer."""
    connection.register("parsed", connection.sql(query).materialize())


def _join_lines(connection: duckdb.DuckDBPyConnection, job: _Job, statement: dict) -> int:
    """Put records with quoted line breaks together again; returns how many lines became part of another's record."""
    connection.execute(call_sql.template("join_lines").substitute(most_lines=LONGEST_RECORD))
    [(records,)] = connection.execute("select count(*) from joined").fetchall()
    if not records:
        return 0
    again = call_sql.parse_lines(job.declaration, job.layouts, lines="select source_line, line from joined", **statement)
    connection.execute(f"create or replace temp table whole as select * from ({again}) where reject is null or reject.field <> 'line'")
    connection.execute("delete from joined where source_line not in (select source_line from whole)")
    _take(connection, """
        select parsed.*
        from parsed
        left join joined on parsed.source_line >= joined.source_line and parsed.source_line < joined.source_line + joined.lines
        where joined.source_line is null
        union all
        from whole
    """)  # fmt: skip
    [(lines,)] = connection.execute("select coalesce(sum(lines - 1), 0)::bigint from joined").fetchall()
    return lines


def _refuse_other_header(connection: duckdb.DuckDBPyConnection, job: _Job) -> None:
    """A header in mid-file with the columns in another order would put numbers into each other's columns unseen."""
    if not job.declaration.header:
        return
    [layout] = job.layouts
    own = sorted(layout.columns, key=layout.columns.__getitem__)
    names = [source for column in ("call_id", "start_time", "end_time") for source in job.declaration.fields[column].sources if source in layout.columns]
    fields = "list_transform(string_split(line, $delimiter), lambda name: trim(unquoted(name)))"
    found = connection.execute(
        f"select source_line from parsed where reject is not null and list_has_all({fields}, $names) and {fields} <> $own order by 1 limit 1",
        {"delimiter": job.declaration.delimiter, "names": names, "own": own},
    ).fetchall()
    for (line,) in found:
        raise RefusedFile(f"line {line} holds another header than the file begins with: send the rows from there on as a file of their own")


def _classify_numbers(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `numbers` (raw, number, class) of what the parsed rows leave undecided: libphonenumber decides each distinct one once."""
    connection.execute("create or replace temp table numbers (raw varchar, number varchar, class number_class)")
    [(any_undecided,)] = connection.execute(
        "select count(*) > 0 from parsed where reject is null and (calling_class is null or called_class is null or "
        "(asserted_raw is not null and asserted_digits is null))"
    ).fetchall()
    if not any_undecided:
        return
    connection.execute(call_sql.template("undecided_numbers").substitute(
        uri=literal(numbers.URI.pattern), withheld=literals(sorted(numbers.WITHHELD))
    ))  # fmt: skip
    undecided = [raw for (raw,) in connection.execute("select raw from numbers where class is null").fetchall()]
    if not undecided:
        return
    classified = [numbers.decide(raw) for raw in undecided]
    decided = pa.table(
        {
            "raw": pa.array(undecided, pa.string()),
            "number": pa.array([number for number, _ in classified], pa.string()),
            "class": pa.array([class_ for _, class_ in classified], pa.string()),
        }
    )
    connection.register("decided", decided)
    connection.execute("delete from numbers where class is null")
    connection.execute("insert into numbers select * from decided")
    connection.unregister("decided")


def _evidence(connection: duckdb.DuckDBPyConnection, declaration: Declaration) -> Evidence:
    found = Evidence()
    if declaration.times.epoch:
        # Also of rows that were rejected for it: they are the evidence.
        rows = connection.execute(
            "select cast(round((epoch(start_at) - epoch_seconds) / 900) as integer), count(*) from parsed "
            "where epoch_seconds is not null and start_at is not null group by 1"
        ).fetchall()
        found.clocks.update(dict(rows))
    if declaration.sequence:
        rows = connection.execute(
            "select switch_id, min(sequence), max(sequence), count(distinct sequence) from parsed where sequence is not null group by 1"
        ).fetchall()
        found.sequences.update({switch or "": (first, last, count) for switch, first, last, count in rows})
    if "talk_time" in declaration.fields:
        rows = connection.execute(
            f"""
            select
                case when stated_ms > 0 and epoch_ms(end_at) - epoch_ms(answer_at) >= 5000 then cast(round(log10(stated_ms / (epoch_ms(end_at) - epoch_ms(answer_at)))) as integer) end,
                count(*),
                count(*) filter (where abs(stated_ms - (epoch_ms(end_at) - epoch_ms(answer_at))) > {call_sql.DURATIONS_MAY_DIFFER_MS})
            from parsed
            where reject is null and stated_ms is not null and answer_at is not null
            group by 1
            """
        ).fetchall()
        found.durations.update({power: count for power, count, _ in rows if power is not None})
        found.mismatches = sum(mismatches for _, _, mismatches in rows)
    return found


def _write_day(connection: duckdb.DuckDBPyConnection, job: _Job, number: int, day: date) -> PieceFile:
    path = job.scratch / f"{number:05d}-{day}.parquet"
    statement = call_sql.template("write_piece").substitute(
        receipt=job.receipt_id,
        feed=literal(job.file.feed),
        may_differ_ms=call_sql.DURATIONS_MAY_DIFFER_MS,
        day=day,
        unfinished=literal(str(path)),
        parquet=call_sql.PARQUET,
    )
    [(rows,)] = connection.execute(statement).fetchall()
    return PieceFile(number, day, path, rows)


_of_thread = threading.local()


def _worker_connection() -> duckdb.DuckDBPyConnection:
    """The calling thread's own DuckDB; made once, since making one takes longer than a small file."""
    if not hasattr(_of_thread, "connection"):
        _of_thread.connection = connect_worker()
    return _of_thread.connection


def connect_worker(memory: str = WORKER_MEMORY) -> duckdb.DuckDBPyConnection:
    """A DuckDB with one thread, and with the macros and number classes that lines are parsed with."""
    connection = connect(threads=1, memory=memory)
    connection.execute(call_sql.macros())
    connection.execute(call_sql.template("nanp_tables").substitute(classes=literal(str(numbers.NANP_CLASSES))))
    return connection


def connect(threads: int, memory: str = WORKER_MEMORY, spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A private DuckDB: UTC, bounded memory. What does not fit into `memory` goes to the folder `spill`, or fails where there is none."""
    connection = duckdb.connect(":memory:")
    connection.execute(
        f"set threads = {threads}; set memory_limit = '{memory}'; set TimeZone = 'UTC'; set enable_progress_bar = false; "
        # A piece streams through joins with small tables: turned round, they would hold all of it.
        "set disabled_optimizers = 'join_order,build_side_probe_side'; "
        f"set temp_directory = {literal(str(spill / 'spill') if spill else '')}"
    )
    [(found,)] = connection.execute("select hash('switch', 'call', 1::integer, null::varchar)").fetchall()
    if found != HASH_OF_A_CALL:
        raise RuntimeError(f"DuckDB {duckdb.__version__} hashes otherwise than the lake's rows were: install the version of requirements.txt")
    return connection
