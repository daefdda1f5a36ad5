"""Data Docs: each run of a gate as a static page, `$TOLLGATE_HOME/data-docs/<gate>/<service date>/<run>.html`, and an index of them.

A page stands alone: it loads nothing, neither scripts nor styles, from anywhere (Great Expectations' own pages load both from
other hosts, which would then learn who reads about whom). A run repeated replaces its page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from include.files import replace
from include.quality.suites import Check, Suite, on_day

if TYPE_CHECKING:
    from include.quality.gate import Result

TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Page:
    """One run of a gate on one service date. Instants are UTC."""

    gate: str
    day: date
    run: str
    outcome: str
    recorded_at: datetime

    @property
    def path(self) -> Path:
        """Below the folder of all pages. A run is named by whoever starts it: nothing in it leads out of the folder."""
        return Path(quote(self.gate, safe=""), self.day.isoformat(), f"{quote(self.run, safe='')}.html")

    @property
    def href(self) -> str:
        """The path as a link has it, where `%` itself is written with percent."""
        return quote(self.path.as_posix())


def write(folder: Path, page: Page, suites: Iterable[Suite], results: list[Result]) -> Path:
    """Write a page; returns where."""
    target = folder / page.path
    found = [(suite.name, on_day(suite.batch, page.day), [result for result in results if result.suite == suite.name]) for suite in suites]
    replace(target, template("gate").render(page=page, found=found, query=lambda check: query(check, page.day)))
    return target


def query(check: Check, day: date) -> str:
    """What was asked of the day, as it can be asked again: the query of rows that must not be, or the expectation with its arguments."""
    arguments = {key: on_day(value, day) for key, value in check.arguments.items()}
    return arguments.get("unexpected_rows_query") or "\n".join([check.expectation, *(f"{key}: {value}" for key, value in arguments.items())])


def write_index(folder: Path, pages: Iterable[Page]) -> None:
    """Write the index of pages, in the order given; a page that is not there (of another machine, or of an earlier release) is left out."""
    replace(folder / "index.html", template("index").render(pages=[page for page in pages if (folder / page.path).exists()]))


@cache
def template(name: str, folder: Path = TEMPLATES) -> Template:
    """A page of a folder of templates. Pages of every folder may extend `page.html`, which makes them look alike."""
    pages = FileSystemLoader([folder, TEMPLATES])
    return Environment(loader=pages, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).get_template(f"{name}.html")
