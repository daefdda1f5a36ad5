"""Suites of expectations, as files: `expectations/<gate>/<suite>.yaml`. Adding a check is adding an entry.

A suite names the rows it looks at (`batch`, SQL in which `$day` is the service date) and its checks. A check is any
Great Expectations expectation with its arguments; most state in SQL which rows must not be there
(`UnexpectedRowsExpectation`). Each says how severe a failure is (`critical` blocks, `warning` is recorded) and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from include.settings import REPOSITORY

EXPECTATIONS = REPOSITORY / "expectations"
GATES = ("arriving_data", "marts")
SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True)
class Check:
    name: str
    expectation: str
    """Class name in `great_expectations.expectations`."""
    arguments: dict
    severity: str
    expected: str
    """What holds when all is well, in words."""
    remedy: str


@dataclass(frozen=True)
class Suite:
    name: str
    gate: str
    batch: str
    checks: tuple[Check, ...]


def load(gate: str, folder: Path = EXPECTATIONS) -> list[Suite]:
    """The suites of one gate, in the order of their names. ValueError naming the file where one is faulty."""
    return [parse(path, gate) for path in sorted((folder / gate).glob("*.yaml"))]


def parse(path: Path, gate: str) -> Suite:
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        checks = tuple(
            Check(check["check"], check["expectation"], check.get("arguments", {}), check["severity"], check["expected"], check["remedy"])
            for check in given["checks"]
        )
        suite = Suite(path.stem, gate, given["batch"], checks)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: a suite needs 'batch' and 'checks' with check, expectation, severity, expected and remedy: {error}") from error
    for check in suite.checks:
        if check.severity not in SEVERITIES:
            raise ValueError(f"{path}: check {check.name}: severity {check.severity!r} is not one of {', '.join(SEVERITIES)}")
    return suite
