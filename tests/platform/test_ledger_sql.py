"""The ledger in the database: one door in, a chain of hashes, and what of tampering the chain shows."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg import errors

from include.platform import lifecycle, migrations, postgres
from include.settings import Settings
from tests.running import another

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

Entry = dict[str, Any]


def recommendation(number: int, **other: Any) -> Entry:
    given = {
        "entry_type": "recommendation", "actor": "recommend_suspensions", "service_date": "2026-01-01", "party_kind": "customer",
        "party_id": f"C{number}", "recommendation_id": f"R{number}", "payload": {"recommendation": "SUSPEND", "score": 1.5},
    }  # fmt: skip
    return given | other


def review(case: str) -> Entry:
    return {"entry_type": "review", "actor": "olga", "recommendation_id": case, "payload": {"case_id": case, "decision": "approve"}}


@pytest.fixture
def ledger(warehouse: Settings) -> Settings:
    """An empty ledger: as the superuser, with the triggers disabled, a ledger can be emptied."""
    tamper(warehouse, "truncate decisions.ledger")
    return warehouse


def append(settings: Settings, *entries: Entry, at: datetime = AT) -> int:
    with psycopg.connect(settings.url("recommender")) as connection:
        return connection.execute("select decisions.append(%s, %s)", [json.dumps(entries), at]).fetchone()[0]


def rows(settings: Settings, columns: str) -> list[tuple]:
    with psycopg.connect(settings.url("auditor")) as connection:
        return connection.execute(f"select {columns} from decisions.ledger order by entry_id").fetchall()


def broken(settings: Settings) -> tuple | None:
    with psycopg.connect(settings.url("auditor")) as connection:
        return connection.execute("select * from decisions.first_broken_entry()").fetchone()


def superuser(settings: Settings) -> psycopg.Connection:
    login = settings.url_of(postgres.SUPERUSER, (settings.secrets / "pg_superuser").read_text().strip(), settings.database)
    return psycopg.connect(login)


def tamper(settings: Settings, *statements: str) -> None:
    with superuser(settings) as connection:
        connection.execute("alter table decisions.ledger disable trigger all")
        for statement in statements:
            assert connection.execute(statement).rowcount, statement
        for trigger in ("ledger_is_append_only", "ledger_is_a_chain"):
            connection.execute(f"alter table decisions.ledger enable always trigger {trigger}")


def test_entries_chain(ledger: Settings):
    assert append(ledger, recommendation(1), recommendation(2)) == 2
    assert append(ledger, review("R1"), {"entry_type": "gate", "actor": "a", "payload": {"outcome": "blocked"}}) == 2
    entries = rows(ledger, "entry_id, entry_type, previous_hash, hash, recorded_at")
    assert [entry[0] for entry in entries] == [1, 2, 3, 4]
    assert [entry[1] for entry in entries] == ["recommendation", "recommendation", "review", "gate"]
    assert [entry[2] for entry in entries] == ["0" * 64, *(entry[3] for entry in entries[:-1])]
    assert {entry[4] for entry in entries} == {AT}
    assert broken(ledger) is None


def test_an_empty_ledger_is_whole(ledger: Settings):
    assert append(ledger) == 0
    assert broken(ledger) is None


def test_an_entry_says_what_was_given(ledger: Settings):
    given = recommendation(7, payload={"text": "ü\x1f\\ \u2028 \"quoted\"", "none": None, "number": 0.1, "list": [1, [2]]})
    append(ledger, given)
    columns = "entry_type, actor, service_date::text, party_kind, party_id, recommendation_id, payload"
    assert rows(ledger, columns) == [tuple(given.values())]
    assert broken(ledger) is None


def test_the_same_recommendation_is_appended_once(ledger: Settings):
    assert append(ledger, recommendation(1), recommendation(1)) == 1
    assert append(ledger, recommendation(1), recommendation(2)) == 1
    assert rows(ledger, "recommendation_id") == [("R1",), ("R2",)]
    assert broken(ledger) is None


def test_the_first_answer_to_a_case_stands(ledger: Settings):
    append(ledger, recommendation(1))
    assert append(ledger, review("R1")) == 1
    assert append(ledger, review("R1") | {"actor": "ivan", "payload": {"case_id": "R1", "decision": "reject"}}) == 0
    assert rows(ledger, "payload ->> 'decision'")[1:] == [("approve",)]


def transition(number: int, state: str = "received") -> Entry:
    told = {"transition_id": f"traceback T1 {number}", "subject": "traceback", "subject_id": "T1", "to": state}
    return {"entry_type": "transition", "actor": "handle_traceback", "payload": told}


def test_a_step_of_a_notices_history_is_appended_once(ledger: Settings):
    assert append(ledger, transition(1), transition(1), transition(2, "clock_running")) == 2
    assert append(ledger, transition(2, "searching"), transition(3, "searching")) == 1
    assert rows(ledger, "payload ->> 'to'") == [("received",), ("clock_running",), ("searching",)]
    assert broken(ledger) is None


def test_no_door_leads_around_the_one_step(ledger: Settings):
    """The index holds for the owner too, whom no function stops."""
    append(ledger, transition(1))
    again = """
        insert into decisions.ledger
        select (changed).* from (
            select row(l.entry_id + 1, l.entry_type, l.recorded_at, l.actor, null, null, null, null, l.payload, l.hash, 'x')::decisions.ledger as changed
            from decisions.ledger as l
        ) as entry
    """
    with superuser(ledger) as connection, pytest.raises(errors.UniqueViolation):
        connection.execute("alter table decisions.ledger disable trigger all")
        connection.execute(again)


def test_other_entries_may_repeat(ledger: Settings):
    gate = {"entry_type": "gate", "actor": "a", "payload": {"outcome": "blocked"}}
    assert append(ledger, gate, gate) == 2
    assert broken(ledger) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"entry_type": "rumour", "actor": "a", "payload": {}},
        {"entry_type": "gate", "payload": {}},
        {"entry_type": "gate", "actor": "a"},
        {"entry_type": "gate", "actor": "a", "payload": {}, "party_kind": "neighbour"},
    ],
)
def test_a_wrong_entry_takes_its_whole_batch_with_it(ledger: Settings, wrong: Entry):
    with pytest.raises(errors.IntegrityError):
        append(ledger, recommendation(1), wrong)
    assert rows(ledger, "entry_id") == []


def test_concurrent_appends_keep_the_chain_whole(ledger: Settings):
    def work(worker: int) -> int:
        with psycopg.connect(ledger.url("recommender"), autocommit=True) as connection:
            return sum(
                connection.execute(
                    "select decisions.append(%s, now())",
                    # One of its own and one that all of them bring.
                    [json.dumps([recommendation(1000 * worker + turn), recommendation(9_000_000 + turn)])],
                ).fetchone()[0]
                for turn in range(25)
            )

    with ThreadPoolExecutor(6) as pool:
        appended = sum(pool.map(work, range(1, 7)))
    assert appended == 6 * 25 + 25
    assert [number for (number,) in rows(ledger, "entry_id")] == list(range(1, appended + 1))
    assert broken(ledger) is None


def test_an_append_taken_back_leaves_no_gap(ledger: Settings):
    append(ledger, recommendation(1))
    with psycopg.connect(ledger.url("recommender")) as connection:
        connection.execute("select decisions.append(%s, %s)", [json.dumps([recommendation(2)]), AT])
        connection.rollback()
    append(ledger, recommendation(3))
    assert rows(ledger, "entry_id, recommendation_id") == [(1, "R1"), (2, "R3")]
    assert broken(ledger) is None


CHANGES = [
    "update decisions.ledger set actor = actor",
    "update decisions.ledger set actor = 'me' where entry_id = 999",
    "delete from decisions.ledger",
    "truncate decisions.ledger",
    "insert into decisions.ledger select * from decisions.ledger on conflict (entry_id) do update set actor = 'me'",
    """merge into decisions.ledger using (values (1)) as source (id) on entry_id = id when matched then delete""",
]


@pytest.mark.parametrize("statement", CHANGES)
@pytest.mark.parametrize("who", ["owner", "superuser", "superuser as a replica"])
def test_nobody_changes_an_entry(ledger: Settings, who: str, statement: str):
    """Not without disabling the trigger, which owner and superuser can, and which the chain then shows."""
    append(ledger, recommendation(1), recommendation(2))
    with psycopg.connect(ledger.url("owner")) if who == "owner" else superuser(ledger) as connection:
        if who.endswith("replica"):
            connection.execute("set session_replication_role = replica")
        with pytest.raises(errors.RaiseException, match="append-only: a correction is a new entry|use decisions.append"):
            connection.execute(statement)
        connection.rollback()
    assert len(rows(ledger, "entry_id")) == 2


FORGED = """
insert into decisions.ledger (entry_id, entry_type, recorded_at, actor, payload, previous_hash, hash)
select {number}, 'gate', now(), 'nobody', '{{}}', hash, {hash} from decisions.ledger order by entry_id desc limit 1
"""


@pytest.mark.parametrize(("number", "hash"), [(3, "repeat('f', 64)"), (4, "repeat('f', 64)"), (0, "repeat('f', 64)")])
def test_the_owner_cannot_insert_what_does_not_follow(ledger: Settings, number: int, hash: str):
    append(ledger, recommendation(1), recommendation(2))
    with psycopg.connect(ledger.url("owner")) as connection, pytest.raises(errors.RaiseException, match="use decisions.append"):
        connection.execute(FORGED.format(number=number, hash=hash))


def renumber(*moves: tuple[int, int]) -> list[str]:
    return [f"update decisions.ledger set entry_id = {new} where entry_id = {old}" for old, new in moves]


TAMPERING = {
    "payload": (
        ["""update decisions.ledger set payload = payload || '{"score": 0}' where entry_id = 3"""],
        (3, "its content was changed"),
    ),
    "actor": (["update decisions.ledger set actor = 'someone' where entry_id = 3"], (3, "its content was changed")),
    "instant": (
        ["update decisions.ledger set recorded_at = recorded_at + interval '1 microsecond' where entry_id = 3"],
        (3, "its content was changed"),
    ),
    "null to text": (["update decisions.ledger set recommendation_id = '-' where entry_id = 6"], (6, "its content was changed")),
    "moved over the fields": (
        ["update decisions.ledger set party_id = 'x', recommendation_id = E'y\\x1f-' where entry_id = 6"],
        (6, "its content was changed"),
    ),
    "content and its hash": (
        [
            """
            update decisions.ledger as changed set actor = 'someone', hash = decisions.entry_hash(
                (entry_id, entry_type, recorded_at, 'someone', service_date, party_kind, party_id, recommendation_id, payload,
                 previous_hash, hash)::decisions.ledger)
            where entry_id = 3
            """
        ],
        (4, "does not follow from the entry before it"),
    ),
    "deleted in the middle": (["delete from decisions.ledger where entry_id = 3"], (4, "an entry before this one is missing")),
    "deleted in the middle, the gap closed": (
        ["delete from decisions.ledger where entry_id = 3", *renumber((4, 3), (5, 4), (6, 5))],
        (3, "does not follow from the entry before it"),
    ),
    "the first deleted": (["delete from decisions.ledger where entry_id = 1"], (2, "an entry before this one is missing")),
    "two swapped": (renumber((2, 99), (3, 2), (99, 3)), (2, "does not follow from the entry before it")),
    "forged at the end": ([FORGED.format(number=7, hash="repeat('f', 64)")], (7, "its content was changed")),
    "forged in the middle": (
        [*renumber((6, 7), (5, 6), (4, 5)), FORGED.format(number=4, hash="repeat('f', 64)")],
        (4, "does not follow from the entry before it"),
    ),
}


@pytest.mark.parametrize(("statements", "found"), TAMPERING.values(), ids=TAMPERING.keys())
def test_tampering_is_found(ledger: Settings, statements: list[str], found: tuple):
    append(ledger, *map(recommendation, range(1, 6)), {"entry_type": "gate", "actor": "a", "party_id": "x\x1fy", "payload": {}})
    assert broken(ledger) is None
    tamper(ledger, *statements)
    assert broken(ledger) == found


def test_a_cut_tail_is_seen_only_by_who_kept_the_last_hash(ledger: Settings):
    """The limit of the chain: a shorter ledger is a whole one. The last hash, kept elsewhere, shows what is missing."""
    append(ledger, *map(recommendation, range(1, 4)))
    kept = rows(ledger, "hash")[-1]
    tamper(ledger, "delete from decisions.ledger where entry_id = 3")
    assert broken(ledger) is None
    assert kept not in rows(ledger, "hash")
    append(ledger, recommendation(4))
    assert broken(ledger) is None
    assert kept not in rows(ledger, "hash")


@pytest.mark.parametrize(
    "setting", ["timezone = 'Asia/Tokyo'", "datestyle = 'German'", "extra_float_digits = 0", "bytea_output = 'escape'"]
)
def test_the_hash_is_the_same_in_every_session(ledger: Settings, setting: str):
    append(ledger, recommendation(1), at=datetime(2026, 1, 2, 23, 59, 59, 999999, tzinfo=UTC))
    with psycopg.connect(ledger.url("auditor")) as connection:
        connection.execute(f"set {setting}")
        assert connection.execute("select * from decisions.first_broken_entry()").fetchone() is None


def test_a_ledger_copied_elsewhere_is_still_whole(ledger: Settings, tmp_path_factory: pytest.TempPathFactory):
    append(ledger, *map(recommendation, range(1, 6)))
    taking = "copy (select * from decisions.ledger order by entry_id) to stdout"
    with psycopg.connect(ledger.url("auditor")) as connection, connection.cursor().copy(taking) as out:
        taken = b"".join(out)
    other = another(tmp_path_factory.mktemp("other"))
    lifecycle.warehouse_up(other, say=lambda _: None)
    try:
        with psycopg.connect(other.url("owner")) as connection, connection.cursor().copy("copy decisions.ledger from stdin") as into:
            into.write(taken)
        assert len(rows(other, "entry_id")) == 5
        assert broken(other) is None
        assert append(other, recommendation(5), recommendation(6)) == 1
        assert migrations.apply(other) == []
    finally:
        postgres.stop(other)
