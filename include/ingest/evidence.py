"""Complaints and traceback notices into the lake, by the service date on which they were received."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from include.ingest import records
from include.ingest.declarations import Declaration
from include.ingest.landing import LandingFile
from include.ingest.numbers import classify
from include.ingest.receipts import Receipt
from include.lake import tables


TIME_OF_DAY = r"[0-9]{1,2}(?P<minutes>:[0-9]{2})(?P<seconds>:[0-9]{2})?"
DAY_SECONDS = 86_400
ASSUMED_ZONE = "America/New_York"
"""Of a notice's date without a time: where the federal requesters sit."""


def complaint_columns(parsed: records.Records, declaration: Declaration) -> pd.DataFrame:
    """Number classes, the id of feeds that have none, and whether the call's time of day is known."""
    frame = parsed.rows.copy()
    for optional in ("call_at", "call_at_as_sent", "topic"):
        if optional not in frame:
            frame[optional] = pd.Series(None, index=frame.index, dtype="object")
    if "complaint_id" not in frame:
        # Without an id of its own a complaint is what it says: rows equal in every column are one complaint.
        said = parsed.as_sent.drop(columns=list(declaration.not_content), errors="ignore")
        sent = ["\x1f".join(map(str, row)) for row in said.itertuples(index=False, name=None)]
        frame["complaint_id"] = [f"{declaration.name}-{sha256(text.encode()).hexdigest()[:20]}" for text in sent]
    _add_numbers(frame, "calling", with_class=True)
    _add_numbers(frame, "called")
    _add_numbers(frame, "callback")
    # FTC reports whose time is exactly midnight carry a date only; our own desk's have no time then.
    date_alone = frame["call_at_as_sent"].str.contains(f"00:00:00|^{records.DATE_ALONE}$", na=False)
    frame["call_time_known"] = frame["call_at"].notna() & ~date_alone
    frame["zone_as_sent"] = records.zone_as_sent(frame["call_at_as_sent"].fillna(frame["received_at_as_sent"]), declaration)
    frame["topic"] = frame["topic"].str.replace(r"\s+", " ", regex=True)
    return frame


def notice_columns(parsed: records.Records, declaration: Declaration) -> pd.DataFrame:
    """Numbers, and how precisely the notice states the call's time."""
    frame = parsed.rows.copy()
    _add_numbers(frame, "calling")
    _add_numbers(frame, "called")
    time_of_day = frame["call_at_as_sent"].str.extract(TIME_OF_DAY)
    date_alone = time_of_day["minutes"].isna()
    frame["call_precision_seconds"] = time_of_day["seconds"].isna().map({True: 60, False: 1}).where(~date_alone, DAY_SECONDS)
    frame["zone_as_sent"] = records.zone_as_sent(frame["call_at_as_sent"], declaration)
    frame["zone_assumed"] = frame["zone_as_sent"].isna() | (declaration.times.zone is not None)
    if declaration.times.zone is None:
        midnights = frame.loc[date_alone, "call_at"].dt.tz_localize(ASSUMED_ZONE).dt.tz_convert("UTC").dt.tz_localize(None)
        frame.loc[date_alone, "call_at"] = midnights
        frame.loc[date_alone, "zone_as_sent"] = ASSUMED_ZONE
    return frame


def _add_numbers(frame: pd.DataFrame, party: str, with_class: bool = False) -> None:
    if f"{party}_number" not in frame:
        return
    raw = frame[f"{party}_number"]
    numbers = {text: classify(text) for text in raw.dropna().unique()}
    frame[f"{party}_raw"] = raw
    frame[f"{party}_number"] = raw.map(lambda text: numbers[text][0] if text in numbers else None)
    if with_class:
        frame[f"{party}_class"] = raw.map(lambda text: numbers[text][1] if text in numbers else "missing")


EVIDENCE: dict[str, tuple[str, str, Callable[[records.Records, Declaration], pd.DataFrame]]] = {
    "complaints": ("complaints", "complaint_id", complaint_columns),
    "tracebacks": ("notices", "traceback_id", notice_columns),
}
"""For each kind of landing folder: the lake's table, its key, and what makes its columns."""


def load(file: LandingFile, declaration: Declaration, receipt: Receipt, lake: Path) -> None:
    """Parse a file and place its rows; completes `receipt`. A row whose id is known is a duplicate, or a reject if it differs."""
    table, key, make_columns = EVIDENCE[file.kind]
    parsed = records.read(file, declaration, tables.DATED[table])
    receipt.file, receipt.rows_read, receipt.notes = parsed.digest, parsed.rows_read, parsed.notes
    frame = make_columns(parsed, declaration)
    frame["receipt_id"], frame["feed"] = parsed.digest, file.feed
    parsed.rows = frame
    _judge_known_ids(parsed, table, key, lake, receipt)
    receipt.rejected = sorted(parsed.rejected, key=lambda row: row.line)
    tables.forget(lake, table, {parsed.digest})
    for day, rows in parsed.rows.groupby(parsed.rows["received_at"].dt.date):
        tables.write(tables.file_of(lake, table, parsed.digest, day), records.to_arrow(rows, tables.schema(table)))
        receipt.rows_by_date[day] = len(rows)
    receipt.rows_accepted = len(parsed.rows)


def check_readable(file: LandingFile, declaration: Declaration) -> None:
    """RefusedFile where the declaration is not of such files: bytes of another feed may lie here by mistake."""
    records.read(file, declaration, tables.DATED[EVIDENCE[file.kind][0]])


def _judge_known_ids(parsed: records.Records, table: str, key: str, lake: Path, receipt: Receipt) -> None:
    content = [name for name in tables.schema(table).names if name not in ("receipt_id", "source_line", "feed")]
    arriving = records.to_arrow(parsed.rows, tables.schema(table)).select(content).to_pylist()
    known: dict[str, dict] = {row[key]: row for row in _rows_with_ids(lake, table, key, [row[key] for row in arriving], parsed.digest, content)}
    verdicts = []
    for row in arriving:
        first = known.setdefault(row[key], row)
        verdicts.append("new" if first is row else "duplicate" if first == row else "conflict")
    verdict = pd.Series(verdicts, index=parsed.rows.index, dtype="object")
    receipt.rows_duplicate = int((verdict == "duplicate").sum())
    parsed.reject(verdict == "conflict", key, f"this {key} was loaded before with other content: give a correction an id of its own")
    parsed.keep(verdict[parsed.rows.index] == "new")


def _rows_with_ids(lake: Path, table: str, key: str, ids: list[str], digest: str, columns: list[str]) -> list[dict]:
    """Rows of other receipts with one of these ids."""
    with duckdb.connect(":memory:") as connection:
        connection.register("ids", pa.table({key: pa.array(ids, pa.string())}))
        result = connection.sql(
            f"""
            select {', '.join(columns)}
            from read_parquet($files, hive_partitioning = false) as rows
            semi join ids using ({key})
            semi join (select receipt_id from read_parquet($receipts) where state <> 'refused') as receipts using (receipt_id)
            where receipt_id <> $digest
            """,
            params={"files": str(lake / table / "*" / "*.parquet"), "receipts": str(lake / "receipts" / "*.parquet"), "digest": digest},
        )
        return result.to_arrow_table().to_pylist()

