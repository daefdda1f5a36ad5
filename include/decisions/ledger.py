"""The ledger's door: append entries, and what all of them share. Everything else about it is in the migrations."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include import software
from include.decisions import words

SQL = Path(__file__).with_name("sql")


def query(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def append(connection: psycopg.Connection, entries: list[dict[str, Any]], recorded_at: datetime | None = None) -> int:
    """Append entries that are not there yet, at this instant unless another is given; returns how many were appended."""
    return connection.execute("select decisions.append(%s, %s)", (json.dumps(entries), recorded_at or datetime.now(UTC))).fetchone()[0]


def append_receipts(connection: psycopg.Connection, actor: str, at: datetime) -> int:
    """Append the digests of the receipts that no entry digests yet, in one entry; returns 0 where there are none."""
    return connection.execute("select decisions.append_receipts(%s, %s)", (actor, at)).fetchone()[0]


def lock(connection: psycopg.Connection) -> None:
    """Let nobody else append until this transaction ends. `decisions.append` takes the same lock."""
    connection.execute("select pg_advisory_xact_lock(hashtext('decisions.ledger'))")


def append_recommendations(
    connection: psycopg.Connection, day: date, run: str, verdicts: str = "verdicts_of_day", actor: str = "recommend_suspensions"
) -> int:
    """Append the verdicts of one service date; returns how many are new or restated. `verdicts` names the query that gives them."""
    made_with = json.dumps(software.versions(connection))
    given = {"day": day, "run": run, "actor": actor, "recorded_at": datetime.now(UTC), "versions": made_with}
    return connection.execute(query("append_recommendations").replace("$verdicts", query(verdicts)), given).fetchone()[0]


def ask(cursor: psycopg.Cursor, cases: list[dict[str, Any]], dag_run_id: str) -> list[dict[str, Any]]:
    """Those of the cases, none of which `ops.is_asked` about, that this run is to ask a person about: each is asked about by one run."""
    now = datetime.now(UTC)
    cursor.executemany(
        """
        insert into ops.review_requests as known values (%s, %s, %s, %s)
        on conflict (case_id) do update set dag_run_id = excluded.dag_run_id, requested_at = excluded.requested_at
        where known.requested_at <= excluded.requested_at - interval '7 days'
        """,
        [(case["case_id"], case["service_date"], dag_run_id, now) for case in cases],
    )
    asked = cursor.execute("select case_id from ops.review_requests where dag_run_id = %s", (dag_run_id,)).fetchall()
    mine = {request["case_id"] for request in asked}
    return [case for case in cases if case["case_id"] in mine]


def escalate(connection: psycopg.Connection, now: datetime) -> list[dict[str, Any]]:
    """Append an escalation of every case that nobody answered within 24 hours of its first entry; returns the new ones.

    Each is escalated once, with `open_since`, the instant of that entry.
    """
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        lock(connection)
        cases = cursor.execute(query("unanswered_cases"), {"now": now}).fetchall()
        append(connection, [_escalation(case) for case in cases], now)
    return cases


def _escalation(case: dict[str, Any]) -> dict[str, Any]:
    return {
        "entry_type": "escalation",
        "actor": "handle_traceback",
        "service_date": case["service_date"].isoformat(),
        "party_kind": case["party_kind"],
        "party_id": case["party_id"],
        "recommendation_id": case["case_id"],
        "payload": {
            "case_id": case["case_id"],
            "recommendation": case["recommendation"],
            "open_since": case["open_since"].astimezone(UTC).isoformat(),
        },
    }


def catalogue(connection: psycopg.Connection) -> words.Catalogue:
    """The words of the rules and metrics that are in force."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return words.Catalogue(
            rules={row["rule_code"]: row for row in cursor.execute(query("catalogue_rules"))},
            metrics={row["metric"]: row for row in cursor.execute(query("catalogue_metrics"))},
        )
