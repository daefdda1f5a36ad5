"""The catalogue and what is made of it say the same."""

from __future__ import annotations

import re

import pytest

from include.decisions import private_rules
from include.lake import dbt
from include.lineage import catalogue
from include.settings import REPOSITORY

METRICS = {metric["metric"]: metric for metric in dbt.seed("metrics")}
RULES = dbt.seed("rules")


@pytest.mark.parametrize("path", catalogue.pages(), ids=lambda path: path.name)
def test_what_is_made_of_the_catalogue_is_as_it_would_be_made_now(path):
    assert path.read_text(encoding="utf-8") == catalogue.pages()[path], "run `python -m include.lineage.catalogue`"


def test_every_fact_that_a_metric_names_is_counted():
    facts = re.findall(r"      - name: (\w+)\n", (REPOSITORY / "dbt_project/models/intermediate/party_facts_daily.yml").read_text())
    named = {metric[part] for metric in METRICS.values() for part in ("numerator", "denominator") if metric[part]}
    assert named <= set(facts)


def test_a_share_and_a_ratio_are_of_something_and_a_count_is_not():
    assert {name for name, metric in METRICS.items() if (metric["kind"] == "count") == bool(metric["denominator"])} == set()
    assert {name for name, metric in METRICS.items() if bool(metric["denominator"]) != bool(metric["denominator_words"])} == set()


def test_every_source_is_explained():
    page = (REPOSITORY / "docs" / "sources.md").read_text(encoding="utf-8")
    labels = {label for row in re.findall(r"(?m)^\| ([^|]+) \|", page) for label in re.split(r", ", row)}
    used = {label for row in (*METRICS.values(), *RULES) for label in row["source"].split("; ") if label}
    assert used <= labels


def test_every_rule_says_what_it_means_once():
    worded = [rule["rule_code"] for rule in RULES if rule["words"]]
    assert sorted(worded) == sorted({rule["rule_code"] for rule in RULES})


def test_the_kinds_of_evidence_that_suspend_alone_are_those_of_the_models():
    macro = (REPOSITORY / "dbt_project/macros/judgement.sql").read_text()
    (listed,) = re.findall(r"evidence \}\} in \(([^)]*)\)", macro)
    assert tuple(re.findall(r"'(\w+)'", listed)) == private_rules.MAY_SUSPEND_ALONE


def test_columns_of_a_mart_that_are_metrics_are_described_and_others_left_alone():
    text = 'models:\n      - name: asr\n        description: "x"\n      - name: legal_name\n        description: "Name."\nunit_tests:\n      - name: asr\n        description: "x"\n'
    told = catalogue.described(text, list(METRICS.values()))
    assert told == text.replace('"x"', '"Answered calls, as a share (0 to 1) of attempts; null where there are none."', 1)
