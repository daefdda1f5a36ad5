"""Signed releases: what they need, what they end, and that nothing else leads back. On a processed world."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from processed_world import MONDAY, TUESDAY, ProcessedWorld

from include.decisions import ledger, proof, releases, reviews
from include.settings import REPOSITORY

AT = datetime.fromisoformat("2026-11-18T21:30:00-05:00")
"""A Wednesday evening; in UTC it is Thursday."""
SIGNED = releases.Signed("calls of a reseller's customer", "contract ended; \"two clean\" test days", "2 calls per second", "Olga Petrova", "Pia Moss")
SUSPENDED, RESTRICTED, CLEAN = "C1031", "C1026", "C1010"
"""Customers by what is recommended for them on Monday."""


def approve(world: ProcessedWorld, party_id: str) -> str:
    """A person approves what Monday says of the party; returns the case."""
    case_id = world.verdict(MONDAY, party_id)["payload"]["case_id"]
    with psycopg.connect(world.settings.url("recommender")) as connection:
        reviews.record(connection, case_id, "approve", "seen", "ivan", AT)
    return case_id


def terminate(world: ProcessedWorld, party_id: str) -> None:
    """A person says that the caller of a traceback was cut off."""
    told = {"transition_id": "traceback T 1", "subject": "traceback", "subject_id": "T", "to": "caller_terminated", "at": AT.isoformat()}
    entry = {
        "entry_type": "transition", "actor": "ivan", "service_date": TUESDAY.isoformat(), "party_kind": "customer", "party_id": party_id, "payload": told,
    }  # fmt: skip
    with psycopg.connect(world.settings.url("recommender")) as connection:
        assert ledger.append(connection, [entry]) == 1


def release(world: ProcessedWorld, party_id: str, at: datetime = AT, signed: releases.Signed = SIGNED, kind: str = "customer") -> releases.Released:
    with psycopg.connect(world.settings.url("recommender")) as connection:
        return releases.release(connection, kind, party_id, signed, at)


def entries(world: ProcessedWorld) -> list[dict[str, Any]]:
    return world.rows("select * from decisions.ledger where entry_type = 'release' order by entry_id")


def state(world: ProcessedWorld, party_id: str) -> str:
    (row,) = world.rows("select party_state from marts.recommendations where party_kind = 'customer' and party_id = %(id)s", id=party_id)
    return row["party_state"]


def command(world: ProcessedWorld, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "include.cli", "release", *arguments],
        cwd=REPOSITORY, env=os.environ | world.environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("field", releases.FIELDS)
@pytest.mark.parametrize("empty", ["", "  \n"])
def test_a_field_that_is_empty_is_named(field: str, empty: str):
    with pytest.raises(ValueError, match=f"^{field.upper()} is missing: "):
        releases.Signed(**{name: f"said of {name}" for name in releases.FIELDS} | {field: empty})


def test_a_party_is_a_kind_and_an_id():
    assert releases.party(" customer C1031 ") == ("customer", "C1031")
    assert releases.party("upstream U 2") == ("upstream", "U 2")
    for text in ("", "C1031", "customer", "customer ", "trunk C1031", "customerC1031"):
        with pytest.raises(ValueError, match="^PARTY="):
            releases.party(text)


def test_who_is_unknown_or_held_back_by_nothing_is_not_released(own_world: ProcessedWorld):
    with pytest.raises(LookupError, match="no customer C9 in marts.recommendations"):
        release(own_world, "C9")
    with pytest.raises(LookupError, match="no upstream C1031"):
        release(own_world, SUSPENDED, kind="upstream")
    # recommended, and approved by nobody
    with pytest.raises(ValueError, match="nothing to release: customer C1031 is active"):
        release(own_world, SUSPENDED)
    assert entries(own_world) == []


def test_a_release_says_what_was_signed_and_counts_once(own_world: ProcessedWorld):
    approve(own_world, SUSPENDED)
    assert state(own_world, SUSPENDED) == "suspended"
    given = release(own_world, SUSPENDED)
    assert given == releases.Released(date(2026, 11, 19), date(2026, 12, 19))
    assert state(own_world, SUSPENDED) == "active"
    assert release(own_world, SUSPENDED, at=datetime(2026, 11, 25, tzinfo=UTC)) == given, "the one that stands"
    with pytest.raises(ValueError, match="nothing to release"):
        release(own_world, SUSPENDED, signed=releases.Signed("another", "e", "l", "a", "b"))
    (entry,) = entries(own_world)
    assert (entry["actor"], entry["service_date"], entry["recorded_at"]) == ("Olga Petrova", given.on, AT)
    assert (entry["party_kind"], entry["party_id"]) == ("customer", SUSPENDED)
    assert entry["payload"] == {
        "cause": SIGNED.cause, "evidence": SIGNED.evidence, "limits": SIGNED.limits, "approver": "Olga Petrova", "second": "Pia Moss",
        "state": "suspended", "watch_until": "2026-12-19",
    }  # fmt: skip
    with psycopg.connect(own_world.settings.url("auditor")) as connection:
        assert proof.problems(connection) == []


def test_a_release_ends_all_that_held_the_party_back_before_it(own_world: ProcessedWorld):
    case_id = approve(own_world, RESTRICTED)
    assert state(own_world, RESTRICTED) == "restricted"
    terminate(own_world, RESTRICTED)
    assert state(own_world, RESTRICTED) == "terminated"
    release(own_world, RESTRICTED)
    assert state(own_world, RESTRICTED) == "active"
    found = own_world.rows("select state, case_id, released_on from staging.stg_restraints order by strictness")
    assert found == [
        {"state": "restricted", "case_id": case_id, "released_on": date(2026, 11, 19)},
        {"state": "terminated", "case_id": "T", "released_on": date(2026, 11, 19)},
    ]


def test_what_is_imposed_after_a_release_stands_and_the_same_words_release_it_anew(own_world: ProcessedWorld):
    approve(own_world, SUSPENDED)
    release(own_world, SUSPENDED, at=datetime.combine(MONDAY, AT.timetz()))
    terminate(own_world, SUSPENDED)
    assert state(own_world, SUSPENDED) == "terminated"
    release(own_world, SUSPENDED)
    assert state(own_world, SUSPENDED) == "active"
    assert [entry["payload"]["state"] for entry in entries(own_world)] == ["suspended", "terminated"]


def test_of_two_that_sign_at_once_one_does(own_world: ProcessedWorld):
    approve(own_world, SUSPENDED)
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda _: release(own_world, SUSPENDED), range(4)))
    assert len(set(given)) == 1
    assert len(entries(own_world)) == 1


REQUEST = releases.Request("release:r1", f"customer {SUSPENDED}", SIGNED.cause, SIGNED.evidence, SIGNED.limits, SIGNED.approver)
"""What one person asks for in Airflow."""


def answer(world: ProcessedWorld, decision: str, actor: str = SIGNED.second, comment: str = "I called them", request: releases.Request = REQUEST):
    with psycopg.connect(world.settings.url("recommender")) as connection:
        return releases.answer(connection, request, decision, comment, actor, AT, AT)


def reviews_of_release(world: ProcessedWorld) -> list[tuple[str, str]]:
    query = "select actor, payload ->> 'decision' as decision from decisions.ledger where entry_type = 'review' and payload ->> 'case_id' = 'release:r1'"
    return [(row["actor"], row["decision"]) for row in world.rows(query)]


def test_what_a_second_person_confirms_is_released_once(own_world: ProcessedWorld):
    approve(own_world, SUSPENDED)
    assert answer(own_world, "Confirm") == releases.Released(date(2026, 11, 19), date(2026, 12, 19))
    assert state(own_world, SUSPENDED) == "active"
    terminate(own_world, SUSPENDED)
    assert answer(own_world, "Confirm") is None, "a task that is done again releases nobody from what came after"
    assert state(own_world, SUSPENDED) == "terminated"
    (entry,) = entries(own_world)
    assert (entry["actor"], entry["payload"]["second"], entry["payload"]["evidence"]) == (SIGNED.approver, SIGNED.second, SIGNED.evidence)
    assert reviews_of_release(own_world) == [(SIGNED.second, "confirm")]


def test_what_a_second_person_refuses_holds_and_the_first_answer_stands(own_world: ProcessedWorld):
    approve(own_world, SUSPENDED)
    assert answer(own_world, "Refuse") is None
    assert answer(own_world, "Confirm", actor="another") is None
    assert (state(own_world, SUSPENDED), entries(own_world)) == ("suspended", [])
    assert reviews_of_release(own_world) == [(SIGNED.second, "refuse")]


def test_an_answer_that_came_too_late_is_on_record_and_changes_nothing(own_world: ProcessedWorld):
    approve(own_world, SUSPENDED)
    release(own_world, SUSPENDED, signed=releases.Signed("by", "another", "way", "a", "b"))
    assert answer(own_world, "Confirm") is None
    assert len(entries(own_world)) == 1
    assert reviews_of_release(own_world) == [(SIGNED.second, "confirm")]


def test_nobody_confirms_what_they_asked_for_or_without_a_word(own_world: ProcessedWorld):
    approve(own_world, SUSPENDED)
    with pytest.raises(ValueError, match="another person than 'Olga Petrova'"):
        answer(own_world, "Confirm", actor="olga  petrova")
    with pytest.raises(ValueError, match="says nothing"):
        answer(own_world, "Confirm", comment=" ")
    with pytest.raises(ValueError, match="^LIMITS is missing"):
        releases.Request("release:r1", f"customer {SUSPENDED}", "cause", "evidence", " ", "olga")
    assert (state(own_world, SUSPENDED), entries(own_world), reviews_of_release(own_world)) == ("suspended", [], [])


def test_the_command(own_world: ProcessedWorld):
    fields = [f"--{name}={getattr(SIGNED, name)}" for name in releases.FIELDS]
    approve(own_world, SUSPENDED)
    ended = command(own_world, f"customer {SUSPENDED}", *fields[:1], "--evidence=", *fields[2:])
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "tollgate: EVIDENCE is missing: the evidence of its compliance since\n"
    ended = command(own_world, f"customer {CLEAN}", *fields)
    assert (ended.returncode, ended.stderr) == (1, f"tollgate: nothing to release: customer {CLEAN} is active\n")
    ended = command(own_world, f"customer {SUSPENDED}", *fields)
    (entry,) = entries(own_world)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == (
        f"customer {SUSPENDED} is active from {entry['recorded_at'].astimezone(UTC):%Y-%m-%d} (UTC) on, "
        f"and watched until {entry['payload']['watch_until']}\n"
    )
