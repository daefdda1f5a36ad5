"""Files as switches write them, for the tests of their feeds, and what the lake holds of a file by line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from include.ingest.numbers import classify
from tests.ingest.desk import Desk

SAMPLES = Path(__file__).parent / "samples"
COLUMNS = (
    "source_line, record_kind, call_id, attempt, switch_id, start_at, answer_at, end_at, zone_as_sent, stated_ms, ingress_trunk, "
    "egress_trunk, source_ip, calling_raw, calling_number, asserted_number, called_raw, called_number, sip_code, release_party, "
    "attestation, attestation_sent, verstat, orig_id, flags"
)


def sample(name: str) -> str:
    return (SAMPLES / name).read_text()


def loaded(desk: Desk) -> dict[int, dict[str, Any]]:
    """What the lake holds, by line."""
    return {row.pop("source_line"): row for row in desk.rows("calls", COLUMNS)}


def expected(**told: Any) -> dict[str, Any]:
    """A row of the lake as a test expects it: all that is not told is empty, and the numbers follow from how they were sent."""
    row = dict.fromkeys(COLUMNS.split(", ")[1:]) | {"record_kind": "stop", "attempt": 1} | told
    return row | {"calling_number": classify(row["calling_raw"] or "")[0], "called_number": classify(row["called_raw"] or "")[0]}


def local(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def seconds(count: str | float) -> timedelta:
    return timedelta(seconds=float(count))


def reasons(desk: Desk, path: str) -> dict[int, tuple[str, str]]:
    """Field and the reason's beginning of rejected rows, by line."""
    return {line: (field, reason.partition(":")[0]) for line, (field, reason) in desk.rejects(path).items()}


def changed(text: str, line: int, *changes: tuple[str, str]) -> str:
    """A file with a line more at its end: one of its lines, each change of which is there to be made."""
    more = text.splitlines()[line - 1]
    for old, new in changes:
        assert old in more
        more = more.replace(old, new, 1)
    return f"{text}{more}\n"


def damaged(text: str, line: int, damages: Iterable[tuple[str, str]]) -> str:
    """A file with a damaged copy of one of its lines for each damage, and that line cut in the middle at the end."""
    original = text.splitlines()[line - 1]
    for old, new in damages:
        text = changed(text, line, (old, new))
    return f"{text}{original[: len(original) // 2]}\n"
