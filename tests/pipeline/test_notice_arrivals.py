"""What wakes the DAG that answers notices: an event per look that finds new whole files. In an event loop, without Airflow's processes."""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from airflow.triggers.base import TriggerEvent

from include.pipeline import notice_arrivals
from include.pipeline.notice_arrivals import NoticeArrivals

LOOKS = 4
"""So many looks later, what was to be told is told; and if nothing was, nothing will be."""


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice_arrivals, "LOOK_EVERY_SECONDS", 0.05)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "tracebacks/standard").mkdir(parents=True)
    (tmp_path / "complaints/ftc_csv").mkdir(parents=True)
    yield tmp_path


def put(folder: Path, name: str, content: str = "traceback_id\n", kind: str = "tracebacks/standard") -> Path:
    file = folder / kind / name
    file.write_text(content)
    return file


class Watch:
    """A trigger that runs: `told` are the numbers of files of its events so far."""

    def __init__(self, folder: Path):
        self.events: AsyncIterator[TriggerEvent] = NoticeArrivals(str(folder), "tracebacks").run()
        self.told: list[int] = []

    async def __aenter__(self) -> Watch:
        self.task = asyncio.create_task(self.listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def listen(self) -> None:
        async for event in self.events:
            self.told.append(event.payload["files"])

    async def look(self) -> list[int]:
        """What was told once it has looked some times more."""
        for _ in range(LOOKS):
            await asyncio.sleep(2 * notice_arrivals.LOOK_EVERY_SECONDS)
        assert not self.task.done(), self.task
        return self.told


def test_one_event_tells_of_all_that_came_and_the_next_of_what_came_since(folder: Path):
    async def story() -> None:
        async with Watch(folder) as watch:
            assert await watch.look() == []
            put(folder, "a.csv"), put(folder, "b.json")
            assert sum(await watch.look()) == 2
            before = len(watch.told)
            put(folder, "c.csv")
            assert (await watch.look())[before:] == [1]

    asyncio.run(story())


def test_files_that_lay_there_are_told_of_in_one_event_by_each_trigger_anew(folder: Path):
    put(folder, "a.csv"), put(folder, "b.csv")

    async def story() -> None:
        for _ in range(2):
            async with Watch(folder) as watch:
                assert await watch.look() == [2]

    asyncio.run(story())


def test_a_file_that_grows_is_not_told_of_until_it_is_whole(folder: Path):
    async def story() -> None:
        async with Watch(folder) as watch:
            file = put(folder, "a.csv", "")
            for _ in range(40):
                with file.open("a") as growing:
                    growing.write("x" * 100)
                await asyncio.sleep(notice_arrivals.LOOK_EVERY_SECONDS / 5)
            assert watch.told == []
            assert await watch.look() == [1]

    asyncio.run(story())


def test_unfinished_hidden_and_other_kinds_of_files_are_nothing(folder: Path):
    async def story() -> None:
        async with Watch(folder) as watch:
            unfinished = put(folder, "a.csv.tmp")
            put(folder, "b.part"), put(folder, ".c.csv"), put(folder, "d.csv", kind="complaints/ftc_csv")
            assert await watch.look() == []
            unfinished.rename(unfinished.with_suffix(""))
            assert await watch.look() == [1]

    asyncio.run(story())


def test_a_file_written_anew_is_told_of_again(folder: Path):
    async def story() -> None:
        async with Watch(folder) as watch:
            file = put(folder, "a.csv", "first")
            assert await watch.look() == [1]
            put(folder, "a.csv", "other")  # as long as before
            os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
            assert await watch.look() == [1, 1]
            file.unlink()
            assert await watch.look() == [1, 1]
            put(folder, "a.csv", "first")
            assert await watch.look() == [1, 1, 1]

    asyncio.run(story())


def test_a_folder_that_is_made_later(tmp_path: Path):
    async def story() -> None:
        async with Watch(tmp_path / "landing") as watch:
            assert await watch.look() == []
            (tmp_path / "landing/tracebacks/standard").mkdir(parents=True)
            put(tmp_path / "landing", "a.csv")
            assert await watch.look() == [1]

    asyncio.run(story())


def test_airflow_makes_the_same_trigger_of_what_it_stored(folder: Path):
    path, given = NoticeArrivals(str(folder), "tracebacks").serialize()
    module, name = path.rsplit(".", 1)
    made = getattr(importlib.import_module(module), name)(**given)
    assert isinstance(made, NoticeArrivals)
    assert made.serialize() == (path, {"folder": str(folder), "kind": "tracebacks"})
