"""An installation's own rules: published thresholds teach evasion, so that those in use may stand outside the repository.

A CSV file with the columns of `dbt_project/seeds/rules.csv`. A row takes the place of the published one with the same code,
alternative and condition, or is added to them; one that ends with a day gone by (`effective_to`) puts it out of force.
"""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

from include.lake import dbt
from include.settings import Settings

ONE_OF = {
    "party_kind": ("customer", "upstream", "any"),
    "tier": ("SUSPEND", "RESTRICT", "MONITOR", "HOLD", "NO_ACTION"),
    "evidence": ("legal", "registry", "role", "traceback", "decision", "complaint", "account", "behaviour", "data", "baseline"),
    "bound": ("lower", "upper", "point"),
    "operator": (">", ">=", "<", "<=", "="),
    "compared_with": ("limit", "peers"),
}
MAY_SUSPEND_ALONE = ("legal", "registry", "role", "traceback", "decision")
"""As dbt_project/macros/judgement.sql has it."""
NUMBERS = {"alternative": int, "condition": int, "threshold": float, "min_sample": int, "min_sample_new": int}
DATES = ("effective_from", "effective_to")
REQUIRED = ("rule_code", "alternative", "condition", "party_kind", "tier", "evidence", "effective_from")
WITHOUT_METRIC = ("CLEAN", "SMALL_N_ALERT")


class BadRules(ValueError):
    """The file is not a set of rules; the message names each line, field and remedy."""


def file(settings: Settings) -> Path:
    """Where the private rules of an installation stand, if it has any."""
    return settings.home / "rules.csv"


def read(path: Path) -> list[dict[str, Any]]:
    """The rules of a file, a dict per condition with `None` where a field is empty. Errors: BadRules, FileNotFoundError."""
    with path.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.DictReader(opened)
        unknown = sorted(set(columns()) ^ set(reader.fieldnames or ()))
        if unknown:
            raise BadRules(f"{path}: line 1: the columns must be those of dbt_project/seeds/rules.csv; not in both: {', '.join(unknown)}")
        rows = [(reader.line_num, row) for row in reader]
    problems: list[str] = []
    metrics = known_metrics()
    rules = [rule(line, row, metrics, problems) for line, row in rows]
    seen: dict[tuple, int] = {}
    for (line, _), given in zip(rows, rules, strict=True):
        key = (given["rule_code"], given["alternative"], given["condition"])
        if key in seen:
            problems.append(f"line {line}: rule_code: {key[0]} {key[1]}.{key[2]} stands in line {seen[key]} already; leave one")
        seen.setdefault(key, line)
    if problems:
        raise BadRules("\n".join(f"{path}: {problem}" for problem in problems))
    return rules


def columns() -> list[str]:
    return list(dbt.seed("rules")[0])


def known_metrics() -> set[str]:
    return {row["metric"] for row in dbt.seed("metrics")}


def rule(line: int, row: dict[str, str | None], metrics: set[str], problems: list[str]) -> dict[str, Any]:
    """A row typed; what is wrong with it goes to `problems`."""

    def wrong(field: str, told: str) -> None:
        problems.append(f"line {line}: {field}: {told}")

    if None in row or None in row.values():
        wrong("rule_code", "more or fewer fields than columns; quote what holds a comma")
        row = {name: row.get(name) or "" for name in columns()}
    typed: dict[str, Any] = {name: (value or "").strip() or None for name, value in row.items()}
    for field in REQUIRED:
        if typed[field] is None:
            wrong(field, "empty; it must be given")
    for field, kind in NUMBERS.items():
        try:
            typed[field] = None if typed[field] is None else kind(typed[field])
        except ValueError:
            wrong(field, f"{typed[field]!r} is no {'whole number' if kind is int else 'number'}")
    for field in DATES:
        try:
            typed[field] = typed[field] and date.fromisoformat(typed[field]).isoformat()
        except ValueError:
            wrong(field, f"{typed[field]!r} is no date as 2026-11-30")
    for field, values in ONE_OF.items():
        if typed[field] is not None and typed[field] not in values:
            wrong(field, f"{typed[field]!r}: one of {', '.join(values)}")
    if typed["metric"] is None and typed["rule_code"] not in WITHOUT_METRIC:
        wrong("metric", "empty; docs/metrics.md has them all")
    if typed["metric"] is not None:
        if typed["metric"] not in metrics:
            wrong("metric", f"{typed['metric']!r} is none of docs/metrics.md")
        for field in ("bound", "operator", "threshold", "compared_with", "min_sample"):
            if typed[field] is None:
                wrong(field, "empty; a rule with a metric must say it")
    if typed["tier"] == "SUSPEND" and typed["evidence"] not in MAY_SUSPEND_ALONE:
        wrong("tier", f"evidence of the kind {typed['evidence']} suspends nobody by itself: RESTRICT at most")
    return typed
