"""pandas for the columns, libphonenumber for the numbers: each distinct number is looked at once."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import phonenumbers

from benchmarks import peers
from benchmarks.counts import Counts
from include.settings import Settings

KEY = ["switch_id", "call_id", "attempt"]
REQUIRED = ["call_id", "switch_id", "start_time", "end_time", "ingress_trunk", "calling_number", "called_number", "sip_code"]
TIMES = ["start_time", "answer_time", "end_time"]
NUMBERS = ["calling_number", "asserted_number", "called_number"]


def load(settings: Settings, feed: str) -> Counts:
    """Writes `calls/service_date=…/calls.parquet`, `rejects.parquet` and `receipts.json`."""
    files = peers.files(settings, feed)
    sent = pd.concat([read(file) for file in files], ignore_index=True)
    reasons = reject_reasons(sent)
    rejected = sent[reasons.notna()].assign(reason=reasons)
    taken = sent[reasons.isna()]
    copies = taken.duplicated([column for column in taken.columns if column not in ("file", "line")])
    calls = typed(taken[~copies])

    for day, rows in calls.groupby("service_date"):
        folder = settings.lake / "calls" / f"service_date={day}"
        folder.mkdir(parents=True)
        rows.drop(columns="service_date").to_parquet(folder / "calls.parquet", compression="zstd", index=False)
    rejected.to_parquet(settings.lake / "rejects.parquet", compression="zstd", index=False)
    (settings.lake / "receipts.json").write_text(json.dumps(receipts(files, sent, rejected, taken[copies], calls)))
    return Counts(len(sent), len(calls), len(rejected), int(copies.sum()))


def read(file: Path) -> pd.DataFrame:
    """Text as sent, with physical lines; where a line is too short, its last fields are null."""
    rows = pd.read_csv(file, dtype=str, keep_default_na=False, na_values=[], skip_blank_lines=False)
    return rows.assign(file=file.name, line=rows.index + 2)


def reject_reasons(sent: pd.DataFrame) -> pd.Series:
    """The first reason why a row cannot be taken, null where it can."""
    reasons = pd.Series(None, index=sent.index, dtype="str")

    def reject(condition: pd.Series, reason: str) -> None:
        reasons[condition.fillna(False) & reasons.isna()] = reason

    reject(sent["orig_id"].isna(), "too few fields")
    for column in REQUIRED:
        reject(sent[column] == "", f"{column} is empty")
    start, answer, end = (instants(sent[column]) for column in TIMES)
    for column, at in zip(TIMES, (start, answer, end), strict=True):
        reject((sent[column] != "") & at.isna(), f"{column} is not a time with offset")
    reject((start.dt.year < 2000) | (start.dt.year > 2099), "start_time is not in the years 2000 to 2099")
    reject(end < start, "end_time is before start_time")
    reject((answer < start) | (answer > end), "answer_time is not between start_time and end_time")
    reject(end - start > pd.Timedelta(hours=24), "end_time is more than 24 hours after start_time")
    reject(~sent["attempt"].str.fullmatch("[0-9]{0,9}"), "attempt is not a whole number")
    reject(~sent["sip_code"].str.fullmatch("[1-6][0-9]{2}"), "sip_code is not a SIP status")
    reject(~sent["attestation"].str.upper().isin(["A", "B", "C", ""]), "attestation is not A, B, C or empty")
    reject(~sent["release_party"].str.lower().isin(["caller", "called", "network", ""]), "release_party is not caller, called, network or empty")
    return reasons


def instants(times: pd.Series) -> pd.Series:
    return pd.to_datetime(times.where(times.str.contains(r"(?:Z|[+-][0-9]{2}:?[0-9]{2})$", na=False)), format="ISO8601", utc=True, errors="coerce")


def typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Accepted rows as they are kept, numbers as sent and as E.164 with their class, and whether a later row replaces them."""
    columns = {column: instants(rows[column]) for column in TIMES}
    columns["sip_code"] = rows["sip_code"].astype("int32")
    columns["attempt"] = rows["attempt"].replace("", "1").astype("int32")
    columns["service_date"] = columns["start_time"].dt.date
    classified = {raw: classify(raw) for raw in pd.unique(rows[NUMBERS].to_numpy().ravel())}
    for column in NUMBERS:
        columns[f"{column}_e164"] = rows[column].map({raw: number for raw, (number, _) in classified.items()})
        columns[f"{column}_class"] = rows[column].map({raw: class_ for raw, (_, class_) in classified.items()})
    calls = rows.assign(**columns)
    return calls.assign(superseded=calls.duplicated(KEY, keep="last"))


def classify(raw: str) -> tuple[str | None, str]:
    """E.164, null where there is none, and a class."""
    if not raw:
        return None, "missing"
    if "anonymous" in raw or raw in ("Restricted", "unavailable"):
        return None, "anonymous"
    try:
        parsed = phonenumbers.parse(f"+{raw[3:]}" if raw.startswith("011") else raw, "US")
    except phonenumbers.NumberParseException:
        return None, "unparseable"
    region = phonenumbers.region_code_for_number(parsed)
    if region is None or not phonenumbers.is_valid_number_for_region(parsed, region):  # what is_valid_number asks, too
        return None, "invalid"
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164), "valid_us" if region == "US" else "valid_non_us"


def receipts(files: list[Path], sent: pd.DataFrame, rejected: pd.DataFrame, duplicate: pd.DataFrame, calls: pd.DataFrame) -> list[dict]:
    """What became of each file."""
    outcomes = {"read": sent, "accepted": calls, "rejected": rejected, "duplicate": duplicate}
    counts = {outcome: rows["file"].value_counts() for outcome, rows in outcomes.items()}
    by_date = calls.groupby(["file", "service_date"]).size()
    return [
        {
            "file": file.name,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            **{name: int(rows.get(file.name, 0)) for name, rows in counts.items()},
            "by_date": {str(day): int(rows) for day, rows in by_date.get(file.name, pd.Series(dtype=int)).items()},
        }
        for file in files
    ]
