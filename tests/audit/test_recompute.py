"""Past recommendations are made again from what was known then, whatever has come since. On a processed world."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from processed_world import MONDAY, TUESDAY, ProcessedWorld
from tests.ingest.desk import LAKE, LONG_AGO, calls_csv, csv_text

from include import stages
from include.audit import audit, recompute
from include.audit.recompute import AT_ONCE, Batch
from include.decisions import private_rules
from include.lake import dbt

CALLER, RENAMED = "C1010", "C1026"
"""A customer of whom late calls come, and one of whom the reference changes; afterwards both have one tax id."""


class News:
    """What comes after the world was processed: late calls, other reference data, other rules, and a notice."""

    def __init__(self, world: ProcessedWorld):
        self.world = world
        self.brought = []
        self.late_calls()
        self.other_customers()
        self.other_rules()
        again = stages.load_new_files("cdr", None)
        assert again == [MONDAY.isoformat()] and stages.load_new_files("reference", None)
        world.build(MONDAY, "again")
        assert world.judge(MONDAY, "again") > 0
        self.notice()
        assert stages.load_notices() == [TUESDAY.isoformat()]
        stages.match_notices()
        assert TUESDAY.isoformat() in stages.act_on_notices("notice")

    def bring(self, path: str, content: str) -> None:
        file = self.world.settings.landing / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        os.utime(file, (LONG_AGO, LONG_AGO))
        self.brought.append(file)

    def late_calls(self) -> None:
        """Three hundred of two seconds to one number each."""
        calls = [
            {
                "call_id": f"late{n}", "switch_id": "dal1", "ingress_trunk": f"{CALLER.lower()}-dal1", "calling_number": f"+17132390{n % 10:03}",
                "called_number": f"+1212555{n:04}", "start_time": f"{MONDAY}T15:{n // 60:02}:{n % 60:02}Z",
                "answer_time": f"{MONDAY}T15:{n // 60:02}:{n % 60:02}.5Z", "end_time": f"{MONDAY}T15:{n // 60:02}:{n % 60:02}.9Z",
            }
            for n in range(300)
        ]  # fmt: skip
        self.bring("cdr/standard/late.csv", calls_csv(*calls))

    def other_customers(self) -> None:
        file = self.world.settings.landing / "reference" / "customers" / f"customers-{MONDAY}.csv"
        with file.open(newline="") as opened:
            rows = list(csv.DictReader(opened))
        for row in rows:
            if row["customer_id"] in (CALLER, RENAMED):
                row |= {"tax_id": "00-0000000"}
            if row["customer_id"] == RENAMED:
                row |= {"legal_name": "Renamed & Sons", "traffic_class": "dialer", "country": "CA"}
        lines = [",".join(rows[0]), *(",".join(f'"{value}"' for value in row.values()) for row in rows)]
        self.bring(f"reference/customers/corrected-{MONDAY}.csv", "\n".join(lines) + "\n")

    def other_rules(self) -> None:
        """A limit that everybody is above."""
        rule = next(rule for rule in dbt.seed("rules") if rule["rule_code"] == "SDC6_HIGH") | {"threshold": "0.0001", "exempt_traits": ""}
        file = private_rules.file(self.world.settings)
        file.write_text(csv_text(private_rules.columns(), [rule]))
        self.brought.append(file)

    def notice(self) -> None:
        """Of Tuesday, about a call that the customer made on it."""
        received, call = f"{TUESDAY}T20:00:00Z", self.call_of_tuesday()
        told = f"n-1,itg,{received},{call['call_at']},{call['calling_number']},{call['called_number']},fraud"
        columns = "traceback_id,requester,received_at,call_at,calling_number,called_number,violation_class"
        self.bring("tracebacks/standard/news.csv", f"{columns}\n{told}\n")

    def call_of_tuesday(self) -> dict[str, str]:
        found = LAKE.execute(
            f"""
            select calling_number, called_number, start_at::text || 'Z' as call_at
            from read_parquet('{self.world.settings.lake}/calls/service_date={TUESDAY}/*.parquet')
            where ingress_trunk like '{CALLER.lower()}-%'
            order by start_at
            limit 1
            """
        )
        return dict(zip([column[0] for column in found.description], found.fetchall()[0], strict=True))

    def forget(self) -> None:
        for file in self.brought:
            file.unlink()
        self.world.restore()


@pytest.fixture(scope="module")
def news(processed_world: ProcessedWorld) -> Iterator[News]:
    news = News(processed_world)
    yield news
    news.forget()


def batches(world: ProcessedWorld) -> list[Batch]:
    with psycopg.connect(world.settings.url("auditor")) as connection:
        return recompute.batches(connection)


def test_a_recommendation_comes_out_as_it_was_after_late_calls_other_reference_data_and_other_rules_and_a_changed_figure_is_named(news: News):
    first, *_ = batches(news.world)
    assert (first.service_date, first.actor) == (MONDAY, "recommend_suspensions")
    (entry,) = news.world.rows(
        "select * from decisions.ledger where service_date = %(day)s and party_id = %(party)s and entry_type = 'recommendation' order by entry_id limit 1",
        day=MONDAY, party=RENAMED,
    )  # fmt: skip
    restated = news.world.verdict(MONDAY, RENAMED)
    changed = {name for name, value in restated["payload"].items() if entry["payload"][name] != value}
    assert {"legal_name", "linked_party_ids", "hits", "ruleset_version"} <= changed

    position, hit = next((n, hit) for n, hit in enumerate(entry["payload"]["hits"]) if hit["denominator"])

    def write(numerator: str) -> None:
        news.world.tamper(
            f"""
            update decisions.ledger set payload = jsonb_set(payload, '{{hits,{position},numerator}}', '{numerator}')
            where entry_id = {entry["entry_id"]}
            """
        )

    write(f"{hit['numerator']}.000000000000000001")
    try:
        found = recompute.recompute(news.world.settings, first)
    finally:
        write(hit["numerator"])
    assert (found.not_recomputed, found.compared) == ("", sum(day == MONDAY for *_, day in news.world.expected.verdicts))
    assert found.differences == [
        f"{entry['recommendation_id']} (customer {RENAMED}) {hit['rule_code']} numerator: "
        f"stored {hit['numerator']}.000000000000000001, made again {hit['numerator']}"
    ]


def test_what_a_notice_brought_at_once_comes_out_as_it_was_and_the_audit_says_so_in_the_ledger(news: News):
    last = batches(news.world)[-1]
    assert (last.service_date, last.actor) == (TUESDAY, AT_ONCE)
    done = audit.audit(news.world.settings, "of the notice", size=1)
    (made,) = done["recomputed"]
    assert (made["entries"], made["differing"], made["not_recomputed"]) == ([last.first_entry, last.last_entry], [], None)
    assert made["compared"] >= 1
    assert done["outcome"] == "clean" and done["problems"] == []
    for _ in range(2):
        audit.audit(news.world.settings, "of nothing", size=0)
    entries = news.world.rows("select payload from decisions.ledger where entry_type = 'audit' order by entry_id")
    assert [entry["payload"]["run"] for entry in entries] == ["of the notice", "of nothing"]
    assert entries[0]["payload"] == done


def test_a_file_of_calls_that_is_not_what_it_was_is_named(news: News):
    first, *_ = batches(news.world)
    path = max((news.world.settings.lake / "calls" / f"service_date={MONDAY}").glob("*.parquet"), key=lambda path: path.stat().st_size)
    before = path.read_bytes()
    rows = pq.read_table(path)
    shorter = pc.if_else(True, rows["start_at"], rows["end_at"])
    pq.write_table(rows.set_column(rows.schema.get_field_index("end_at"), "end_at", shorter), path)
    try:
        (told,) = recompute.recompute(news.world.settings, first).differences
    finally:
        path.write_bytes(before)
    assert told.startswith(f"calls/service_date={MONDAY}/{path.name}, of cdr/") and "is not what it was" in told


def test_a_changed_record_of_builds_is_named(news: News):
    first, *_ = batches(news.world)
    news.world.damage(f"update ops.builds set known_at = now() where build_id = {first.last_build}")
    assert recompute.recompute(news.world.settings, first).differences == [
        f"ops.builds, up to build {first.last_build}, is not what it was when entry {first.first_entry} was appended"
    ]


def test_a_sample_is_the_newest_and_others_that_the_head_chooses():
    known = [Batch(MONDAY, "a", datetime(2026, 11, 17, tzinfo=UTC), entry, entry, 1, None) for entry in range(100)]
    assert [batch.first_entry for batch in audit.sample(known, "head", 1)] == [99]
    one, other = (audit.sample(known, head, 5) for head in ("head", "another head"))
    assert one == audit.sample(known, "head", 5) and one[0] == other[0] == known[-1]
    assert len(set(batch.first_entry for batch in one)) == 5 and one[1:] != other[1:]
    assert audit.sample([], "", 2) == [] and audit.sample(known, "head", 0) == []
