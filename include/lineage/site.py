"""The documentation of this installation's data as a static site, `$TOLLGATE_HOME/docs/index.html`, made from the project alone.

A page per table and per feed, the catalogues, dbt's own documentation. Pages load nothing from anywhere and hold no data. The
SQL is what dbt compiles; no database has to run. The site is built beside the one that is there and takes its place when it is whole.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from include.ingest import declarations
from include.ingest.declarations import BadDeclaration, Declaration
from include.lake import dbt
from include.lineage import catalogue, project
from include.lineage.columns import DECLARED, FACTS, FILE, FOLDER, METRICS, ROWS, Column, Lineage, Query, declared_of, joined
from include.lineage.project import LAYERS, Layer, Table
from include.platform import turns
from include.quality import data_docs
from include.quality.suites import GATES, Suite, load
from include.settings import REPOSITORY, Settings
from include.text import visible

TEMPLATES = (Path(__file__).parent / "templates", Path(data_docs.__file__).parent / "templates")

RUN = {"service_date": "$day", "evidence_days": ["$evidence_day"], "following_days": ["$following_day"], "run_at": "$run_at"}
"""What the compiled SQL says of the run: it is read, not executed."""

LOADS_NOTHING = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data:; font-src data:\">"
)
"""For dbt's page, which is a program: whatever it would load from elsewhere, it cannot."""

LONG_NAME = re.compile(r"(?<=[/_.])")
"""Where the name of a file or a test may go on in another line."""

WITHOUT_A_FIELD = {
    FILE: "The file itself: its SHA-256, its lines, its path and when it arrived.",
    FOLDER: "The first folder below the feed's folder, where its files lie.",
    DECLARED: "What the declaration says of every row, or where a row says nothing.",
}


@dataclass(frozen=True)
class Shown:
    """A column or a field as its page shows it."""

    name: str
    words: str
    goes: Iterable[Column]
    type: str = ""
    comes: Iterable[Column] = ()
    outside: str = ""
    """Said where it comes from no column."""
    rests: Iterable[Column] = ()
    metric: dict[str, str] | None = None
    position: str = ""


@dataclass(frozen=True)
class Site:
    """Everything that the pages say."""

    tables: list[Table]
    feeds: list[Declaration]
    metrics: list[dict[str, str]]
    gates: dict[str, list[Suite]]
    catalogues: list[catalogue.Catalogue]
    data_docs: str = ""
    """Where Data Docs lie, as a link of the index has it; empty where there are none."""
    faulty: list[str] = field(default_factory=list)
    """Feeds whose declaration cannot be used."""

    @cached_property
    def lineage(self) -> Lineage:
        queries = [Query(table.name, table.dialect, table.sql) for table in self.tables if table.sql]
        columns = {table.name: [column.name for column in table.columns] for table in self.tables}
        return joined(queries, columns, self.metrics, self.feeds)

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """By schema, in the order of the data's way."""
        others = sorted({table.schema for table in self.tables} - set(LAYERS))
        return LAYERS | {schema: Layer(schema, "", "The warehouse's owner.") for schema in others}

    @cached_property
    def names(self) -> set[str]:
        return {table.name for table in self.tables} | {feed.feed for feed in self.feeds}

    # --- addresses

    def page(self, name: str) -> str:
        """The page of a table or feed, from the index."""
        return f"feeds/{quote(name.replace('/', '.'))}.html" if "/" in name else f"tables/{quote(name)}.html"

    def anchor(self, name: str) -> str:
        return re.sub(r"[^\w().-]", "-", name)

    def href(self, table: str, name: str) -> str:
        return f"{self.page(table)}#{quote(self.anchor(name), safe='()')}"

    def by_table(self, found: Iterable[Column]) -> dict[str, list[str]]:
        """Columns by their table, in the order of the data's way and of the alphabet."""
        order = list(self.layers)
        tables: defaultdict[str, list[str]] = defaultdict(list)
        for column in sorted(found, key=lambda each: (order.index(each.table.partition(".")[0]) if "/" not in each.table else -1, each)):
            tables[column.table].append(column.name)
        return dict(tables)

    # --- what pages show

    def shown(self, table: Table) -> list[Shown]:
        """The columns of a table, which rows it has and, of the long table of metrics, each metric."""
        by_name = {metric["metric"]: metric for metric in self.metrics}
        is_risk = table.name in {f"marts.{path.stem}" for path in catalogue.DESCRIBED}
        found = [
            self._shown(table, column.name, column.words, column.type, by_name.get(column.name) if is_risk else None) for column in table.columns
        ]
        if table.name == METRICS:
            found += [self._shown(table, name, catalogue.description(metric), "rows of a metric", metric) for name, metric in by_name.items()]
        return [*found, self._shown(table, ROWS, "Which rows there are: what is read, and the columns that filter, join and group it.", "", None)]

    def _shown(self, table: Table, name: str, words: str, type_: str, metric: dict[str, str] | None) -> Shown:
        column = Column(table.name, name)
        comes = self.lineage.parents.get(column)
        return Shown(
            name=name,
            words=words,
            type=type_,
            goes=self.lineage.children.get(column, ()),
            comes=comes or (),
            outside="Said by the run." if comes is not None else "Brought in here.",
            rests=self.rests_on(column) if table.schema == "marts" else (),
            metric=metric,
        )

    def rests_on(self, column: Column) -> set[Column]:
        """What a column comes from in the end: columns of the lake as loaded, seeds, the ledger, the platform's own records."""
        ends = ("raw_lake.", "seeds.", "ops.", "decisions.")
        return {found for found in self.lineage.ancestors(column) if found.table.startswith(ends) and found.name != ROWS}

    def fields(self, feed: Declaration) -> list[Shown]:
        """The fields of a feed's files, by their position where they have one, and what is taken without one."""
        taken = declared_of(feed)
        positions: defaultdict[str, list[str]] = defaultdict(list)
        for layout in feed.layouts:
            for name, position in layout.columns.items():
                at = f"{layout.record} {position}" if layout.record else str(position)
                positions[name] += [at] if at not in positions[name] else []
        first = {name: place for place, name in enumerate(positions)}
        looked_at = (declarations.taken_columns(feed) | set(taken)) - set(WITHOUT_A_FIELD)
        found = [
            Shown(
                name,
                "; ".join(f"{column}{_how(taken[name][column], name)}" for column in taken.get(name, ())),
                self.lineage.children.get(Column(feed.feed, name), ()),
                position=", ".join(positions.get(name, ["by name"])),
            )
            for name in sorted(looked_at, key=lambda name: (first.get(name, len(first)), name))
        ]
        others = [(name, words, self.lineage.children.get(Column(feed.feed, name))) for name, words in WITHOUT_A_FIELD.items()]
        return found + [Shown(name, words, goes) for name, words, goes in others if goes]

    @cached_property
    def reads(self) -> set[tuple[str, str]]:
        """Which table reads which other table or feed."""
        return {(column.table, parent.table) for column, parents in self.lineage.parents.items() for parent in parents if column.table != parent.table}

    def inputs(self, table: str) -> list[str]:
        return sorted(read for reader, read in self.reads if reader == table)

    def consumers(self, name: str) -> list[str]:
        return sorted(reader for reader, read in self.reads if read == name)


def _how(declared: declarations.Field, name: str) -> str:
    """How a declared column is taken from a field, in a few words."""
    links = [link for link in declared.chain if name in declarations.sources_of(link)]
    told = ["required"] if declared.required else []
    for link in links:
        told += [f"first of {', '.join(link.sources)}"] if len(link.sources) > 1 else []
        told += [f"joined: {' '.join(link.join)}"] if link.join else []
        told += [f"the part that {link.extract} encloses"] if link.extract else []
        told += [f"read by {link.parse[0]}"] if link.parse else []
        told += [f"{len(link.map)} values mapped"] if link.map else []
        told += ["only a condition of it"] if name not in (*link.sources, *link.join, link.plus, link.minus) else []
    told += [f"one of {', '.join(declared.one_of)}"] if declared.one_of else []
    return f" ({', '.join(told)})" if told else ""


# --- making it


def build(settings: Settings, say: Callable[[str], None]) -> Path:
    """Make the site; returns its first page. Errors: DbtFailed, sqlglot's."""
    turns.make_home(settings)
    own = f"docs-{os.getpid()}"
    unfinished = settings.home / f".{own}"
    try:
        say("compiling the models of both engines")
        lake, warehouse, page_of_dbt = _compiled(settings, own)
        say("reading the lineage of columns")
        site = _site(settings, lake, warehouse)
        say("writing pages")
        for path, text in pages(site).items():
            _write(unfinished / path, text)
        _write(unfinished / "dbt" / "index.html", page_of_dbt)
        swap(unfinished, settings.docs)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(dbt.workspace(settings, own), ignore_errors=True)
    return settings.docs / "index.html"


def _compiled(settings: Settings, own: str) -> tuple[dict, dict, str]:
    """Both manifests with compiled SQL, and dbt's own documentation; with the catalogue of what is in the database where it answers."""
    anywhere = replace(settings, lake=Path("$lake"))
    asks_nothing = ("--no-populate-cache",) if database_answers(settings) else ("--no-populate-cache", "--empty-catalog")
    dbt.run_dbt(anywhere, "lake", "compile", (*dbt.LAKE_MODELS, "--no-introspect", "--no-populate-cache"), RUN, beside=f"{own}/lake")
    dbt.run_dbt(anywhere, "docs", "docs generate", ("--static", *asks_nothing, *dbt.WAREHOUSE_MODELS), RUN, beside=f"{own}/warehouse")
    page = (dbt.workspace(settings, own) / "warehouse" / "static_index.html").read_text(encoding="utf-8")
    page = page.replace("<head>", f"<head>{LOADS_NOTHING}", 1)
    for place, name in ((str(settings.home), "$TOLLGATE_HOME"), (f"{REPOSITORY}/", "")):  # of this machine it says nothing
        page = page.replace(place, name)
    return dbt.manifest(settings, f"{own}/lake"), dbt.manifest(settings, f"{own}/warehouse"), page


def database_answers(settings: Settings) -> bool:
    try:
        psycopg.connect(settings.url("transformer"), connect_timeout=3).close()
    except (FileNotFoundError, psycopg.OperationalError):
        return False
    return True


def _site(settings: Settings, lake: dict, warehouse: dict) -> Site:
    feeds, faulty = [], []
    for name in declarations.names(settings.home):
        try:
            feeds.append(declarations.load(name, settings.home))
        except BadDeclaration:
            faulty.append(name)
    recorded = [project.described_by_dbt(table, warehouse["sources"].values()) for table in project.of_migrations()]
    return Site(
        tables=sorted([*project.of_manifests(lake, warehouse), *recorded], key=lambda table: table.name),
        feeds=feeds,
        metrics=dbt.seed("metrics"),
        gates={gate: load(gate) for gate in GATES},
        catalogues=catalogue.catalogues(),
        data_docs=f"../{settings.data_docs.name}/index.html" if (settings.data_docs / "index.html").exists() else "",
        faulty=faulty,
    )


def pages(site: Site) -> dict[Path, str]:
    """Every page but dbt's, by its path below the site's folder."""
    environment = _environment(site)

    def page(path: str, template: str, **said: Any) -> tuple[Path, str]:
        root = "../" * path.count("/")
        return Path(path), environment.get_template(template).render(root=root, **said)

    filled = {dag: [table.name for table in site.tables if any(task.startswith(f"{dag}.") for task in table.refreshed)] for dag in project.dags()}
    return dict([
        page("index.html", "home.html", tables=site.tables, layers=site.layers, feeds=site.feeds, faulty=site.faulty, metrics_table=METRICS),
        page("runs.html", "runs.html", dags=project.dags(), filled=filled),
        *(page(f"{each.name}.html", "catalogue.html", catalogue=each) for each in site.catalogues),
        *(
            page(
                site.page(table.name), "table.html", table=table, layer=site.layers[table.schema], columns=site.shown(table), facts=FACTS,
                inputs=site.inputs(table.name), consumers=site.consumers(table.name), named=project.naming(table.name),
                guards=project.guarding(table.name, site.gates),
            )
            for table in site.tables
        ),
        *(
            page(
                site.page(feed.feed), "feed.html", feed=feed, file=_declared_in(feed), fields=site.fields(feed), tables=site.consumers(feed.feed),
                text="\n".join(visible(line) for line in feed.path.read_text(encoding="utf-8").splitlines()),
            )
            for feed in site.feeds
        ),
    ])  # fmt: skip


def _declared_in(feed: Declaration) -> str:
    if feed.path.is_relative_to(REPOSITORY):
        return feed.path.relative_to(REPOSITORY).as_posix()
    return f"$TOLLGATE_HOME/feeds/{feed.kind}/{feed.path.name}"


def _environment(site: Site) -> Environment:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals |= {"site": site, "catalogues": site.catalogues, "data_docs": site.data_docs}
    known = {name: site.page(name) for name in site.names} | {metric["metric"]: site.href(METRICS, metric["metric"]) for metric in site.metrics}

    def code(match: re.Match[str], root: str) -> str:
        shown = f"<code>{LONG_NAME.sub('<wbr>', match[1])}</code>"
        return f'<a href="{root}{known[match[1]]}">{shown}</a>' if match[1] in known else shown

    def marked(text: str, root: str) -> Markup:
        """The little Markdown there is: code, with the page of what it names, and links to other files of docs/, which are no pages here."""
        plain = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"docs/\1", str(escape(visible(text.strip().replace("\n", " ")))))
        return Markup(re.sub(r"`([^`]+)`(; (?=`))?", lambda match: code(match, root) + ("<br>" if match[2] else ""), plain))

    environment.filters["marked"] = marked
    environment.filters["lines"] = lambda paragraph: re.split(r"\n(?=\d\. )", paragraph)  # steps stand on lines of their own
    return environment


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def swap(new: Path, place: Path) -> None:
    """Put a whole folder in the place of another: a reader finds the old site or the new one, never a mixture."""
    old = new.with_name(f"{new.name}.old")
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)
