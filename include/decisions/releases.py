"""Signed releases: the only way back to active for a party that is restricted, suspended or terminated."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta

import psycopg
from psycopg.rows import dict_row

from include.decisions import actions, ledger, signatures

WATCH = timedelta(days=30)
"""How long a party is watched after its release."""

FIELDS = {
    "cause": "what it was restrained for",
    "evidence": "the evidence of its compliance since",
    "limits": "the new limits that it goes on with",
    "approver": "who signs",
    "second": "who signs with the approver",
}
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
        for name, meaning in FIELDS.items():
            if not getattr(self, name).strip():
                raise ValueError(f"{name.upper()} is missing: {meaning}")
        signatures.refuse_same(self.approver, self.second)


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
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        # Of two that sign at once, the second finds the party released.
        ledger.lock(connection)
        if not cursor.execute("select to_regclass('marts.recommendations') as built").fetchone()["built"]:
            raise LookupError("no day is processed yet: there is nobody to release")
        stands = cursor.execute(ledger.query("party_state"), {"party_kind": party_kind, "party_id": party_id}).fetchone()
        if stands is None:
            raise LookupError(f"no {party_kind} {party_id} in marts.recommendations, which has the parties of the newest processed day")
        if stands["state"] == "active":
            if stands["release"] is None or not asdict(signed).items() <= stands["release"].items():
                raise ValueError(f"nothing to release: {party_kind} {party_id} is active")
            return Released(stands["released_on"], date.fromisoformat(stands["release"]["watch_until"]))
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
