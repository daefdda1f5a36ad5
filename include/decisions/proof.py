"""What `make verify` proves: the ledger is the one that was written, and receipts and gate results are those that it digested.

The chain shows what was changed, removed or put in between; that its end was cut off, or all of it written anew, is shown by
its heads, which are published outside the database whenever a date was judged.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from include.settings import Settings

SQL = Path(__file__).with_name("sql") / "proof"
"""Queries that each give a `problem` in words per row; none where all is whole."""

HEADS = "heads.jsonl"
"""The heads in the evidence folder, oldest first, one JSON object a line: published_at (ISO 8601, UTC), entry_id, hash."""


def publish_head(settings: Settings, connection: psycopg.Connection, at: datetime) -> int | None:
    """Write the ledger's newest entry id and hash to the end of the file of heads; returns the id, None where it stands there already.

    Lines are only ever added: the folder may be one in which nothing can be changed.
    """
    head = connection.execute("select entry_id, hash from decisions.ledger order by entry_id desc limit 1").fetchone()
    known = published_heads(settings)
    if head is None or (known and known[-1] == head):
        return None
    settings.evidence.mkdir(mode=0o700, parents=True, exist_ok=True)
    line = json.dumps({"published_at": at.astimezone(UTC).isoformat(timespec="seconds"), "entry_id": head[0], "hash": head[1]})
    with (settings.evidence / HEADS).open("a+", encoding="utf-8") as file:
        file.seek(0)
        told = file.read()
        cut_short = bool(told) and not told.endswith("\n")
        file.write("\n" * cut_short + line + "\n")
        file.flush()
        os.fsync(file.fileno())
    return head[0]


def published_heads(settings: Settings) -> list[tuple[int, str]]:
    """Entry ids and hashes that were published, oldest first. A line that was cut short by a crash published nothing."""
    path = settings.evidence / HEADS
    if not path.is_file():
        return []
    told = path.read_text(encoding="utf-8").splitlines()
    heads = [json.loads(line) for line in told if line.endswith("}")]
    return [(head["entry_id"], head["hash"]) for head in heads]


def counts(connection: psycopg.Connection) -> tuple[int, int]:
    """How many entries the ledger has, and how many receipts there are."""
    return connection.execute("select (select count(*) from decisions.ledger), (select count(*) from ops.file_receipts)").fetchone()


def problems(connection: psycopg.Connection, heads: Iterable[tuple[int, str]] = ()) -> list[str]:
    """What is not as it was recorded, in words; empty when all is whole. `heads` as they were published."""
    found = [problem for path in sorted(SQL.glob("*.sql")) for (problem,) in connection.execute(path.read_text(encoding="utf-8"))]
    return found + lost_heads(connection, list(heads))


def lost_heads(connection: psycopg.Connection, heads: list[tuple[int, str]]) -> list[str]:
    """Published heads that the ledger no longer has."""
    standing = dict(connection.execute("select entry_id, hash from decisions.ledger where entry_id = any(%s)", ([entry for entry, _ in heads],)).fetchall())
    return [
        f"ledger entry {entry}: " + ("was published with another hash" if entry in standing else "was published and is gone")
        for entry, digest in heads
        if standing.get(entry) != digest
    ]
