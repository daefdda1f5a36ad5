"""Every kind of alert on a processed world: raised once, ended, raised anew, and in words without a telephone number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from processed_world import MONDAY, TUESDAY, ProcessedWorld
from psycopg.rows import dict_row

from include.alerts import alerts
from include.decisions import actions, ledger, notices, reviews
from include.platform import postgres

KINDS = {path.stem: path for path in alerts.KINDS.glob("*.sql")}
HOUR = timedelta(hours=1)


class Desk:
    """One transaction on the warehouse, in which the notifier looks and anything may be damaged; all of it is undone at the end."""

    def __init__(self, connection: psycopg.Connection):
        self.connection = connection
        self.now = datetime.now(UTC)

    def look(self, now: datetime) -> dict[str, str]:
        self.now = now
        with self.connection.transaction():
            self.connection.execute("set local role tollgate_notifier")
            failed = alerts.raise_found(self.connection, now)
            self.connection.execute("reset role")
        return failed

    def rows(self, query: str, *given: Any) -> list[dict[str, Any]]:
        with self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, given).fetchall()

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return self.rows("select * from ops.alerts where kind = %s order by alert_id", kind)

    def open(self, kind: str) -> dict[str, dict[str, Any]]:
        return {row["subject"]: row for row in self.of_kind(kind) if row["ended_at"] is None}

    def damage(self, statement: str, *given: Any) -> None:
        assert self.connection.execute(statement, given).rowcount, statement


@pytest.fixture
def desk(processed_world: ProcessedWorld) -> Iterator[Desk]:
    settings = processed_world.settings
    login = settings.url_of(postgres.SUPERUSER, (settings.secrets / "pg_superuser").read_text().strip(), "tollgate")
    with psycopg.connect(login) as connection:
        yield Desk(connection)
        connection.rollback()


def gate_result(desk: Desk, outcome: str, run: str) -> None:
    desk.damage(
        """
        insert into ops.gate_results (run, gate, "check", suite, service_date, outcome, severity, observed, affected, remedy, recorded_at)
        values (
            %s, 'arriving_data', 'call_records.some_check', 'call_records', %s, %s, 'critical', '1: number +12125550100',
            '{cdr/asterisk}', 'Mend it.', clock_timestamp()
        )
        """,
        run, MONDAY, outcome,
    )  # fmt: skip


def feed(desk: Desk, status: str) -> None:
    desk.damage(
        "update intermediate.feed_status_daily set status = %s, reason = 'not: nyc1/<b>2125550100</b>.csv' where feed = 'cdr/standard' and service_date = %s",
        status, TUESDAY,
    )  # fmt: skip


def owed(desk: Desk) -> dict[str, dict[str, Any]]:
    """Open alerts of feeds, without that of the file that the world itself holds back on its last day."""
    found = desk.open("feed_overdue")
    del found[f"cdr/asterisk {TUESDAY}"]
    return found


def traceback(desk: Desk) -> dict[str, Any]:
    return desk.rows("select * from marts.traceback_worklist where responded_at is null order by due_at, traceback_id limit 1")[0]


def legal(desk: Desk) -> dict[str, Any]:
    return desk.rows("select * from marts.legal_notice_worklist where kind = 'cease_and_desist' and mitigated_at is null order by notice_id limit 1")[0]


Step = tuple[Callable[[Desk], None], datetime]


def blocked(desk: Desk) -> tuple[str, list[Step]]:
    now = desk.now
    return f"arriving_data call_records.some_check {MONDAY}", [
        (lambda desk: gate_result(desk, "blocked", "one"), now),
        (lambda desk: gate_result(desk, "passed", "two"), now + HOUR),
        (lambda desk: gate_result(desk, "blocked", "three"), now + 2 * HOUR),
    ]


def overdue_feed(desk: Desk) -> tuple[str, list[Step]]:
    due = datetime(2026, 11, 18, 6, tzinfo=UTC)
    return f"cdr/standard {TUESDAY}", [
        (lambda desk: feed(desk, "partial"), due + HOUR),
        (lambda desk: feed(desk, "complete"), due + 2 * HOUR),
        (lambda desk: feed(desk, "missing"), due + 3 * HOUR),
    ]


def by_the_clock(subject: str, before: datetime, within: datetime) -> tuple[str, list[Step]]:
    nothing: Callable[[Desk], None] = lambda _: None  # noqa: E731
    return subject, [(nothing, within), (nothing, before), (nothing, within)]


def traceback_due(desk: Desk) -> tuple[str, list[Step]]:
    row = traceback(desk)
    return by_the_clock(row["traceback_id"], row["due_at"] - 7 * HOUR, row["due_at"] - 5 * HOUR)


def traceback_overdue(desk: Desk) -> tuple[str, list[Step]]:
    row = traceback(desk)
    return by_the_clock(row["traceback_id"], row["due_at"] - HOUR, row["due_at"] + HOUR)


def legal_notice_due(desk: Desk) -> tuple[str, list[Step]]:
    row = legal(desk)
    return by_the_clock(row["notice_id"], row["received_at"] + 35 * HOUR, row["received_at"] + 37 * HOUR)


def legal_notice_overdue(desk: Desk) -> tuple[str, list[Step]]:
    row = legal(desk)
    return by_the_clock(row["notice_id"], row["received_at"] + 47 * HOUR, row["received_at"] + 49 * HOUR)


def legal_report_due(desk: Desk) -> tuple[str, list[Step]]:
    row = legal(desk)
    return by_the_clock(row["notice_id"], row["received_at"] + 10 * 24 * HOUR, row["received_at"] + 12 * 24 * HOUR)


def legal_report_overdue(desk: Desk) -> tuple[str, list[Step]]:
    row = legal(desk)
    return by_the_clock(row["notice_id"], row["received_at"] + 13 * 24 * HOUR, row["received_at"] + 15 * 24 * HOUR)


def unanswered_case(desk: Desk) -> tuple[str, list[Step]]:
    return case(desk, 25, lambda desk, late: ledger.escalate(desk.connection, late))


def waiting_case(desk: Desk) -> tuple[str, list[Step]]:
    return case(desk, 13, lambda desk, late: None)


def case(desk: Desk, hours: int, begin: Callable[[Desk, datetime], Any]) -> tuple[str, list[Step]]:
    (opening,) = desk.rows(
        """
        select recommendation_id as id, recorded_at from decisions.ledger
        where entry_type = 'recommendation' and party_id = 'U210' and payload ->> 'case_id' = recommendation_id
        """
    )
    late = opening["recorded_at"] + hours * HOUR

    def restate(desk: Desk, verdict: str) -> None:
        for day in (MONDAY, TUESDAY):
            desk.damage(
                "update marts.upstream_risk_daily set recommendation = %s where upstream_id = 'U210' and service_date = %s", verdict, day
            )
            ledger.append_recommendations(desk.connection, day, f"restated {verdict}")

    return opening["id"], [
        (lambda desk: begin(desk, late), late),
        (lambda desk: restate(desk, "NO_ACTION"), late + HOUR),
        (lambda desk: stand_again(desk, opening["id"]), late + 2 * HOUR),
    ]


def stand_again(desk: Desk, case_id: str) -> None:
    """The newest verdict is one of the case again."""
    payload = desk.rows("select payload, service_date from decisions.ledger where recommendation_id = %s", case_id)[0]
    ledger.append(
        desk.connection,
        [
            {
                "entry_type": "recommendation", "actor": "a", "service_date": payload["service_date"].isoformat(), "party_kind": "upstream",
                "party_id": "U210", "recommendation_id": "again", "payload": payload["payload"],
            }
        ],
    )  # fmt: skip


def unacknowledged_order(desk: Desk) -> tuple[str, list[Step]]:
    (opening,) = desk.rows("select recommendation_id as id from decisions.ledger where party_id = 'U210' and payload ->> 'case_id' = recommendation_id")
    action_id, late = f"{opening['id']}-suspend", desk.now + 5 * HOUR

    def forget(desk: Desk) -> None:
        desk.damage("alter table decisions.ledger disable trigger all")
        desk.damage("delete from decisions.ledger where entry_type = 'acknowledgement'")

    return action_id, [
        (lambda desk: reviews.record(desk.connection, opening["id"], "approve", "seen", "olga", desk.now), late),
        (lambda desk: actions.acknowledge(desk.connection, action_id, "noc", "", late), late + HOUR),
        (forget, late + 2 * HOUR),
    ]


def unjudged_day(desk: Desk) -> tuple[str, list[Step]]:
    installed = desk.rows("select min(applied_at)::date as day from ops.schema_migrations")[0]["day"]
    ended = datetime(installed.year, installed.month, installed.day, tzinfo=UTC) + 24 * HOUR
    judged = """
    insert into ops.gate_results (run, gate, "check", suite, service_date, outcome, severity, recorded_at)
    values ('r', 'marts', 'c', 's', %s, 'passed', 'info', now())
    """
    return installed.isoformat(), [
        (lambda desk: None, ended + 7 * HOUR),
        (lambda desk: desk.damage(judged, installed), ended + 8 * HOUR),
        (lambda desk: desk.damage("delete from ops.gate_results where service_date = %s", installed), ended + 9 * HOUR),
    ]


def audited(desk: Desk, at: datetime, outcome: str = "clean") -> None:
    payload = {"run": f"audit {at}", "outcome": outcome, "problems": ["ledger entry 7: its content was changed"], "recomputed": [{"differences": 2}]}
    ledger.append(desk.connection, [{"entry_type": "audit", "actor": "audit_controls", "payload": payload}], at)


def audit_found(desk: Desk) -> tuple[str, list[Step]]:
    now = desk.now
    return "audit", [
        (lambda desk: audited(desk, now, "found"), now),
        (lambda desk: audited(desk, now + HOUR, "incomplete"), now + HOUR),
        (lambda desk: audited(desk, now + 2 * HOUR, "found"), now + 2 * HOUR),
    ]


def audit_overdue(desk: Desk) -> tuple[str, list[Step]]:
    (begin,) = desk.rows("select min(first_processed_at) as at from ops.processed_days")
    late, later = begin["at"] + 193 * HOUR, begin["at"] + 2 * 193 * HOUR

    def process(desk: Desk, at: datetime) -> None:
        desk.damage("update ops.processed_days set processed_at = %s where service_date = %s", at, TUESDAY)

    return "audit", [
        (lambda desk: process(desk, late), late),
        (lambda desk: audited(desk, late), late + HOUR),
        (lambda desk: process(desk, later), later + HOUR),
    ]


SCENES: dict[str, Callable[[Desk], tuple[str, list[Step]]]] = {
    "gate_block": blocked,
    "feed_overdue": overdue_feed,
    "traceback_due": traceback_due,
    "traceback_overdue": traceback_overdue,
    "legal_notice_due": legal_notice_due,
    "legal_notice_overdue": legal_notice_overdue,
    "legal_report_due": legal_report_due,
    "legal_report_overdue": legal_report_overdue,
    "case_waits": waiting_case,
    "case_unanswered": unanswered_case,
    "action_unacknowledged": unacknowledged_order,
    "day_not_judged": unjudged_day,
    "audit_found": audit_found,
    "audit_overdue": audit_overdue,
}


def test_every_kind_has_a_scene():
    assert SCENES.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", SCENES)
def test_a_kind_is_raised_once_ended_and_raised_anew(desk: Desk, kind: str):
    subject, ((begin, first), (finish, over), (again, second)) = SCENES[kind](desk)
    begin(desk)
    for _ in range(2):
        assert desk.look(first) == {}
    (raised,) = [row for row in desk.of_kind(kind) if row["subject"] == subject]
    assert (raised["raised_at"], raised["ended_at"]) == (first, None)
    assert raised["since"] <= max(first, datetime.now(UTC))
    assert alerts.harmless(raised["message"]) == raised["message"]
    finish(desk)
    for _ in range(2):
        assert desk.look(over) == {}
    assert [row["ended_at"] for row in desk.of_kind(kind) if row["subject"] == subject] == [over]
    again(desk)
    assert desk.look(second) == {}
    assert [(row["raised_at"], row["ended_at"]) for row in desk.of_kind(kind) if row["subject"] == subject] == [(first, over), (second, None)]


def test_a_file_name_with_markup_and_a_number_is_told_harmlessly(desk: Desk):
    feed(desk, "partial")
    desk.look(datetime(2026, 11, 18, 7, tzinfo=UTC))
    told = desk.open("feed_overdue")[f"cdr/standard {TUESDAY}"]["message"]
    assert told.startswith("Feed cdr/standard is overdue for 2026-11-17: not: nyc1/‹b›(number)‹/b›.csv.")
    gate_result(desk, "blocked", "one")
    desk.look(datetime(2026, 11, 18, 7, tzinfo=UTC))
    (block,) = desk.open("gate_block").values()
    assert block["message"] == (
        "Arriving data of 2026-11-16 failed call_records.some_check, which holds the parties of cdr/asterisk. Mend it. "
        "Then process the date again: make backfill FROM=2026-11-16 TO=2026-11-16."
    )


def test_nothing_is_overdue_before_it_is_due(desk: Desk):
    feed(desk, "partial")
    desk.damage("update intermediate.feed_status_daily set due_at = '2026-11-19 12:00' where feed = 'cdr/standard' and service_date = %s", TUESDAY)
    desk.look(datetime(2026, 11, 19, 11, 59, tzinfo=UTC))
    assert owed(desk) == {}
    desk.look(datetime(2026, 11, 19, 12, 1, tzinfo=UTC))
    assert [row["since"] for row in owed(desk).values()] == [datetime(2026, 11, 19, 12, tzinfo=UTC)]


def test_quiet_desks_owe_nothing_unless_they_say_so(desk: Desk):
    desk.damage("update intermediate.feed_status_daily set status = 'missing' where feed = 'complaints/standard' and service_date = %s", TUESDAY)
    desk.look(datetime(2026, 11, 20, tzinfo=UTC))
    assert owed(desk) == {}
    desk.damage("update intermediate.feed_status_daily set due_at = '2026-11-18 12:00' where feed = 'complaints/standard' and service_date = %s", TUESDAY)
    desk.look(datetime(2026, 11, 20, tzinfo=UTC))
    assert [row["severity"] for row in owed(desk).values()] == ["warning"]


def test_a_snapshot_is_owed_once_and_not_for_every_date(desk: Desk):
    desk.damage("update intermediate.feed_status_daily set status = 'missing' where feed = 'reference/rmd'")
    desk.look(datetime(2026, 11, 20, tzinfo=UTC))
    assert list(owed(desk)) == ["reference/rmd"]


def test_an_answer_ends_what_was_overdue(desk: Desk):
    row = traceback(desk)
    late = row["due_at"] + HOUR
    desk.look(late)
    assert row["traceback_id"] in desk.open("traceback_overdue")
    assert row["traceback_id"] not in desk.open("traceback_due")
    notices.record_response(desk.connection, row["traceback_id"], "draft", "", "olga", late)
    desk.look(late + HOUR)
    assert row["traceback_id"] not in desk.open("traceback_overdue")


def test_a_review_ends_what_nobody_had_answered(desk: Desk):
    case_id, ((begin, late), *_) = unanswered_case(desk)
    begin(desk)
    desk.look(late)
    reviews.record(desk.connection, case_id, "approve", "seen", "olga", late)
    desk.look(late + HOUR)
    assert case_id not in desk.open("case_unanswered")


def test_what_is_wrong_with_one_query_holds_up_no_other_and_ends_nothing(desk: Desk, tmp_path):
    gate_result(desk, "blocked", "one")
    good = tmp_path / "gate_block.sql"
    good.write_text(KINDS["gate_block"].read_text())
    odd = tmp_path / "an_odd_one.sql"
    odd.write_text("select 'a' as subject, 'warning' as severity, %(now)s::timestamptz as since, 'b' as message")
    assert alerts.raise_found(desk.connection, desk.now, tmp_path) == {}
    odd.write_text("select nothing from nowhere where %(now)s is null")
    later = desk.now + HOUR
    assert list(alerts.raise_found(desk.connection, later, tmp_path)) == ["an_odd_one"]
    assert list(desk.open("an_odd_one")) == ["a"]
    assert len(desk.open("gate_block")) == 1
