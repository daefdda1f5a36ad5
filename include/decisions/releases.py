"""Signed releases: the only way back to active for a party that is restricted, suspended or terminated.

Two people sign: either both by name, on the command line of the host, or each with a login of Airflow's: one asks for the release
there, and another one answers.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.decisions import actions, ledger, reviews, signatures

WATCH = timedelta(days=30)
"""How long a party is watched after its release."""

SAID = {
    "cause": "what it was restrained for",
    "evidence": "the evidence of its compliance since",
    "limits": "the new limits that it goes on with",
}
FIELDS = SAID | {"approver": "who signs", "second": "who signs with the approver"}
"""What a release has to say, and what each of it means."""


@dataclass(frozen=True)
class Signed:
    """What two people sign: see `FIELDS`. ValueError, with the name of the field, where one is empty or both names are one."""

    cause: str
    evidence: str
    limits: str
    approver: str
    second: str

    def __post_init__(self) -> None:
        refuse_empty(asdict(self))
        signatures.refuse_same(self.approver, self.second)


def refuse_empty(said: dict[str, str]) -> None:
    """ValueError, with its name, for the first of some `FIELDS` that says nothing."""
    for name, text in said.items():
        if not text.strip():
            raise ValueError(f"{name.upper()} is missing: {FIELDS[name]}")


@dataclass(frozen=True)
class Request:
    """A release that one person wants and another has yet to sign. ValueError, with the name of the field, where one is empty."""

    request_id: str
    party: str
    """As `customer C1031`."""
    cause: str
    evidence: str
    limits: str
    approver: str

    def __post_init__(self) -> None:
        party(self.party)
        refuse_empty({name: getattr(self, name) for name in (*SAID, "approver")})

    def signed(self, second: str) -> Signed:
        return Signed(self.cause, self.evidence, self.limits, self.approver, second)


@dataclass(frozen=True)
class Released:
    """The UTC date of a release, and the last date of the watch that follows."""

    on: date
    watch_until: date


def party(text: str) -> tuple[str, str]:
    """Kind and id of a party written as `customer C1031`. ValueError for anything else."""
    kind, _, party_id = text.strip().partition(" ")
    if kind not in ("customer", "upstream") or not party_id.strip():
        raise ValueError(f"PARTY={text!r}: customer or upstream, and an id, as in 'customer C1031'")
    return kind, party_id.strip()


def release(connection: psycopg.Connection, party_kind: str, party_id: str, signed: Signed, at: datetime) -> Released:
    """Append a release signed at an instant, and the order to lift: it ends whatever holds the party back, from its UTC date on.

    The same release again is the one that stands. LookupError for a party that is not in the reference data of the newest
    processed day; ValueError where nothing holds the party back.
    """
    with connection.transaction():
        # Of two that sign at once, the second finds the party released.
        ledger.lock(connection)
        stands = party_state(connection, party_kind, party_id)
        if stands["state"] == "active" and asdict(signed).items() <= (stands["release"] or {}).items():
            return Released(stands["released_on"], date.fromisoformat(stands["release"]["watch_until"]))
        refuse_active(party_kind, party_id, stands)
        released_on = at.astimezone(UTC).date()
        released = Released(released_on, released_on + WATCH)
        entry = {
            "entry_type": "release",
            "actor": signed.approver,
            "service_date": released.on.isoformat(),
            "party_kind": party_kind,
            "party_id": party_id,
            "payload": asdict(signed) | {"state": stands["state"], "watch_until": released.watch_until.isoformat()},
        }
        ledger.append(connection, [entry], at)
        actions.order_lift(connection, party_kind, party_id, released_on, signed.approver, at)
    return released


def answer(
    connection: psycopg.Connection, request: Request, decision: str, comment: str, actor: str, answered_at: datetime, at: datetime
) -> Released | None:
    """Append a second person's answer to a request, and the release that follows; None where nothing changed.

    The first answer stands. Where nothing holds the party back any longer, the answer is on record and changes nothing.
    ValueError for an answer without a comment, or by the person who asks.
    """
    signed = request.signed(actor)
    party_kind, party_id = party(request.party)
    day, of_party = at.astimezone(UTC).date(), {"party_kind": party_kind, "party_id": party_id}
    with connection.transaction():
        ledger.lock(connection)
        first = reviews.append(connection, request.request_id, day, decision.lower(), comment, actor, answered_at, of_party, asdict(request), at)
        if not first or decision != signatures.CONFIRM or party_state(connection, party_kind, party_id)["state"] == "active":
            return None
        return release(connection, party_kind, party_id, signed, at)


def refuse_active(party_kind: str, party_id: str, stands: dict[str, Any]) -> None:
    """ValueError where nothing holds a party back, of whom `party_state` was asked."""
    if stands["state"] == "active":
        raise ValueError(f"nothing to release: {party_kind} {party_id} is active")


def party_state(connection: psycopg.Connection, party_kind: str, party_id: str) -> dict[str, Any]:
    """A party's name and state, and its last release. LookupError for one that is not in the reference data of the newest processed day."""
    with connection.cursor(row_factory=dict_row) as cursor:
        if not cursor.execute("select to_regclass('marts.recommendations') as built").fetchone()["built"]:
            raise LookupError("no day is processed yet: there is nobody to release")
        found = cursor.execute(ledger.query("party_state"), {"party_kind": party_kind, "party_id": party_id}).fetchone()
    if found is None:
        raise LookupError(f"no {party_kind} {party_id} in marts.recommendations, which has the parties of the newest processed day")
    return found
