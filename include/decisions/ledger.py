"""The ledger's door: append verdicts, answers and escalations, check the chain. Everything else about it is in the migrations."""

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


def open_cases(connection: psycopg.Connection, day: date, dag_run_id: str) -> list[dict[str, Any]]:
    """The cases, of a day and of later days restated with it, that this run has to put before a person; remembers that it does.

    Of two runs at once, each case goes to the one whose request stands; a run repeated gets its own cases again.
    """
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        return ask(cursor, cursor.execute(query("open_cases"), {"day": day, "dag_run_id": dag_run_id}).fetchall(), dag_run_id)


def ask(cursor: psycopg.Cursor, cases: list[dict[str, Any]], dag_run_id: str) -> list[dict[str, Any]]:
    """Those of the cases that this run is to ask a person about: each is asked about once."""
    cursor.executemany(
        "insert into ops.review_requests values (%s, %s, %s, %s) on conflict do nothing",
        [(case["case_id"], case["service_date"], dag_run_id, datetime.now(UTC)) for case in cases],
    )
    asked = cursor.execute("select case_id from ops.review_requests where dag_run_id = %s", (dag_run_id,)).fetchall()
    mine = {request["case_id"] for request in asked}
    return [case for case in cases if case["case_id"] in mine]


def append_review(
    connection: psycopg.Connection, case_id: str, decision: str, comment: str, actor: str, answered_at: datetime
) -> None:
    """Append a person's answer to a case. The first answer stands; ValueError for an unknown case or decision."""
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
    append(
        connection,
        [
            {
                "entry_type": "review",
                "actor": actor,
                "service_date": case[0].isoformat(),
                "party_kind": case[1],
                "party_id": case[2],
                "recommendation_id": case_id,
                "payload": {"case_id": case_id, "decision": decision, "comment": comment, "answered_at": answered_at.isoformat()},
            }
        ],
    )


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


def counts(connection: psycopg.Connection) -> tuple[int, int]:
    """How many entries the ledger has, and how many receipts there are."""
    return connection.execute("select (select count(*) from decisions.ledger), (select count(*) from ops.file_receipts)").fetchone()


def problems(connection: psycopg.Connection) -> list[str]:
    """What is wrong with the ledger's chain and the receipts' sums; empty when all is whole."""
    broken = connection.execute("select entry_id, problem from decisions.first_broken_entry()").fetchall()
    sums = connection.execute(
        """
        select path, rows_read, rows_accepted, rows_rejected, rows_duplicate
        from ops.file_receipts
        where rows_read <> rows_accepted + rows_rejected + rows_duplicate
            or rows_rejected <> (select count(*) from ops.rejected_rows where rejected_rows.file = file_receipts.file)
            or rows_accepted <> (select coalesce(sum(rows), 0) from ops.file_service_dates where file_service_dates.file = file_receipts.file)
        order by path
        """
    ).fetchall()
    return [f"ledger entry {entry}: {problem}" for entry, problem in broken] + [
        f"receipt of {path}: read {read}, accepted {accepted}, rejected {rejected}, duplicate {duplicate} do not add up with its rows"
        for path, read, accepted, rejected, duplicate in sums
    ]
