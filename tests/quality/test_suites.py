"""Suites as files: the shipped ones load, and a faulty one says which file, what is wrong and what is wanted."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from include.quality import suites

GOOD = """
batch: select 1 as one where date '$day' is not null
checks:
  - check: one_is_one
    expectation: UnexpectedRowsExpectation
    severity: critical
    expected: one is one
    remedy: Count again.
    arguments:
      unexpected_rows_query: select one from {batch} where one <> 1
"""


def parse(folder: Path, text: str) -> suites.Suite:
    path = folder / "numbers.yaml"
    path.write_text(text, encoding="utf-8")
    return suites.parse(path, "marts")


@pytest.mark.parametrize("gate", suites.GATES)
def test_the_shipped_suites_load(gate: str):
    loaded = suites.load(gate)
    assert [suite.name for suite in loaded] == sorted(path.stem for path in (suites.EXPECTATIONS / gate).iterdir())
    assert {suite.gate for suite in loaded} == {gate}


def test_a_suite_says_what_its_file_says(tmp_path):
    suite = parse(tmp_path, GOOD)
    assert (suite.name, suite.gate) == ("numbers", "marts")
    assert suite.checks == (
        suites.Check(
            "one_is_one", "UnexpectedRowsExpectation", {"unexpected_rows_query": "select one from {batch} where one <> 1"},
            "critical", "one is one", "Count again.",
        ),
    )  # fmt: skip


def test_a_check_may_say_that_nobody_overrides_it(tmp_path):
    assert [parse(tmp_path, text).checks[0].overridable for text in (GOOD, GOOD + "    overridable: false\n")] == [True, False]


def test_a_check_is_found_by_its_gate_and_name():
    assert suites.find("arriving_data", "call_files.no_file_refused").name == "no_file_refused"
    with pytest.raises(LookupError, match="^GATE='exit': arriving_data or marts$"):
        suites.find("exit", "call_files.no_file_refused")
    with pytest.raises(LookupError, match="^CHECK='no_file_refused': no check of the gate arriving_data, which has .*call_files.no_file_refused"):
        suites.find("arriving_data", "no_file_refused")


FAULTS = {
    "nothing": ("", "a suite needs 'batch' and 'checks'"),
    "a list": ("- 1", "a suite needs 'batch' and 'checks'"),
    "no YAML": ("batch: [", "is no YAML"),
    "no batch": (GOOD.replace("batch:", "# batch:"), "'batch' is missing"),
    "no checks": (GOOD.split("checks:")[0], "'checks' is missing or empty"),
    "empty checks": (GOOD.split("checks:")[0] + "checks: []", "'checks' is missing or empty"),
    "a check that is a word": (GOOD.split("checks:")[0] + "checks: [quick]", "check 1 is not a mapping"),
    "no name": (GOOD.replace("check: one_is_one", "note: x"), "check 1: unknown key note"),
    "no severity": (GOOD.replace("    severity: critical\n", ""), "check one_is_one: 'severity' is missing"),
    "unknown severity": (GOOD.replace("critical", "fatal"), "severity 'fatal' is not one of critical, warning, info"),
    "no expectation": (GOOD.replace("    expectation: UnexpectedRowsExpectation\n", ""), "check one_is_one: 'expectation' is missing"),
    "no expected": (GOOD.replace("    expected: one is one\n", ""), "check one_is_one: 'expected' is missing"),
    "no remedy": (GOOD.replace("    remedy: Count again.\n", ""), "check one_is_one: 'remedy' is missing"),
    "an empty remedy": (GOOD.replace("Count again.", ""), "check one_is_one: 'remedy' is missing"),
    "a misspelled key": (GOOD.replace("arguments:", "argument:"), "check one_is_one: unknown key argument"),
    "arguments that are a list": (GOOD.split("      unexpected")[0] + "      - 1\n", "'arguments' is not a mapping"),
    "another name for the day": (GOOD.replace("$day", "$date"), "only \\$day stands for something"),
    "a bare dollar": (GOOD.replace("one <> 1", "one ~ '1$'"), "check one_is_one: only \\$day .* written \\$\\$"),
    "overridable by a word": (GOOD + "    overridable: perhaps\n", "check one_is_one: overridable 'perhaps' is neither true nor false"),
    "a check twice": (GOOD + GOOD.split("checks:")[1], "check one_is_one stands twice: give each a name of its own"),
}


@pytest.mark.parametrize(("text", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_a_faulty_suite_names_its_file_and_what_is_wanted(tmp_path, text: str, message: str):
    with pytest.raises(ValueError, match=f"^{tmp_path}/numbers.yaml.*{message}"):
        parse(tmp_path, text)


def test_a_gate_without_suites_is_an_error_and_no_pass(tmp_path):
    with pytest.raises(ValueError, match=f"{tmp_path}/marts: no suite .* restore them"):
        suites.load("marts", tmp_path)


def test_the_day_is_put_in_and_a_doubled_dollar_is_one():
    assert suites.on_day("on $day, $$1", date(2026, 11, 16)) == "on 2026-11-16, $1"
    assert suites.on_day(0.05, date(2026, 11, 16)) == 0.05
