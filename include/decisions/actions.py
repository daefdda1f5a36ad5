"""Orders: what a person's decision asks of those who operate the switches. Tollgate orders and touches no switch.

An order is an entry of the ledger, made in one transaction with the decision that it follows from. It is of the whole party:
all its trunks, and the numbers that it may use. It is delivered at least once, as a CSV and a JSON file and, where an address
is set, by a signed webhook; its id is the idempotency key. Whoever carries it out acknowledges it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.alerts.channels import Failed, post_signed
from include.decisions import ledger
from include.files import replace
from include.platform.secrets import secret
from include.settings import Settings

WEBHOOK_KEY = "action_webhook_key"
"""File in `$TOLLGATE_HOME/secrets`, made where it is missing."""
ACTIONS = {"SUSPEND": "suspend", "RESTRICT": "restrict"}
"""What an approved recommendation orders; a release orders `lift`."""
UNTIL = "a signed release"
"""Until when an order stands: no date ends it."""

Row = dict[str, Any]


class Undelivered(RuntimeError):
    """The webhook did not take an order; the message holds no secret."""


def order_of_case(connection: psycopg.Connection, case_id: str, actor: str, at: datetime) -> None:
    """Append what the approval of a case orders, of what stands of the case."""
    with connection.cursor(row_factory=dict_row) as cursor:
        standing = cursor.execute(ledger.query("standing_of_case"), {"case_id": case_id}).fetchone()
    payload = standing["payload"]
    action = ACTIONS[payload["recommendation"]]
    told = {
        "action_id": f"{case_id}-{action}",
        "case_id": case_id,
        "action": action,
        "legal_name": payload["legal_name"],
        "trunks": payload.get("trunks", []),
        "linked_party_ids": payload["linked_party_ids"],
        "until": UNTIL,
    }
    ledger.append(connection, [_entry("action", actor, standing, told)], at)


def order_lift(connection: psycopg.Connection, party_kind: str, party_id: str, released_on: date, actor: str, at: datetime) -> None:
    """Append that whatever holds a released party back is to be lifted, on the trunks that it has now."""
    with connection.cursor(row_factory=dict_row) as cursor:
        party = cursor.execute(ledger.query("party_now"), {"party_kind": party_kind, "party_id": party_id}).fetchone()
    told = {
        "action_id": f"{party_kind}-{party_id}-{at.astimezone(UTC):%Y%m%dT%H%M%S}-lift",
        "case_id": None,
        "action": "lift",
        "legal_name": party["legal_name"],
        "trunks": party["trunks"],
        "linked_party_ids": [],
        "until": None,
    }
    ledger.append(connection, [_entry("action", actor, party | {"service_date": released_on}, told)], at)


def _entry(entry_type: str, actor: str, of: Row, payload: Row) -> Row:
    return {
        "entry_type": entry_type,
        "actor": actor,
        "service_date": of["service_date"].isoformat(),
        "party_kind": of["party_kind"],
        "party_id": of["party_id"],
        "payload": payload,
    }


def acknowledge(connection: psycopg.Connection, action_id: str, by: str, note: str, at: datetime) -> None:
    """Append that an order is carried out. The first acknowledgement stands. LookupError for no such order, ValueError without a name."""
    if not by.strip():
        raise ValueError("BY is missing: who carried the order out")
    with connection.cursor(row_factory=dict_row) as cursor:
        ordered = cursor.execute("select * from decisions.actions where action_id = %s", (action_id,)).fetchone()
    if ordered is None:
        raise LookupError(f"no order {action_id}: decisions.actions has them")
    told = {"action_id": action_id, "case_id": ordered["case_id"], "note": note.strip()}
    ledger.append(connection, [_entry("acknowledgement", by.strip(), ordered, told)], at)


def deliver(settings: Settings, now: datetime) -> int:
    """Deliver what was not delivered yet; returns how many orders that were. Errors: Undelivered, after all of them were tried."""
    channels = ("file", "webhook") if settings.action_webhook_url else ("file",)
    failed = []
    with psycopg.connect(settings.url("recommender"), autocommit=True) as connection:
        # One at a time: of two, each would deliver what the other is delivering.
        connection.execute("select pg_advisory_lock(hashtext('ops.action_deliveries'))")
        with connection.cursor(row_factory=dict_row) as cursor:
            waiting = cursor.execute(ledger.query("undelivered_actions"), {"channels": list(channels)}).fetchall()
        for order in waiting:
            path = write_files(settings, connection, order)
            body = path.read_bytes()
            remember(connection, order["action_id"], "file", body, now)
            if "webhook" in channels:
                try:
                    answer = post(settings, order["action_id"], body)
                except Undelivered as error:
                    failed.append(str(error))
                    continue
                remember(connection, order["action_id"], "webhook", body, now)
                if answer.get("acknowledged_by"):
                    acknowledge(connection, order["action_id"], str(answer["acknowledged_by"]), str(answer.get("note") or ""), now)
    if failed:
        raise Undelivered("; ".join(failed))
    return len(waiting)


def remember(connection: psycopg.Connection, action_id: str, channel: str, body: bytes, now: datetime) -> None:
    connection.execute(
        "insert into ops.action_deliveries values (%s, %s, %s, %s) on conflict do nothing",
        (action_id, channel, hashlib.sha256(body).hexdigest(), now),
    )


def write_files(settings: Settings, connection: psycopg.Connection, order: Row) -> Path:
    """The order as a CSV and a JSON file, which is never written a second time; returns the JSON's path."""
    # The id holds a party's, which comes out of a file.
    name = f"{order['ordered_at']:%Y%m%dT%H%M%S}-{hashlib.sha256(order['action_id'].encode()).hexdigest()[:12]}"
    path = settings.actions / f"{name}.json"
    if not path.is_file():
        settings.actions.mkdir(mode=0o700, parents=True, exist_ok=True)
        told = document(order, numbers(settings, order))
        # for the installation's user alone: they name subscribers
        replace(path.with_suffix(".csv"), table(told), 0o600)
        replace(path, json.dumps(told, ensure_ascii=False, indent=1) + "\n", 0o600)
    return path


def document(order: Row, allowed: list[str]) -> Row:
    """The order as JSON says it; instants in UTC."""
    fields = ("action_id", "action", "party_kind", "party_id", "legal_name", "case_id", "trunks", "linked_party_ids", "until", "ordered_by")
    return {
        **{name: order[name] for name in fields},
        "numbers": allowed,
        "service_date": order["service_date"].isoformat(),
        "ordered_at": order["ordered_at"].astimezone(UTC).isoformat(),
        "idempotency_key": order["action_id"],
    }


def table(told: Row) -> str:
    """The order as CSV: one row per trunk and number. A party with neither has a row all the same, for the order is of the party."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["action_id", "action", "party_kind", "party_id", "legal_name", "what", "value", "until", "ordered_by", "ordered_at"])
    whole = [("party", told["party_id"]), *(("trunk", trunk) for trunk in told["trunks"]), *(("number", number) for number in told["numbers"])]
    for what, value in whole:
        given = (told["action_id"], told["action"], told["party_kind"], told["party_id"], told["legal_name"], what, value)
        rows.writerow(map(inert, (*given, told["until"], told["ordered_by"], told["ordered_at"])))
    return out.getvalue()


def inert(text: str | None) -> str:
    """A cell in which a spreadsheet sees no formula. A telephone number, which begins with a plus sign, is none."""
    value = text or ""
    return f"'{value}" if value[:1] in "=@+-\t\r" and value[:1] and not (value[:1] == "+" and value[1:].rstrip("*").isdigit()) else value


def numbers(settings: Settings, order: Row) -> list[str]:
    """The numbers and ranges (`+1212555*`) that a customer had a verified right to on the order's service date, in order."""
    if order["party_kind"] != "customer":
        return []
    given = {
        "arrivals": str(settings.lake / "arrivals" / "*.parquet"),
        "receipts": str(settings.lake / "receipts" / "*.parquet"),
        "caller_ids": str(settings.lake / "reference/caller_ids" / "*.parquet"),
        "customer_id": order["party_id"],
        "day": order["service_date"],
    }
    import duckdb  # most commands need none of it

    with duckdb.connect(":memory:") as lake:
        return [number for (number,) in lake.execute(ledger.query("numbers_of_customer"), given).fetchall()]


def post(settings: Settings, action_id: str, body: bytes) -> Row:
    """POST an order, signed; returns what the receiver says in JSON, if anything. Errors: Undelivered."""
    key = {"Idempotency-Key": hashlib.sha256(action_id.encode()).hexdigest()}
    try:
        answer = post_signed(settings.action_webhook_url, secret(settings, WEBHOOK_KEY), body, key)
    except Failed as error:
        raise Undelivered(f"order {action_id}: {error}") from None
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
