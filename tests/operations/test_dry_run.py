"""A changed rule set tried on days that were judged: what would change is told, and nothing changes."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from processed_world import ProcessedWorld

from include.decisions import private_rules
from include.lake import dbt
from include.operations import dry_run

STATE = """
    select 'verdict', to_jsonb(v) from intermediate.party_verdicts_daily as v
    union all
    select 'hit', to_jsonb(h) from marts.rule_hits_daily as h
    union all
    select 'rule set', to_jsonb(r) from intermediate.rule_sets as r
    order by 1, 2
"""


def with_changes(path: Path, **changes: dict[str, str]) -> Path:
    """The published rules of these codes, changed."""
    with (dbt.PROJECT / "seeds" / "rules.csv").open(newline="") as file:
        rows = [row | changes[row["rule_code"]] for row in csv.DictReader(file) if row["rule_code"] in changes]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, private_rules.columns())
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_stricter_limit_and_a_rule_out_of_force_change_the_verdicts_they_decide(processed_world: ProcessedWorld, tmp_path: Path):
    before = processed_world.rows(STATE)
    # nobody is short-lived enough any more, and whoever calls from numbers of a do-not-originate list may
    rules = with_changes(tmp_path / "rules.csv", SDC6_HIGH={"threshold": "0.99"}, DNO_VOLUME={"effective_to": "2026-01-01"})
    lines = list(dry_run.dry_run(processed_world.settings, rules, 2))
    assert lines[0].startswith("2 service dates, 2026-11-16 to 2026-11-17: rule set 3p+")
    parties = [line for line in lines if line.startswith(("customer", "upstream"))]
    assert any("C1027" in line for line in parties)
    autodialer = lines[next(n for n, line in enumerate(lines) if "C1027" in line) :]
    assert autodialer[1].strip().startswith("2026-11-16  RESTRICT")
    gone = next(line for line in autodialer if line.strip().startswith("- SDC6_HIGH"))
    assert "Calls of 6 s or less" in gone and "the rule asks for more than 15.0 %" in gone
    assert any(line.strip().startswith("- DNO_VOLUME") for line in lines)
    assert processed_world.rows(STATE) == before


def test_the_rules_in_force_change_nothing(processed_world: ProcessedWorld, tmp_path: Path):
    rules = with_changes(tmp_path / "rules.csv", SDC6_HIGH={})
    assert list(dry_run.dry_run(processed_world.settings, rules, 1))[1:] == ["No verdict would change."]


def test_a_bad_file_is_told_before_anything_is_judged(processed_world: ProcessedWorld, tmp_path: Path):
    rules = with_changes(tmp_path / "rules.csv", SDC6_HIGH={"threshold": "much"})
    with pytest.raises(private_rules.BadRules, match="line 2: threshold: 'much' is no number"):
        list(dry_run.dry_run(processed_world.settings, rules, 1))
