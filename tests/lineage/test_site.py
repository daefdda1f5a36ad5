"""The documentation of the data, built without a database and read as an auditor does: by its links."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin

import pytest
import yaml

from include.lineage import project, site
from include.quality import suites
from include.settings import REPOSITORY, Settings

HOSTILE = "<script>alert(1)</script>{{ 7 * 7 }}"
OWN_FEED = f"""
description: "{HOSTILE}"
fields:
  call_id: {{required: true}}
  switch_id: {{folder: true, required: true}}
  start_time: {{required: true}}
  end_time: {{required: true}}
  ingress_trunk: {{required: true}}
  sip_code: {{from: "code <b>", required: true}}
"""
SECRETS = {"pg_transformer": "secret-of-the-transformer", "webhook": "secret-of-the-webhook"}
BROUGHT_IN = ("feeds/", "tables/seeds.", "tables/ops.", "tables/decisions.")


@dataclass
class Row:
    """A row of a page: its cells' text and the addresses in each."""

    cells: list[str]
    links: list[list[str]]


class Page(HTMLParser):
    """What a page refers to, its anchors, and its rows by their anchor."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: list[str] = []
        self.rows: dict[str, Row] = {}
        self._row: Row | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.anchors += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if tag == "a" else []
        self.loaded += [value for name, value in given.items() if name in ("src", "data", "action", "background") or (name == "href" and tag != "a")]
        if tag == "tr":
            self._row = Row([], [])
            if "id" in given:
                self.rows[given["id"]] = self._row
        elif tag == "td" and self._row:
            self._row.cells.append("")
            self._row.links.append([])
        elif tag == "a" and self._row and self._row.links:
            self._row.links[-1].append(given["href"])

    def handle_data(self, data: str) -> None:
        if self._row and self._row.cells:
            self._row.cells[-1] += data


@dataclass
class Built:
    """A site that was built, its pages by their address below it."""

    folder: Path
    said: list[str]

    @cached_property
    def pages(self) -> dict[str, Page]:
        return {address: Page(text) for address, text in self.texts.items() if not address.startswith("dbt/")}

    @cached_property
    def texts(self) -> dict[str, str]:
        return {path.relative_to(self.folder).as_posix(): path.read_text(encoding="utf-8") for path in sorted(self.folder.rglob("*.html"))}

    def next(self, place: str, cell: int) -> set[str]:
        """The columns that a column's cell leads to, as page and anchor; what leads to a table alone is left out."""
        address, _, anchor = place.partition("#")
        links = self.pages[address].rows[anchor].links
        return {unquote(urljoin(address, link)) for link in (links[cell] if cell < len(links) else []) if "#" in link}

    def origins(self, place: str) -> set[str]:
        """The fields of files, and the columns of seeds, ledger and records, to which `Comes from` leads in the end."""
        seen, ahead = {place}, [place]
        while ahead:
            here = ahead.pop()
            new = set() if here.startswith(BROUGHT_IN) else self.next(here, 2) - seen
            seen |= new
            ahead += new
        return {place for place in seen if place.startswith(BROUGHT_IN)}


@pytest.fixture(scope="module")
def built(installation: Settings) -> Built:
    """The site of an installation with a feed of its own and a faulty one, whose gates have run, and whose database does not."""
    installation.secrets.mkdir()
    for name, secret in SECRETS.items():
        (installation.secrets / name).write_text(secret)
    feeds = installation.home / "feeds" / "cdr"
    feeds.mkdir(parents=True)
    (feeds / "own.yaml").write_text(OWN_FEED)
    (feeds / "faulty.yaml").write_text("fields: [none]")
    installation.data_docs.mkdir()
    (installation.data_docs / "index.html").write_text("runs")
    said: list[str] = []
    return Built(site.build(installation, said.append).parent, said)


def test_it_is_built_where_no_database_runs_and_leaves_nothing_beside_it(built: Built, installation: Settings):
    assert built.folder == installation.docs
    assert built.said
    assert list(installation.home.glob(".docs*")) == list((installation.home / "dbt").glob("docs*")) == []


def test_every_table_and_feed_of_the_project_has_a_page(built: Built):
    models = {f"tables/{path.parent.name}.{path.stem}.html" for path in (REPOSITORY / "dbt_project" / "models").glob("*/*.sql")}
    seeds = {f"tables/seeds.{path.stem}.html" for path in (REPOSITORY / "dbt_project" / "seeds").glob("*.csv")}
    recorded = {f"tables/{table.name}.html" for table in project.of_migrations()}
    feeds = {f"feeds/{path.parent.name}.{path.stem}.html" for path in (REPOSITORY / "include" / "feeds").glob("*/*.yaml")}
    assert models | seeds | recorded | feeds | {"feeds/cdr.own.html", "tables/raw_lake.calls.html", "tables/decisions.ledger.html"} <= set(built.pages)
    listed = {urljoin("index.html", link) for link in built.pages["index.html"].links}
    assert {address for address in built.pages if "/" in address} <= listed


def test_every_link_leads_to_a_page_and_an_anchor_that_are_there(built: Built):
    wrong = []
    for address, page in built.pages.items():
        assert len(page.anchors) == len(set(page.anchors)), address
        for link in page.links:
            target, _, anchor = unquote(urljoin(f"docs/{address}", link)).partition("#")
            there = built.folder.parent / target
            if not there.is_file() or (anchor and anchor not in built.pages[target.removeprefix("docs/")].anchors):
                wrong.append(f"{address}: {link}")
    assert wrong == []


def test_no_page_loads_or_runs_anything(built: Built):
    for address, page in built.pages.items():
        assert page.loaded == [], address
        assert page.tags.isdisjoint({"script", "link", "img", "iframe", "object", "form", "base"}), address
        assert "default-src 'none'; style-src 'unsafe-inline'" in built.texts[address]
    of_dbt = built.texts["dbt/index.html"]
    head = of_dbt[: of_dbt.index("<script")]
    assert "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'" in head, "before anything else can load"
    assert not re.search(r"""<script[^>]*\ssrc=|<link[^>]*href=["']?(https?:)?//""", of_dbt)
    assert '"send_anonymous_usage_stats": false' in of_dbt


def test_no_page_holds_a_secret_a_number_or_a_path_of_the_machine(built: Built, installation: Settings):
    for address, text in built.texts.items():
        assert [secret for secret in SECRETS.values() if secret in text] == [], address
        assert str(installation.home) not in text and str(REPOSITORY) not in text, address
        if address in built.pages:
            assert re.findall(r"\+1[2-9]\d{9}(?!\d)|(?<![\d.])[2-9]\d{2}[2-9]\d{6}(?!\d)", text) == [], address


def test_what_a_declaration_says_stays_text(built: Built):
    page = built.texts["feeds/cdr.own.html"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }}" in page
    assert "code <b>" not in page
    assert "tables/raw_lake.calls.html#sip_code" in built.next("feeds/cdr.own.html#code--b-", 3)
    assert "cdr/faulty" in built.texts["index.html"]


def test_every_column_of_a_mart_is_described_and_comes_from_somewhere(built: Built):
    undescribed, from_nowhere = [], []
    for address, page in built.pages.items():
        for anchor, row in page.rows.items() if address.startswith("tables/marts.") else ():
            undescribed += [f"{address}#{anchor}"] if row.cells[1].strip().startswith("Not described") else []
            from_nowhere += [] if built.origins(f"{address}#{anchor}") else [f"{address}#{anchor}"]
    assert undescribed == from_nowhere == []


def test_every_mart_says_what_a_row_is_who_fills_it_and_what_its_limits_are(built: Built):
    for address, text in built.texts.items():
        if address.startswith("tables/marts."):
            assert "<tr><th>A row</th><td>One row per " in text, address
            assert "None is written down" not in text, address
            assert 'href="../runs.html#build_risk_marts"' in text, address


@pytest.mark.parametrize(
    ("column", "fields"),
    {
        "customer_risk_daily.html#asr": {"feeds/cdr.asterisk.html#answer", "feeds/cdr.asterisk.html#start", "feeds/cdr.asterisk.html#channel"},
        "customer_risk_daily.html#complaints_matched": {
            "feeds/complaints.ftc_csv.html#Company_Phone_Number", "feeds/complaints.ftc_csv.html#Violation_Date", "feeds/cdr.asterisk.html#src",
        },
        "customer_risk_daily.html#tracebacks_30d": {
            "feeds/tracebacks.standard.html#called_number", "feeds/tracebacks.standard.html#call_at", "feeds/cdr.asterisk.html#dst",
        },
        "upstream_risk_daily.html#rmd_status": {"feeds/reference.rmd.html#number", "feeds/reference.rmd.html#frn", "feeds/reference.upstreams.html#frn"},
    }.items(),
    ids=lambda given: given if isinstance(given, str) else "",
)  # fmt: skip
def test_a_column_of_a_mart_is_walked_down_to_the_fields_of_files(built: Built, column: str, fields: set[str]):
    assert fields <= built.origins(f"tables/marts.{column}")


def test_a_count_of_calls_does_not_come_from_complaints_or_the_registry(built: Built):
    feeds = {place.partition("#")[0] for place in built.origins("tables/lake.party_traffic_daily.html#answered") if not place.endswith("#(file)")}
    assert not [feed for feed in feeds if feed.startswith(("feeds/complaints.", "feeds/tracebacks.")) or feed == "feeds/reference.rmd.html"]


def test_whatever_a_column_comes_from_leads_back_to_it(built: Built):
    there, back = set(), set()
    for address, page in built.pages.items():
        if address.startswith(("tables/", "feeds/")):
            for anchor in page.rows:
                place = f"{address}#{anchor}"
                there |= {(place, other) for other in built.next(place, 2) if not address.startswith("feeds/")}
                back |= {(other, place) for other in built.next(place, 3)}
    assert there == back


def test_a_metric_is_shown_with_its_formula(built: Built):
    words = re.sub(r"\s+", " ", built.pages["tables/marts.customer_risk_daily.html"].rows["asr"].cells[1])
    assert "Answer-seizure ratio: answered / attempts" in words and "Source: S-56" in words
    assert built.next("tables/marts.customer_risk_daily.html#asr", 2) == {"tables/intermediate.party_metrics_daily.html#asr"}
    assert built.next("tables/intermediate.party_metrics_daily.html#asr", 2) == {
        "tables/intermediate.party_facts_daily.html#answered", "tables/intermediate.party_facts_daily.html#attempts",
    }  # fmt: skip


def test_a_table_names_the_checks_tests_and_files_that_look_at_it(built: Built):
    text = built.texts["tables/marts.complaint_attribution.html"]
    assert 'href="../checks.html#complaint_attribution.calls_and_levels_agree"' in text
    assert "<li>no such call is proven where every feed is complete</li>" in text
    assert "include/decisions/sql/verdicts_of_day.sql" in built.texts["tables/marts.customer_risk_daily.html"]
    checks = {f"{suite.name}.{check.name}" for gate in suites.GATES for suite in suites.load(gate) for check in suite.checks}
    assert checks == set(built.pages["checks.html"].rows)


def test_the_control_matrix_names_what_is_there(built: Built):
    given = yaml.safe_load((REPOSITORY / "include" / "lineage" / "controls.yaml").read_text(encoding="utf-8"))
    controls = [control for section in given["sections"] for control in section["controls"]]
    unit_tests = {name for path in (REPOSITORY / "dbt_project").rglob("*.yml") for name in re.findall(r"(?m)^  - name: (\w+)$", path.read_text())}
    functions: defaultdict[str, list[str]] = defaultdict(list)
    for path in (REPOSITORY / "tests").rglob("test_*.py"):
        functions[path.relative_to(REPOSITORY).as_posix()] += re.findall(r"(?m)^def (test_\w+)", path.read_text())

    def is_there(test: str) -> bool:
        path, _, name = test.partition("::")
        return name in functions[path] if name else test in unit_tests

    for control in controls:
        assert control["enforced"] and control["tests"], control["control"]
        assert [file for file in control["enforced"] if not (REPOSITORY / file).is_file()] == [], control["control"]
        assert [table for table in control["evidence"] if f"tables/{table}.html" not in built.pages] == [], control["control"]
        assert [test for test in control["tests"] if not is_there(test)] == [], control["control"]
    assert {control["control"] for control in controls} == set(built.pages["controls.html"].rows)


def test_the_tasks_that_fill_tables_are_tasks():
    dags = {path.stem: path.read_text() for path in (REPOSITORY / "dags").glob("*.py")}
    shape = (REPOSITORY / "include" / "pipeline" / "ingest.py").read_text()
    tables = {*project.REFRESHED, *(f"raw_lake.{name}" for name in project.LOADING), "raw_lake.reference_rmd", "lake.party_daily", "marts.recommendations"}
    for dag, *_, task in (name.split(".") for table in tables for name in project.refreshed(table)):
        assert f"def {task}(" in (shape if "ingest_dag(" in dags[dag] else dags[dag]), f"{dag}.{task}"


def test_a_new_site_takes_the_place_of_the_old_one_whole(tmp_path: Path):
    for name, file in (("docs", "gone.html"), (".docs-1", "index.html")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(name)
    site.swap(tmp_path / ".docs-1", tmp_path / "docs")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["docs", "docs/index.html"]
