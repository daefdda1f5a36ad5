"""Reviews: what people answer about recommendations, and the orders that follow from it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.decisions import actions, ledger

APPROVE, REJECT, SEEN = "Approve", "Reject", "Seen"
"""What a person may answer about a case, and about the rest of a date."""

Row = dict[str, Any]


def open_cases(connection: psycopg.Connection, day: date, dag_run_id: str) -> list[Row]:
    """The cases, of a day and of later days restated with it, that this run has to put before a person; remembers that it does.

    Of two runs at once, each case goes to the one whose request stands; a run repeated gets its own cases again.
    """
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        return ledger.ask(cursor, cursor.execute(ledger.query("open_cases"), {"day": day, "dag_run_id": dag_run_id, "at": datetime.now(UTC)}).fetchall(), dag_run_id)


def open_rest(connection: psycopg.Connection, day: date, dag_run_id: str) -> list[Row]:
    """What else was said of a day, to be looked through by a person: at most one row, with `case_id`; none where that was asked before."""
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        return ledger.ask(cursor, cursor.execute(ledger.query("rest_of_day"), {"day": day, "dag_run_id": dag_run_id, "at": datetime.now(UTC)}).fetchall(), dag_run_id)


def record(connection: psycopg.Connection, case_id: str, decision: str, comment: str, actor: str, answered_at: datetime) -> None:
    """Append a person's answer to a case and, where it is approved, the order that follows. The first answer stands.

    ValueError for an unknown case or decision, or without a comment.
    """
    if decision not in ("approve", "reject"):
        raise ValueError(f"decision {decision!r}: approve or reject")
    case = connection.execute(
        """
        select service_date, party_kind, party_id
        from decisions.ledger
        where entry_type = 'recommendation' and recommendation_id = %(case_id)s and payload ->> 'case_id' = %(case_id)s
        """,
        {"case_id": case_id},
    ).fetchone()
    if case is None:
        raise ValueError(f"no case {case_id} in the ledger")
    of_party = {"party_kind": case[1], "party_id": case[2], "recommendation_id": case_id}
    with connection.transaction():
        if append(connection, case_id, case[0], decision, comment, actor, answered_at, of_party) and decision == "approve":
            actions.order_of_case(connection, case_id, actor, datetime.now(UTC))


def record_rest(connection: psycopg.Connection, case_id: str, comment: str, actor: str, answered_at: datetime) -> None:
    """Append that a person looked through what else was said of a day. The first answer stands. ValueError without a comment."""
    append(connection, case_id, date.fromisoformat(case_id.removeprefix("rest:")), "seen", comment, actor, answered_at)


def append(
    connection: psycopg.Connection,
    case_id: str,
    day: date,
    decision: str,
    comment: str,
    actor: str,
    answered_at: datetime,
    of_party: Row | None = None,
    told: Row | None = None,
    at: datetime | None = None,
) -> int:
    """Append what a person answered to any question, with what else is `told` of it; 0 where one stands: the first does. ValueError without a comment."""
    if not comment.strip():
        raise ValueError(f"the answer to {case_id} says nothing: why?")
    given = {"case_id": case_id, "decision": decision, "comment": comment.strip(), "answered_at": answered_at.isoformat()}
    entry = {"entry_type": "review", "actor": actor, "service_date": day.isoformat(), "payload": given | (told or {})}
    return ledger.append(connection, [entry | (of_party or {})], at)
