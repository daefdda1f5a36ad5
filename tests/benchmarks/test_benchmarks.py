"""The benchmark measures what it says: its files are as described, and everybody makes the same of them. How fast is no test."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from benchmarks import calls, report, suite
from benchmarks.calls import World
from benchmarks.counts import Counts
from benchmarks.layouts import LAYOUTS
from benchmarks.suite import QUICK, Result
from include.ingest import declarations, numbers

WORLD = World(20_000, files=4)
Row = dict[str, str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Counts, list[list[Row]]]:
    """What is to become of the world's rows, and the rows of each file."""
    landing = tmp_path_factory.mktemp("made")
    counts = calls.write(WORLD, landing)
    return counts, [rows(calls.path(WORLD, landing, file)) for file in range(WORLD.files)]


def rows(file: Path) -> list[Row]:
    with gzip.open(file, "rt", newline="") as text:
        return list(csv.DictReader(text, restval=None))


def is_damaged(row: Row) -> bool:
    if None in row.values():
        return True
    try:
        return datetime.fromisoformat(row["end_time"]) < datetime.fromisoformat(row["start_time"])
    except ValueError:
        return True


def share(part: list, whole: list) -> float:
    return len(part) / len(whole)


def test_the_counts_told_are_those_of_the_files(made: tuple[Counts, list[list[Row]]]):
    told, files = made
    every = [tuple(row.values()) for file in files for row in file if not is_damaged(row)]
    damaged = sum(is_damaged(row) for file in files for row in file)
    assert told == Counts(len(every) + damaged, len(set(every)), damaged, len(every) - len(set(every)))
    assert told.accepted + told.rejected == WORLD.calls
    assert 10 <= told.rejected <= 40
    assert 10 <= told.duplicate <= 40


def test_duplicates_come_within_a_file_and_across_files(made: tuple[Counts, list[list[Row]]]):
    files = [Counter(tuple(row.values()) for row in file) for file in made[1]]
    assert any(times > 1 for file in files for times in file.values())
    assert all(before.keys() & after.keys() for before, after in zip(files, files[1:], strict=False))


def test_calls_are_as_described(made: tuple[Counts, list[list[Row]]]):
    good = [[row for row in file if not is_damaged(row)] for file in made[1]]
    for file in good:
        starts = [row["start_time"] for row in file]
        assert starts == sorted(starts)
    every = [row for file in good for row in file]
    assert all(len(row) == 18 and row["start_time"].endswith("-05:00") for row in every)
    assert share([row for row in every if row["sip_code"] == "200"], every) == pytest.approx(0.6, abs=0.02)
    assert all((row["answer_time"] != "") == (row["sip_code"] == "200") for row in every)
    assert share([row for row in every if row["attempt"] == "2"], every) == pytest.approx(0.05, abs=0.001)
    assert len({row["ingress_trunk"] for row in every}) > 0.99 * calls.TRUNKS


def test_numbers_are_as_described(made: tuple[Counts, list[list[Row]]]):
    every = [row for file in made[1] for row in file if not is_damaged(row)]
    called = [row["called_number"] for row in every]
    assert share(list(set(called)), called) > 0.98
    for column, withheld in (("called_number", 0), ("calling_number", 0.005)):
        sent = [row[column] for row in every]
        classes = Counter(numbers.classify(number)[1] for number in sent)
        assert classes["valid_us"] / len(sent) > 0.96
        assert classes["anonymous"] / len(sent) == pytest.approx(withheld, abs=0.003)
        assert share([number for number in sent if number.startswith(("+44", "01144"))], sent) == pytest.approx(0.01, abs=0.004)
        assert (classes["invalid"] + classes["unparseable"]) / len(sent) == pytest.approx(0.01, abs=0.005)
        for notation in ("+1", "1", tuple("23456789")):
            assert share([number for number in sent if number.startswith(notation)], sent) == pytest.approx(1 / 3, abs=0.03)


def test_the_same_world_is_the_same_bytes(tmp_path: Path):
    world = World(300, files=3)
    for folder in ("one", "other"):
        calls.write(world, tmp_path / folder)
    for file in range(world.files):
        assert calls.path(world, tmp_path / "one", file).read_bytes() == calls.path(world, tmp_path / "other", file).read_bytes()


def test_blocks_cover_every_call_once_and_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(calls, "BLOCK_CALLS", 70)
    for world in (World(300), World(300, files=2), World(300, files=10), World(300, files=300)):
        blocks = list(calls.blocks(world))
        assert [number for first, last in blocks for number in range(first, last)] == list(range(300))
        assert max(last - first for first, last in blocks) <= 70
    world = World(300, files=2)
    calls.write(world, tmp_path / "blocks")
    monkeypatch.undo()
    calls.write(world, tmp_path / "whole")
    for file in range(world.files):
        assert calls.path(world, tmp_path / "blocks", file).read_bytes() == calls.path(world, tmp_path / "whole", file).read_bytes()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    """Fails where a loader arrives at other counts than the files hold."""
    return suite.run(tmp_path_factory.mktemp("bench") / "o'clock", QUICK, say=lambda _: None)


def test_every_shipped_feed_of_calls_has_a_layout_that_names_its_parsers(tmp_path: Path):
    assert set(LAYOUTS) == {f"cdr/{path.stem}" for path in (declarations.BUILT_IN / "cdr").glob("*.yaml")}
    for feed, layout in LAYOUTS.items():
        specs = [spec for field in declarations.load(feed, tmp_path).fields.values() for spec in field.chain]
        assert layout.parser == ", ".join(sorted({spec.parse[0] for spec in specs if spec.parse})), feed


def test_everybody_loads_the_same(results: list[Result]):
    counts = {(result.contestant, result.world): result.runs[0].counts for result in results}
    ours = counts["Tollgate", QUICK.contest]
    assert counts["PostgreSQL", QUICK.contest] == ours
    assert counts["pandas", QUICK.slow] == counts["Tollgate", QUICK.slow]
    assert ours.rejected and ours.duplicate
    assert ours.accepted + ours.duplicate <= counts["bare DuckDB", QUICK.contest].read < ours.read
    assert {world.feed for _, world in counts} == set(LAYOUTS)


def test_the_report_names_machine_targets_and_runs(results: list[Result], tmp_path: Path):
    page = tmp_path / "performance.md"
    begin, end = report.marks(report.INGEST)
    page.write_text(f"before\n{begin}old\n{end}after\n")
    text = report.render(results, QUICK, report.machine("runs each: 1", 0.5))
    for _ in range(2):
        report.put(report.INGEST, text, page)
    assert page.read_text() == f"before\n{begin}\n{text}\n{end}after\n"
    assert "cores" in text and "DuckDB 2" in text
    assert len([line for line in text.splitlines() if line.startswith("| ")]) == 2 + len(results) + len(suite.targets(results, QUICK))


def test_the_page_has_a_place_for_each_report():
    for name in (report.INGEST, report.NOTICES):
        begin, end = report.marks(name)
        before, rest = report.PAGE.read_text().split(begin)
        assert end in rest
