"""Traceback notices from their arrival to their end: what they make of parties at once, and the history of each. On a processed world."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import psycopg
import pytest
from tests.ingest.desk import LONG_AGO, calls_csv
from processed_world import MONDAY, TUESDAY, WEDNESDAY, ProcessedWorld

from include import stages
from include.decisions import ledger, notices, proof

HOUR = timedelta(hours=1)
COLUMNS = ("traceback_id", "requester", "received_at", "call_at", "calling_number", "called_number", "campaign", "violation_class")
CLEAN, CALLS_SHORT, LINKED, NAMELESS = "C1010", "C1026", ("C1034", "C1035"), "U210"
"""Customers without a finding, with a restriction, with a suspension that both share; an upstream that is suspended."""


def at(day: date, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}:00+00:00")


class Office:
    """Brings notices about real calls of the world as files, each loaded half a minute after it was received."""

    def __init__(self, world: ProcessedWorld):
        self.world = world
        self.brought = []

    def bring(self, path: str, content: str) -> None:
        file = self.world.settings.landing / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        os.utime(file, (LONG_AGO, LONG_AGO))
        self.brought.append(file)

    def calls(self, party_id: str, day: date, count: int = 1, alone: str = "called_number") -> list[dict[str, Any]]:
        """Calls of a party on a day, in the order of their time; nobody else's call has that called (or calling) number."""
        found = duckdb.sql(
            f"""
            select *, start_at::text || 'Z' as call_at
            from (
                select *, count(*) over (partition by {alone}) as calls
                from read_parquet('{self.world.settings.lake}/calls/*/*.parquet', hive_partitioning = true)
            )
            where calls = 1 and service_date = '{day}' and ingress_trunk like '{party_id.lower()}-%'
            order by start_at
            limit {count}
            """
        )
        made = [dict(zip(found.columns, row)) for row in found.fetchall()]
        assert len(made) == count
        return made

    def arrive(self, received: datetime, *calls: dict[str, Any], name: str = "n", loaded: datetime | None = None, **told: str) -> list[str]:
        """A file of notices about these calls, and the search for them; returns their ids. `loaded`, unless at once."""
        rows = [
            {
                "traceback_id": f"{name}-{number}", "requester": "itg", "received_at": received.isoformat(), "call_at": call["call_at"],
                "calling_number": call["calling_number"] or "", "called_number": call["called_number"], "violation_class": "fraud", **told,
            }
            for number, call in enumerate(calls, start=1)
        ]  # fmt: skip
        self.bring(f"tracebacks/standard/{name}.csv", "\n".join([",".join(COLUMNS), *(",".join(row.get(c, "") for c in COLUMNS) for row in rows)]))
        self.load(loaded or received + timedelta(seconds=30))
        return [row["traceback_id"] for row in rows]

    def load(self, loaded: datetime) -> None:
        known = [receipt["file"] for receipt in self.world.rows("select file from ops.file_receipts")]
        stages.load_new_files("tracebacks", None)
        self.world.damage(f"update ops.file_receipts set loaded_at = '{loaded}' where file <> all('{{{','.join(known)}}}')")
        stages.match_notices()

    def act(self, now: datetime) -> list[date]:
        """What `handle_traceback` does once the calls are searched for; returns the days with new recommendations."""
        with psycopg.connect(self.world.settings.url("recommender")) as connection:
            days = notices.append_recommendations(connection, "notice")
            notices.append_transitions(connection, now)
        return days

    def history(self, subject_id: str) -> list[str]:
        return [entry["payload"]["to"] for entry in self.entries(subject_id)]

    def entries(self, subject_id: str) -> list[dict[str, Any]]:
        return self.world.rows(
            "select * from decisions.ledger where entry_type = 'transition' and payload ->> 'subject_id' = %(id)s order by entry_id", id=subject_id
        )

    def told(self, party_id: str) -> list[tuple[date, str, str]]:
        """What the ledger says of a party, in order: dates, who said it, recommendations."""
        found = self.world.rows(
            "select * from decisions.ledger where entry_type = 'recommendation' and party_id = %(party_id)s order by entry_id", party_id=party_id
        )
        return [(entry["service_date"], entry["actor"], entry["payload"]["recommendation"]) for entry in found]

    def worklist(self, traceback_id: str) -> dict[str, Any]:
        (row,) = self.world.rows("select * from marts.traceback_worklist where traceback_id = %(id)s", id=traceback_id)
        return row

    def respond(self, traceback_id: str, answered_at: datetime, comment: str = "", actor: str = "olga") -> None:
        draft = self.worklist(traceback_id)["answer_draft"]
        with psycopg.connect(self.world.settings.url("recommender")) as connection:
            notices.record_response(connection, traceback_id, draft, comment, actor, answered_at)

    def mitigate(self, traceback_id: str, option: str, answered_at: datetime, comment: str = "") -> None:
        with psycopg.connect(self.world.settings.url("recommender")) as connection:
            notices.record_mitigation(connection, traceback_id, option, comment, "olga", answered_at)

    def link(self, one: str, other: str) -> None:
        """The two have the same tax id."""
        for a, b in ((one, other), (other, one)):
            self.world.damage(f"insert into lake.party_links_daily values ('{TUESDAY}', 'customer', '{a}', 'customer', '{b}', 'tax_id')")

    def append(self, *entries: dict[str, Any]) -> None:
        with psycopg.connect(self.world.settings.url("recommender")) as connection:
            assert ledger.append(connection, list(entries)) == len(entries)

    def problems(self) -> list[str]:
        """All but that receipts were changed: the tests say when a notice was loaded."""
        with psycopg.connect(self.world.settings.url("auditor")) as connection:
            return [problem for problem in proof.problems(connection) if " was changed since ledger entry " not in problem]


@pytest.fixture
def office(own_world: ProcessedWorld) -> Iterator[Office]:
    """Monday and Tuesday were each processed at 2:00 of the day after; what the world planted had come before."""
    own_world.damage(
        "update ops.processed_days set first_processed_at = (service_date + time '02:00') at time zone 'UTC' + interval '1 day'",
        f"update ops.file_receipts set loaded_at = '{MONDAY}' where kind = 'tracebacks'",
    )
    opened = Office(own_world)
    yield opened
    for file in opened.brought:
        file.unlink()
    assert opened.problems() == []


def recommendation(party_kind: str, party_id: str, day: date, verdict: str, *codes: str) -> dict[str, Any]:
    """An entry as the days' own runs append them."""
    given_id = f"R-{party_id}-{day}"
    return {
        "entry_type": "recommendation", "actor": "recommend_suspensions", "service_date": day.isoformat(), "party_kind": party_kind,
        "party_id": party_id, "recommendation_id": given_id,
        "payload": {
            "recommendation": verdict, "reason_codes": list(codes), "hits": [], "traceback_ids": [], "case_id": given_id, "data_status": "partial",
        },
    }  # fmt: skip


def approval(case_id: str) -> dict[str, Any]:
    return {"entry_type": "review", "actor": "olga", "recommendation_id": case_id, "payload": {"case_id": case_id, "decision": "approve"}}


# --- what notices make of parties at once -------------------------------------------------------------------------


def test_a_notice_after_the_newest_day_suspends_on_the_day_it_was_received_and_asks_once(office: Office):
    world = office.world
    office.link(CLEAN, "C1001")
    ids = office.arrive(at(WEDNESDAY, "15:00"), *office.calls(CLEAN, MONDAY))
    assert stages.act_on_notices("notice") == [MONDAY.isoformat(), TUESDAY.isoformat(), WEDNESDAY.isoformat()]  # the planted ones wait, too
    assert office.told(CLEAN)[len(world.days):] == [(WEDNESDAY, "handle_traceback", "SUSPEND")]
    payload = world.verdict(WEDNESDAY, CLEAN)["payload"]
    assert payload["reason_codes"] == ["TB_ORIGINATED"]
    assert [hit["rule_code"] for hit in payload["hits"]] == ["TB_ORIGINATED"]
    assert (payload["traceback_ids"], payload["linked_party_ids"], payload["trunks"]) == (ids, ["C1001"], ["c1010-dal1"])
    (standing,) = world.rows("select service_date, recommendation, status from marts.recommendations where party_id = %(id)s", id=CLEAN)
    assert standing == {"service_date": WEDNESDAY, "recommendation": "SUSPEND", "status": "open"}

    (case,) = stages.open_cases(WEDNESDAY, "first")
    assert case["subject"] == f"SUSPEND Pepperell Realty Partners ({CLEAN})"
    assert stages.open_cases(WEDNESDAY, "second") == []
    asked = stages.open_notices("first")
    assert ids[0] in {notice["traceback_id"] for notice in asked}
    assert len(asked) == len(world.expected.notices) + 1
    assert stages.open_notices("second") == []
    assert {notice["traceback_id"] for notice in stages.open_notices("first")} == {notice["traceback_id"] for notice in asked}


def test_acting_again_and_at_once_appends_nothing_twice(office: Office):
    (notice,) = office.arrive(at(WEDNESDAY, "15:00"), *office.calls(CLEAN, MONDAY))
    together = threading.Barrier(2)

    def act(_: int) -> None:
        together.wait()
        office.act(at(WEDNESDAY, "15:01"))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(act, range(2)))
    office.act(at(WEDNESDAY, "15:02"))
    assert office.told(CLEAN)[len(office.world.days):] == [(WEDNESDAY, "handle_traceback", "SUSPEND")]
    assert office.history(notice) == ["received", "clock_running", "searching", "matched_customer"]


def test_on_a_processed_date_it_stands_beside_the_days_own_findings_and_the_rebuild_says_the_same(office: Office):
    world = office.world
    office.arrive(at(MONDAY, "15:00"), *office.calls(CALLS_SHORT, MONDAY), loaded=at(WEDNESDAY, "14:59"))
    assert office.act(at(WEDNESDAY, "15:00")) == [TUESDAY]
    entry = world.verdict(TUESDAY, CALLS_SHORT)
    assert (entry["actor"], entry["payload"]["recommendation"]) == ("handle_traceback", "SUSPEND")
    assert entry["payload"]["reason_codes"][0] == "TB_ORIGINATED"
    assert {"SDC6_HIGH", "SHORT30_MANY_ANI"} < set(entry["payload"]["reason_codes"])
    assert {hit["rule_code"] for hit in entry["payload"]["hits"]} == set(entry["payload"]["reason_codes"])
    asked = {case["case_id"] for case in stages.open_cases(TUESDAY, "first")}
    assert entry["recommendation_id"] in asked

    told = office.told(CALLS_SHORT)
    world.build(TUESDAY, "again")
    world.judge(TUESDAY, "again")
    assert office.told(CALLS_SHORT) == told
    assert office.act(at(WEDNESDAY, "15:30")) == []
    assert stages.open_cases(TUESDAY, "second") == []


def test_a_judgement_of_marts_that_do_not_know_the_notice_takes_nothing_back(office: Office):
    """The day was built before the notice came, and is judged after it."""
    world = office.world
    office.arrive(at(TUESDAY, "15:00"), *office.calls(CALLS_SHORT, MONDAY))
    office.act(at(WEDNESDAY, "15:00"))
    told, case_id = office.told(CALLS_SHORT), world.verdict(TUESDAY, CALLS_SHORT)["payload"]["case_id"]
    world.judge(TUESDAY, "overtaken")
    assert office.told(CALLS_SHORT) == told
    assert world.verdict(TUESDAY, CALLS_SHORT)["payload"]["case_id"] == case_id


def test_calls_through_an_upstream_restrict_it_when_they_are_three_and_the_answer_names_it(office: Office):
    first, second = office.arrive(at(WEDNESDAY, "15:00"), office.calls("U205", MONDAY)[0], office.calls("U203", MONDAY)[0], name="one")
    assert office.act(at(WEDNESDAY, "15:01")) == []
    office.arrive(at(WEDNESDAY, "16:00"), office.calls("U205", MONDAY, 2)[1], name="two")  # the third: the world planted one
    assert office.act(at(WEDNESDAY, "16:01")) == [WEDNESDAY]
    payload = office.world.verdict(WEDNESDAY, "U205")["payload"]
    assert (payload["recommendation"], payload["reason_codes"]) == ("RESTRICT", ["TB_HOP_REPEAT"])
    assert [hit["value"] for hit in payload["hits"]] == [3]
    assert len(office.told("U203")) == len(office.world.days)
    row = office.worklist(first)
    assert (row["search_state"], row["party_id"], row["our_role"]) == ("matched_upstream", "U205", "intermediate")
    assert "handed to us directly by Pinemarch Demo Transport" in row["answer_draft"]
    assert "Copperbell Demo Wholesale" in office.worklist(second)["answer_draft"]


def test_a_calling_number_alone_recommends_nothing(office: Office):
    (call,) = office.calls(CALLS_SHORT, MONDAY, alone="calling_number")
    row = {
        "traceback_date_raw": f"{WEDNESDAY:%m/%d/%Y}", "call_date_raw": f"{call['start_at'] - 5 * HOUR:%m/%d/%Y}",  # in New York
        "caller_id_raw": call["calling_number"].lstrip("+"), "campaign_raw": "Bank-Impers", "cited_rule": "", "recording_url": "", "letter_pdf": "",
    }  # fmt: skip
    office.bring("tracebacks/ftc_exhibit/rows.csv", "\n".join([",".join(row), ",".join(row.values())]))
    office.load(at(WEDNESDAY, "15:01"))
    (found,) = office.world.rows("select * from marts.traceback_worklist where match_basis = 'calling'")
    assert (found["match_status"], found["party_id"], found["search_state"]) == ("unique", CALLS_SHORT, "matched_customer")
    before = office.told(CALLS_SHORT)
    assert office.act(at(WEDNESDAY, "15:01")) == []
    assert office.told(CALLS_SHORT) == before
    assert office.history(found["traceback_id"])[-1] == "matched_customer", "it is to be answered all the same"


def test_what_had_arrived_before_the_days_were_processed_is_left_to_their_builds(office: Office):
    office.arrive(at(TUESDAY, "01:00"), *office.calls(CLEAN, MONDAY))
    assert office.act(at(WEDNESDAY, "15:00")) == []
    assert len(office.told(CLEAN)) == len(office.world.days)


def test_another_notice_for_the_same_reason_goes_on_with_the_case_and_says_nothing_new_of_those_linked(office: Office):
    world = office.world
    cases = {party_id: world.verdict(TUESDAY, party_id)["payload"]["case_id"] for party_id in LINKED}
    stages.open_cases(TUESDAY, "first")
    (notice,) = office.arrive(at(WEDNESDAY, "15:00"), office.calls("C1034", MONDAY)[0], violation_class="dnc")
    assert office.act(at(WEDNESDAY, "15:01")) == [WEDNESDAY]
    entry = world.verdict(WEDNESDAY, "C1034")
    assert notice in entry["payload"]["traceback_ids"]
    assert entry["payload"]["case_id"] == cases["C1034"]
    assert len(office.told("C1035")) == len(world.days)
    assert stages.open_cases(WEDNESDAY, "second") == []


def test_a_restriction_takes_the_place_of_no_suspension_and_of_no_hold(office: Office):
    office.append(recommendation("upstream", "U203", WEDNESDAY, "HOLD", "DATA_INCOMPLETE"))
    office.arrive(at(WEDNESDAY, "15:00"), *office.calls(NAMELESS, MONDAY, 3), *office.calls("U203", MONDAY, 3))
    before = office.told(NAMELESS), office.told("U203")
    assert office.act(at(WEDNESDAY, "15:01")) == []
    assert (office.told(NAMELESS), office.told("U203")) == before


def test_on_the_day_of_a_suspension_a_restriction_stands_beside_it(office: Office):
    office.arrive(at(TUESDAY, "15:00"), *office.calls(NAMELESS, MONDAY, 3))
    office.act(at(WEDNESDAY, "15:01"))
    payload = office.world.verdict(TUESDAY, NAMELESS)["payload"]
    assert (payload["recommendation"], payload["reason_codes"]) == ("SUSPEND", ["RMD_ABSENT", "TB_HOP_REPEAT"])


def test_a_suspended_caller_under_another_name_is_a_repeat(office: Office):
    suspended = recommendation("customer", "C1012", MONDAY, "SUSPEND", "LEGAL_NOTICE")
    office.append(suspended, approval(suspended["recommendation_id"]))
    office.link(CLEAN, "C1012")
    (notice,) = office.arrive(at(WEDNESDAY, "15:00"), *office.calls(CLEAN, TUESDAY), violation_class="dnc")
    office.act(at(WEDNESDAY, "15:01"))
    payload = office.world.verdict(WEDNESDAY, CLEAN)["payload"]
    assert (payload["recommendation"], payload["reason_codes"]) == ("SUSPEND", ["TB_REPEAT"])
    assert [hit["metric"] for hit in payload["hits"]] == ["tracebacks_after_termination_30d"]
    said = f"under another name: the same tax_id as customer C1012, cut off on {MONDAY}"
    assert office.worklist(notice)["recurrence"] == said
    assert office.entries(notice)[-1]["payload"]["recurrence"] == said
    (asked,) = (asked for asked in stages.open_notices("run") if asked["traceback_id"] == notice)
    assert f"It recurs: `{said}`." in asked["body"]


# --- the history of a notice --------------------------------------------------------------------------------------


def test_each_step_stands_once_and_in_its_order_and_overdue_once(office: Office):
    (notice,) = office.arrive(at(WEDNESDAY, "15:00"), *office.calls(CLEAN, MONDAY))
    row = office.worklist(notice)
    assert (row["due_at"], row["legal_due_at"]) == (at(WEDNESDAY, "15:00") + 24 * HOUR, at(WEDNESDAY, "15:00") + 24 * HOUR)
    for now in (at(WEDNESDAY, "15:01"), row["due_at"]):
        office.act(now)
        assert office.history(notice) == ["received", "clock_running", "searching", "matched_customer"]
    for later in (timedelta(seconds=1), HOUR):
        office.act(row["due_at"] + later)
        assert office.history(notice) == ["received", "clock_running", "searching", "matched_customer", "overdue"]
    steps = [(entry["payload"]["from"], entry["payload"]["to"], datetime.fromisoformat(entry["payload"]["at"])) for entry in office.entries(notice)]
    assert steps == [
        (None, "received", at(WEDNESDAY, "15:00")),
        ("received", "clock_running", at(WEDNESDAY, "15:00")),
        ("clock_running", "searching", at(WEDNESDAY, "15:00") + timedelta(seconds=30)),
        ("searching", "matched_customer", at(WEDNESDAY, "15:01")),
        ("matched_customer", "overdue", row["due_at"]),
    ]
    assert {entry["party_id"] for entry in office.entries(notice)} == {CLEAN}
    assert office.worklist(notice)["overdue_since"] == row["due_at"]


@pytest.mark.parametrize(
    ("acted_at", "history"),
    [
        (at(WEDNESDAY, "23:01"), ["received", "searching", "matched_customer"]),
        (at(WEDNESDAY, "13:00") + 24 * HOUR, ["received", "clock_running", "searching", "matched_customer"]),
        (at(WEDNESDAY, "23:00") + 48 * HOUR, ["received", "clock_running", "searching", "matched_customer", "overdue"]),
    ],
)
def test_a_clock_that_starts_tomorrow_or_ran_out_unseen_reorders_nothing(office: Office, acted_at: datetime, history: list[str]):
    """Received at 18:00 of the office, whose clock starts at 8:00 of the next morning."""
    (notice,) = office.arrive(at(WEDNESDAY, "23:00"), *office.calls(CLEAN, MONDAY))
    assert office.worklist(notice)["clock_started_at"] == at(WEDNESDAY, "13:00") + 24 * HOUR
    office.act(acted_at)
    office.act(acted_at)
    assert office.history(notice) == history
    office.act(at(WEDNESDAY, "13:00") + 24 * HOUR)
    assert office.history(notice) == history + ([] if "clock_running" in history else ["clock_running"])


def test_calls_that_come_late_change_what_the_search_came_to(office: Office):
    call = {"call_at": f"{WEDNESDAY}T14:00:05Z", "calling_number": "+12025550123", "called_number": "+12025550188"}
    (notice,) = office.arrive(at(WEDNESDAY, "15:00"), call)
    office.act(at(WEDNESDAY, "15:01"))
    assert office.history(notice)[-1] == "undetermined_data_gap"
    assert "our own records of those hours are not complete" in office.worklist(notice)["answer_draft"]
    times = {"start_time": f"{WEDNESDAY}T14:00:05Z", "answer_time": f"{WEDNESDAY}T14:00:09Z", "end_time": f"{WEDNESDAY}T14:00:50Z"}
    numbers = {"calling_number": call["calling_number"], "called_number": call["called_number"]}
    office.bring(f"cdr/standard/late-{WEDNESDAY}.csv", calls_csv({"call_id": "late", "switch_id": "dal1", "ingress_trunk": "c1010-dal1", **times, **numbers}))
    stages.load_new_files("cdr", None)
    stages.build_lake(WEDNESDAY)
    assert office.act(at(WEDNESDAY, "16:00")) == [WEDNESDAY]
    assert office.history(notice) == ["received", "clock_running", "searching", "undetermined_data_gap", "matched_customer"]
    last = office.entries(notice)[-1]
    assert (last["payload"]["from"], last["party_id"]) == ("undetermined_data_gap", CLEAN)
    assert office.told(CLEAN)[-1] == (WEDNESDAY, "handle_traceback", "SUSPEND")


# --- what people do -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "state"), [(timedelta(0), "responded_on_time"), (timedelta(seconds=1), "responded_late")]
)
def test_the_first_answer_stands_and_its_time_is_measured_by_the_rules_clock(office: Office, late: timedelta, state: str):
    (notice,) = office.arrive(at(WEDNESDAY, "23:00"), *office.calls(CLEAN, MONDAY))
    office.act(at(WEDNESDAY, "23:01"))
    due = office.worklist(notice)["legal_due_at"]
    assert due == at(WEDNESDAY, "13:00") + 48 * HOUR  # from 8:00 of the next morning
    draft = office.worklist(notice)["answer_draft"]
    office.respond(notice, due + late, "as drafted")
    office.respond(notice, due + HOUR, "no, otherwise", actor="ivan")
    office.act(due + 2 * HOUR)
    # answered before a sweep came to say that the clock runs
    assert office.history(notice)[3:] == [state, "mitigation_pending"]
    answer = office.entries(notice)[3]
    assert (answer["actor"], answer["payload"]["comment"], answer["payload"]["answer"]) == ("olga", "as drafted", draft)
    assert answer["payload"]["elapsed_hours"] == round((due + late - at(WEDNESDAY, "23:00")) / HOUR, 3)
    row = office.worklist(notice)
    assert (row["state"], row["responder"], row["responded_at"]) == ("mitigation_pending", "olga", due + late)
    assert notice not in {asked["traceback_id"] for asked in stages.open_notices("run")}


def test_an_answer_is_appended_though_something_else_is_at_the_same_time(office: Office):
    """A clock that runs out while a person answers must not take the answer's place in the history."""
    (notice,) = office.arrive(at(WEDNESDAY, "15:00"), *office.calls(CLEAN, MONDAY))
    office.act(at(WEDNESDAY, "15:01"))
    with psycopg.connect(office.world.settings.url("recommender")) as sweeping, ThreadPoolExecutor(1) as pool:
        notices.append_transitions(sweeping, at(WEDNESDAY, "16:00") + 24 * HOUR)
        answering = pool.submit(office.respond, notice, at(WEDNESDAY, "16:00") + 24 * HOUR)
        while not office.world.rows("select from pg_locks where not granted"):
            assert not answering.done(), "the answer did not wait"
        sweeping.commit()
        answering.result()
    assert office.history(notice)[3:] == ["matched_customer", "overdue", "responded_late", "mitigation_pending"]


def test_what_was_done_is_asked_after_the_answer_and_needs_a_word_where_nothing_was(office: Office):
    (notice,) = office.arrive(at(WEDNESDAY, "15:00"), *office.calls(CLEAN, MONDAY))
    office.act(at(WEDNESDAY, "15:01"))
    with pytest.raises(ValueError, match="answer the requester first"):
        office.mitigate(notice, "Caller warned", at(WEDNESDAY, "16:00"))
    office.respond(notice, at(WEDNESDAY, "16:00"))
    with pytest.raises(ValueError, match="not a word of the evidence"):
        office.mitigate(notice, "No fault found", at(WEDNESDAY, "17:00"), " ")
    office.mitigate(notice, "No fault found", at(WEDNESDAY, "17:00"), "its number was spoofed: the switch has no such call")
    office.mitigate(notice, "Caller warned", at(WEDNESDAY, "18:00"))
    assert office.history(notice)[4:] == ["responded_on_time", "mitigation_pending", "no_fault_found"]
    assert office.worklist(notice)["state"] == "no_fault_found"
    with pytest.raises(LookupError, match="no notice T0"):
        office.mitigate("T0", "Caller warned", at(WEDNESDAY, "16:00"))


def test_a_caller_that_was_cut_off_and_is_traced_again_recurs(office: Office):
    (first,) = office.arrive(at(MONDAY, "20:00"), *office.calls(CLEAN, MONDAY), name="before")
    office.act(at(MONDAY, "20:01"))
    office.respond(first, at(MONDAY, "21:00"))
    office.mitigate(first, "Caller terminated", at(MONDAY, "22:00"))
    office.act(at(TUESDAY, "10:00"))
    assert office.history(first)[-1] == "caller_terminated"
    (again,) = office.arrive(at(WEDNESDAY, "15:00"), *office.calls(CLEAN, TUESDAY), name="after")
    for _ in range(2):
        office.act(at(WEDNESDAY, "15:01"))
    assert office.history(first)[4:] == ["responded_on_time", "mitigation_pending", "caller_terminated", "recurred"]
    assert office.worklist(again)["recurs_of"] == [first]
    assert office.worklist(again)["recurrence"] == f"the same party, cut off on {MONDAY}"
    assert "TB_REPEAT" in office.world.verdict(WEDNESDAY, CLEAN)["payload"]["reason_codes"]


def test_a_legal_notice_is_received_then_overdue_then_mitigated(office: Office):
    received = datetime(2020, 1, 2, 15, tzinfo=UTC)
    office.world.damage(f"update lake.legal_notices set notice_id = 'EN-1', received_at = '2020-01-02 15:00' where service_date = '{TUESDAY}'")
    for now in (received + HOUR, received + 48 * HOUR):
        office.act(now)
        assert office.history("EN-1") == ["received"]
    for later in (timedelta(seconds=1), HOUR):
        office.act(received + 48 * HOUR + later)
        assert office.history("EN-1") == ["received", "overdue"]
    office.append(approval(office.world.verdict(TUESDAY, "C1036")["payload"]["case_id"]))
    for _ in range(2):
        office.act(received + 72 * HOUR)
    assert office.history("EN-1") == ["received", "overdue", "mitigated"]
    (row,) = office.world.rows("select * from marts.legal_notice_worklist where notice_id = 'EN-1'")
    assert row["overdue_since"] == received + 48 * HOUR
    (review,) = office.world.rows("select recorded_at from decisions.ledger where entry_type = 'review'")
    assert row["mitigated_at"] == review["recorded_at"]


def test_an_installation_without_a_processed_day_waits(warehouse):
    with psycopg.connect(warehouse.url("recommender")) as connection:
        assert notices.append_recommendations(connection, "run") == []
        assert notices.append_transitions(connection, at(WEDNESDAY, "15:00")) == 0
        assert notices.open_notices(connection, None) == []
