"""Wakes the DAG that answers notices: an Airflow event as soon as a whole file lies new, or written anew, in the landing folder.

Runs in Airflow's triggerer. It remembers nothing: started again, it tells once of whatever lies there, and the load knows
what it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from include.ingest import landing

LOOK_EVERY_SECONDS = 2.0


class NoticeArrivals(BaseEventTrigger):
    """One event per look that finds files of `kind` below `folder` which the look before did not, and which are no longer written to."""

    def __init__(self, folder: str, kind: str):
        super().__init__()
        self.folder = folder
        self.kind = kind

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return ("include.pipeline.notice_arrivals.NoticeArrivals", {"folder": self.folder, "kind": self.kind})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        told: set[tuple[str, int, int]] = set()
        seen: set[tuple[str, int, int]] = set()
        while True:
            found = await asyncio.to_thread(self._look)
            whole = found & seen  # of the same size and age at two looks
            new = whole - told
            if new:
                yield TriggerEvent({"files": len(new)})
            told, seen = whole, found
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    def _look(self) -> set[tuple[str, int, int]]:
        return {(file.relative, file.size, file.modified_ns) for file in landing.listed(Path(self.folder), self.kind)}
