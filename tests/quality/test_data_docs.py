"""The static pages of the gates: every run has one, it stands alone, and nothing that data bring becomes markup or a path."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from processed_world import MONDAY, TUESDAY, ProcessedWorld

from include.quality import data_docs, gate, suites
from include.quality.data_docs import Page
from include.quality.suites import Check, Suite

NOW = datetime(2026, 11, 18, 2, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>{{ 7 * 7 }}{% raw %}\"'&\x1b[31m"
SUITE = Suite("files", "marts", "select 1 as x where date '$day' > '2026-01-01'", (Check("c", "Any", {"column": HOSTILE}, "critical", HOSTILE, HOSTILE),))


def result(observed: str = HOSTILE) -> gate.Result:
    return gate.Result("files", SUITE.checks[0], False, observed, (HOSTILE,))


class Links(HTMLParser):
    """Every address that a page names, and its tags."""

    def __init__(self, text: str):
        super().__init__()
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action", "data")]


def test_every_run_of_a_gate_has_its_page_with_every_check(processed_world: ProcessedWorld):
    folder = processed_world.settings.data_docs
    for name in suites.GATES:
        for day in (MONDAY, TUESDAY):
            page = (folder / name / day.isoformat() / f"first__{day}.html").read_text(encoding="utf-8")
            for suite in suites.load(name):
                assert f"<h2>{suite.name}</h2>" in page
                assert all(check.name in page for check in suite.checks)
            assert f"date &#39;{day}&#39;" in page, "the queries are those of the day"
    found = Links((folder / "index.html").read_text(encoding="utf-8")).addresses
    assert {f"{name}/{day}/first__{day}.html" for name in suites.GATES for day in (MONDAY, TUESDAY)} <= set(found)
    assert all((folder / unquote(address)).is_file() for address in found)


def test_a_failed_check_says_what_was_found_and_what_to_do(processed_world: ProcessedWorld):
    page = (processed_world.settings.data_docs / "arriving_data" / MONDAY.isoformat() / f"first__{MONDAY}.html").read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", page)
    assert '<span class="passed_with_warnings">passed_with_warnings</span>' in text
    assert "<b>Found</b> 1: feed complaints/ftc_csv <br><b>About</b> complaints/ftc_csv<br><b>Do</b> Ask the source." in text


def test_nothing_that_data_bring_becomes_markup_and_a_page_loads_nothing(tmp_path: Path):
    page = Page("marts", MONDAY, HOSTILE, "blocked", NOW)
    written = data_docs.write(tmp_path, page, [SUITE], [result()])
    data_docs.write_index(tmp_path, [page])
    for path in (written, tmp_path / "index.html"):
        found = Links(path.read_text(encoding="utf-8"))
        assert found.tags.isdisjoint({"script", "img", "iframe", "link", "object", "form"})
        assert not [address for address in found.addresses if ":" in address or address.startswith("/")]
    assert "49" not in re.sub(r"\d{4}-\d\d-\d\d|#\w+", "", written.read_text(encoding="utf-8")), "no template inside data is run"


@pytest.mark.parametrize("run", ["../../../../etc/passwd", "..", "/etc/passwd", "a/b", "manual__2026-11-16T00:00:00+00:00", "100%", "ü\u202e"])
def test_a_page_stays_in_its_folder_whatever_the_run_is_called(tmp_path: Path, run: str):
    page = Page("marts", MONDAY, run, "passed", NOW)
    written = data_docs.write(tmp_path / "docs", page, [SUITE], [result()])
    assert written.parent == tmp_path / "docs" / "marts" / MONDAY.isoformat()
    data_docs.write_index(tmp_path / "docs", [page, replace(page, run="never written")])
    (address,) = Links((tmp_path / "docs" / "index.html").read_text(encoding="utf-8")).addresses
    assert (tmp_path / "docs" / unquote(address)).samefile(written)


def test_a_run_repeated_replaces_its_page(tmp_path: Path):
    page = Page("marts", MONDAY, "again", "blocked", NOW)
    first = data_docs.write(tmp_path, page, [SUITE], [result("found before")])
    assert data_docs.write(tmp_path, page, [SUITE], [result("found now")]) == first
    assert "found now" in first.read_text() and "found before" not in first.read_text()
    assert [path.name for path in first.parent.iterdir()] == ["again.html"]
