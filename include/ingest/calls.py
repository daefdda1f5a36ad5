"""Call detail records: a landing file, read as physical lines by DuckDB, into the lake's `calls`.

Workers take pieces of the stream, each with a DuckDB of its own and one thread; no Python looks at a single
call. Only distinct numbers that SQL cannot decide go to libphonenumber.
"""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from include.ingest import call_sql, numbers
from include.ingest.call_sql import unknown_columns
from include.ingest.declarations import Declaration
from include.ingest.landing import LandingFile
from include.ingest.receipts import Receipt, RefusedFile, RejectedRow
from include.ingest.stream import LONGEST_LINE, PIECE_BYTES, LineStream, Piece, no_line
from include.lake import tables

WORKERS = os.cpu_count() or 1
WORKER_MEMORY = "1GB"
ROWS_THAT_TELL = 100
"""Of a file without a header, so many rows are looked at for its layout."""


@dataclass
class ParsedFile:
    """A landing file, parsed into Parquet pieces in a scratch folder; nothing of it is in the lake yet."""

    digest: str
    layout: tuple[str, ...]
    scratch: Path
    rows_read: int = 0
    rejected: list[RejectedRow] = field(default_factory=list)
    replaced: int = 0


def parse(file: LandingFile, declaration: Declaration, scratch: Path, piece_bytes: int = PIECE_BYTES) -> ParsedFile:
    """Parse a whole file into `scratch`. RefusedFile where it cannot be read to its end, or its layout is not declared."""
    stream = LineStream(file.path, declaration.encoding, piece_bytes)
    parsed: ParsedFile | None = None
    header_lines = declaration.skip_lines + int(declaration.header)
    read = 0
    with ThreadPoolExecutor(WORKERS) as pool:
        running: set[Future] = set()
        for number, piece in enumerate(stream):
            if parsed is None:
                parsed = ParsedFile("", call_sql.choose_layout(declaration, _telling_row(piece, declaration)), scratch)
            running.add(pool.submit(_parse_piece, piece, number, file, declaration, parsed.layout, scratch, header_lines))
            if len(running) > WORKERS:  # no more pieces in memory than there are workers, and one
                done, running = wait(running, return_when=FIRST_COMPLETED)
                read += _collect(done, parsed)
        if parsed is None:
            raise RefusedFile("the file is empty: no header and no rows is no proof of no traffic")
        read += _collect(running, parsed)
    parsed.digest, parsed.replaced = stream.digest, stream.replaced
    parsed.rejected.sort(key=lambda row: row.line)
    parsed.rows_read = max(stream.lines - header_lines, 0)
    if read != parsed.rows_read:
        raise RefusedFile(
            f"{parsed.rows_read} lines were counted but {read} read: look for lone carriage returns as line ends and send the file again"
        )
    return parsed


def _telling_row(piece: Piece, declaration: Declaration) -> list[str]:
    """The header or, where there is none, the first of the first rows that fits a layout: one broken row is no broken file."""
    lines = piece.text.split(b"\n", declaration.skip_lines + ROWS_THAT_TELL)[declaration.skip_lines : -1]
    if not lines:
        raise RefusedFile(f"the file ends before its header, which {declaration.path.name} expects in line {declaration.skip_lines + 1}")
    if declaration.header:
        return _fields(lines[0], declaration)
    widths = {len(layout) for layout in declaration.layouts}
    rows = [_fields(line, declaration) for line in lines]
    return next((row for row in rows if len(row) in widths), rows[0])


def _fields(line: bytes, declaration: Declaration) -> list[str]:
    try:
        return next(csv.reader([line.decode()], delimiter=declaration.delimiter), [])
    except csv.Error:  # a field longer than any that means something
        return [line[:100].decode(errors="replace")]


def _parse_piece(
    piece: Piece, number: int, file: LandingFile, declaration: Declaration, layout: tuple[str, ...], scratch: Path, header_lines: int
) -> tuple[int, list[RejectedRow]]:
    text = scratch / f"piece-{number:05d}.txt"
    text.write_bytes(piece.text)
    with connect(threads=1) as connection:
        try:
            connection.execute(
                call_sql.parse_lines(
                    declaration, layout, piece=text, first_line=piece.first_line, header_lines=header_lines, folder=file.folder_below_feed
                )
            )
        except duckdb.InvalidInputException as error:
            longest = max(range(piece.lines), key=[len(line) for line in piece.text.split(b"\n")].__getitem__)
            if len(piece.text.split(b"\n")[longest]) < LONGEST_LINE:
                raise
            raise RefusedFile(no_line(piece.first_line + longest)) from error
        _classify_numbers(connection)
        staged = str(text.with_suffix(".parquet")).replace("'", "''")
        connection.execute(call_sql.template("write_piece").substitute(staged=staged))
        rejected = connection.execute(
            "select source_line, reject.field, reject.reason, line from parsed where reject is not null"
        ).fetchall()
        [(read,)] = connection.execute("select count(*) from parsed").fetchall()
    text.unlink()
    return read, [RejectedRow(*row) for row in rejected]


def _classify_numbers(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `numbers` (raw, number, class): SQL decides the plain ones, libphonenumber each other distinct one once."""
    connection.execute(call_sql.template("plain_numbers").substitute())
    undecided = [raw for (raw,) in connection.execute("select raw from numbers where class is null").fetchall()]
    classified = [numbers.classify(raw) for raw in undecided]
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


def _collect(futures: set[Future], parsed: ParsedFile) -> int:
    read = 0
    for future in futures:
        rows, rejected = future.result()
        read += rows
        parsed.rejected += rejected
    return read


def connect(threads: int) -> duckdb.DuckDBPyConnection:
    """A private DuckDB: UTC, bounded memory, the macros and the number classes that the SQL files use."""
    connection = duckdb.connect(":memory:")
    connection.execute(f"set threads = {threads}; set memory_limit = '{WORKER_MEMORY}'; set TimeZone = 'UTC'; set enable_progress_bar = false")
    connection.execute(call_sql.MACROS)
    connection.execute(
        "create temp table nanp_classes as select * from read_csv(?, auto_detect = false, header = true, columns = {'prefix': 'VARCHAR', 'class': 'VARCHAR'})",
        [str(numbers.NANP_CLASSES)],
    )
    return connection


def place(parsed: ParsedFile, receipt: Receipt, lake: Path) -> None:
    """Put a parsed file's rows into the lake, one Parquet file per service date, and complete its receipt.

    Rows that the lake, or the file itself, already holds with the same content are duplicates and are not written.
    A row with a known key and other content is written and supersedes the older one. One caller at a time.
    """
    receipt.rows_read, receipt.rejected = parsed.rows_read, parsed.rejected
    if parsed.replaced:
        receipt.notes["replaced_bytes"] = parsed.replaced
    with connect(threads=WORKERS) as connection:
        pieces = call_sql.literal(str(parsed.scratch / "piece-*.parquet"))
        connection.execute(f"create view staged as select * from read_parquet({pieces})")
        dates = [day for (day,) in connection.execute("select distinct service_date from staged order by 1").fetchall()]
        connection.execute("create table arriving as select switch_id, call_id, attempt, source_line, content_hash, service_date from staged")
        _present_rows(connection, lake, receipt.file, dates)
        connection.execute(call_sql.template("judge_duplicates").substitute())
        # fetchall(), because DuckDB takes a result of which rows may be left for one still in use.
        [(receipt.rows_duplicate,)] = connection.execute("select count(*) from judged where verdict = 'duplicate'").fetchall()
        tables.forget(lake, "calls", receipt.file)
        for day in dates:
            receipt.rows_by_date[day] = _write_day(connection, parsed.scratch, lake, receipt, day)
        _write_superseded(connection, lake, receipt)
    receipt.rows_by_date = {day: rows for day, rows in receipt.rows_by_date.items() if rows}
    receipt.rows_accepted = sum(receipt.rows_by_date.values())


def _present_rows(connection: duckdb.DuckDBPyConnection, lake: Path, digest: str, dates: list[date]) -> None:
    """Make `present`: the keys of these dates that other receipts put into the lake."""
    files = [str(path) for day in dates for path in tables.file_of(lake, "calls", "*", day).parent.glob("*.parquet") if path.stem != digest]
    files.append(str(tables.file_of(lake, "calls", "schema", date(1970, 1, 1))))
    connection.execute(
        """
        create table present as
        select calls.switch_id, calls.call_id, calls.attempt, calls.source_line, calls.content_hash, calls.service_date, calls.receipt_id,
            superseded.receipt_id is not null as is_superseded
        from read_parquet($files, hive_partitioning = true, hive_types = {'service_date': date}) as calls
        semi join (select receipt_id from read_parquet($receipts) where state <> 'refused') as receipts using (receipt_id)
        left join (
            select distinct receipt_id, source_line from read_parquet($superseded) where by_receipt_id <> $digest
        ) as superseded using (receipt_id, source_line)
        """,
        {"files": files, "digest": digest, "superseded": str(lake / "superseded" / "*.parquet"), "receipts": str(lake / "receipts" / "*.parquet")},
    )


def _write_day(connection: duckdb.DuckDBPyConnection, scratch: Path, lake: Path, receipt: Receipt, day: date) -> int:
    finished = tables.file_of(lake, "calls", receipt.file, day)
    finished.parent.mkdir(parents=True, exist_ok=True)
    unfinished = scratch / f"calls-{day}.parquet"
    columns = ", ".join(name for name, _ in tables.CALLS if name not in ("receipt_id", "source_line", "feed"))
    [(written,)] = connection.execute(
        f"""
        copy (
            select '{receipt.file}' as receipt_id, cast(source_line as integer) as source_line, {call_sql.literal(receipt.feed)} as feed, {columns}
            from staged
            where service_date = date '{day}'
                and source_line not in (select source_line from judged where is_arriving and verdict = 'duplicate')
            order by start_ms, source_line
        ) to '{str(unfinished).replace("'", "''")}' (format parquet, compression zstd)
        """
    ).fetchall()
    if written:
        shutil.move(unfinished, finished.with_name(f".{finished.name}.{os.getpid()}"))
        os.replace(finished.with_name(f".{finished.name}.{os.getpid()}"), finished)
    return written


def _write_superseded(connection: duckdb.DuckDBPyConnection, lake: Path, receipt: Receipt) -> None:
    superseded = connection.sql(
        """
        select
            coalesce(nullif(receipt_id, ''), $receipt) as receipt_id, cast(source_line as integer) as source_line, service_date,
            coalesce(nullif(by_receipt_id, ''), $receipt) as by_receipt_id, cast(by_source_line as integer) as by_source_line
        from judged
        where verdict = 'superseded'
        order by all
        """,
        params={"receipt": receipt.file},
    ).to_arrow_table()
    tables.forget(lake, "superseded", receipt.file)
    if superseded.num_rows:
        tables.write(tables.file_of(lake, "superseded", receipt.file), superseded.cast(tables.schema("superseded")))
        receipt.notes["superseded_rows"] = superseded.num_rows


def scratch_folder(lake: Path) -> tempfile.TemporaryDirectory:
    """A folder beside the lake's tables, gone when the load is over."""
    (lake / ".scratch").mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=lake / ".scratch")
