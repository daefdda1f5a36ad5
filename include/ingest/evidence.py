"""Complaints and traceback notices into the lake, by the service date on which they were received."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from include.ingest import records
from include.ingest.declarations import COMPLAINT_COLUMNS, Declaration, taken_columns
from include.ingest.landing import LandingFile
from include.ingest.numbers import classify, classify_written
from include.ingest.receipts import Receipt
from include.lake import tables

TOLD_BY_TYPE = {"prerecorded": True, "live": False}
"""Whether a recording was played, where the type of the call says so."""

TIME_OF_DAY = r"[0-9]{1,2}(?P<minutes>:[0-9]{2})(?P<seconds>:[0-9]{2})?"
DAY_SECONDS = 86_400
ASSUMED_ZONE = "America/New_York"
"""Of a notice's date without a time: where the federal requesters sit."""


def complaint_columns(parsed: records.Records, declaration: Declaration) -> pd.DataFrame:
    """Number classes, the id of complaints that have none, and what is known of the call's time."""
    frame = parsed.rows.copy()
    for optional in ("complaint_id", "call_at_as_sent", "topic", "call_type", "recorded_message"):
        if optional not in frame:
            frame[optional] = pd.Series(None, index=frame.index, dtype="object")
    if "call_at" not in frame:
        frame["call_at"] = pd.Series(pd.NaT, index=frame.index, dtype=records.MOMENT)
    frame["source"] = declaration.source
    frame["topic"] = records.squeezed(frame["topic"])
    frame["recorded_message"] = frame["recorded_message"].fillna(frame["call_type"].map(TOLD_BY_TYPE))
    frame["complaint_id"] = _complaint_ids(frame, parsed, declaration)
    for party in ("calling", "called", "callback"):
        _add_numbers(frame, party, classify_written, with_class=party == "calling")
    received, called = frame["received_at_as_sent"], frame["call_at_as_sent"]
    frame["call_time_known"] = frame["call_at"].notna() & ~records.is_date_alone(frame["call_at"], called, declaration)
    frame["call_quality"] = _call_quality(frame, records.is_date_alone(frame["received_at"], received, declaration))
    frame["zone_as_sent"] = records.zone_as_sent(called.fillna(received), declaration)
    frame["zone_assumed"] = _is_assumed(received, declaration) | _is_assumed(called, declaration)
    return frame


def _complaint_ids(frame: pd.DataFrame, parsed: records.Records, declaration: Declaration) -> pd.Series:
    """The source's own ids or, without one, what the complaint says: rows that say the same are one complaint.

    Ids of others than our own desk begin with the source's name, not with the feed's: they never meet one of ours, and what two feeds
    of one source say in different layouts has one id.
    """
    is_ours = declaration.source == "own_desk"
    own = frame["complaint_id"] if is_ours else f"{declaration.source}-" + frame["complaint_id"]
    if own.notna().all():
        return own
    columns = [name for name in COMPLAINT_COLUMNS if name not in ("complaint_id", "source_record_id")]
    said = pd.concat([frame.reindex(columns=columns), _others(parsed.as_sent, declaration)], axis=1).astype("object")
    texts = ["\x1f".join(map(_content, row)) for row in said.itertuples(index=False, name=None)]
    prefix = declaration.name if is_ours else declaration.source
    digests = [f"{prefix}-{sha256(text.encode()).hexdigest()[:20]}" for text in texts]
    return own.fillna(pd.Series(digests, index=frame.index, dtype="object"))


def _others(as_sent: pd.DataFrame, declaration: Declaration) -> pd.DataFrame:
    """Columns that are not kept and tell complaints apart: the declared ones, or all. Names may stand twice, or be empty, in a header."""
    if declaration.content is None:
        return as_sent.loc[:, ~as_sent.columns.isin(list(taken_columns(declaration)))]
    return as_sent.loc[:, ~as_sent.columns.duplicated()].reindex(columns=list(declaration.content))


def _content(value: object) -> str:
    return "" if pd.isna(value) else " ".join(str(value).split())


def _call_quality(frame: pd.DataFrame, received_on_a_date: pd.Series) -> pd.Series:
    """Whether the call's time can be right: of a complaint whose date of receipt alone is known, the whole day counts."""
    received, called = frame["received_at"], frame["call_at"]
    latest = received.where(~received_on_a_date, received + pd.Timedelta(days=1) - pd.Timedelta(microseconds=1))
    quality = pd.Series("ok", index=frame.index, dtype="object")
    quality[called < received - pd.DateOffset(years=2)] = "over_two_years_before"
    quality[called > latest] = "after_report"
    quality[called.isna()] = "missing"
    return quality


def _is_assumed(as_sent: pd.Series, declaration: Declaration) -> pd.Series:
    return as_sent.notna() & records.offset_as_sent(as_sent, declaration).isna()


def notice_columns(parsed: records.Records, declaration: Declaration) -> pd.DataFrame:
    """Numbers, and how precisely the notice states the call's time."""
    frame = parsed.rows.copy()
    for optional in ("calling_number", "called_number"):
        if optional not in frame:
            frame[optional] = pd.Series(None, index=frame.index, dtype="object")
    if "traceback_id" not in frame:
        # Without an id of its own a notice is what it says.
        said = ["\x1f".join(map(_content, row)) for row in parsed.as_sent.itertuples(index=False, name=None)]
        frame["traceback_id"] = [f"{declaration.name}-{sha256(text.encode()).hexdigest()[:20]}" for text in said]
    _add_numbers(frame, "calling")
    _add_numbers(frame, "called")
    time_of_day = frame["call_at_as_sent"].str.extract(TIME_OF_DAY)
    date_alone = time_of_day["minutes"].isna()
    frame["call_precision_seconds"] = time_of_day["seconds"].isna().map({True: 60, False: 1}).where(~date_alone, DAY_SECONDS)
    frame["zone_as_sent"] = records.zone_as_sent(frame["call_at_as_sent"], declaration)
    frame["zone_assumed"] = _is_assumed(frame["call_at_as_sent"], declaration)
    if declaration.times.zone is None:
        midnights = frame.loc[date_alone, "call_at"].dt.tz_localize(ASSUMED_ZONE).dt.tz_convert("UTC").dt.tz_localize(None)
        frame.loc[date_alone, "call_at"] = midnights
        frame.loc[date_alone, "zone_as_sent"] = ASSUMED_ZONE
    return frame


def _add_numbers(
    frame: pd.DataFrame, party: str, classify: Callable[[str], tuple[str | None, str]] = classify, with_class: bool = False
) -> None:
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
    content = [name for name in tables.schema(table).names if name not in ("receipt_id", "source_line", "feed", "source_record_id")]
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

