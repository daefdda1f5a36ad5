"""Periods: the published ones, an installation's own, and what nobody may want."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from include.lake import tables
from include.retention import periods
from include.settings import Settings, load


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"TOLLGATE_HOME": str(tmp_path)})


def own(settings: Settings, text: str) -> dict[str, int | None]:
    periods.file(settings).write_text(text)
    return periods.load(settings)


def test_every_table_with_numbers_of_calls_or_people_has_a_period_with_its_reason(settings: Settings):
    published = yaml.safe_load(periods.PUBLISHED.read_text())
    assert set(tables.DATED) <= set(published)
    assert all(set(period) == {"days", "date", "what", "why"} for period in published.values())
    assert periods.load(settings) == {table: period["days"] for table, period in published.items()}
    assert published["calls"]["days"] >= 549  # the longest 18 months


def test_an_installation_keeps_longer_shorter_or_for_ever(settings: Settings):
    days = own(settings, "calls: {days: 730}\ndaily/calling_numbers_daily: {days: 730}\ncomplaints: {days: null}\nrejected_rows: {days: 30}\n")
    assert days == {"calls": 730, "daily/calling_numbers_daily": 730, "complaints": None, "notices": 1461, "rejected_rows": 30}
    ends = periods.ends(days, date(2026, 11, 28))
    assert "complaints" not in ends
    assert ends["rejected_rows"] == date(2026, 10, 29)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gates: {days: 90}", "'gates' is no table with a period"),
        ("calls: 90", "calls reads"),
        ("calls: {days: 29}", "with 30 days or more"),
        ("calls: {days: '90'}", "calls reads"),
        ("calls: {days: true}", "calls reads"),
        ("calls: {days: 90, why: because}", "calls reads"),
        ("notices: {days: 400}", "notices must be kept as long as calls"),
        ("calls: {days: null}", "complaints must be kept as long as calls"),
        ("calls: {days: 1", "cannot be read"),
        ("- calls", "names tables"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(settings: Settings, text: str, told: str):
    with pytest.raises(periods.BadPeriods, match=told):
        own(settings, text)
