"""The demo week, put into a landing folder."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from include.demo.world import write_world

FIRST_DAY, DAYS, ATTEMPTS, SEED = date(2026, 11, 16), 7, 300_000, 7
MARK = ".demo"


def put_in_place(landing: Path) -> list[date]:
    """Write the demo week's files, those that are there already excepted; returns its service dates.

    FileExistsError where the folder holds somebody's real files: made-up parties must not mix with them.
    """
    mark = landing / MARK
    if not mark.exists() and any(path.is_file() and not path.name.startswith(".") for path in landing.rglob("*")):
        raise FileExistsError(f"{landing} holds files that are not the demo's: set TOLLGATE_HOME to an empty folder for the demo")
    landing.mkdir(parents=True, exist_ok=True)
    mark.touch()
    write_world(landing, first_day=FIRST_DAY, days=DAYS, attempts=ATTEMPTS, seed=SEED)
    return [FIRST_DAY + timedelta(days=offset) for offset in range(DAYS)]
