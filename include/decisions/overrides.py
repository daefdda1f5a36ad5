"""Overrides: two people, by name, let a failed check of a gate pass on one service date, for a reason and until an instant.

An override names its feeds. While it is in force the gate records the check as `overridden` where it affects no other feed;
for others, for other checks and for other dates it says nothing. It is an entry of the ledger, and is never taken back: it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from include.decisions import ledger, reviews, signatures
from include.quality import suites

LONGEST = timedelta(days=30)
"""How far ahead an override may end."""
USUAL = timedelta(days=7)
"""How long one is in force that is given in Airflow without an end."""

OVERRIDE, LEAVE_BLOCKED = "Override", "Leave blocked"
"""What a person may answer to the question about a block."""


@dataclass(frozen=True)
class Override:
    """An override in the ledger; `until` is an instant in UTC."""

    entry_id: int
    check: str
    """Suite and check, as results have it."""
    feeds: list[str]
    """The feeds that it lets pass; none where the block named none."""
    by: str
    reason: str
    until: datetime


@dataclass(frozen=True)
class Signed:
    """Who lets a check pass, why, and until when. ValueError, with the name of the field, for what is missing or impossible."""

    by: str
    second: str
    reason: str
    until: datetime

    @classmethod
    def at(cls, now: datetime, by: str, second: str, reason: str, until: str) -> Signed:
        """Signed at an instant, from what people wrote."""
        if not by.strip():
            raise ValueError("BY is missing: who answers for it")
        if not second.strip():
            raise ValueError("SECOND is missing: who answers for it with the first")
        signatures.refuse_same(by, second)
        return cls(by.strip(), second.strip(), reason_of(reason), instant(until, now))


def reason_of(text: str) -> str:
    """Why, in words. ValueError without any."""
    if not text.strip():
        raise ValueError("REASON is missing: why the data can be used although the check failed")
    return text.strip()


def instant(text: str, now: datetime) -> datetime:
    """An end as people write it, in UTC unless it names a zone; a date alone is its first moment. ValueError for one that cannot be."""
    try:
        given = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(f"UNTIL={text!r}: an instant in UTC, as 2026-12-01T18:00") from error
    until = given.replace(tzinfo=given.tzinfo or UTC).astimezone(UTC)
    if not now < until <= now + LONGEST:
        raise ValueError(f"UNTIL={text!r}: after {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC, which is now, and at most {LONGEST.days} days ahead")
    return until


def in_force(connection: psycopg.Connection, gate: str, day: date, at: datetime) -> list[Override]:
    """The overrides of a gate's checks on a date that are in force at an instant, in the order they were given."""
    with connection.cursor(row_factory=class_row(Override)) as cursor:
        return cursor.execute(ledger.query("overrides_in_force"), {"gate": gate, "day": day, "at": at}).fetchall()


def override(
    connection: psycopg.Connection, day: date, gate: str, check: str, feeds: list[str], signed: Signed, at: datetime
) -> list[str]:
    """Append an override at an instant; returns the feeds that it names: those given or, of none, all that the check blocks.

    The same override again is the one that stands. LookupError for a gate or check that does not exist. ValueError where
    nobody may override the check, where it does not block the date, or where it does not block one of the feeds.
    """
    if not suites.find(gate, check).overridable:
        raise ValueError(f"{check} cannot be overridden: no reason makes a recommendation good that fails it")
    with connection.transaction():
        ledger.lock(connection)  # of two that sign the same at once, one entry stands
        # The same one is in force until the very end, whichever instant either was signed at.
        for stands in in_force(connection, gate, day, signed.until - timedelta.resolution):
            same = (stands.check, stands.by, stands.reason, stands.until) == (check, signed.by, signed.reason, signed.until)
            if same and set(feeds) in (set(), set(stands.feeds)):
                return stands.feeds
        block = next((block for block in blocks(connection) if (block["service_date"], block["gate"], block["check"]) == (day, gate, check)), None)
        if block is None:
            raise ValueError(f"nothing to override: {check} does not block {day} in the newest run of the gate {gate}")
        if strange := sorted(set(feeds) - set(block["feeds"])):
            raise ValueError(f"FEEDS: {check} does not block {', '.join(strange)} on {day}; it blocks {', '.join(block['feeds']) or 'no feed by name'}")
        named = sorted(set(feeds)) or block["feeds"]
        ledger.append(connection, [_entry(block, named, signed)], at)
    return named


def ask(connection: psycopg.Connection, dag_run_id: str) -> list[dict[str, Any]]:
    """The blocks that this run has to put before a person; remembers that it does. Those that nobody may override are not asked about."""
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        waiting = [block for block in blocks(connection) if _may_be_overridden(block)]
        elsewhere = "select case_id from unnest(%s::text[]) as waiting (case_id) where ops.is_asked(case_id, %s, %s)"
        asked = {row["case_id"] for row in cursor.execute(elsewhere, ([block["case_id"] for block in waiting], dag_run_id, datetime.now(UTC)))}
        # Airflow maps at most 1,024 tasks; what is left is asked by the next run.
        return ledger.ask(cursor, [block for block in waiting if block["case_id"] not in asked][:500], dag_run_id)


def answer(
    connection: psycopg.Connection, case_id: str, decision: str, comment: str, until: str, actor: str, answered_at: datetime, at: datetime
) -> dict[str, Any] | None:
    """Append a person's answer to the question about a block; returns the answer where a second person is to be asked about an override.

    The first answer stands. Nobody else is asked where the block that was asked about no longer stands: after the missing
    file came, or where the check takes in another feed now, the answer is on record and changes nothing. ValueError for an
    answer without a comment or with an end that cannot be.
    """
    reason = reason_of(comment)
    end = until.strip() if decision == OVERRIDE else ""
    told = {"until": instant(end or (answered_at + USUAL).isoformat(), answered_at).isoformat()}
    with connection.transaction():
        ledger.lock(connection)
        wanted = decision == OVERRIDE and _standing(connection, case_id) is not None
        _append_review(connection, case_id, case_id, decision, reason, actor, answered_at, told | {"overrides": wanted}, at)
        stands = _review(connection, case_id)
    return stands if stands["overrides"] else None


def confirm(
    connection: psycopg.Connection, case_id: str, decision: str, comment: str, actor: str, answered_at: datetime, at: datetime
) -> date | None:
    """Append a second person's answer about an override, and the override that follows; returns the date to build again, None where nothing changed.

    The first answer stands. ValueError for an answer without a comment, by the person who wants the override, or about a
    block that nobody wants overridden.
    """
    reason = reason_of(comment)
    with connection.transaction():
        ledger.lock(connection)
        first = _review(connection, case_id)
        if first is None or not first["overrides"]:
            raise ValueError(f"nobody wants {case_id} overridden")
        signatures.refuse_same(first["actor"], actor)
        # Its end may have passed while the second person was waited for.
        block = _standing(connection, case_id) if decision == signatures.CONFIRM and datetime.fromisoformat(first["until"]) > at else None
        second_id = f"{case_id}:second"
        told = {"overrides": block is not None}
        if not _append_review(connection, case_id, second_id, decision, reason, actor, answered_at, told, at):
            return _day_of(case_id) if _review(connection, second_id)["overrides"] else None
        if block is None:
            return None
        signed = Signed(first["actor"], actor, first["comment"], datetime.fromisoformat(first["until"]))
        ledger.append(connection, [_entry(block, block["feeds"], signed)], at)
    return block["service_date"]


def _standing(connection: psycopg.Connection, case_id: str) -> dict[str, Any] | None:
    """The block that was asked about, as it is now; None where it stands no longer or nobody may override it."""
    return next((block for block in blocks(connection) if block["case_id"] == case_id and _may_be_overridden(block)), None)


def _review(connection: psycopg.Connection, review_id: str) -> dict[str, Any] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            "select actor, payload from decisions.ledger where entry_type = 'review' and payload ->> 'case_id' = %s", (review_id,)
        ).fetchone()
    return found and {"actor": found["actor"], **found["payload"]}


def _append_review(
    connection: psycopg.Connection,
    case_id: str,
    review_id: str,
    decision: str,
    comment: str,
    actor: str,
    answered_at: datetime,
    told: dict[str, Any],
    at: datetime,
) -> int:
    _, day, gate, check, _ = case_id.split(":", 4)
    decided = decision.lower().replace(" ", "_")
    return reviews.append(
        connection, review_id, date.fromisoformat(day), decided, comment, actor, answered_at, told={"gate": gate, "check": check} | told, at=at
    )


def _day_of(case_id: str) -> date:
    return date.fromisoformat(case_id.split(":", 2)[1])


def blocks(connection: psycopg.Connection) -> list[dict[str, Any]]:
    """What blocks which date: one row per check, with its `case_id`, the feeds that it holds and what it found."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(ledger.query("gate_blocks")).fetchall()


def _may_be_overridden(block: dict[str, Any]) -> bool:
    try:
        return suites.find(block["gate"], block["check"]).overridable
    except LookupError:  # a check of an earlier release: the next run of the gate no longer asks for it
        return False


def _entry(block: dict[str, Any], feeds: list[str], signed: Signed) -> dict[str, Any]:
    return {
        "entry_type": "override",
        "actor": signed.by,
        "service_date": block["service_date"].isoformat(),
        "payload": {
            "gate": block["gate"],
            "check": block["check"],
            "feeds": feeds,
            "reason": signed.reason,
            "second": signed.second,
            "until": signed.until.isoformat(),
            "run": block["run"],
            "observed": block["observed"],
        },
    }
