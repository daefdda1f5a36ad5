"""Suites of expectations, as files: `expectations/<gate>/<suite>.yaml`. Adding a check is adding an entry.

A suite names the rows it looks at (`batch`, SQL in which `$day` is the service date) and its checks. A check is any
Great Expectations expectation with its arguments; most state in SQL which rows must not be there
(`UnexpectedRowsExpectation`). Each says how severe a failure is (`critical` blocks, `warning` is recorded) and what to do.
A critical check for whose failure no reason can be good says `overridable: false`: nobody can let it pass.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from string import Template
from typing import Any

import yaml

from include.settings import REPOSITORY

EXPECTATIONS = REPOSITORY / "expectations"
GATES = ("arriving_data", "marts")
SEVERITIES = ("critical", "warning", "info")
TEXTS = ("check", "expectation", "severity", "expected", "remedy")


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
    overridable: bool = True
    """Whether a person may let its failure pass on a date (see `include/decisions/overrides.py`)."""


@dataclass(frozen=True)
class Suite:
    name: str
    gate: str
    batch: str
    checks: tuple[Check, ...]


def load(gate: str, folder: Path = EXPECTATIONS) -> list[Suite]:
    """The suites of one gate, in the order of their names. ValueError naming the file where one is faulty or none is there."""
    paths = sorted((folder / gate).glob("*.yaml"))
    if not paths:
        raise ValueError(f"{folder / gate}: no suite (*.yaml) is there, and a gate without checks lets everything pass; restore them")
    return [parse(path, gate) for path in paths]


def find(gate: str, name: str) -> Check:
    """A check by its gate and its name as results have it, `<suite>.<check>`. LookupError where there is none."""
    if gate not in GATES:
        raise LookupError(f"GATE={gate!r}: {' or '.join(GATES)}")
    checks = {f"{suite.name}.{check.name}": check for suite in load(gate) for check in suite.checks}
    if name not in checks:
        raise LookupError(f"CHECK={name!r}: no check of the gate {gate}, which has {', '.join(checks)}")
    return checks[name]


def parse(path: Path, gate: str) -> Suite:
    """The suite of a file. ValueError says which file, what is wrong with it and what is wanted."""
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no YAML in UTF-8: {error}") from error
    try:
        return _suite(path.stem, gate, given)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def on_day(value: Any, day: date) -> Any:
    """A text with its `$day`; anything else as it is. ValueError for any other `$`."""
    if not isinstance(value, str):
        return value
    try:
        return Template(value).substitute(day=day)
    except (KeyError, ValueError) as error:
        raise ValueError(f"only $day stands for something, any other $ is written $$: {error}") from error


def _suite(name: str, gate: str, given: Any) -> Suite:
    _refuse_unless(isinstance(given, dict), "a suite needs 'batch' and 'checks'")
    _refuse_unknown(given, ("batch", "checks"), "the suite")
    _refuse_unless(isinstance(given.get("batch"), str), "'batch' is missing: the SQL of the rows to look at")
    _refuse_unless(isinstance(given.get("checks"), list) and given["checks"], "'checks' is missing or empty: a list of at least one check")
    on_day(given["batch"], date.min)
    checks = tuple(_check(number, entry) for number, entry in enumerate(given["checks"], start=1))
    twice = [check for check, times in Counter(check.name for check in checks).items() if times > 1]
    _refuse_unless(not twice, f"check {', '.join(twice)} stands twice: give each a name of its own")
    return Suite(name, gate, given["batch"], checks)


def _check(number: int, given: Any) -> Check:
    _refuse_unless(isinstance(given, dict), f"check {number} is not a mapping with {', '.join(TEXTS)}")
    name = f"check {given.get('check', number)}"
    _refuse_unknown(given, (*TEXTS, "arguments", "overridable"), name)
    for key in TEXTS:
        _refuse_unless(isinstance(given.get(key), str) and given[key], f"{name}: '{key}' is missing: each check needs {', '.join(TEXTS)}")
    arguments = given.get("arguments", {})
    _refuse_unless(isinstance(arguments, dict), f"{name}: 'arguments' is not a mapping of the expectation's arguments")
    _refuse_unless(given["severity"] in SEVERITIES, f"{name}: severity {given['severity']!r} is not one of {', '.join(SEVERITIES)}")
    overridable = given.get("overridable", True)
    _refuse_unless(isinstance(overridable, bool), f"{name}: overridable {overridable!r} is neither true nor false")
    for value in arguments.values():
        try:
            on_day(value, date.min)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return Check(given["check"], given["expectation"], arguments, given["severity"], given["expected"], given["remedy"], overridable)


def _refuse_unless(condition: Any, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)


def _refuse_unknown(given: dict, known: tuple[str, ...], where: str) -> None:
    """A misspelled key would silently leave a check without what it says."""
    unknown = ", ".join(str(key) for key in given if key not in known)
    _refuse_unless(not unknown, f"{where}: unknown key {unknown}: only {', '.join(known)}")
