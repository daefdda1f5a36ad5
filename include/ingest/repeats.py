"""Parsed files into the lake: what the lake, or a file before, already holds is a duplicate; what it holds otherwise is replaced.

One caller at a time. Several files are placed together, since each look at the lake costs the same for one as for
many; the outcome of each is the same as if they had been placed one by one, in their order.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import psycopg
import pyarrow.parquet as pq

from include.ingest import call_sql, calls
from include.ingest.calls import ParsedFile, PieceFile
from include.ingest.receipts import Receipt, settled_among
from include.lake import tables
from include.text import literal, literals

MEMORY = "2GB"
DUPLICATES_LEFT_IN = 0.1
"""Share of a date's rows. Fewer duplicates stay where they are, for readers to leave out; to write the rest anew takes longer."""

CANDIDATE = """
    select
        {turn} as turn, {superseded} as is_superseded, rows.receipt_id, rows.source_line, rows.service_date, rows.feed, rows.switch_id,
        rows.call_id, rows.attempt, case when rows.record_kind in ('start', 'interim', 'other') then rows.record_kind end as open_kind,
        -- what the switch said of the attempt
        md5(concat_ws(
            chr(31), rows.start_at, coalesce(cast(rows.answer_at as varchar), ''), coalesce(cast(rows.end_at as varchar), ''),
            coalesce(cast(rows.stated_ms as varchar), ''), coalesce(rows.ingress_trunk, ''), coalesce(rows.egress_trunk, ''),
            coalesce(rows.source_ip, ''), coalesce(rows.calling_raw, ''), coalesce(rows.asserted_raw, ''), coalesce(rows.called_raw, ''),
            coalesce(cast(rows.sip_code as varchar), ''), coalesce(rows.release_party, ''), coalesce(rows.attestation, ''),
            coalesce(rows.attestation_sent, ''), coalesce(rows.verstat, ''), coalesce(rows.signer, ''), coalesce(rows.orig_id, '')
        )) as content
    from {rows} as rows
    semi join repeated using (key_hash)
"""


@dataclass(frozen=True)
class Arrival:
    """A parsed file and the receipt that will stand for it."""

    receipt: Receipt
    parsed: ParsedFile


def place(arrivals: list[Arrival], lake: Path, connection: psycopg.Connection) -> None:
    """Put the files' rows into the lake and complete their receipts, which are not recorded yet.

    A row whose content is known is a duplicate. A row with a known key and other content supersedes the older one.
    """
    receipt_ids = {arrival.receipt.file for arrival in arrivals}
    tables.forget(lake, "calls", receipt_ids)
    tables.forget(lake, "superseded", receipt_ids)
    if not any(arrival.parsed.pieces for arrival in arrivals):
        for arrival in arrivals:
            _complete(arrival, {})
        return
    with calls.connect(threads=calls.WORKERS, memory=MEMORY, spill=lake / ".scratch") as duck:
        repeated = _find_repeated(duck, arrivals, lake, connection)
        if repeated:
            duck.execute(call_sql.template("judge_duplicates").substitute())
        for arrival in arrivals:
            duplicates = _duplicates(duck, arrival.receipt) if repeated else {}
            many = [day for day, found in duplicates.items() if found.rows > DUPLICATES_LEFT_IN * _rows(arrival, day)]
            left = _write_superseded(duck, arrival.receipt, lake, many) if repeated else set()
            for piece in arrival.parsed.pieces:
                _move(arrival.receipt, _without_duplicates(duck, piece, arrival.receipt) if piece.day in many else piece, lake)
            _complete(arrival, duplicates)
            for day in left:
                arrival.receipt.rows_by_date.setdefault(day, 0)


def _rows(arrival: Arrival, day: date) -> int:
    return sum(piece.rows for piece in arrival.parsed.pieces if piece.day == day)


def _find_repeated(duck: duckdb.DuckDBPyConnection, arrivals: list[Arrival], lake: Path, connection: psycopg.Connection) -> bool:
    """Make `candidates`, the rows whose key stands more than once; false where there are none, as usual."""
    pieces = [piece for arrival in arrivals for piece in arrival.parsed.pieces]
    duck.execute("create table turns as select unnest($ids) as receipt_id, unnest(range(1, len($ids) + 1)) as turn", {"ids": [a.receipt.file for a in arrivals]})
    duck.execute(f"create view staged as select * from read_parquet([{_paths([piece.path for piece in pieces])}], hive_partitioning = false)")
    present = _present_files(lake, {piece.day for piece in pieces}, connection)
    duck.execute(
        f"create view present as select * from read_parquet([{_paths([*present, tables.file_of(lake, 'calls', 'schema', date(1970, 1, 1))])}], "
        "hive_partitioning = true, hive_types = {'service_date': date})"
    )
    duck.execute(
        """
        create table repeated as
        select key_hash from staged group by key_hash having count(*) > 1
        union
        select distinct key_hash from staged semi join present using (key_hash)
        """
    )
    if not duck.execute("select count(*) from repeated").fetchone()[0]:
        return False
    left_out = literal(str(lake / "superseded" / "*.parquet"))
    duck.execute(
        f"""
        create view known as
        select *
        from present
        left join (
            select distinct receipt_id, source_line, true as replaced from read_parquet({left_out}) where verdict = 'superseded'
        ) as older using (receipt_id, source_line)
        anti join (select receipt_id, source_line from read_parquet({left_out}) where verdict = 'duplicate') as again
            using (receipt_id, source_line)
        """
    )
    arriving = "(select *, cast(start_at as date) as service_date from staged join turns using (receipt_id))"
    duck.execute(
        f"create table candidates as {CANDIDATE.format(turn='rows.turn', superseded='false', rows=arriving)} "
        f"union all {CANDIDATE.format(turn='0', superseded='coalesce(rows.replaced, false)', rows='known')}"
    )
    return True


def _present_files(lake: Path, days: set[date], connection: psycopg.Connection) -> list[Path]:
    """The lake's files of these days and their neighbours, where a call whose time was corrected may stand."""
    around = {day + timedelta(days=step) for day in days for step in (-1, 0, 1)}
    found = [path for day in sorted(around) for path in sorted((lake / "calls" / f"service_date={day}").glob("*.parquet"))]
    receipt_ids = {tables.receipt_of(path) for path in found}
    settled = settled_among(connection, receipt_ids)
    settled |= {receipt_id for receipt_id in receipt_ids - settled if _stands(lake, receipt_id)}
    return [path for path in found if tables.receipt_of(path) in settled]


def _stands(lake: Path, receipt_id: str) -> bool:
    """Whether readers see the rows of a load that was cut short before PostgreSQL, and whose file is gone since."""
    path = tables.file_of(lake, "receipts", receipt_id)
    return path.exists() and pq.read_table(path)["state"].to_pylist() != ["refused"]


def _paths(paths: list[Path]) -> str:
    return literals(str(path) for path in paths)


@dataclass(frozen=True)
class _Duplicates:
    rows: int
    not_calls: int
    """Those of them that are no finished attempts."""


def _duplicates(duck: duckdb.DuckDBPyConnection, receipt: Receipt) -> dict[date, _Duplicates]:
    counted = duck.execute(
        "select service_date, count(*), count(open_kind) from judged where verdict = 'duplicate' and judged_in = ? group by 1", [receipt.file]
    ).fetchall()
    return {day: _Duplicates(rows, not_calls) for day, rows, not_calls in counted}


def _without_duplicates(duck: duckdb.DuckDBPyConnection, piece: PieceFile, receipt: Receipt) -> PieceFile:
    path = piece.path.with_suffix(".unique.parquet")
    [(rows,)] = duck.execute(
        f"""
        copy (
            select rows.* from read_parquet({literal(str(piece.path))}, hive_partitioning = false) as rows
            anti join (
                select source_line from judged where verdict = 'duplicate' and judged_in = {literal(receipt.file)}
            ) as again using (source_line)
        ) to {literal(str(path))} ({call_sql.PARQUET})
        """
    ).fetchall()
    return PieceFile(piece.piece, piece.day, path, rows)


def _move(receipt: Receipt, piece: PieceFile, lake: Path) -> None:
    if piece.rows:
        finished = tables.file_of(lake, "calls", receipt.file, piece.day, piece.piece)
        finished.parent.mkdir(parents=True, exist_ok=True)
        os.replace(piece.path, finished)  # scratch folders lie in the lake: it is there whole or not at all


def _complete(arrival: Arrival, duplicates: dict[date, _Duplicates]) -> None:
    receipt, parsed = arrival.receipt, arrival.parsed
    receipt.rows_read, receipt.rejected = parsed.rows_read, parsed.rejected
    receipt.rows_duplicate = sum(found.rows for found in duplicates.values())
    receipt.known_dates = set(duplicates)
    receipt.notes |= parsed.notes
    if parsed.broken:
        receipt.state, receipt.reason = "partial", f"{parsed.broken}; the rows before the break are loaded"
    none = _Duplicates(0, 0)
    rows = {day: _rows(arrival, day) - duplicates.get(day, none).rows for day in {piece.day for piece in parsed.pieces}}
    receipt.rows_by_date = {day: rows[day] for day in sorted(rows) if rows[day]}
    receipt.rows_accepted = sum(receipt.rows_by_date.values())
    not_calls = {day: count - duplicates.get(day, none).not_calls for day, count in sorted(parsed.not_calls.items())}
    if any(not_calls.values()):
        receipt.notes["not_calls"] = {day.isoformat(): count for day, count in not_calls.items() if count}


def _write_superseded(duck: duckdb.DuckDBPyConnection, receipt: Receipt, lake: Path, many: list[date]) -> set[date]:
    """The rows that a file's rows replace, and its own that readers leave out; those of the dates `many` are not written at all.

    Returns the dates of what is replaced: of one that calls leave, because their time was corrected, the file speaks, too.
    """
    superseded = duck.sql(
        """
        select
            verdict, receipt_id, cast(source_line as integer) as source_line, service_date, by_receipt_id,
            cast(by_source_line as integer) as by_source_line
        from judged
        where judged_in = $receipt and not (verdict = 'duplicate' and service_date in (select unnest($many::date[])))
        order by all
        """,
        params={"receipt": receipt.file, "many": many},
    ).to_arrow_table()
    if superseded.num_rows:
        tables.write(tables.file_of(lake, "superseded", receipt.file), superseded.cast(tables.schema("superseded")))
    replaced = duck.execute(
        """
        select service_date, feed, count(*), count(*) - count(open_kind)
        from judged
        where judged_in = ? and verdict = 'superseded'
        group by all
        order by all
        """,
        [receipt.file],
    ).fetchall()
    if replaced:
        receipt.notes["superseded_rows"] = sum(rows for _, _, rows, _ in replaced)
        receipt.notes["superseded_calls"] = {}
        for day, feed, _, of_calls in replaced:
            receipt.notes["superseded_calls"].setdefault(day.isoformat(), {})[feed] = of_calls
    return {day for day, *_ in replaced}
