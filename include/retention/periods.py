"""How long each table is kept: `periods.yaml`, and what an installation says otherwise in `$TOLLGATE_HOME/retention.yaml`."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from include.settings import Settings

PUBLISHED = Path(__file__).with_name("periods.yaml")

SHORTEST = 30
"""Days: marts look back four weeks, and a date may be built again while its late files come."""

NO_SHORTER_THAN_CALLS = ("complaints", "notices", "daily/calling_numbers_daily")
"""A date that can still be built is built with these."""


class BadPeriods(ValueError):
    """The periods cannot be as the installation wants them."""


def file(settings: Settings) -> Path:
    return settings.home / "retention.yaml"


def load(settings: Settings) -> dict[str, int | None]:
    """Days by table, None for ever. Errors: BadPeriods, with what to write instead."""
    days = {table: period["days"] for table, period in _mapping(PUBLISHED).items()}
    own = file(settings)
    for table, period in (_mapping(own) if own.exists() else {}).items():
        if table not in days:
            raise BadPeriods(f"{own.name}: {table!r} is no table with a period: one of {', '.join(days)}")
        if not isinstance(period, dict) or period.keys() != {"days"} or not _is_period(period["days"]):
            raise BadPeriods(f"{own.name}: {table} reads `{{days: 730}}`, with {SHORTEST} days or more, or `{{days: null}}` for ever")
        days[table] = period["days"]
    for table in NO_SHORTER_THAN_CALLS:
        if _longer(days["calls"], days[table]):
            raise BadPeriods(f"{own.name}: {table} must be kept as long as calls: a date is built with both")
    return days


def ends(days: dict[str, int | None], today: date) -> dict[str, date]:
    """The first date of each table that is still kept on a UTC date; none of what is kept for ever."""
    return {table: today - timedelta(days=period) for table, period in days.items() if period is not None}


def _mapping(path: Path) -> dict[str, Any]:
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadPeriods(f"{path.name} cannot be read: {error}") from error
    if not isinstance(given, dict):
        raise BadPeriods(f"{path.name} names tables, each with its days")
    return given


def _is_period(days: Any) -> bool:
    return days is None or (isinstance(days, int) and not isinstance(days, bool) and days >= SHORTEST)


def _longer(days: int | None, than: int | None) -> bool:
    return than is not None and (days is None or days > than)
