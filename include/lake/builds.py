"""The record of builds, `ops.builds`: from what each was made, so that a past one can be made again from the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg

from include.lake import tables
from include.lake.dbt import PROJECT
from include.settings import REPOSITORY, Settings

RULES = PROJECT / "seeds" / "rules.csv"
"""Not among the models: `intermediate.rule_sets` keeps every version of the rules."""

BEGIN = """
    insert into ops.builds (stage, run, known_at, ledger_head, models, deliveries)
    values (%(stage)s, %(run)s, %(known_at)s, (select coalesce(max(entry_id), 0) from decisions.ledger), %(models)s, %(deliveries)s)
    returning build_id
"""

END = """
    update ops.builds
    set ended_at = %(now)s, ledger_head_at_end = (select coalesce(max(entry_id), 0) from decisions.ledger), ruleset_version = %(ruleset_version)s,
        files = %(files)s
    where build_id = %(build_id)s
"""

DATES_BEGUN = """
    select service_date from ops.processed_days
    union
    select (run ->> 'service_date')::date from ops.builds where stage = 'lake'
    order by 1
"""


def dates_begun(connection: psycopg.Connection) -> list[date]:
    """Dates of which the lake was built or is being built: what comes now is in none of their builds, and re-opens them."""
    _take_turns(connection)
    return [day for (day,) in connection.execute(DATES_BEGUN).fetchall()]


def _take_turns(connection: psycopg.Connection) -> None:
    """A file that a build no longer takes is loaded before nobody knows of the build; until this transaction ends."""
    connection.execute("select pg_advisory_xact_lock(hashtext('ops.builds'))")


def known_now(connection: psycopg.Connection) -> datetime:
    """The instant up to which a build that begins now takes what has arrived: by this clock, or that of whoever loaded last."""
    (newest,) = connection.execute("select max(loaded_at) from ops.file_receipts").fetchone()
    return max(datetime.now(UTC), newest) if newest else datetime.now(UTC)


@contextmanager
def recorded(settings: Settings, stage: str, run: dict, deliveries: list[dict[str, Any]] | None = None) -> Iterator[dict]:
    """Record a build around its work: that it began and, unless it fails, that it ended. Gives the run with its `known_at`: now, unless it has one.

    `stage` is lake, notices (the search for their calls alone) or marts. Of the lake the files of the date are kept with their hashes.
    """
    begun = {"stage": stage, "models": digest_of_models(), "deliveries": None if deliveries is None else json.dumps(deliveries)}
    with psycopg.connect(settings.url("transformer")) as connection:
        _take_turns(connection)
        run = {"known_at": known_now(connection).astimezone(UTC).isoformat()} | run
        told = {name: value for name, value in run.items() if name != "private_rules"}
        (build_id,) = connection.execute(BEGIN, begun | {"run": json.dumps(told), "known_at": run["known_at"]}).fetchone()
    files = json.dumps(files_of(settings.lake, date.fromisoformat(run["service_date"]))) if stage == "lake" else None
    yield run
    with psycopg.connect(settings.url("transformer")) as connection:
        version = connection.execute("select ruleset_version from intermediate.ruleset").fetchone()[0] if stage == "marts" else None
        connection.execute(END, {"build_id": build_id, "now": datetime.now(UTC), "ruleset_version": version, "files": files})


def digest_of_models() -> str:
    """SHA-256 of everything that makes a verdict of what is known, but for the rules."""
    digest = hashlib.sha256()
    judging = [*PROJECT.glob("models/**/*.sql"), *PROJECT.glob("macros/*.sql"), *PROJECT.glob("seeds/*.csv")]
    for path in sorted([*judging, *(REPOSITORY / "include" / "decisions" / "sql").glob("verdicts_*.sql")]):
        if path != RULES:
            digest.update(f"{path.relative_to(REPOSITORY)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def files_of(lake: Path, day: date) -> dict[str, str]:
    """SHA-256 of every file of calls, complaints and notices of a service date, by its path relative to the lake."""
    found = [path for table in tables.DATED for path in sorted((lake / table / f"service_date={day}").glob("*.parquet"))]
    return {str(path.relative_to(lake)): digest_of(path) for path in found}


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
