"""Traceback notices from their search to their end: what they make of parties at once, and what people do about them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.decisions import ledger, words

def append_recommendations(connection: psycopg.Connection, run: str) -> list[date]:
    """Append what the notices that are news make of parties; returns the dates that got new recommendations."""
    if not _built(connection):
        return []
    # A notice that claims to come from the future waits for its day.
    days = connection.execute("select distinct service_date from marts.traceback_hits where service_date <= %s order by 1", (datetime.now(UTC).date(),))
    return [
        day for (day,) in days.fetchall() if ledger.append_recommendations(connection, day, run, "verdicts_of_notices", "handle_traceback")
    ]


def append_transitions(connection: psycopg.Connection, now: datetime) -> int:
    """Append what changed in the state of notices until `now`; returns how many changes that were."""
    if not _built(connection):
        return 0
    return connection.execute(ledger.query("append_transitions"), {"now": now}).fetchone()[0]


def open_notices(connection: psycopg.Connection, dag_run_id: str | None) -> list[dict[str, Any]]:
    """The rows of the worklist that wait for an answer and that no run but this one asked about; with `case_id`."""
    if not _built(connection):
        return []
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(ledger.query("open_notices"), {"dag_run_id": dag_run_id, "at": datetime.now(UTC)}).fetchall()


def ask(connection: psycopg.Connection, dag_run_id: str) -> list[dict[str, Any]]:
    """The notices that this run has to put before a person; remembers that it does."""
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        return ledger.ask(cursor, open_notices(connection, dag_run_id), dag_run_id)


def record_response(
    connection: psycopg.Connection, traceback_id: str, draft: str, comment: str, actor: str, answered_at: datetime
) -> None:
    """Append that the requester was answered, with the draft that the person saw, and whether in time: by the clock of 47 CFR 64.1200(n)(1).

    The first answer stands.
    """
    row = _worklist(connection, traceback_id)
    told = {
        "due_at": row["due_at"].isoformat(),
        "legal_due_at": row["legal_due_at"].isoformat(),
        "elapsed_hours": round((answered_at - row["received_at"]).total_seconds() / 3600, 3),
        "answer": draft,
        "comment": comment,
    }
    state = "responded_on_time" if answered_at <= row["legal_due_at"] else "responded_late"
    _append(connection, row, [(state, told), ("mitigation_pending", {})], actor, answered_at)


def record_mitigation(connection: psycopg.Connection, traceback_id: str, option: str, comment: str, actor: str, answered_at: datetime) -> None:
    """Append what was done about the traced caller, one of `words.MITIGATIONS`: answering in time does not stop the calls.

    ValueError where nothing is said of why there is no fault.
    """
    if words.MITIGATIONS[option] == "no_fault_found" and not comment.strip():
        raise ValueError("no fault found, and not a word of the evidence for it: clear notice.mitigate to be asked again, and say why")
    row = _worklist(connection, traceback_id)
    _append(connection, row, [(words.MITIGATIONS[option], {"comment": comment})], actor, answered_at, after="mitigation_pending")


def _built(connection: psycopg.Connection) -> bool:
    """Whether the marts were built before: notices may arrive at an installation that has processed no day yet."""
    return connection.execute("select to_regclass('marts.traceback_hits') is not null").fetchone()[0]


def _worklist(connection: psycopg.Connection, traceback_id: str) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute("select * from marts.traceback_worklist where traceback_id = %s", (traceback_id,)).fetchone()
    if row is None:
        raise LookupError(f"no notice {traceback_id} in marts.traceback_worklist")
    return row


def _append(
    connection: psycopg.Connection, row: dict[str, Any], steps: list[tuple[str, dict]], actor: str, at: datetime, after: str | None = None
) -> None:
    """Append steps that a person took, unless they stand already: an answer, or what follows `after` a state that it led to."""
    # A step is known by its number: what is appended between reading the history and writing to it would take its place.
    ledger.lock(connection)
    history = connection.execute(
        """
        select payload ->> 'to' from decisions.ledger
        where entry_type = 'transition' and payload ->> 'subject' = 'traceback' and payload ->> 'subject_id' = %s
        order by entry_id
        """,
        (row["traceback_id"],),
    ).fetchall()
    states = [state for (state,) in history]
    current = next((state for state in reversed(states) if state not in ("overdue", "clock_running")), row["search_state"])
    if after is None:
        stands = any(state.startswith("responded_") for state in states)
    elif after in states:
        stands = current != after
    else:
        raise ValueError(f"{row['traceback_id']} is not {after}: answer the requester first")
    if stands:
        return
    entries = []
    for ordinal, (state, told) in enumerate(steps, start=len(states) + 1):
        subject = {"subject": "traceback", "subject_id": row["traceback_id"]}
        transition = {"transition_id": f"traceback {row['traceback_id']} {ordinal}", "from": current, "to": state, "at": at.isoformat()}
        entries.append(
            {
                "entry_type": "transition",
                "actor": actor,
                "service_date": row["service_date"].isoformat(),
                "party_kind": row["party_kind"],
                "party_id": row["party_id"],
                "payload": subject | transition | told,
            }
        )
        current = state
    if ledger.append(connection, entries) != len(entries):
        raise RuntimeError(f"the history of {row['traceback_id']} went on while an answer was written to it: try again")
