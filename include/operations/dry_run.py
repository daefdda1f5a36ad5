"""A changed rule set beside the current one: which verdicts of the last days it would change, and why. Changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from include.decisions import ledger, private_rules, words
from include.lake import build, dbt
from include.settings import Settings

SQL = Path(__file__).with_name("sql")
JUDGEMENT = ("--select", "tag:judgement")
"""The models that judge, which the target `trial` makes in a schema of its own."""


def dry_run(settings: Settings, rules: Path, days: int) -> Iterator[str]:
    """Lines to print. The last `days` processed service dates are judged anew with `rules`, a file of private rules.

    Errors: BadRules, FileNotFoundError; ValueError where nothing is processed yet.
    """
    candidate = private_rules.read(rules)
    with psycopg.connect(settings.url("transformer"), row_factory=dict_row) as connection:
        # of two at once one waits: they judge in the same tables
        connection.execute("select pg_advisory_lock(hashtext('tollgate.dry_run'))")
        newest = connection.execute("select service_date from ops.processed_days order by service_date desc limit %s", [days])
        processed = [row["service_date"] for row in newest]
        if not processed:
            raise ValueError("no service date is processed yet: there are no verdicts to compare with")
        first, last = min(processed), max(processed)
        run = build.run_of(settings, first, []) | {"private_rules": candidate}
        try:
            connection.commit()
            dbt.run_dbt(settings, "trial", "run", JUDGEMENT, run)
            changes = connection.execute((SQL / "dry_run.sql").read_text(encoding="utf-8"), {"first": first, "last": last}).fetchall()
            (versions,) = connection.execute(
                "select (select ruleset_version from intermediate.ruleset) as current, (select ruleset_version from trial.ruleset) as candidate"
            ).fetchall()
            catalogue = ledger.catalogue(connection)
        finally:
            connection.rollback()
            clear(connection)
            connection.commit()
    yield f"{len(processed)} service dates, {first} to {last}: rule set {versions['candidate']} beside {versions['current']}"
    yield from told(changes, catalogue)


def clear(connection: psycopg.Connection) -> None:
    """Leave nothing of a trial, nor of one that was cut short."""
    for row in connection.execute("select tablename from pg_tables where schemaname = 'trial'").fetchall():
        connection.execute(sql.SQL("drop table {} cascade").format(sql.Identifier("trial", row["tablename"])))


def told(changes: list[dict[str, Any]], catalogue: words.Catalogue) -> Iterator[str]:
    """Changes of verdicts as lines, those of one party together, and what they come to."""
    if not changes:
        yield "No verdict would change."
        return
    parties: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for change in changes:
        parties.setdefault((change["party_kind"], change["party_id"], change["legal_name"]), []).append(change)
    for (kind, party_id, name), of_party in parties.items():
        yield ""
        yield f"{kind} {party_id} {words.plain(name, 60)}"
        for change in of_party:
            verdict = f"{change['before']} -> {change['after']}" if change["before"] != change["after"] else f"{change['after']}, for other reasons"
            yield f"  {change['service_date']}  {verdict}"
            for hit in change["hits"]:
                yield f"    {hit['sign']} {hit['rule_code']}{words.measured(hit, catalogue.metrics[hit['metric']])}"
    other = [change for change in changes if change["before"] != change["after"]]
    tiers = Counter((change["before"], change["after"]) for change in other)
    yield ""
    yield f"{len(other)} verdicts of {len({(change['party_kind'], change['party_id']) for change in other})} parties would be others:"
    for (before, after), times in sorted(tiers.items()):
        yield f"  {before} -> {after}: {times}"
