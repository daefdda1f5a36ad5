"""The marts on the demo world, whose verdicts are known beforehand: files in, stages run, verdicts and ledger out."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import date, timedelta

import psycopg
import pytest

from include import stages
from include.demo import cdr, personas, traffic
from include.demo.world import Expected, missing_file, put, write_world
from include.ingest import load
from include.settings import Settings

MONDAY = date(2026, 11, 16)
FIRST, MIDDLE, LAST = DAYS = [MONDAY + timedelta(days=d) for d in range(3)]
ATTEMPTS, SEED = 20_000, 7


class World:
    """The demo world, loaded whole; its days are processed out of order, as late deliveries make it happen."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.runs = itertools.count()
        self.expected: Expected = write_world(settings.landing, first_day=MONDAY, days=len(DAYS), attempts=ATTEMPTS, seed=SEED)
        for kind in load.KINDS:
            stages.load_new_files(kind, None)
        for day in (FIRST, LAST, MIDDLE):
            self.process(day)

    def process(self, day: date) -> int:
        """One day through all the stages, as the DAGs do it; returns what is new in the ledger."""
        run = f"test-{next(self.runs)}"
        stages.build_lake(day)
        stages.check_arriving_data(day, run)
        stages.build_marts(day, run)
        passed = stages.check_marts(day, run)
        assert passed == [other.isoformat() for other in self.processed() if other >= day]
        return stages.append_recommendations([date.fromisoformat(other) for other in passed], run)

    def processed(self) -> list[date]:
        return [day for (day,) in self.rows("select service_date from ops.processed_days order by 1")]

    def forget_marts_after(self, day: date) -> None:
        """All that was made of later days' published tables, as if their marts never were built."""
        dated = self.rows(
            """
            select attrelid::regclass::text
            from pg_attribute
            join pg_class on pg_class.oid = attrelid and relkind = 'r'
            where attname = 'service_date' and relnamespace in ('intermediate'::regnamespace, 'marts'::regnamespace)
            """
        )
        with psycopg.connect(self.settings.url("owner")) as connection:
            for table in ["ops.processed_days", *(name for (name,) in dated)]:
                connection.execute(f"delete from {table} where service_date > %s", (day,))

    def deliver_missing_file(self) -> None:
        cast = personas.load()
        world = traffic.world_of(cast, SEED)
        rows = traffic.simulate(world, cast, MONDAY, len(DAYS), ATTEMPTS)
        (late,) = (file for file in cdr.files(world, cast, rows, MONDAY, len(DAYS)) if file.name == missing_file(LAST))
        put(self.settings.landing / "cdr" / late.feed / late.name, late.content())

    def rows(self, query: str, **given) -> list[tuple]:
        with psycopg.connect(self.settings.url("auditor")) as connection:
            return connection.execute(query, given).fetchall()

    def marts(self) -> dict[str, list[tuple]]:
        """Every mart, whole, in an order of its own."""
        names = self.rows("select relname from pg_class where relnamespace = 'marts'::regnamespace and relkind in ('r', 'v') order by 1")
        assert len(names) == 9
        return {name: self.rows(f"select * from marts.{name} as t order by t::text") for (name,) in names}

    def risk(self, columns: str) -> dict[tuple[str, str, date], list]:
        """Both risk marts by party kind, party and day."""
        return {
            (kind, party, day): values
            for kind in ("customer", "upstream")
            for party, day, *values in self.rows(f"select {kind}_id, service_date, {columns} from marts.{kind}_risk_daily")
        }


@pytest.fixture(scope="module")
def world(warehouse):
    return World(warehouse)


def test_every_party_has_the_verdict_that_was_planted_for_each_day(world):
    found = world.risk("recommendation, reason_codes")
    assert {recommendation for recommendation, _ in found.values()} == {"SUSPEND", "RESTRICT", "MONITOR", "HOLD", "NO_ACTION"}
    assert {key: recommendation for key, (recommendation, _) in found.items()} == {
        key: verdict.recommendation for key, verdict in world.expected.verdicts.items()
    }
    lacking = {key: set(v.reason_codes) - set(found[key][1]) for key, v in world.expected.verdicts.items()}
    assert {key: codes for key, codes in lacking.items() if codes} == {}


def test_what_stands_is_the_verdict_and_on_hold_that_of_the_day_before(world):
    found = world.risk("recommendation, carried_recommendation, data_status")
    held = {key for key, (recommendation, _, _) in found.items() if recommendation == "HOLD"}
    assert {day for _, _, day in held} == {LAST}
    for (kind, party, day), (recommendation, carried, data_status) in found.items():
        if (kind, party, day) in held:
            assert (carried, data_status) == (found[kind, party, MIDDLE][0], "partial"), party
        else:
            assert carried == recommendation, party


def test_the_feed_whose_file_never_came_says_so_and_all_others_are_complete(world):
    status = world.rows("select service_date, feed, status, reason from marts.data_status_daily where kind = 'cdr' order by 1, 2")
    torn = [(day, feed) for day, feed, state, reason in status if state == "partial" and missing_file(LAST) in reason]
    assert torn == [(LAST, "cdr/asterisk")]
    assert {state for day, feed, state, _ in status if (day, feed) not in torn} == {"complete"}


def test_every_partys_attempts_calls_and_answers_are_counted_exactly(world):
    found = world.risk("attempts, calls, answered")
    assert found == {key: [t.attempts, t.calls, t.answered] for key, t in world.expected.totals.items()}


def test_a_traced_call_is_named_down_to_file_and_line(world):
    found = world.rows(
        """
        select traceback_id, source_file, source_line, call_id, party_kind, party_id
        from marts.traceback_worklist
        where match_status = 'unique'
        """
    )
    planted = {
        (n.traceback_id, c.file, c.line, c.call_id, c.party_kind, c.party_id)
        for n in world.expected.notices
        if n.match_status == "unique"
        for c in n.calls
    }
    assert planted and set(found) == planted


def test_complaints_fall_on_the_customers_they_were_written_about_and_on_nobody_else(world):
    planted = Counter((c.party_id, c.received) for c in world.expected.complaints if c.level in ("1", "2"))
    found = world.rows("select customer_id, service_date, complaints_matched, complaints_distinct, complainant_areas from marts.customer_risk_daily")
    assert {(customer, day): matched for customer, day, matched, _, _ in found} == {
        (customer, day): planted.get((customer, day), 0) for customer, day, *_ in found
    }
    assert planted.keys() <= {(customer, day) for customer, day, *_ in found}
    assert all(bool(matched) == bool(distinct) == bool(areas) and max(distinct, areas) <= matched for *_, matched, distinct, areas in found)


def test_a_complaint_about_several_is_shared_out_whole(world):
    shared = dict(world.rows("select service_date, round(sum(complaints_shared)::numeric, 6)::float from marts.customer_risk_daily group by 1"))
    planted = Counter(c.received for c in world.expected.complaints if c.level == "3")
    assert shared == {day: planted[day] for day in DAYS} and sum(planted.values()) > 0
    weights = world.rows(
        """
        select m.complaint_id
        from lake.complaint_matches as m
        left join lake.complaint_candidates as c using (receipt_id, source_line)
        group by m.complaint_id, m.match_level, m.candidates
        having count(c.customer_id) <> m.candidates or (m.candidates > 0 and round(sum(c.weight)::numeric, 6) <> 1)
        """
    )
    assert weights == []


def test_a_victim_is_marked_on_every_day_since_the_first_complaint_and_no_risk_added(world):
    (victim,) = {c.party_id for c in world.expected.complaints if c.level == "V"}
    marked = world.rows(
        """
        select customer_id, service_date, spoof_victim_since, complaints_matched, complaints_shared
        from marts.customer_risk_daily where spoof_victim order by service_date
        """
    )
    assert marked == [(victim, day, FIRST, 0, 0) for day in DAYS]


def test_that_no_such_call_was_carried_is_proven_by_complete_days_only(world):
    found = dict(world.rows("select call_date, bool_or(coverage_complete) from marts.complaint_attribution group by 1"))
    assert {day: found.get(day, False) for day in DAYS} == {FIRST: True, MIDDLE: True, LAST: False}
    assert not any(proven for day, proven in found.items() if day not in DAYS)


def test_the_newest_day_stands_in_the_recommendations(world):
    found = world.rows("select party_kind, party_id, service_date, recommendation from marts.recommendations order by 1, 2")
    assert found == sorted((*key, verdict.recommendation) for key, verdict in world.expected.verdicts.items() if key[-1] == LAST)


def test_an_earlier_day_processed_again_changes_nothing(world):
    before = world.marts()
    assert world.process(FIRST) == 0
    assert world.marts() == before


def test_days_processed_in_order_give_the_same_marts_as_out_of_order(world):
    before = world.marts()
    world.forget_marts_after(FIRST)
    assert world.marts() != before
    for day in (MIDDLE, LAST):
        stages.build_marts(day, "in order")
    assert world.marts() == before


def test_a_late_file_turns_hold_into_verdicts_and_both_stay_in_the_ledger(world):
    held = {key for key, (recommendation,) in world.risk("recommendation").items() if recommendation == "HOLD"}
    attempts = {key: count for key, (count,) in world.risk("attempts").items()}
    before = world.marts()
    world.deliver_missing_file()
    assert stages.load_new_files("cdr", None) == [LAST.isoformat()]
    assert world.process(LAST) >= len(held)

    found = world.risk("recommendation, carried_recommendation, reason_codes, data_status, attempts")
    (late_rows,) = world.expected.missing.values()
    assert sum(values[-1] for values in found.values()) - sum(attempts.values()) == late_rows
    for key in held:
        assert found[key][:4] == ["NO_ACTION", "NO_ACTION", ["CLEAN"], "complete"], key
    assert "HOLD" not in {recommendation for recommendation, *_ in found.values()}
    after = world.marts()
    for mart in ("customer_risk_daily", "upstream_risk_daily", "rule_hits_daily"):
        assert [row for row in after[mart] if row[0] < LAST] == [row for row in before[mart] if row[0] < LAST], mart

    entries: dict[tuple[str, str, date], list[str]] = {}
    for *key, recommendation in world.rows(
        """
        select party_kind, party_id, service_date, payload ->> 'recommendation'
        from decisions.ledger
        where entry_type = 'recommendation'
        order by entry_id
        """
    ):
        entries.setdefault(tuple(key), []).append(recommendation)
    assert {tuple(entries[key][-2:]) for key in held} == {("HOLD", "NO_ACTION")}
    assert world.rows("select * from decisions.first_broken_entry()") == []
