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
    insert into ops.builds (stage, run, known_at, ledger_head, models, deliveries, files)
    values (
        %(stage)s, %(run)s, %(known_at)s, (select coalesce(max(entry_id), 0) from decisions.ledger), %(models)s, %(deliveries)s, %(files)s
    )
    returning build_id
"""

END = """
    update ops.builds
    set ended_at = %(now)s, ledger_head_at_end = (select coalesce(max(entry_id), 0) from decisions.ledger), ruleset_version = %(ruleset_version)s
    where build_id = %(build_id)s
"""


def known_now(settings: Settings) -> datetime:
    """The instant up to which a build that begins now takes what has arrived: by this clock, or that of whoever loaded last."""
    with psycopg.connect(settings.url("transformer")) as connection:
        (newest,) = connection.execute("select max(loaded_at) from ops.file_receipts").fetchone()
    return max(datetime.now(UTC), newest) if newest else datetime.now(UTC)


@contextmanager
def recorded(
    settings: Settings, stage: str, run: dict, deliveries: list[dict[str, Any]] | None = None, files: dict[str, str] | None = None
) -> Iterator[None]:
    """Record a build around its work: that it began and, unless it fails, that it ended. `run`: see `dbt.run_dbt`, with `known_at`.

    `stage` is lake, notices (the search for their calls alone) or marts.
    """
    told = {name: value for name, value in run.items() if name != "private_rules"}
    begun = {
        "stage": stage,
        "run": json.dumps(told),
        "known_at": run["known_at"],
        "models": digest_of_models(),
        "deliveries": None if deliveries is None else json.dumps(deliveries),
        "files": None if files is None else json.dumps(files),
    }
    with psycopg.connect(settings.url("transformer")) as connection:
        (build_id,) = connection.execute(BEGIN, begun).fetchone()
    yield
    with psycopg.connect(settings.url("transformer")) as connection:
        version = connection.execute("select ruleset_version from intermediate.ruleset").fetchone()[0] if stage == "marts" else None
        connection.execute(END, {"build_id": build_id, "now": datetime.now(UTC), "ruleset_version": version})


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
