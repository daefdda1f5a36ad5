"""Whole days through the real scheduler: files in, verdicts, a person's answers, late files, nothing lost and nothing doubled."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import psycopg
import pytest
from psycopg import sql

from include.decisions import proof
from include.demo.world import Expected, missing_file, write_world
from include.lake import dbt
from include.lineage.explain import explain
from include.operations.backfill import INGEST_DAGS, backfill, settle
from include.platform import lifecycle, roles
from include.platform.airflow_api import AirflowApi
from include.settings import Settings
from tests.lineage.openlineage_schema import problems
from tests.running import eventually

FIRST_DAY, DAYS = date(2026, 11, 16), [date(2026, 11, 16), date(2026, 11, 17)]
LAST_DAY = DAYS[-1]
LATE = "cdr/standard/nyc1"
PARKING = 8
"""Seconds: Airflow 3.3 fails a task that is answered while it is being parked, and asks again."""

CLEAN = "C1010"
"""A customer of whom the days themselves find nothing; no call of its own lies in the file held back."""
MARTS = ("customer_risk_daily", "upstream_risk_daily", "rule_hits_daily", "traceback_worklist", "complaint_attribution", "data_status_daily")


class Platform:
    """A running installation with a small demo world in its landing folder, one file of the last day held back."""

    def __init__(self, settings: Settings, aside: Path):
        self.settings = settings
        self.expected: Expected = write_world(settings.landing, first_day=FIRST_DAY, days=len(DAYS), attempts=5_000, seed=7)
        self.late = sorted((settings.landing / LATE).glob(f"*{LAST_DAY}T12*"))[0]
        self.aside = aside / self.late.name
        shutil.move(self.late, self.aside)
        self.api = AirflowApi(settings)

    def process(self, days: list[date]) -> None:
        for outcome in backfill(self.api, days, say=print):
            assert not outcome.failed, outcome

    def rows(self, query: str, *values) -> list[tuple]:
        with psycopg.connect(self.settings.url("auditor")) as connection:
            return connection.execute(query, values).fetchall()

    def tables(self) -> dict[str, list[tuple]]:
        return {mart: self.rows(f"select * from marts.{mart} as t order by t::text") for mart in MARTS}

    def verdicts(self, day: date) -> dict[str, tuple[str, set[str]]]:
        found = self.rows(
            """
            select customer_id, recommendation, reason_codes from marts.customer_risk_daily where service_date = %s
            union all
            select upstream_id, recommendation, reason_codes from marts.upstream_risk_daily where service_date = %s
            """, day, day,
        )  # fmt: skip
        return {party_id: (recommendation, set(codes)) for party_id, recommendation, codes in found}

    def calls(self, party_id: str, day: date) -> list[tuple[str, str, str]]:
        """One call of a party on a day to a number that nobody else called: when, from, to."""
        return duckdb.sql(
            f"""
            select start_at::text, calling_number, called_number
            from (
                select *, count(*) over (partition by called_number) as calls
                from read_parquet('{self.settings.lake}/calls/*/*.parquet', hive_partitioning = true)
            )
            where calls = 1 and service_date = '{day}' and ingress_trunk like '{party_id.lower()}-%' and calling_number is not null
            order by start_at
            limit 1
            """
        ).fetchall()

    def asked(self) -> int:
        return self.rows("select count(*) from ops.review_requests")[0][0]

    def question(self, task: str, word: str) -> dict | None:
        """The open question of a task whose subject holds a word."""
        return next((found for found in self.api.pending_reviews() if task_of(found) == task and word in found["subject"]), None)

    def history(self, traceback_id: str) -> list[str]:
        found = self.rows(
            "select payload ->> 'to' from decisions.ledger where entry_type = 'transition' and payload ->> 'subject_id' = %s order by entry_id", traceback_id
        )
        return [state for (state,) in found]

    def ledger(self, entry_type: str) -> int:
        return self.rows("select count(*) from decisions.ledger where entry_type = %s", entry_type)[0][0]


def task_of(question: dict) -> str:
    return question["task_instance"]["task_id"]


@pytest.fixture(scope="module")
def platform(installation: Settings, tmp_path_factory) -> Iterator[Platform]:
    try:
        lifecycle.up(installation, say=print)
        running = Platform(installation, tmp_path_factory.mktemp("aside"))
        running.process(DAYS)
        yield running
    finally:
        lifecycle.down(installation)


def held_back(platform: Platform) -> set[str]:
    """Parties with a trunk on a switch whose feed misses the file held back."""
    found = platform.rows(
        "select distinct party_id from lake.party_trunks_daily where service_date = %s and switch_id in ('nyc1', 'dal1')", LAST_DAY
    )
    return {party_id for (party_id,) in found}


# The tests of this module tell one story and run in this order.


def test_verdicts_are_those_the_personas_expect_and_a_missing_file_holds(platform: Platform) -> None:
    held = held_back(platform)
    for (_, party_id, day), expected in platform.expected.verdicts.items():
        recommendation, codes = platform.verdicts(day)[party_id]
        if day == LAST_DAY and party_id in held and expected.recommendation != "SUSPEND":
            assert (recommendation, "DATA_INCOMPLETE" in codes) == ("HOLD", True), party_id
        elif day == LAST_DAY and party_id in held:
            assert recommendation == "SUSPEND", party_id
        else:
            assert recommendation == expected.recommendation and set(expected.reason_codes) <= codes, (party_id, day)


def test_receipts_agree_with_the_files(platform: Platform) -> None:
    receipts = {path: counts for path, *counts in platform.rows(
        "select path, rows_read, rows_accepted, rows_rejected, rows_duplicate from ops.file_receipts where kind = 'cdr'"
    )}  # fmt: skip
    late = str(platform.late.relative_to(platform.settings.landing))
    wanted = {
        path: [file.rows, file.accepted, len(file.rejected), len(file.duplicates)] for path, file in platform.expected.files.items() if path != late
    }
    assert receipts == wanted


def test_a_date_done_again_changes_nothing(platform: Platform) -> None:
    before, entries = platform.tables(), platform.ledger("recommendation")
    platform.process(DAYS[:1])
    assert platform.tables() == before
    assert platform.ledger("recommendation") == entries


def test_a_person_decides_and_the_ledger_says_who(platform: Platform) -> None:
    cases = platform.rows("select recommendation_id, party_id from marts.recommendations where status = 'open' and recommendation_id = case_id")
    notices = len(platform.expected.notices)
    asked = eventually(lambda: (count := platform.asked()) > notices and count, "notices are asked about, too")
    every = eventually(lambda: (found := platform.api.pending_reviews()) and len(found) == asked and found, "every case is asked")
    tasks = Counter(map(task_of, every))
    pending = [question for question in every if task_of(question) == "case.decide"]
    # one whose search came to something else since is asked about anew
    assert len({question["subject"] for question in every if task_of(question) == "notice.respond"}) == notices
    assert tasks["rest.look"] == len(DAYS)
    assert tasks["case.decide"] >= len(cases) > 1
    time.sleep(PARKING)
    approved, rejected = pending[:2]
    platform.api.answer_review(approved, "Approve", " ")
    platform.api.answer_review(next(question for question in every if task_of(question) == "rest.look"), "Seen", "two new dialers")
    eventually(lambda: platform.question("case.decide", approved["subject"]), "what says nothing is asked again")
    time.sleep(PARKING)
    platform.api.answer_review(approved, "Approve", "traced twice, customer does not answer")
    platform.api.answer_review(rejected, "Reject", "a mistake in the list")
    eventually(lambda: platform.ledger("review") == 3, "all answers stand in the ledger")
    found = platform.rows("select actor, payload ->> 'decision', payload ->> 'comment' from decisions.ledger where entry_type = 'review' order by 2")
    assert found == [
        ("compliance", "approve", "traced twice, customer does not answer"), ("compliance", "reject", "a mistake in the list"),
        ("compliance", "seen", "two new dialers"),
    ]  # fmt: skip


def test_what_was_approved_is_ordered_and_delivered(platform: Platform) -> None:
    orders = "select action, ordered_by, cardinality(trunks) > 0, delivered ? 'file' from decisions.actions"
    eventually(lambda: platform.rows(orders) and platform.rows(orders)[0][3], "the order lies in its folder")
    ((action, *others),) = platform.rows(orders)
    assert (action in ("suspend", "restrict"), others) == (True, ["compliance", True, True])
    (order,) = platform.settings.actions.glob("*.json")
    assert json.loads(order.read_text())["trunks"] == platform.rows("select trunks from decisions.actions")[0][0]


@pytest.mark.parametrize("user", ["auditor", "engineer"])
def test_nobody_but_compliance_may_answer(platform: Platform, user: str) -> None:
    question = next(found for found in platform.api.pending_reviews() if task_of(found) == "case.decide")
    with pytest.raises(Exception, match="403"):
        platform.api.answer_review(question, "Approve", "seen", as_user=user)


def test_the_head_of_the_ledger_is_published_and_all_of_it_verifies(platform: Platform) -> None:
    heads = eventually(lambda: proof.published_heads(platform.settings), "a head is published")
    with psycopg.connect(platform.settings.url("auditor")) as connection:
        assert proof.problems(connection, heads) == []


def test_an_explanation_ends_at_the_line_that_holds_the_call(platform: Platform) -> None:
    notice = next(n for n in platform.expected.notices if n.match_status == "unique" and n.calls[0].party_kind == "customer")
    call = notice.calls[0]
    ((recommendation_id,),) = platform.rows(
        "select max(recommendation_id) from decisions.ledger where entry_type = 'recommendation' and party_id = %s and service_date = %s",
        call.party_id, LAST_DAY,
    )  # fmt: skip
    assert f"{call.file} line {call.line}" in explain(platform.settings, recommendation_id)


def test_a_notice_file_is_handled_without_anybodys_doing(platform: Platform) -> None:
    """A suspension, its review and the question for the answer within moments; the answers stand in the ledger."""
    ((call_at, calling, called),) = platform.calls(CLEAN, FIRST_DAY)
    received = f"{LAST_DAY + timedelta(days=1)}T15:00:00Z"
    columns = "traceback_id,requester,received_at,call_at,calling_number,called_number,violation_class"
    file = platform.settings.landing / "tracebacks/standard/at-once.csv"
    file.with_suffix(".tmp").write_text(f"{columns}\nat-once,itg,{received},{call_at}Z,{calling},{called},fraud\n")
    file.with_suffix(".tmp").rename(file)

    review = eventually(lambda: platform.question("case.decide", CLEAN), "the suspension is to be reviewed")
    respond = eventually(lambda: platform.question("notice.respond", "at-once"), "the requester is to be answered")
    assert review["subject"].startswith("SUSPEND ")
    told = platform.rows("select service_date::text, actor from decisions.ledger where party_id = %s and payload ->> 'recommendation' = 'SUSPEND'", CLEAN)
    assert told == [(received[:10], "handle_traceback")]
    standing = platform.rows("select recommendation, status from marts.recommendations where party_id = %s", CLEAN)
    assert standing == [("SUSPEND", "open")]
    assert platform.history("at-once")[:4] == ["received", "clock_running", "searching", "matched_customer"]

    time.sleep(PARKING)
    platform.api.answer_review(respond, "Answered", "as drafted")
    mitigate = eventually(lambda: platform.question("notice.mitigate", "at-once"), "what was done is asked")
    time.sleep(PARKING)
    platform.api.answer_review(mitigate, "Caller warned", "they stop the campaign")
    eventually(lambda: platform.history("at-once")[-1] == "caller_warned", "the mitigation stands in the ledger")
    *_, answered, pending, _ = platform.history("at-once")
    assert answered in ("responded_on_time", "responded_late") and pending == "mitigation_pending"
    comments = platform.rows(
        "select actor, payload ->> 'comment' from decisions.ledger"
        " where payload ->> 'subject_id' = 'at-once' and payload ->> 'comment' is not null order by entry_id"
    )
    assert comments == [("compliance", "as drafted"), ("compliance", "they stop the campaign")]
    settle(platform.api)
    assert platform.rows("select count(*) from decisions.ledger where party_id = %s and payload ->> 'recommendation' = 'SUSPEND'", CLEAN) == [(1,)]


def told(platform: Platform) -> list[dict]:
    """Every OpenLineage event of this installation."""
    return [json.loads(line) for file in (platform.settings.home / "openlineage").glob("*.jsonl") for line in file.open()]


def test_lineage_is_told_of_every_task_and_every_model(platform: Platform) -> None:
    events = told(platform)
    assert [found for event in events if (found := problems(event))] == []
    ended = Counter(event["job"]["name"] for event in events if event["eventType"] == "COMPLETE")
    begun = {event["run"]["runId"] for event in events if event["eventType"] == "START"}
    assert {event["run"]["runId"] for event in events} == begun
    for dag_id in (*INGEST_DAGS, "build_risk_marts", "recommend_suspensions"):
        tasks = Counter(
            f"{dag_id}.{task['task_id']}"
            for run in platform.api.runs(dag_id)
            for task in platform.api.task_instances(dag_id, run["dag_run_id"])
            if task["state"] == "success"
        )
        assert tasks and {task: ended[task] for task in tasks} == tasks
    for target, models in (("lake", 26), ("warehouse", 41)):
        nodes = dbt.manifest(platform.settings, target)["nodes"].values()
        built = {node["name"] for node in nodes if node["resource_type"] == "model" and ("lake" in node["tags"]) == (target == "lake")}
        assert len(built) >= models and all(ended[f"dbt.{target}.{model}"] for model in built)
    parents = {event["run"]["facets"]["parent"]["run"]["runId"] for event in events if event["job"]["name"].startswith(("dbt.", "load.", "publish."))}
    assert parents <= begun


def test_lineage_leads_from_a_column_of_a_mart_to_a_landing_file(platform: Platform) -> None:
    files, columns = {}, {}
    for event in told(platform):
        for output in event["outputs"]:
            files.setdefault(output["name"], set()).update(read["name"] for read in event["inputs"])
            lineage = output.get("facets", {}).get("columnLineage", {"fields": {}})
            for column, made_of in lineage["fields"].items():
                columns.setdefault((output["name"], column), set()).update((field["name"], field["field"]) for field in made_of["inputFields"])

    def behind(graph: dict, start) -> set:
        found, ahead = set(), {start}
        while ahead:
            new = graph.get(ahead.pop(), set()) - found
            found |= new
            ahead |= new
        return found

    mart, calls = "tollgate.marts.customer_risk_daily", str(platform.settings.lake / "calls")
    assert (calls, "answer_ms") in behind(columns, (mart, "asr"))
    assert (calls, "called_number") not in behind(columns, (mart, "asr"))
    landed = {path for (path,) in platform.rows("select path from ops.file_receipts where state <> 'refused'")}
    assert {str(platform.settings.landing / path) for path in landed} <= behind(files, mart)


def test_lineage_repeats_neither_what_people_said_nor_a_number(platform: Platform) -> None:
    jobs = {event["job"]["name"] for event in told(platform) if event["eventType"] == "COMPLETE"}
    assert {"review_recommendations.case.decide", "review_recommendations.notice.respond", "review_recommendations.notice.record_response"} <= jobs
    text = "".join(file.read_text() for file in (platform.settings.home / "openlineage").glob("*.jsonl"))
    named = [name for (name,) in platform.rows("select distinct legal_name from marts.customer_risk_daily")]
    for said in ("traced twice", "a mistake in the list", "as drafted", "Caller warned", CLEAN, *named):
        assert said not in text, said
    assert re.findall(r"\+1\d{10}", text) == []


def test_a_late_file_reopens_its_date_and_both_verdicts_stay(platform: Platform) -> None:
    held = [party_id for party_id, (recommendation, _) in platform.verdicts(LAST_DAY).items() if recommendation == "HOLD"]
    shutil.move(platform.aside, platform.late)
    tomorrow = LAST_DAY + timedelta(days=1)
    platform.api.trigger("ingest_cdr", tomorrow.isoformat(), "late-file")
    eventually(lambda: len(platform.api.runs("build_risk_marts", LAST_DAY.isoformat())) > 1, "the date is built again")
    settle(platform.api)
    for (_, party_id, day), expected in platform.expected.verdicts.items():
        assert platform.verdicts(day)[party_id][0] == expected.recommendation, (party_id, day)
    told = platform.rows(
        """
        select party_id, array_agg(payload ->> 'recommendation' order by entry_id)
        from decisions.ledger
        where entry_type = 'recommendation' and service_date = %s and party_id = any(%s)
        group by party_id
        """, LAST_DAY, held,
    )  # fmt: skip
    restated = {party_id: verdicts for party_id, verdicts in told if len(verdicts) > 1}
    assert restated and all(verdicts[0] == "HOLD" and verdicts[-1] != "HOLD" for verdicts in restated.values())
    phx1 = missing_file(LAST_DAY)
    assert platform.rows("select status from marts.data_status_daily where service_date = %s and reason like %s", LAST_DAY, f"%{phx1}%") == [("partial",)]


def test_a_block_is_put_before_a_person_whose_override_has_the_date_judged(platform: Platform) -> None:
    """A file is refused: its feed is held, until a person says why it can be used all the same."""
    feed, key = LATE.removesuffix("/nyc1"), LAST_DAY.isoformat()
    before = {party_id: recommendation for party_id, (recommendation, _) in platform.verdicts(LAST_DAY).items()}
    (platform.settings.landing / LATE / f"extra-{key}.csv").write_text("no,call,record\n1,2,3\n")
    platform.process([LAST_DAY])

    def status() -> tuple[str, bool]:
        query = "select status, reason like '%% overridden by compliance and approver %%' from marts.data_status_daily where service_date = %s and feed = %s"
        return platform.rows(query, LAST_DAY, feed)[0]

    assert status() == ("blocked", False)
    assert "HOLD" in {recommendation for recommendation, _ in platform.verdicts(LAST_DAY).values()}
    question = eventually(lambda: platform.question("block.decide", "call_files.no_file_refused"), "the block is asked about")
    assert question["subject"] == f"{key} is blocked: call_files.no_file_refused"
    time.sleep(PARKING)
    platform.api.answer_review(question, "Override", "an empty export of the vendor's test switch", until="")
    confirm = eventually(lambda: platform.question("block.confirm", "call_files.no_file_refused"), "a second person is asked")
    time.sleep(PARKING)
    with pytest.raises(Exception, match="403"):
        platform.api.answer_review(confirm, "Confirm", "me again")
    platform.api.answer_review(confirm, "Confirm", "seen with the vendor", as_user="approver")
    eventually(lambda: platform.ledger("override") == 1, "the override stands in the ledger")
    eventually(lambda: status() == ("complete", True), "the date is built again")
    settle(platform.api)
    found = platform.rows("select service_date, actor, payload ->> 'second', payload ->> 'reason', payload -> 'feeds' from decisions.ledger where entry_type = 'override'")
    assert found == [(LAST_DAY, "compliance", "approver", "an empty export of the vendor's test switch", [feed])]
    assert {party_id: recommendation for party_id, (recommendation, _) in platform.verdicts(LAST_DAY).items()} == before
    assert platform.question("block.decide", key) is None


def test_a_day_without_files_holds_everyone(platform: Platform) -> None:
    tomorrow = LAST_DAY + timedelta(days=1)
    platform.process([tomorrow])
    verdicts = platform.verdicts(tomorrow)
    assert len(verdicts) == len(platform.verdicts(LAST_DAY))
    assert {recommendation for recommendation, _ in verdicts.values()} == {"HOLD", "SUSPEND"}
    evidence = {"TB_ORIGINATED", "TB_REPEAT", "RMD_ABSENT", "RMD_REMOVED", "LEGAL_NOTICE", "NOT_RELEASED"}
    assert all(codes & evidence for recommendation, codes in verdicts.values() if recommendation == "SUSPEND")


def test_no_date_is_lost_when_all_feeds_report_at_once(platform: Platform) -> None:
    days = [(date(2026, 10, 1) + timedelta(days=offset)).isoformat() for offset in range(3)]
    for day in days:
        for dag_id in INGEST_DAGS:
            platform.api.trigger(dag_id, day, f"at-once-{day}")
    eventually(lambda: {run["partition_key"] for run in platform.api.runs("build_risk_marts")} >= set(days), "every date is built", seconds=240)


def test_a_release_takes_two_logins(platform: Platform) -> None:
    """Of the party that was suspended or restricted above: who asks for its release does not sign it."""
    party = "select party_kind || ' ' || party_id from decisions.actions where action = %s"
    ((released,),) = platform.rows(party.replace("= %s", "<> 'lift'"))
    conf = {"party": released, "cause": "traced twice", "evidence": "contract {{ 7 * 7 }} ended", "limits": "2 calls per second"}
    for user, run_id in (("engineer", "not-compliance"), ("compliance", "asked")):
        with AirflowApi(platform.settings, user) as login:
            login.trigger("release_party", None, run_id, conf)
    eventually(lambda: platform.api.run("release_party", "not-compliance")["state"] == "failed", "it is not for everybody to ask")
    question = eventually(lambda: platform.question("confirm", released), "a second person is asked")
    time.sleep(PARKING)
    with pytest.raises(Exception, match="403"):
        platform.api.answer_review(question, "Confirm", "me again")
    platform.api.answer_review(question, "Confirm", "I read the contract", as_user="approver")
    eventually(lambda: platform.rows(party, "lift") == [(released,)], "it is ordered to be lifted")
    signed = platform.rows("select actor, payload ->> 'second', payload ->> 'evidence' from decisions.ledger where entry_type = 'release'")
    assert signed == [("compliance", "approver", conf["evidence"])]
    eventually(lambda: platform.api.run("release_party", "asked")["state"] == "success", "its order is delivered")


# --- what all of that left behind -------------------------------------------------------------------------------------


def secret_values(settings: Settings) -> set[bytes]:
    """Every generated secret, and the passwords in the file of Airflow's logins."""
    texts = [path.read_text().strip() for path in settings.secrets.iterdir()]
    return {value.encode() for text in texts for value in (json.loads(text).values() if text.startswith("{") else [text])}


def written(settings: Settings) -> Iterator[tuple[str, bytes]]:
    """Every file below the home but secrets, the database's own and what landed: by path."""
    kept_apart = (settings.secrets, settings.home / "postgres", settings.landing, settings.lake)
    for path in settings.home.rglob("*"):
        if path.is_file() and not any(path.is_relative_to(folder) for folder in kept_apart):
            yield str(path.relative_to(settings.home)), path.read_bytes()


def airflow_rows(settings: Settings) -> Iterator[tuple[str, bytes]]:
    """Every row of Airflow's metadata, XComs, rendered templates and questions among them: by table."""
    login = settings.url_of(roles.AIRFLOW, (settings.secrets / "pg_airflow").read_text().strip(), roles.AIRFLOW)
    with psycopg.connect(login) as connection:
        for (table,) in connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall():
            for (row,) in connection.execute(sql.SQL("select t::text from {} as t").format(sql.Identifier(table))):
                yield table, row.encode()


def test_no_log_xcom_template_or_page_holds_a_secret_or_a_full_number(platform: Platform) -> None:
    settings = platform.settings
    secrets = secret_values(settings)
    assert len(secrets) > 10
    numbers = {
        number.encode()
        for column in ("calling_number", "called_number")
        for (number,) in duckdb.sql(
            f"select distinct right({column}, 10) from read_parquet('{settings.lake}/*/service_date=2*/*.parquet', union_by_name = true) where {column} is not null"
        ).fetchall()
    }
    assert len(numbers) > 1_000
    left = [*written(settings), *airflow_rows(settings)]
    places = {place.split("/")[0] for place, _ in left}
    assert {"logs", "data-docs", "xcom", "rendered_task_instance_fields", "hitl_detail"} <= places
    assert sorted({place for place, content in left for secret in secrets if secret in content}) == []
    found = {(place, digits) for place, content in left for digits in re.findall(rb"(?<![0-9A-Za-z.])\+?1?([2-9][0-9]{9})(?![0-9A-Za-z])", content) if digits in numbers}
    assert found == set()
