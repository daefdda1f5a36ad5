"""From marts into the ledger and before a person: entries, cases, reviews, releases. On a processed world."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time as clock, timedelta
from typing import Any

import psycopg
import pytest
from processed_world import MONDAY, TUESDAY, WEDNESDAY, ProcessedWorld

from include import stages
from include.decisions import ledger, proof, releases, reviews

THURSDAY, FRIDAY = WEDNESDAY + timedelta(days=1), WEDNESDAY + timedelta(days=2)
CUSTOMER = "C1001"
ANSWERED_AT = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)


def say(world: ProcessedWorld, day: date, verdict: str, *codes: str, score: int = 50) -> None:
    """Make the mart say this, and nothing else, of the customer on a day."""
    world.damage(
        f"""
        create temporary table said as
        select * from marts.customer_risk_daily where customer_id = '{CUSTOMER}' and service_date = '{MONDAY}'
        """,
        f"""
        update said set service_date = '{day}', recommendation = '{verdict}', reason_codes = array{list(codes)}::text[], score = {score}
        """,
        f"""
        merge into marts.customer_risk_daily as risk using said
        on risk.customer_id = said.customer_id and risk.service_date = said.service_date
        when matched then update set recommendation = said.recommendation, reason_codes = said.reason_codes, score = said.score
        when not matched then insert values (said.*)
        """,
    )


def append(world: ProcessedWorld, day: date, run: str = "again") -> int:
    with psycopg.connect(world.settings.url("recommender")) as connection:
        return ledger.append_recommendations(connection, day, run)


def judged(world: ProcessedWorld, day: date, verdict: str, *codes: str, score: int = 50) -> dict[str, Any]:
    """The entry that the verdict becomes, with its case."""
    say(world, day, verdict, *codes, score=score)
    assert append(world, day) == 1
    entry = world.verdict(day, CUSTOMER)
    return {"id": entry["recommendation_id"], "case": entry["payload"]["case_id"]}


def open_cases(world: ProcessedWorld, day: date, dag_run_id: str) -> dict[str, dict[str, Any]]:
    with psycopg.connect(world.settings.url("recommender")) as connection:
        return {case["case_id"]: case for case in reviews.open_cases(connection, day, dag_run_id)}


def answer(world: ProcessedWorld, case_id: str, decision: str = "approve", actor: str = "olga") -> None:
    with psycopg.connect(world.settings.url("recommender")) as connection:
        reviews.record(connection, case_id, decision, "seen", actor, ANSWERED_AT)


def release(world: ProcessedWorld, party_kind: str, party_id: str, day: date) -> None:
    signed = releases.Signed("it ended the campaign", "two clean test days", "2 calls per second", "olga", "ivan")
    with psycopg.connect(world.settings.url("recommender")) as connection:
        releases.release(connection, party_kind, party_id, signed, datetime.combine(day, clock(10), UTC))


def states(world: ProcessedWorld, party_id: str) -> list[dict[str, Any]]:
    return world.rows(
        "select service_date, state, since, watch_until from intermediate.party_states_daily where party_id = %(id)s order by 1", id=party_id
    )


def case_ids(world: ProcessedWorld, day: date) -> set[str]:
    found = world.rows(
        """
        select distinct payload ->> 'case_id' as case_id from decisions.ledger
        where entry_type = 'recommendation' and service_date = %(day)s and payload ->> 'recommendation' in ('SUSPEND', 'RESTRICT')
        """,
        day=day,
    )
    return {row["case_id"] for row in found}


# --- the ledger's entries -----------------------------------------------------------------------------------------


def test_every_party_of_every_day_has_its_verdict(processed_world: ProcessedWorld):
    found = {}
    for day in processed_world.days:
        for kind, party_id, _ in processed_world.expected.verdicts:
            payload = processed_world.verdict(day, party_id)["payload"]
            found[kind, party_id, day] = payload
    planted = processed_world.expected.verdicts
    assert {key: payload["recommendation"] for key, payload in found.items()} == {key: told.recommendation for key, told in planted.items()}
    missing = {key: set(told.reason_codes) - set(found[key]["reason_codes"]) for key, told in planted.items()}
    assert not {key: codes for key, codes in missing.items() if codes}


def test_an_entry_says_what_it_was_made_of(processed_world: ProcessedWorld):
    entry = processed_world.verdict(MONDAY, "C1031")
    payload = entry["payload"]
    assert entry["actor"] == "recommend_suspensions"
    assert payload["case_id"] == entry["recommendation_id"]
    assert {hit["rule_code"] for hit in payload["hits"]} == set(payload["reason_codes"])
    planted = [notice.traceback_id for notice in processed_world.expected.notices if "C1031" in {call.party_id for call in notice.calls}]
    assert payload["traceback_ids"] == sorted(planted)
    (receipts,) = processed_world.rows("select count(*) as count from ops.file_receipts where state <> 'refused'")
    assert payload["inputs"]["receipts"]["count"] == receipts["count"]
    assert payload["inputs"]["run"] == f"first__{MONDAY}"
    assert payload["inputs"]["gates"] == {
        "arriving_data": {"run": f"first__{MONDAY}", "outcome": "passed_with_warnings"},
        "marts": {"run": f"first__{MONDAY}", "outcome": "passed"},
    }


def test_the_same_figures_append_nothing(own_world: ProcessedWorld):
    assert [append(own_world, day) for day in own_world.days] == [0, 0]
    own_world.build(TUESDAY, "again")
    assert own_world.judge(TUESDAY, "again") == 0


def test_restated_figures_stand_beside_the_old_ones(own_world: ProcessedWorld):
    before = own_world.verdict(MONDAY, CUSTOMER)
    say(own_world, MONDAY, "NO_ACTION", "CLEAN", score=1)
    assert append(own_world, MONDAY) == 1
    assert append(own_world, MONDAY) == 0
    after = own_world.verdict(MONDAY, CUSTOMER)
    assert after["entry_id"] > before["entry_id"]
    assert after["recommendation_id"] != before["recommendation_id"]
    assert after["payload"]["score"] == 1
    assert own_world.rows("select * from decisions.ledger where entry_id = %(id)s", id=before["entry_id"]) == [before]


def test_figures_that_come_back_stand_again(own_world: ProcessedWorld):
    first = own_world.verdict(MONDAY, CUSTOMER)
    say(own_world, MONDAY, "RESTRICT", "SDC6_HIGH", score=65)
    assert append(own_world, MONDAY) == 1
    say(own_world, MONDAY, "NO_ACTION", "CLEAN", score=first["payload"]["score"])
    assert append(own_world, MONDAY) == 1
    standing = own_world.verdict(MONDAY, CUSTOMER)
    assert standing["payload"]["recommendation"] == "NO_ACTION"
    assert standing["recommendation_id"] != first["recommendation_id"]
    assert append(own_world, MONDAY) == 0


# --- cases --------------------------------------------------------------------------------------------------------


def test_a_verdict_for_the_same_or_fewer_reasons_goes_on_with_its_case(own_world: ProcessedWorld):
    opened = judged(own_world, WEDNESDAY, "SUSPEND", "TB_ORIGINATED", "SDC6_HIGH")
    assert opened["case"] == opened["id"]
    assert judged(own_world, THURSDAY, "SUSPEND", "TB_ORIGINATED")["case"] == opened["case"]
    assert judged(own_world, FRIDAY, "SUSPEND", "TB_ORIGINATED", "SDC6_HIGH")["case"] == opened["case"]


@pytest.mark.parametrize("code", ["DATA_INCOMPLETE", "NOT_RELEASED"])
def test_missing_data_and_a_standing_suspension_are_no_new_reasons(own_world: ProcessedWorld, code: str):
    opened = judged(own_world, WEDNESDAY, "SUSPEND", "TB_ORIGINATED")
    assert judged(own_world, THURSDAY, "SUSPEND", code)["case"] == opened["case"]
    assert judged(own_world, FRIDAY, "SUSPEND", "TB_ORIGINATED", code)["case"] == opened["case"]


def test_a_hold_in_between_ends_no_case(own_world: ProcessedWorld):
    opened = judged(own_world, WEDNESDAY, "RESTRICT", "SDC6_HIGH")
    judged(own_world, THURSDAY, "HOLD", "DATA_INCOMPLETE")
    assert judged(own_world, FRIDAY, "RESTRICT", "SDC6_HIGH")["case"] == opened["case"]


def test_a_clean_day_in_between_does(own_world: ProcessedWorld):
    opened = judged(own_world, WEDNESDAY, "RESTRICT", "SDC6_HIGH")
    judged(own_world, THURSDAY, "NO_ACTION", "CLEAN")
    again = judged(own_world, FRIDAY, "RESTRICT", "SDC6_HIGH")
    assert again["case"] == again["id"] != opened["case"]


def test_a_new_reason_opens_a_case(own_world: ProcessedWorld):
    judged(own_world, WEDNESDAY, "RESTRICT", "SDC6_HIGH")
    more = judged(own_world, THURSDAY, "RESTRICT", "SDC6_HIGH", "ABANDON_HIGH")
    assert more["case"] == more["id"]


def test_a_stricter_verdict_opens_a_case(own_world: ProcessedWorld):
    judged(own_world, WEDNESDAY, "RESTRICT", "SDC6_HIGH")
    stricter = judged(own_world, THURSDAY, "SUSPEND", "SDC6_HIGH")
    assert stricter["case"] == stricter["id"]


def test_restated_figures_go_on_with_the_case_of_their_day(own_world: ProcessedWorld):
    opened = judged(own_world, WEDNESDAY, "RESTRICT", "SDC6_HIGH")
    restated = judged(own_world, WEDNESDAY, "RESTRICT", "SDC6_HIGH", score=51)
    assert restated["id"] != opened["id"]
    assert restated["case"] == opened["case"]


@pytest.mark.parametrize("released_on", [WEDNESDAY, THURSDAY])
def test_a_release_after_it_was_opened_ends_a_case(own_world: ProcessedWorld, released_on: date):
    opened = judged(own_world, WEDNESDAY, "SUSPEND", "TB_ORIGINATED")
    answer(own_world, opened["case"])
    release(own_world, "customer", CUSTOMER, released_on)
    again = judged(own_world, THURSDAY, "SUSPEND", "TB_ORIGINATED")
    assert again["case"] == again["id"] != opened["case"]


# --- before a person ----------------------------------------------------------------------------------------------


def test_every_case_of_a_day_is_asked_once_and_a_run_repeated_asks_its_own_again(own_world: ProcessedWorld):
    of_monday = case_ids(own_world, MONDAY)
    of_tuesday = case_ids(own_world, TUESDAY)
    assert of_tuesday - of_monday
    asked = open_cases(own_world, MONDAY, "one")
    assert set(asked) == of_monday | of_tuesday, "a later day that was restated with it is asked with it"
    assert set(open_cases(own_world, MONDAY, "one")) == set(asked)
    assert open_cases(own_world, MONDAY, "two") == {}
    assert open_cases(own_world, TUESDAY, "two") == {}


def test_two_runs_at_once_share_the_cases(own_world: ProcessedWorld):
    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(lambda number: set(open_cases(own_world, MONDAY, f"run {number}")), range(4)))
    every = case_ids(own_world, MONDAY) | case_ids(own_world, TUESDAY)
    assert sorted(case for cases in asked for case in cases) == sorted(every)


def test_a_question_that_was_lost_is_asked_again_after_a_week(own_world: ProcessedWorld):
    """Airflow's tables may be purged, and the open questions with them."""
    asked = open_cases(own_world, MONDAY, "first")
    assert asked and open_cases(own_world, MONDAY, "second") == {}
    own_world.damage("update ops.review_requests set requested_at = requested_at - interval '8 days'")
    answer(own_world, next(iter(asked)))
    again = open_cases(own_world, MONDAY, "second")
    assert set(again) == set(list(asked)[1:])
    assert open_cases(own_world, MONDAY, "first") == {}


def test_of_two_runs_that_looked_at_once_only_one_asks(own_world: ProcessedWorld):
    """The second run looks while the first has not yet committed what it asks."""
    with psycopg.connect(own_world.settings.url("recommender")) as first, ThreadPoolExecutor(1) as pool:
        with first.transaction():
            asked = reviews.open_cases(first, MONDAY, "first")
            second = pool.submit(open_cases, own_world, MONDAY, "second")
            for _ in range(200):
                if own_world.rows("select from pg_locks where not granted"):
                    break
                time.sleep(0.05)
            assert not second.done(), "the second run did not wait for the first"
        assert asked
        assert second.result() == {}


def test_what_was_answered_is_not_asked(own_world: ProcessedWorld):
    one, *others = sorted(case_ids(own_world, MONDAY))
    answer(own_world, one)
    assert set(open_cases(own_world, MONDAY, "run")) == {*others, *case_ids(own_world, TUESDAY)} - {one}


def test_a_case_restated_before_anybody_was_asked_is_asked_as_it_stands(own_world: ProcessedWorld):
    opened = judged(own_world, WEDNESDAY, "RESTRICT", "SDC6_HIGH")
    restated = judged(own_world, WEDNESDAY, "RESTRICT", "SDC6_HIGH", score=51)
    (case,) = open_cases(own_world, WEDNESDAY, "run").values()
    assert (case["case_id"], case["recommendation_id"], case["payload"]["score"]) == (opened["case"], restated["id"], 51)


def test_a_case_whose_day_asked_nobody_is_asked_on_the_next_day_once(own_world: ProcessedWorld):
    opened = judged(own_world, WEDNESDAY, "RESTRICT", "SDC6_HIGH")
    judged(own_world, THURSDAY, "RESTRICT", "SDC6_HIGH")
    assert set(open_cases(own_world, THURSDAY, "of thursday")) == {opened["case"]}
    assert open_cases(own_world, WEDNESDAY, "of wednesday") == {}


def test_a_case_that_was_restated_away_is_asked_no_more(own_world: ProcessedWorld):
    judged(own_world, WEDNESDAY, "RESTRICT", "SDC6_HIGH")
    judged(own_world, WEDNESDAY, "NO_ACTION", "CLEAN")
    assert open_cases(own_world, WEDNESDAY, "run") == {}


def test_what_a_review_task_is_given(own_world: ProcessedWorld):
    given = {case["case_id"]: case for case in stages.open_cases(MONDAY, "run")}
    entry = own_world.verdict(MONDAY, "C1031")
    case = given[entry["recommendation_id"]]
    assert set(case) == {"case_id", "subject", "body"}
    assert case["subject"] == "SUSPEND Peakholm Benefits Line (C1031)"
    assert case["body"].startswith(f"**SUSPEND** customer `Peakholm Benefits Line` (`C1031`), service date {MONDAY}")
    assert all(f"- {code}: " in case["body"] for code in entry["payload"]["reason_codes"])
    assert "State of the party now: active." in case["body"]


# --- answers ------------------------------------------------------------------------------------------------------


def test_the_first_answer_stands_with_who_gave_it_and_when(own_world: ProcessedWorld):
    case_id = own_world.verdict(MONDAY, "C1031")["recommendation_id"]
    answer(own_world, case_id, "reject", actor="olga")
    answer(own_world, case_id, "approve", actor="ivan")
    (review,) = own_world.rows("select * from decisions.ledger where entry_type = 'review'")
    assert (review["actor"], review["party_kind"], review["party_id"], review["service_date"]) == ("olga", "customer", "C1031", MONDAY)
    assert review["payload"] == {
        "case_id": case_id, "decision": "reject", "comment": "seen", "answered_at": "2026-11-18T09:30:00+00:00",
    }  # fmt: skip
    (standing,) = own_world.rows("select status, reviewer from marts.recommendations where party_id = 'C1031'")
    assert standing == {"status": "rejected", "reviewer": "olga"}


def test_an_answer_as_airflow_hands_it_over(own_world: ProcessedWorld):
    case_id = own_world.verdict(MONDAY, "C1031")["recommendation_id"]
    given = {
        "chosen_options": ["Approve"], "params_input": {"comment": "called them"}, "responded_at": ANSWERED_AT.isoformat(),
        "responded_by_user": {"id": "3", "name": "compliance"},
    }  # fmt: skip
    stages.record_review(case_id, given)
    stages.record_review(case_id, given | {"params_input": {"comment": "again"}, "responded_at": ANSWERED_AT})
    with pytest.raises(ValueError, match="says nothing: why"):
        stages.record_review(case_id, given | {"params_input": None})
    (review,) = own_world.rows("select actor, payload from decisions.ledger where entry_type = 'review'")
    assert review["actor"] == "compliance"
    assert review["payload"]["comment"] == "called them"
    assert review["payload"]["decision"] == "approve"


def test_an_unknown_case_and_an_unknown_decision_are_refused(own_world: ProcessedWorld):
    with pytest.raises(ValueError, match="no case R0 in the ledger"):
        answer(own_world, "R0")
    later = own_world.verdict(TUESDAY, "C1031")
    assert later["recommendation_id"] != later["payload"]["case_id"]
    with pytest.raises(ValueError, match="no case"):
        answer(own_world, later["recommendation_id"])  # goes on with a case, and is none
    with pytest.raises(ValueError, match="decision 'maybe': approve or reject"):
        answer(own_world, own_world.verdict(MONDAY, "C1031")["recommendation_id"], "maybe")
    assert own_world.rows("select * from decisions.ledger where entry_type = 'review'") == []


def test_only_a_release_ends_an_approved_suspension_however_quiet_the_days_after(own_world: ProcessedWorld):
    """Through the real models: an upstream back in the registry and without evidence stays suspended."""
    answer(own_world, own_world.verdict(MONDAY, "U210")["recommendation_id"])
    # Its evidence is gone on Tuesday: it stands in the registry.
    own_world.damage(
        f"update lake.upstream_registry_daily set rmd_status = 'listed' where upstream_id = 'U210' and service_date = '{TUESDAY}'"
    )
    stages.build_marts(TUESDAY, "quiet")
    assert own_world.judge(TUESDAY, "quiet") > 0
    entry = own_world.verdict(TUESDAY, "U210")
    assert (entry["payload"]["recommendation"], entry["payload"]["reason_codes"]) == ("SUSPEND", ["NOT_RELEASED"])
    assert entry["payload"]["case_id"] == own_world.verdict(MONDAY, "U210")["recommendation_id"]
    active = {"service_date": MONDAY, "state": "active", "since": None, "watch_until": None}
    assert states(own_world, "U210") == [active, {"service_date": TUESDAY, "state": "suspended", "since": TUESDAY, "watch_until": None}]
    release(own_world, "upstream", "U210", TUESDAY)
    stages.build_marts(TUESDAY, "released")
    own_world.judge(TUESDAY, "released")
    payload = own_world.verdict(TUESDAY, "U210")["payload"]
    assert (payload["recommendation"], payload["reason_codes"]) == ("MONITOR", ["ON_WATCH"])
    watched = {"service_date": TUESDAY, "state": "active", "since": TUESDAY, "watch_until": TUESDAY + timedelta(days=30)}
    assert states(own_world, "U210") == [active, watched]


# --- checking the whole -------------------------------------------------------------------------------------------


def problems(world: ProcessedWorld) -> list[str]:
    with psycopg.connect(world.settings.url("auditor")) as connection:
        return proof.problems(connection)


def test_a_whole_ledger_and_true_receipts_have_no_problems(processed_world: ProcessedWorld):
    assert problems(processed_world) == []
    with psycopg.connect(processed_world.settings.url("auditor")) as connection:
        entries, receipts = proof.counts(connection)
    assert entries == processed_world.rows("select max(entry_id) as last from decisions.ledger")[0]["last"]
    assert receipts == processed_world.rows("select count(*) as all_of_them from ops.file_receipts")[0]["all_of_them"]


FIRST = "(select min(file) from ops.file_receipts where kind = 'cdr' and rows_rejected > 0)"

UNTRUE = {
    "a sum": [
        "alter table ops.file_receipts drop constraint receipt_adds_up",
        f"update ops.file_receipts set rows_read = rows_read + 1 where file = {FIRST}",
    ],
    "a lost reject": [f"delete from ops.rejected_rows where file = {FIRST}"],
    "a lost date": [f"delete from ops.file_service_dates where file = {FIRST}"],
}


@pytest.mark.parametrize("statements", UNTRUE.values(), ids=UNTRUE.keys())
def test_a_receipt_that_does_not_add_up_is_found(own_world: ProcessedWorld, statements: list[str]):
    own_world.damage(*statements)
    problem, digested = problems(own_world)
    (path,) = own_world.rows("select path from ops.file_receipts where kind = 'cdr' and rows_rejected > 0 order by file limit 1")
    assert problem.startswith(f"receipt of {path['path']}: read ")
    assert problem.endswith("do not add up with its rows")
    assert digested.startswith(f"receipt of {path['path']}: was changed since ledger entry ")


def test_a_broken_chain_is_found(own_world: ProcessedWorld):
    own_world.tamper("update decisions.ledger set actor = 'nobody' where entry_id = 7")
    assert problems(own_world) == ["ledger entry 7: its content was changed"]
