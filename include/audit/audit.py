"""Audits: the ledger and the receipts checked, a sample of past recommendations made again, and the outcome kept in the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg

from include.audit import recompute
from include.audit.recompute import Batch, Outcome
from include.decisions import ledger, proof
from include.settings import Settings

DIFFERENCES_KEPT = 100


def sample(batches: list[Batch], head: str, size: int) -> list[Batch]:
    """The newest batch and others that the ledger's head chooses: nobody can know them beforehand, and everybody can afterwards."""

    def place(batch: Batch) -> str:
        return hashlib.sha256(f"{head} {batch.first_entry}".encode()).hexdigest()

    return [*batches[-1:], *sorted(batches[:-1], key=place)][:size]


def recompute_sample(settings: Settings, size: int) -> Iterator[Outcome]:
    """Make `size` batches of past recommendations again; fewer where there are fewer."""
    with psycopg.connect(settings.url("auditor")) as connection:
        known = recompute.batches(connection)
        head = connection.execute("select hash from decisions.ledger order by entry_id desc limit 1").fetchone()
    for batch in sample(known, head[0] if head else "", size):
        yield recompute.recompute(settings, batch)


def told(outcome: Outcome) -> Iterator[str]:
    """An outcome in lines."""
    batch = outcome.batch
    named = f"{batch.service_date}, recommendations of {batch.recorded_at:%Y-%m-%d %H:%M:%S} UTC ({batch.actor})"
    if outcome.not_recomputed:
        yield f"{named}: not recomputed: {outcome.not_recomputed}"
    elif outcome.differences:
        yield f"{named}: {len(outcome.differences)} differences"
        yield from (f"  {difference}" for difference in outcome.differences)
    else:
        yield f"{named}: {outcome.compared} parties recomputed, all equal to the last digit"


def audit(settings: Settings, run: str, size: int) -> dict[str, Any]:
    """Check everything, make a sample of `size` batches again, and append what came of it to the ledger; returns what was appended.

    A run that is repeated leaves the first entry as it is.
    """
    with psycopg.connect(settings.url("auditor")) as connection:
        entries, receipts = proof.counts(connection)
        problems = proof.problems(connection, proof.published_heads(settings))
    outcomes = list(recompute_sample(settings, size))
    payload = {
        "run": run,
        "outcome": verdict(problems, outcomes),
        "entries": entries,
        "receipts": receipts,
        "problems": problems[:DIFFERENCES_KEPT],
        "recomputed": [recorded(outcome) for outcome in outcomes],
    }
    with psycopg.connect(settings.url("recommender")) as connection:
        ledger.lock(connection)
        stands = connection.execute("select from decisions.ledger where entry_type = 'audit' and payload ->> 'run' = %s", [run]).rowcount
        if not stands:
            ledger.append(connection, [{"entry_type": "audit", "actor": "audit_controls", "payload": payload}], datetime.now(UTC))
    return payload


def verdict(problems: list[str], outcomes: list[Outcome]) -> str:
    """found: something is wrong; incomplete: nothing that was compared, but not everything could be; clean."""
    if problems or any(outcome.differences for outcome in outcomes):
        return "found"
    return "incomplete" if any(outcome.not_recomputed for outcome in outcomes) else "clean"


def recorded(outcome: Outcome) -> dict[str, Any]:
    batch = outcome.batch
    return {
        "service_date": batch.service_date.isoformat(),
        "actor": batch.actor,
        "recorded_at": batch.recorded_at.astimezone(UTC).isoformat(),
        "entries": [batch.first_entry, batch.last_entry],
        "compared": outcome.compared,
        "differences": len(outcome.differences),
        "differing": outcome.differences[:DIFFERENCES_KEPT],
        "not_recomputed": outcome.not_recomputed or None,
    }
