"""A second, plain reading of a demo landing folder: pandas only, nothing of the generator."""

from __future__ import annotations

import gzip
import io
import re
from math import sqrt
from pathlib import Path

import pandas as pd

ASTERISK = (
    "accountcode src dst dcontext clid channel dstchannel lastapp lastdata start answer end duration billsec disposition "
    "amaflags uniqueid userfield peeraccount linkedid sequence"
).split()


def content(path: Path) -> bytes:
    raw = path.read_bytes()
    return gzip.decompress(raw) if path.suffix == ".gz" else raw


def e164(written: str) -> str:
    """Digits of a number as spelled in the CDRs; empty for `anonymous` and for what is missing."""
    found = re.search(r"\+?\d+", written or "") if isinstance(written, str) else None
    if not found:
        return ""
    number = found.group().removeprefix("+").removeprefix("011")
    return "1" + number if len(number) == 10 else number


def switch_files(landing: Path) -> list[Path]:
    return [p for p in sorted(landing.glob("cdr/*/*/*")) if not p.name.startswith("manifest")]


def file_rows(landing: Path, path: Path) -> pd.DataFrame:
    """All data rows of a CDR file under common names, with `file`, `line` and `fault` ('' = good, else what is wrong)."""
    raw = content(path)
    if "asterisk" in path.parts:
        told = pd.read_csv(io.BytesIO(raw), names=ASTERISK, dtype=str, keep_default_na=False, na_values=[])
        told = told.fillna("")
        rows = pd.DataFrame(
            {
                "call_id": told.linkedid,
                "started": told.start,
                "answered": told.answer,
                "ended": told.end,
                "trunk": told.channel.str.extract(r"^PJSIP/(.*)-[0-9a-f]{8}$")[0],
                "calling": told.src,
                "called": told.dst,
                "cancelled": told.disposition.eq("NO ANSWER"),
            }
        )
        first = 1
    else:
        told = pd.read_csv(io.BytesIO(raw), dtype=str, keep_default_na=False, na_values=[]).fillna("")
        rows = pd.DataFrame(
            {
                "call_id": told.call_id,
                "started": told.start_time,
                "answered": told.answer_time,
                "ended": told.end_time,
                "trunk": told.ingress_trunk,
                "calling": told.calling_number,
                "called": told.called_number,
                "cancelled": told.sip_code.eq("487"),
            }
        )
        first = 2
    for name in ("started", "answered", "ended"):
        rows[name] = pd.to_datetime(rows[name], utc=True, errors="coerce", format="ISO8601")
    rows["file"] = str(path.relative_to(landing))
    rows["line"] = range(first, first + len(rows))
    rows["fault"] = ""
    rows.loc[rows.ended < rows.started, "fault"] = "negative"
    rows.loc[rows.started.isna(), "fault"] = "time"
    rows.loc[told.iloc[:, -1].eq("") & told.iloc[:, -8].eq("") & told.iloc[:, 10].eq(""), "fault"] = "fields"
    rows.loc[told.duplicated() & rows.fault.eq(""), "fault"] = "duplicate"
    return rows


def reference(landing: Path, table: str) -> pd.DataFrame:
    """The newest snapshot of a reference table."""
    newest = sorted(landing.glob(f"reference/{table}/*"))[-1]
    return pd.read_csv(newest, dtype=str, keep_default_na=False)


def calls(landing: Path) -> pd.DataFrame:
    """The good rows of all files, with party, numbers and UTC date."""
    rows = pd.concat([file_rows(landing, path) for path in switch_files(landing)], ignore_index=True)
    rows = rows[rows.fault.eq("")].copy()
    rows["calling"] = rows.calling.map(e164)
    rows["called"] = rows.called.map(e164)
    rows["day"] = rows.started.dt.date
    rows["talk"] = (rows.ended - rows.answered).dt.total_seconds()
    return rows.merge(reference(landing, "trunks")[["trunk", "party_kind", "party_id"]], on="trunk", how="left")


def wilson_lower(part: float, whole: float, z: float = 1.959964) -> float:
    p = part / whole
    return (p + z * z / (2 * whole) - z * sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole))) / (1 + z * z / whole)


def behaviour_codes(day: pd.DataFrame, approved: bool, foreign: bool, canadian_codes: set[str], forbidden: tuple[str, ...]) -> set:
    """The behaviour rules on one party's day of calls."""
    codes, n = set(), len(day)
    talk = day.talk.dropna()
    if len(talk) >= 100 and not approved:
        if wilson_lower((talk <= 6).sum(), len(talk)) > 0.15:
            codes.add("SDC6_HIGH")
        distinct = day.calling[day.calling.ne("")].nunique()
        if wilson_lower((talk < 30).sum(), len(talk)) > 0.60 and distinct > 100 and n / distinct < 3:
            codes.add("SHORT30_MANY_ANI")
    if n >= 100:
        if wilson_lower(day.cancelled.sum(), n) > 0.20:
            codes.add("ABANDON_HIGH")
        if wilson_lower(day.calling.str.startswith(forbidden).sum(), n) > 0.05:
            codes.add("DNO_VOLUME")
        domestic = day.calling.str.match(r"1\d{10}$") & ~day.calling.str[1:4].isin(canadian_codes)
        if foreign and domestic.any():
            codes.add("FOREIGN_US_CID")
    return codes
