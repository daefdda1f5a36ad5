"""A recommendation explained down to file and line: what is printed is compared with the landing files themselves, and the page with what is printed."""

from __future__ import annotations

import csv
import gzip
import html
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import psycopg
import pytest
from processed_world import MONDAY, TUESDAY, ProcessedWorld

from include import software, stages
from include.decisions import ledger, reviews
from include.lineage import chain, explain, lake
from include.lineage.chain import Explained
from include.operations import report

BEHAVIOUR = ("SDC6_HIGH", "SHORT30_MANY_ANI", "ABANDON_HIGH", "DNO_VOLUME", "FOREIGN_US_CID", "UNAPPROVED_CID", "IMPROPER_A")
"""Rules of behaviour that fire in the demo world, whose numerators attempts can be counted for."""


def explained_of(world: ProcessedWorld, day, party_id: str) -> str:
    return explain.explain(world.settings, world.verdict(day, party_id)["recommendation_id"])


def text_of(path: Path) -> str:
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()


def line_of(path: Path, number: int) -> str:
    return text_of(path).split("\n")[number - 1]


def places(text: str) -> list[tuple[str, int]]:
    """The files and lines that a text names, in its order."""
    return [(path, int(line)) for path, line in re.findall(r"^ +(\S+/\S+) line (\d+)", text, re.MULTILINE)]


@pytest.fixture(scope="module")
def every_chain(processed_world: ProcessedWorld) -> list[Explained]:
    """Everything there is to be explained, gathered."""
    found = processed_world.rows("select recommendation_id from decisions.ledger where entry_type = 'recommendation'")
    return [chain.gather(processed_world.settings, row["recommendation_id"]) for row in found]


@pytest.fixture(scope="module")
def every_text(every_chain: list[Explained]) -> dict[str, str]:
    return {explained.recommendation_id: explain.text(explained) for explained in every_chain}


@pytest.fixture(scope="module")
def every_page(every_chain: list[Explained], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("explained")
    return {explained.recommendation_id: explain.write(folder, explained).read_text(encoding="utf-8") for explained in every_chain}


class Shown(HTMLParser):
    """The text of a page, its tags and the addresses that it names."""

    def __init__(self, page: str):
        super().__init__()
        self.text, self.tags, self.addresses = "", set(), []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in ("href", "src", "action", "data")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_traced_call_stands_where_the_explanation_says(processed_world: ProcessedWorld):
    notices = [
        notice for notice in processed_world.expected.notices
        if notice.match_status == "unique" and notice.calls[0].party_id in ("C1031", "C1032", "C1034")
    ]  # fmt: skip
    assert notices
    for notice in notices:
        (call,) = notice.calls
        text = explained_of(processed_world, TUESDAY, call.party_id)
        assert (call.file, call.line) in places(text)
        line = line_of(processed_world.settings.landing / call.file, call.line)
        assert call.call_id in line
        assert f"{call.call_id}, " in text
        (place,) = re.findall(rf"^  notice {notice.traceback_id} .*\n +(\S+) line (\d+)", text, re.MULTILINE)
        assert place[0] == notice.file
        if notice.file.endswith(".csv"):
            assert notice.traceback_id in line_of(processed_world.settings.landing / notice.file, int(place[1]))


def test_every_line_that_behaviour_is_explained_with_holds_its_call(every_text: dict[str, str], processed_world: ProcessedWorld):
    shown = 0
    for text in every_text.values():
        for call_id, path, line in re.findall(r"^  call (\S+), .*\n +(\S+) line (\d+)", text, re.MULTILINE):
            assert call_id in line_of(processed_world.settings.landing / path, int(line))
            shown += 1
    assert shown > 20


def test_what_is_counted_again_is_what_was_recorded(every_text: dict[str, str], processed_world: ProcessedWorld):
    hits = processed_world.rows(
        "select rule_code, count(*) as hits from marts.rule_hits_daily where evidence = 'behaviour' group by rule_code"
    )
    assert {row["rule_code"] for row in hits} == {*BEHAVIOUR, "DIALER_ON_CONV"}
    everything = "\n".join(every_text.values())
    assert everything.count("counted again from the lake") == sum(row["hits"] for row in hits if row["rule_code"] in BEHAVIOUR)
    assert "read again from the warehouse" in everything
    assert "(recorded: " not in everything


def test_every_query_asked_again_by_itself_gives_what_was_recorded(every_chain: list[Explained], processed_world: ProcessedWorld):
    counts = [(finding.count, finding.hit) for explained in every_chain for finding in explained.findings if finding.count]
    asked = {"lake": 0, "warehouse": 0}
    with psycopg.connect(processed_world.settings.url("auditor")) as warehouse:
        for count, hit in counts:
            of_the_lake = "read_parquet" in count.query
            (given,) = (duckdb.execute(count.query) if of_the_lake else warehouse.execute(count.query.replace("%", "%%"))).fetchall()
            assert given == (hit["numerator"], hit["denominator"])[: len(given)]
            asked["lake" if of_the_lake else "warehouse"] += 1
    assert min(asked.values()) > 5


@pytest.mark.parametrize("text", ["", "a", "it's", "a\nb\t'c'\u202e", "\n", "€ $day %(day)s"])
def test_a_literal_is_the_text_whatever_it_holds_and_can_be_seen(text: str):
    written = lake.literal(text)
    assert written.isprintable()
    assert duckdb.execute(f"select {written}").fetchall() == [(text,)]


def test_a_count_that_differs_is_said(own_world: ProcessedWorld):
    recommendation_id = own_world.verdict(MONDAY, "C1027")["recommendation_id"]
    own_world.tamper(
        f"""
        update decisions.ledger set payload = jsonb_set(payload, '{{hits,0,numerator}}', '999999')
        where recommendation_id = '{recommendation_id}'
        """
    )
    assert "(recorded: 999,999 of " in explain.explain(own_world.settings, recommendation_id)


def test_a_removed_upstream_stands_on_the_line_of_the_earlier_snapshot(processed_world: ProcessedWorld):
    text = explained_of(processed_world, TUESDAY, "U209")
    assert "RMD_REMOVED" in text
    assert "listed before, in:" in text
    ((path, line),) = places(text)
    assert MONDAY.isoformat() in path
    (upstream,) = processed_world.rows(
        "select * from lake.upstream_registry_daily where upstream_id = 'U209' and service_date = %(day)s", day=TUESDAY
    )
    assert upstream["rmd_number"] in line_of(processed_world.settings.landing / path, line)
    assert upstream["rmd_snapshot_from"] == TUESDAY
    newest = next((processed_world.settings.landing / "reference/rmd").glob(f"*{TUESDAY}*"))
    assert upstream["rmd_number"] not in text_of(newest)
    assert newest.name in text


def test_an_absent_upstream_stands_on_its_own_line_and_in_no_snapshot(processed_world: ProcessedWorld):
    text = explained_of(processed_world, TUESDAY, "U210")
    assert "listed in no snapshot" in text
    ((path, line),) = places(text)
    assert path.startswith("reference/upstreams/")
    assert next(csv.reader([line_of(processed_world.settings.landing / path, line)]))[0] == "U210"


def test_an_authoritys_notice_stands_on_its_line(processed_world: ProcessedWorld):
    text = explained_of(processed_world, TUESDAY, "C1036")
    assert "LEGAL_NOTICE" in text
    found = [place for place in places(text) if place[0].startswith("reference/enforcement_notices/")]
    assert found
    for path, line in found:
        assert ",customer,C1036," in line_of(processed_world.settings.landing / path, line)


def test_missing_data_name_the_missing_file(processed_world: ProcessedWorld):
    text = explained_of(processed_world, TUESDAY, "C1037")
    (missing,) = processed_world.expected.missing
    assert "DATA_INCOMPLETE" in text
    assert missing.removeprefix("cdr/asterisk/") in text


def test_a_chain_ends_at_receipts_that_add_up_and_names_its_gates_and_runs(processed_world: ProcessedWorld):
    text = explained_of(processed_world, TUESDAY, "C1031")
    sums = re.findall(r"^  (\S+): ([\d,]+) = ([\d,]+) \+ ([\d,]+) \+ ([\d,]+), ", text, re.MULTILINE)
    assert {path for path, *_ in sums} == {path for path, _ in places(text)}
    for _, *counts in sums:
        read, *parts = (int(count.replace(",", "")) for count in counts)
        assert read == sum(parts)
    entry = processed_world.verdict(TUESDAY, "C1031")
    assert entry["hash"] in text
    assert f"Made by run first__{TUESDAY}" in text
    assert "gate arriving_data: " in text
    assert f"(run first__{TUESDAY})" in text.replace("\n    ", " ")
    assert "waits for a person" in text


def test_an_unknown_id_is_said_to_be_unknown(processed_world: ProcessedWorld):
    with pytest.raises(chain.UnknownRecommendation, match="no recommendation R0 in the ledger: marts.recommendations has"):
        explain.explain(processed_world.settings, "R0")


def test_the_entry_that_restated_it_is_named_the_last_of_several(own_world: ProcessedWorld):
    first = own_world.verdict(MONDAY, "C1027")["recommendation_id"]
    for time in range(3):
        own_world.damage(
            f"update marts.customer_risk_daily set score = score + 1 where customer_id = 'C1027' and service_date = '{MONDAY}'"
        )
        own_world.judge(MONDAY, f"restated {time}")
    last = own_world.verdict(MONDAY, "C1027")["recommendation_id"]
    assert last != first
    assert f"restated later: {last}" in explain.explain(own_world.settings, first)


def test_a_file_that_is_gone_from_the_landing_folder_is_said_to_be(processed_world: ProcessedWorld, tmp_path: Path):
    (notice,) = (n for n in processed_world.expected.notices if n.calls and n.calls[0].party_id == "C1032" and n.match_status == "unique")
    gone = processed_world.settings.landing / notice.calls[0].file
    shutil.move(gone, tmp_path / "kept")
    try:
        text = explained_of(processed_world, TUESDAY, "C1032")
    finally:
        shutil.move(tmp_path / "kept", gone)
    assert f"{notice.calls[0].file} line {notice.calls[0].line}  (no longer in the landing folder)" in text
    assert f"{gone} | sed" not in text


def test_the_line_itself_is_shown_without_the_numbers(every_text: dict[str, str], processed_world: ProcessedWorld):
    """Of each line of a call: its beginning, which holds no number, and none of the numbers."""
    shown = 0
    for text in every_text.values():
        for path, line, raw in re.findall(r"^    (cdr/\S+) line (\d+)\n.*\n      \| (.*)$", text, re.MULTILINE):
            sent = line_of(processed_world.settings.landing / path, int(line)).rstrip("\r")
            kept = re.sub("[0-9x]", "", raw)
            assert kept == re.sub("[0-9x]", "", sent) and raw != sent and len(raw) == len(sent)
            shown += 1
    assert shown > 20


def test_a_page_says_what_the_text_says_and_only_the_installation_reads_it(
    every_chain: list[Explained], every_page: dict[str, str], processed_world: ProcessedWorld
):
    for explained in every_chain:
        page = Shown(every_page[explained.recommendation_id])
        assert page.tags.isdisjoint({"script", "img", "iframe", "link", "object", "form"}) and page.addresses == []
        assert explained.entry["hash"] in page.text
        for finding in explained.findings:
            assert finding.words.removeprefix(f"{finding.code}: ") in page.text
            assert not finding.count or finding.count.query in page.text
            for evidence in finding.evidence:
                assert evidence.words in page.text
                assert all(f"{explained.files[place.receipt_id].path} line {place.line}" in page.text for place in evidence.places if place.line)
        assert all(line in page.text for file in explained.files.values() for line in file.lines.values())
    printed = explained_of(processed_world, TUESDAY, "C1031")
    address = Path(printed.splitlines()[-1].removeprefix("The same as a page: "))
    assert printed.startswith(f"{address.stem}: ") and Shown(address.read_text(encoding="utf-8")).text
    assert (address.stat().st_mode & 0o777, address.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_what_comes_out_of_files_is_neither_markup_nor_steers_a_terminal(every_chain: list[Explained], tmp_path: Path):
    hostile = "<script>alert(1)</script>{{ 7 * 7 }}\x1b[31m\u202e\n  hash of nobody"
    explained = next(found for found in every_chain if any(file.lines for file in found.files.values()))
    payload = explained.entry["payload"] | {"legal_name": hostile, "linked_party_ids": [hostile]}
    files = {key: replace(file, lines=dict.fromkeys(file.lines, hostile)) for key, file in explained.files.items()}
    review = {"entry_id": 9, "entry_type": "review", "recorded_at": datetime.now(UTC), "actor": hostile, "payload": {"decision": "approve", "comment": hostile}}
    explained = replace(explained, recommendation_id=f"../{hostile}", entry=explained.entry | {"payload": payload}, files=files, afterwards=[review])
    told = explain.text(explained)
    assert all(line.isprintable() for line in told.split("\n"))
    assert "\n  hash of nobody" not in told
    written = explain.write(tmp_path / "pages", explained)
    assert written.parent == tmp_path / "pages"
    page = written.read_text(encoding="utf-8")
    assert "script" not in Shown(page).tags and "<script>alert(1)</script>{{ 7 * 7 }}\\x1b[31m\\u202e" in html.unescape(page)
    assert all(line.isprintable() for line in page.split("\n"))


def test_the_rules_are_those_that_judged_and_changed_ones_are_said(own_world: ProcessedWorld):
    recommendation_id = own_world.verdict(MONDAY, "C1027")["recommendation_id"]
    before = explain.text(chain.gather(own_world.settings, recommendation_id))
    assert "the rules on record are those that judged" in before
    judged = re.search(r"rule 1\.1 as it judged: .*", before)[0]
    own_world.damage("update intermediate.rule_set set threshold = 0.77")
    assert explain.text(chain.gather(own_world.settings, recommendation_id)) == before
    own_world.damage("update intermediate.rule_sets set threshold = 0.77")
    after = explain.text(chain.gather(own_world.settings, recommendation_id))
    assert "THE RULES ON RECORD ARE OTHERS than its version says" in after
    assert judged not in after


def test_what_arrives_later_changes_no_count(own_world: ProcessedWorld):
    """More calls of the same party on the same date, which count for whoever builds the date again."""
    recommendation_id = own_world.verdict(MONDAY, "C1027")["recommendation_id"]
    before = chain.gather(own_world.settings, recommendation_id)
    place = next(place for finding in before.findings if finding.count for evidence in finding.evidence for place in evidence.places)
    file = before.files[place.receipt_id]
    header, sent = line_of(file.address, 1), line_of(file.address, place.line)
    call_id = re.search(r"^call (\S+), ", next(e.words for f in before.findings for e in f.evidence if place in e.places))[1]
    late = file.address.parent / f"late-{MONDAY}.csv"
    late.write_text("\n".join([header, *(sent.replace(call_id, f"late{n}{call_id}") for n in range(50))]) + "\n", encoding="utf-8")
    try:
        stages.load_new_files("cdr", MONDAY)
        path = str(late.relative_to(own_world.settings.landing))
        assert own_world.rows("select rows_accepted from ops.file_receipts where path = %(path)s", path=path) == [{"rows_accepted": 50}]
        after = chain.gather(own_world.settings, recommendation_id)
    finally:
        late.unlink()
    assert [finding.count for finding in after.findings] == [finding.count for finding in before.findings]


def test_what_people_did_stands_in_the_order_of_the_ledger_whatever_it_is(own_world: ProcessedWorld, monkeypatch: pytest.MonkeyPatch):
    entry = own_world.verdict(TUESDAY, "C1031")
    versions = entry["payload"]["inputs"]["versions"]
    assert set(versions) == {"Tollgate", "Python", "dbt", "DuckDB", "Great Expectations", "Airflow", "PostgreSQL"} and all(versions.values())
    # the same verdict by other software is no new one
    monkeypatch.setattr(software, "sources", lambda: "other sources")
    assert own_world.judge(TUESDAY, "other software") == 0
    at = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)
    with psycopg.connect(own_world.settings.url("recommender")) as connection:
        ledger.escalate(connection, datetime.now(UTC).replace(year=2030))
        reviews.record(connection, entry["payload"]["case_id"], "approve", "Seen, and call +1 212 555 0123", "compliance", at)
    text = explain.text(chain.gather(own_world.settings, entry["recommendation_id"]))
    told = " ".join(text.split("What people did\n")[1].split("\nFiles")[0].split())
    assert "approve by compliance" in text
    assert re.search(r"escalation by handle_traceback: .* review by compliance: .*comment: Seen, and call \+1 212 555 xxxx", told)
    assert f"Python {versions['Python']}" in " ".join(text.split())


def test_nobodys_telephone_number_is_ever_printed(every_text: dict[str, str], every_page: dict[str, str], processed_world: ProcessedWorld):
    calls = str(processed_world.settings.lake / "calls" / "*" / "*.parquet")
    numbers = duckdb.execute(
        "select distinct unnest([calling_number, called_number]) as number from read_parquet($1)", [calls]
    ).fetchall()
    national = {number[-10:] for (number,) in numbers if number and len(re.sub(r"\D", "", number)) >= 10}
    assert len(national) > 1000
    reports = [report.full(processed_world.settings, day) + report.outcome(processed_world.settings, day) for day in processed_world.days]
    for text in (*every_text.values(), *map(html.unescape, every_page.values()), *reports):
        # Also as people write them, with dashes, dots or brackets in between.
        digits = set(re.findall(r"(?<![0-9a-f])\d{10}(?![0-9a-f])", re.sub(r"(?<=\d)[-. ()](?=\d)", "", text)))
        digits |= {found[1:] for found in re.findall(r"(?<![0-9a-f])1\d{10}(?![0-9a-f])", text)}
        assert not digits & national
        assert not re.search(r"\+\d{9,}", text)


def test_explaining_needs_no_more_than_the_auditor_may(processed_world: ProcessedWorld, monkeypatch: pytest.MonkeyPatch):
    """With the passwords of all other roles gone it still works."""
    for secret in processed_world.settings.secrets.iterdir():
        if secret.name.startswith("pg_") and secret.name != "pg_auditor":
            monkeypatch.setattr(Path, "read_text", _refusing(Path.read_text, secret))
    assert explained_of(processed_world, TUESDAY, "C1031")


def _refusing(read, secret: Path):
    def reading(path: Path, *arguments, **given):
        assert path != secret, f"{secret.name} was read"
        return read(path, *arguments, **given)

    return reading
