"""Cases that nobody answers in 24 hours are escalated, each once, and can still be answered. On a processed world."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from processed_world import MONDAY, TUESDAY, ProcessedWorld

from include import stages
from include.decisions import ledger, proof, reviews

DAY = timedelta(hours=24)


def opened(world: ProcessedWorld) -> dict[str, dict[str, Any]]:
    """The cases of the world, by id, with the entry that opened each."""
    found = world.rows(
        """
        select * from decisions.ledger
        where entry_type = 'recommendation'
            and payload ->> 'case_id' = recommendation_id
            and payload ->> 'recommendation' in ('SUSPEND', 'RESTRICT')
        order by entry_id
        """
    )
    return {entry["recommendation_id"]: entry for entry in found}


def escalate(world: ProcessedWorld, now: datetime) -> set[str]:
    with psycopg.connect(world.settings.url("recommender")) as connection:
        return {case["case_id"] for case in ledger.escalate(connection, now)}


def answer(world: ProcessedWorld, case_id: str, decision: str = "approve") -> None:
    with psycopg.connect(world.settings.url("recommender")) as connection:
        reviews.record(connection, case_id, decision, "seen", "olga", datetime.now(UTC))


def standing(world: ProcessedWorld, case_id: str) -> dict[str, Any]:
    (row,) = world.rows("select status, expires_at from marts.recommendations where case_id = %(id)s", id=case_id)
    return row


def test_a_case_is_escalated_once_and_only_after_24_hours_without_an_answer(own_world: ProcessedWorld):
    cases = opened(own_world)
    case_id, entry = next((case_id, entry) for case_id, entry in cases.items() if entry["party_id"] == "U210")
    answered = next(case_id for case_id, entry in cases.items() if entry["party_id"] == "C1031")
    answer(own_world, answered)
    assert escalate(own_world, min(entry["recorded_at"] for entry in cases.values()) + DAY) == set()
    assert standing(own_world, case_id) == {"status": "open", "expires_at": entry["recorded_at"] + DAY}

    late = max(entry["recorded_at"] for entry in cases.values()) + DAY + timedelta(seconds=1)
    assert escalate(own_world, late) == set(cases) - {answered}
    assert escalate(own_world, late + DAY) == set()
    assert standing(own_world, case_id)["status"] == "escalated"
    assert standing(own_world, answered)["status"] == "approved"
    (said,) = own_world.rows("select * from decisions.ledger where entry_type = 'escalation' and recommendation_id = %(id)s", id=case_id)
    assert (said["actor"], said["recorded_at"], said["service_date"]) == ("handle_traceback", late, MONDAY)
    assert (said["party_kind"], said["party_id"]) == ("upstream", "U210")
    assert said["payload"] == {"case_id": case_id, "recommendation": "SUSPEND", "open_since": entry["recorded_at"].astimezone(UTC).isoformat()}

    answer(own_world, case_id, "reject")
    assert standing(own_world, case_id)["status"] == "rejected"
    with psycopg.connect(own_world.settings.url("auditor")) as connection:
        assert proof.problems(connection) == []


def test_what_was_restated_away_waits_for_nobody_and_a_later_clean_day_is_no_answer(own_world: ProcessedWorld):
    cases = opened(own_world)
    restated = next(case_id for case_id, entry in cases.items() if entry["party_id"] == "C1031")
    quiet = next(case_id for case_id, entry in cases.items() if entry["party_id"] == "U210")
    clean = "set recommendation = 'NO_ACTION', reason_codes = '{CLEAN}'"
    own_world.damage(
        f"update marts.customer_risk_daily {clean} where customer_id = 'C1031'",
        f"update marts.upstream_risk_daily {clean} where upstream_id = 'U210' and service_date = '{TUESDAY}'",
    )
    with psycopg.connect(own_world.settings.url("recommender")) as connection:
        for day in own_world.days:
            ledger.append_recommendations(connection, day, "restated")
    escalated = escalate(own_world, max(entry["recorded_at"] for entry in cases.values()) + 2 * DAY)
    assert restated not in escalated
    assert quiet in escalated


def test_the_stage_warns_of_each(own_world: ProcessedWorld, caplog: pytest.LogCaptureFixture):
    own_world.tamper("update decisions.ledger set recorded_at = recorded_at - interval '2 days' where entry_type = 'recommendation'")
    cases = opened(own_world)
    with caplog.at_level(logging.WARNING, logger="include.stages"):
        stages.escalate()
        stages.escalate()
    assert len(caplog.messages) == len(cases)
    entry = own_world.verdict(MONDAY, "U210")
    told = f"case {entry['recommendation_id']}: nobody has answered SUSPEND of upstream U210, open since {entry['recorded_at'].astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    assert told in caplog.messages
