"""Private rules: what is read, and that a bad file is told line by line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from include.decisions import private_rules
from include.lake import dbt

GOOD = {
    "rule_code": "SDC6_HIGH", "alternative": "1", "condition": "1", "party_kind": "any", "tier": "RESTRICT", "evidence": "behaviour",
    "metric": "share_le_6s", "bound": "lower", "operator": ">", "threshold": "0.12", "compared_with": "limit", "min_sample": "80", "min_sample_new": "",
    "exempt_traits": "approved_dialer", "effective_from": "2026-11-01", "effective_to": "", "words": "Ours", "source": "",
}  # fmt: skip


def written(folder: Path, *changes: dict[str, str]) -> Path:
    path = folder / "rules.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, private_rules.columns())
        writer.writeheader()
        writer.writerows(GOOD | change for change in changes)
    return path


def test_a_rule_is_typed_and_an_empty_field_is_none(tmp_path):
    (rule,) = private_rules.read(written(tmp_path, {}))
    assert rule == GOOD | {
        "alternative": 1, "condition": 1, "threshold": 0.12, "min_sample": 80, "min_sample_new": None, "effective_to": None, "source": None,
    }  # fmt: skip


def test_the_published_rules_are_a_good_file():
    assert len(private_rules.read(dbt.PROJECT / "seeds" / "rules.csv")) > 50


@pytest.mark.parametrize(
    "change, told",
    [
        ({"metric": "share_le_7s"}, "line 2: metric: 'share_le_7s' is none of docs/metrics.md"),
        ({"metric": ""}, "line 2: metric: empty"),
        ({"threshold": "15 %"}, "line 2: threshold: '15 %' is no number"),
        ({"threshold": ""}, "line 2: threshold: empty; a rule with a metric must say it"),
        ({"min_sample": "1.5"}, "line 2: min_sample: '1.5' is no whole number"),
        ({"operator": "=>"}, "line 2: operator: '=>': one of >, >=, <, <=, ="),
        ({"effective_from": "1.11.2026"}, "line 2: effective_from: '1.11.2026' is no date"),
        ({"effective_from": ""}, "line 2: effective_from: empty"),
        ({"tier": "SUSPEND"}, "line 2: tier: evidence of the kind behaviour suspends nobody by itself"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_field(tmp_path, change, told):
    with pytest.raises(private_rules.BadRules) as error:
        private_rules.read(written(tmp_path, change))
    assert told in str(error.value)


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    with pytest.raises(private_rules.BadRules) as error:
        private_rules.read(written(tmp_path, {"bound": "middle"}, {}, {"tier": "WARN"}))
    told = str(error.value)
    assert "line 2: bound" in told and "line 4: tier" in told and "line 3: rule_code: SDC6_HIGH 1.1 stands in line 2 already" in told


def test_a_file_with_other_columns_is_refused(tmp_path):
    path = tmp_path / "rules.csv"
    path.write_text("rule_code,limit\nSDC6_HIGH,0.1\n")
    with pytest.raises(private_rules.BadRules, match="line 1: the columns must be those of"):
        private_rules.read(path)
