"""Overrides: what they need, that each lets its own check and feeds pass and nothing else, and ends. On a processed world."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from processed_world import MONDAY, TUESDAY, ProcessedWorld, receipt

from include import stages
from include.decisions import ledger, overrides, proof, words
from include.decisions.overrides import LEAVE_BLOCKED, OVERRIDE, Override, Signed
from include.decisions.signatures import CONFIRM, REFUSE
from include.lineage.explain import explain
from include.operations import report
from include.quality import gate, suites
from include.quality.suites import Check
from include.settings import REPOSITORY
from tests.ingest.desk import calls_csv

AT = datetime(2026, 11, 18, 9, tzinfo=UTC)
REFUSED, SHARES, RECONCILES = "call_files.no_file_refused", "customer_risk_daily.shares_are_shares", "customer_risk_daily.traffic_reconciles"
REASON = "the file is a copy; \"seen\" by the switch's vendor"
ON_PHX1, ON_NYC1 = "C1037", "C1001"
"""Customers whose switch writes Asterisk's records, and the standard ones."""

BAD_SHARE = "update marts.customer_risk_daily set asr = 2 where customer_id = 'C1001' and service_date = '{}'"
BAD_SUM = "update marts.customer_risk_daily set attempts = attempts + 1 where customer_id = 'C1002' and service_date = '{}'"


def refuse(*feeds: str, day: date = MONDAY) -> list[str]:
    return [receipt("cdr", feed, f"{feed}/x/{day}T99.csv", "refused") for feed in feeds]


def signed(until: datetime | None = None, by: str = "Olga Petrova", reason: str = REASON) -> Signed:
    return Signed(by, "Pia Moss", reason, until or datetime.now(UTC) + timedelta(days=3))


def override(
    world: ProcessedWorld, check: str, *feeds: str, given: Signed | None = None, day: date = MONDAY, at: datetime | None = None
) -> list[str]:
    name = "marts" if check.startswith(("customer", "upstream")) else "arriving_data"
    with psycopg.connect(world.settings.url("recommender")) as connection:
        return overrides.override(connection, day, name, check, list(feeds), given or signed(), at or datetime.now(UTC))


def ask(world: ProcessedWorld, run: str) -> list[dict[str, Any]]:
    with world.as_the_installation():
        return stages.open_blocks(run)


def given_answer(option: str, comment: str, who: str, at: datetime | None = None, **fields: str) -> dict[str, Any]:
    return {
        "chosen_options": [option], "params_input": {"comment": comment} | fields,
        "responded_at": (at or datetime.now(UTC)).isoformat(), "responded_by_user": {"id": "3", "name": who},
    }  # fmt: skip


def answer(case_id: str, option: str, comment: str = REASON, until: str = "", at: datetime | None = None) -> dict[str, str] | None:
    return stages.record_block_answer(case_id, given_answer(option, comment, "compliance", at, until=until))


def confirm(case_id: str, option: str = CONFIRM, comment: str = "seen", who: str = "approver") -> str | None:
    return stages.record_confirmation(case_id, given_answer(option, comment, who))


def entries(world: ProcessedWorld, entry_type: str = "override") -> list[dict[str, Any]]:
    return world.rows("select * from decisions.ledger where entry_type = %(type)s order by entry_id", type=entry_type)


def recorded(world: ProcessedWorld, check: str, day: date = MONDAY) -> dict[str, Any]:
    """What the newest run found of a check."""
    found = world.rows('select * from ops.gate_results where "check" = %(check)s and service_date = %(day)s order by recorded_at desc limit 1', check=check, day=day)
    return found[0]


def status(world: ProcessedWorld, day: date = MONDAY) -> dict[str, dict[str, Any]]:
    return {row["feed"]: row for row in world.rows("select * from marts.data_status_daily where service_date = %(day)s", day=day)}


def verdict(world: ProcessedWorld, party_id: str) -> str:
    return world.verdict(MONDAY, party_id)["payload"]["recommendation"]


@pytest.mark.parametrize("field", ["by", "second", "reason", "until"])
@pytest.mark.parametrize("empty", ["", " \n"])
def test_a_field_that_is_empty_is_named(field: str, empty: str):
    with pytest.raises(ValueError, match=f"^{field.upper()}"):
        Signed.at(AT, **{"by": "Olga", "second": "Pia", "reason": "seen", "until": "2026-11-20"} | {field: empty})


@pytest.mark.parametrize("second", ["Olga Petrova", " olga  petrova "])
def test_nobody_signs_twice(second: str):
    with pytest.raises(ValueError, match="^SECOND=.*: another person than 'Olga Petrova'"):
        Signed.at(AT, "Olga Petrova", second, "seen", "2026-11-20")


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("2026-12-01", datetime(2026, 12, 1, tzinfo=UTC)),
        (" 2026-12-01T18:30", datetime(2026, 12, 1, 18, 30, tzinfo=UTC)),
        ("2026-12-01T18:30-05:00", datetime(2026, 12, 1, 23, 30, tzinfo=UTC)),
        ("2026-12-18T09:00Z", AT + timedelta(days=30)),
    ],
)
def test_an_end_is_in_utc(text: str, until: datetime):
    assert overrides.instant(text, AT) == until


@pytest.mark.parametrize("text", ["soon", "2026-11-18T09:00", "2026-11-18", "2026-12-18T09:01", "2026-02-30"])
def test_an_end_that_cannot_be_is_refused(text: str):
    with pytest.raises(ValueError, match=f"^UNTIL='{text}': "):
        overrides.instant(text, AT)


def failed(*feeds: str, **other: Any) -> gate.Result:
    check = Check("c", "Any", {}, **{"severity": "critical", "expected": "x", "remedy": "y"} | other)
    return gate.Result("s", check, False, "1", feeds)


def given(entry_id: int, *feeds: str, check: str = "s.c") -> Override:
    return Override(entry_id, check, list(feeds), "olga", "seen", AT)


@pytest.mark.parametrize(
    ("result", "in_force", "outcome", "overridden", "entry_ids"),
    [
        (failed("f"), [], "blocked", (), ()),
        (failed("f"), [given(1, "f")], "overridden", ("f",), (1,)),
        (failed("f"), [given(1, "f", "g")], "overridden", ("f",), (1,)),
        (failed("f", "g"), [given(1, "f")], "blocked", ("f",), (1,)),
        (failed("f", "g"), [given(1, "f"), given(2, "g")], "overridden", ("f", "g"), (1, 2)),
        (failed("f"), [given(1, "g")], "blocked", (), ()),
        (failed("f"), [given(1, "f", check="s.d")], "blocked", (), ()),
        # what names no feed, such as a check that could not be evaluated, holds all: only an override of that lets it pass
        (failed(), [given(1)], "overridden", (), (1,)),
        (failed(), [given(1, "f")], "blocked", (), ()),
        (failed("f"), [given(1)], "blocked", (), ()),
        (failed("f", overridable=False), [given(1, "f")], "blocked", (), ()),
        (failed("f", severity="warning"), [given(1, "f")], "passed_with_warnings", (), ()),
        (gate.Result("s", failed().check, True, "0", ()), [given(1)], "passed", (), ()),
    ],
)
def test_an_override_lets_pass_what_it_names(
    result: gate.Result, in_force: list[Override], outcome: str, overridden: tuple[str, ...], entry_ids: tuple[int, ...]
):
    found = gate.let_pass(result, in_force)
    assert (found.outcome, found.overridden, found.overrides) == (outcome, overridden, entry_ids)
    assert (found.observed, found.affected) == (result.observed, result.affected)


def test_no_reason_is_good_enough_for_what_the_invariants_rest_on():
    closed = {f"{suite.name}.{check.name}" for name in suites.GATES for suite in suites.load(name) for check in suite.checks if not check.overridable}
    of_both = ("recommendation_is_known", "recommendation_is_given", "nobody_clean_on_incomplete_data", "suspension_needs_evidence")
    assert closed == {
        "call_files.receipts_add_up", "customer_risk_daily.every_customer_once", "upstream_risk_daily.every_upstream_once",
        "rule_hits_daily.hits_hold", "rule_hits_daily.hits_have_their_sample", "rule_hits_daily.verdicts_follow_from_hits",
        "traceback_worklist.due_after_24_hours", "traceback_worklist.search_is_known", "traceback_worklist.proof_names_call_and_line",
        "complaint_attribution.level_is_known", "complaint_attribution.calls_and_levels_agree",
        "data_status_daily.every_feed_has_a_status", "data_status_daily.status_is_known_and_says_why",
        *(f"{kind}_risk_daily.{check}" for kind in ("customer", "upstream") for check in of_both),
    }  # fmt: skip


def test_a_feed_that_is_named_is_judged_and_the_others_are_held(own_world: ProcessedWorld):
    own_world.damage(*refuse("cdr/asterisk", "cdr/standard"))
    assert own_world.build_marts(MONDAY, "blocked") == "blocked"
    assert override(own_world, REFUSED, "cdr/asterisk") == ["cdr/asterisk"]
    assert own_world.build_marts(MONDAY, "again") == "blocked", "standard is not named"
    own_world.judge(MONDAY, "again")

    row, (entry,) = recorded(own_world, REFUSED), entries(own_world)
    assert (row["outcome"], row["affected"], row["overridden"], row["overrides"]) == (
        "blocked", ["cdr/asterisk", "cdr/standard"], ["cdr/asterisk"], [entry["entry_id"]],
    )  # fmt: skip
    assert (entry["actor"], entry["service_date"]) == ("Olga Petrova", MONDAY)
    assert entry["payload"] | {"until": None} == {
        "gate": "arriving_data", "check": REFUSED, "feeds": ["cdr/asterisk"], "reason": REASON, "second": "Pia Moss", "until": None, "run": "blocked",
        "observed": row["observed"],
    }  # fmt: skip
    told = status(own_world)
    assert (told["cdr/asterisk"]["status"], told["cdr/standard"]["status"]) == ("complete", "blocked")
    assert f"{REFUSED} failed and is overridden by Olga Petrova and Pia Moss until " in told["cdr/asterisk"]["reason"]
    assert REASON in told["cdr/asterisk"]["reason"] and REASON not in told["cdr/standard"]["reason"]
    assert (verdict(own_world, ON_PHX1), verdict(own_world, ON_NYC1)) == ("NO_ACTION", "HOLD")

    assert override(own_world, REFUSED) == ["cdr/standard"], "without feeds, what is blocked still"
    assert own_world.build_marts(MONDAY, "once more") == "overridden"
    own_world.judge(MONDAY, "once more")
    assert verdict(own_world, ON_NYC1) == "NO_ACTION"
    party = own_world.verdict(MONDAY, ON_NYC1)
    assert party["payload"]["data_status"] == "overridden"
    assert party["payload"]["inputs"]["gates"]["arriving_data"] == {"run": "once more", "outcome": "overridden"}
    text = explain(own_world.settings, party["recommendation_id"]).replace("\n    ", " ")
    assert "data overridden" in text
    assert f"{REFUSED} failed and was overridden for cdr/standard by Olga Petrova until " in text
    assert f'"{REASON}" (ledger entry ' in text
    # another check of the same feed is held all the same
    own_world.damage(f"delete from lake.switch_coverage_hourly where feed = 'cdr/standard' and service_date = '{MONDAY}'")
    assert stages.check_arriving_data(MONDAY, "more is wrong") == "blocked"
    with psycopg.connect(own_world.settings.url("auditor")) as connection:
        assert proof.problems(connection) == []


def test_silence_on_an_overridden_day_proves_nothing(own_world: ProcessedWorld):
    own_world.damage(*refuse("cdr/standard"))
    own_world.build_marts(MONDAY, "blocked")
    override(own_world, REFUSED)
    assert own_world.build_marts(MONDAY, "again") == "overridden"
    assert own_world.rows("select bool_or(coverage_complete) as said from marts.complaint_attribution where call_date = %(day)s", day=MONDAY) == [{"said": False}]


def test_an_override_is_in_force_from_its_entry_until_its_end_and_then_blocks_again(own_world: ProcessedWorld):
    own_world.damage(*refuse("cdr/asterisk"))
    assert stages.check_arriving_data(MONDAY, "blocked") == "blocked"
    end = AT + timedelta(hours=2)
    override(own_world, REFUSED, given=signed(end), at=AT)

    def stands(at: datetime, name: str = "arriving_data", day: date = MONDAY) -> bool:
        with psycopg.connect(own_world.settings.url("transformer")) as connection:
            return bool(overrides.in_force(connection, name, day, at))

    second = timedelta(seconds=1)
    assert [stands(at) for at in (AT - second, AT, end - second, end)] == [False, True, True, False]
    assert not stands(AT, "marts") and not stands(AT, day=TUESDAY)
    assert stages.check_arriving_data(MONDAY, "after its end") == "blocked"
    override(own_world, REFUSED)
    assert stages.check_arriving_data(MONDAY, "anew") == "overridden"


def test_marts_that_are_overridden_are_recommended_from_and_say_so(own_world: ProcessedWorld):
    own_world.damage(BAD_SHARE.format(TUESDAY), BAD_SUM.format(TUESDAY))
    # nothing of the day is in the ledger yet
    own_world.tamper(f"delete from decisions.ledger where service_date = '{TUESDAY}'")
    assert own_world.judge(TUESDAY, "blocked") == 0
    assert override(own_world, SHARES, day=TUESDAY) == []
    assert own_world.judge(TUESDAY, "another check still fails") == 0
    assert (recorded(own_world, SHARES, TUESDAY)["outcome"], recorded(own_world, RECONCILES, TUESDAY)["outcome"]) == ("overridden", "blocked")
    assert status(own_world, TUESDAY)["marts"]["status"] == "blocked"
    override(own_world, RECONCILES, day=TUESDAY, given=signed(by="Ivan", reason="one late call"))
    assert own_world.judge(TUESDAY, "overridden") > 0

    row = status(own_world, TUESDAY)["marts"]
    assert row["status"] == "complete"
    for who in ("is overridden by Olga Petrova and Pia Moss until ", "is overridden by Ivan and Pia Moss until "):
        assert who in row["reason"]
    assert "marts" not in status(own_world, MONDAY)
    assert "marts complete: " in report.outcome(own_world.settings, TUESDAY)
    text = report.full(own_world.settings, TUESDAY)
    assert "Olga Petrova" in " ".join(text.split("OVERRIDDEN")[1].split()) and max(map(len, text.splitlines())) <= 80
    assert "OVERRIDDEN" not in report.full(own_world.settings, MONDAY)
    text = explain(own_world.settings, own_world.verdict(TUESDAY, ON_NYC1)["recommendation_id"])
    assert f"{SHARES} failed and was overridden by Olga Petrova" in text
    # the marts of another date are not let pass with it
    own_world.damage(BAD_SHARE.format(MONDAY))
    assert stages.check_marts(MONDAY, "the day before") == [TUESDAY.isoformat()]


def test_what_cannot_be_overridden_is_refused_in_clear_words(own_world: ProcessedWorld):
    closed = "customer_risk_daily.nobody_clean_on_incomplete_data"
    own_world.damage(*refuse("cdr/asterisk"), f"update marts.customer_risk_daily set data_status = 'partial' where customer_id = 'C1001' and service_date = '{MONDAY}'")
    stages.check_arriving_data(MONDAY, "blocked")
    stages.check_marts(MONDAY, "blocked")
    assert recorded(own_world, closed)["outcome"] == "blocked"
    for check, feeds, day, error, message in (
        (closed, (), MONDAY, ValueError, "cannot be overridden"),
        (REFUSED, (), TUESDAY, ValueError, f"nothing to override: {REFUSED} does not block {TUESDAY}"),
        (SHARES, (), MONDAY, ValueError, "nothing to override"),
        (REFUSED, ("cdr/standard", "cdr/asterisk"), MONDAY, ValueError, f"FEEDS: {REFUSED} does not block cdr/standard on {MONDAY}; it blocks cdr/asterisk"),
        ("call_records.nothing", (), MONDAY, LookupError, "no check of the gate arriving_data, which has .*no_file_refused"),
    ):
        with pytest.raises(error, match=message):
            override(own_world, check, *feeds, day=day)
    assert entries(own_world) == []
    # an entry that got into the ledger all the same lets nothing pass
    entry = {
        "entry_type": "override", "actor": "eve", "service_date": MONDAY.isoformat(),
        "payload": {"gate": "marts", "check": closed, "feeds": [], "reason": "r", "second": "adam", "until": (datetime.now(UTC) + timedelta(days=1)).isoformat()},
    }  # fmt: skip
    with psycopg.connect(own_world.settings.url("recommender")) as connection:
        ledger.append(connection, [entry])
    stages.check_marts(MONDAY, "again")
    assert recorded(own_world, closed)["outcome"] == "blocked"
    assert closed not in {question["case_id"].split(":")[3] for question in ask(own_world, "review")}


@pytest.mark.parametrize("lacking", [{"actor": " "}, {"service_date": None}, {"reason": " "}, {"reason": None}, {"until": None}, {"check": None}, {"second": " Olga"}, {"second": None}])
def test_no_override_gets_into_the_ledger_unsigned(processed_world: ProcessedWorld, lacking: dict[str, Any]):
    payload = {"gate": "marts", "check": SHARES, "feeds": [], "reason": "r", "second": "pia", "until": "2026-12-01T00:00:00+00:00"}
    entry = {"entry_type": "override", "actor": "olga", "service_date": "2026-11-16", "payload": payload} | {
        key: value for key, value in lacking.items() if key not in payload
    }
    entry["payload"] = {key: lacking.get(key, value) for key, value in payload.items() if lacking.get(key, value) is not None}
    with psycopg.connect(processed_world.settings.url("recommender")) as connection, pytest.raises(psycopg.errors.CheckViolation, match="override_is_signed|two_people_signed"):
        connection.execute("select decisions.append(%s, now())", (json.dumps([entry]),))


def test_the_same_override_stands_once_however_often_it_is_given(own_world: ProcessedWorld):
    own_world.damage(*refuse("cdr/asterisk"))
    stages.check_arriving_data(MONDAY, "blocked")
    same = signed()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: override(own_world, REFUSED, given=same), range(4))) == [["cdr/asterisk"]] * 4
    stages.check_arriving_data(MONDAY, "overridden")
    assert override(own_world, REFUSED, given=same) == ["cdr/asterisk"]
    assert len(entries(own_world)) == 1


def test_a_block_is_asked_about_once_and_anew_when_it_takes_in_a_feed_or_comes_back(own_world: ProcessedWorld):
    asterisk, standard = refuse("cdr/asterisk", "cdr/standard")
    mend = "update ops.file_receipts set state = 'loaded' where path like 'cdr/asterisk/x/%'"
    assert ask(own_world, "nothing is blocked") == []
    own_world.damage(asterisk)
    stages.check_arriving_data(MONDAY, "first")
    (question,) = ask(own_world, "review")
    assert ask(own_world, "review") == [question], "a run repeated asks its own again"
    assert question["subject"] == f"{MONDAY} is blocked: {REFUSED}"
    for words_of in ("cdr/asterisk", "reason why", "send it again", "Leave blocked: ", "Override: "):
        assert words_of in question["body"]
    stages.check_arriving_data(MONDAY, "built again")
    assert ask(own_world, "another review") == []
    own_world.damage(standard)
    stages.check_arriving_data(MONDAY, "grown")
    (both,) = ask(own_world, "third review")
    assert both["case_id"] != question["case_id"]
    # of a block that has grown since, the old answer changes nothing
    assert answer(question["case_id"], OVERRIDE) is None
    assert entries(own_world) == []
    override(own_world, REFUSED, "cdr/standard")
    stages.check_arriving_data(MONDAY, "shrunk")
    assert ask(own_world, "fourth review") == []
    assert answer(both["case_id"], OVERRIDE)["first"] == "compliance"
    assert confirm(both["case_id"]) == MONDAY.isoformat()
    assert [entry["payload"]["feeds"] for entry in entries(own_world)] == [["cdr/standard"], ["cdr/asterisk"]]
    own_world.damage(mend)
    stages.check_arriving_data(MONDAY, "mended")
    own_world.damage(mend.replace("loaded", "refused"))
    assert stages.check_arriving_data(MONDAY, "back, and overridden still") == "overridden"
    assert ask(own_world, "fifth review") == []


@pytest.mark.parametrize(("until", "days"), [("", 7), ("{:%Y-%m-%dT%H:%M}", 3)])
def test_an_answer_is_in_the_ledger_at_once_and_once(own_world: ProcessedWorld, until: str, days: int):
    own_world.damage(BAD_SHARE.format(TUESDAY))
    stages.check_marts(TUESDAY, "blocked")
    (question,) = ask(own_world, "review")
    at = datetime.now(UTC).replace(second=0, microsecond=0)
    for attempt in range(2):
        asked = answer(question["case_id"], OVERRIDE, until=until.format(at + timedelta(days=days)), at=at)
        assert asked["first"] == "compliance" and REASON in asked["body"], attempt
    assert answer(question["case_id"], LEAVE_BLOCKED, "no, wait", at=at) == asked, "the first answer stands"
    assert entries(own_world) == [] and stages.check_marts(TUESDAY, "one has signed") == []
    with pytest.raises(ValueError, match="another person than 'compliance'"):
        confirm(question["case_id"], who="compliance")
    with pytest.raises(ValueError, match="REASON is missing"):
        confirm(question["case_id"], comment=" ")
    for attempt in range(2):
        assert confirm(question["case_id"]) == TUESDAY.isoformat(), attempt
    assert confirm(question["case_id"], REFUSE) == TUESDAY.isoformat(), "the first answer stands"
    (entry,), (review, second) = entries(own_world), entries(own_world, "review")
    assert (entry["actor"], entry["payload"]["second"], entry["payload"]["reason"]) == ("compliance", "approver", REASON)
    end = at + timedelta(days=days)
    assert datetime.fromisoformat(entry["payload"]["until"]) == end
    assert review["payload"] == {
        "case_id": question["case_id"], "gate": "marts", "check": SHARES, "decision": "override", "comment": REASON,
        "until": end.isoformat(), "answered_at": at.isoformat(), "overrides": True,
    }  # fmt: skip
    assert (second["actor"], second["payload"]["decision"], second["payload"]["comment"]) == ("approver", "confirm", "seen")
    assert stages.check_marts(TUESDAY, "overridden") == [TUESDAY.isoformat()]


def test_what_the_second_person_refuses_stays_blocked(own_world: ProcessedWorld):
    own_world.damage(BAD_SHARE.format(TUESDAY))
    stages.check_marts(TUESDAY, "blocked")
    (question,) = ask(own_world, "review")
    with pytest.raises(ValueError, match="nobody wants .* overridden"):
        confirm(question["case_id"])
    answer(question["case_id"], OVERRIDE)
    assert confirm(question["case_id"], REFUSE, "ask the vendor first") is None
    assert confirm(question["case_id"]) is None, "the first answer stands"
    assert entries(own_world) == [] and stages.check_marts(TUESDAY, "again") == []


def test_what_is_left_blocked_stays_so_and_is_not_asked_again(own_world: ProcessedWorld):
    own_world.damage(BAD_SHARE.format(TUESDAY))
    stages.check_marts(TUESDAY, "blocked")
    (question,) = ask(own_world, "review")
    for option, comment, until in ((LEAVE_BLOCKED, " ", ""), (OVERRIDE, "", ""), (OVERRIDE, REASON, "soon")):
        with pytest.raises(ValueError, match="^(REASON is missing|UNTIL='soon')"):
            answer(question["case_id"], option, comment, until)
    assert entries(own_world, "review") == []
    assert answer(question["case_id"], LEAVE_BLOCKED, "the vendor looks at it") is None
    (review,) = entries(own_world, "review")
    assert (review["actor"], review["payload"]["decision"], review["payload"]["overrides"]) == ("compliance", "leave_blocked", False)
    assert stages.check_marts(TUESDAY, "again") == []
    assert ask(own_world, "another review") == []


def test_when_the_file_has_come_the_answer_is_on_record_and_changes_nothing(own_world: ProcessedWorld):
    own_world.damage(*refuse("cdr/asterisk"))
    stages.check_arriving_data(MONDAY, "blocked")
    (question,) = ask(own_world, "review")
    own_world.damage("update ops.file_receipts set state = 'loaded' where state = 'refused'")
    assert stages.check_arriving_data(MONDAY, "mended") == "passed_with_warnings"
    assert answer(question["case_id"], OVERRIDE) is None
    assert entries(own_world) == []
    (review,) = entries(own_world, "review")
    assert (review["payload"]["decision"], review["payload"]["overrides"]) == ("override", False)
    own_world.damage("update ops.file_receipts set state = 'refused' where path like 'cdr/asterisk/x/%'")
    assert stages.check_arriving_data(MONDAY, "back") == "blocked"
    (anew,) = ask(own_world, "another review")
    assert anew["case_id"] != question["case_id"]


def test_a_date_whose_marts_are_blocked_is_reopened_by_its_files(own_world: ProcessedWorld, eventual_file: Callable[[], None]):
    own_world.damage(BAD_SHARE.format(TUESDAY))
    assert stages.check_marts(TUESDAY, "blocked") == []
    assert stages.load_new_files("cdr", TUESDAY + timedelta(days=1)) == []
    eventual_file()
    assert stages.load_new_files("cdr", TUESDAY + timedelta(days=1)) == [TUESDAY.isoformat()]
    own_world.build(TUESDAY, "reopened")
    assert stages.check_marts(TUESDAY, "reopened") == [TUESDAY.isoformat()]


@pytest.fixture
def eventual_file(own_world: ProcessedWorld):
    """Puts a file without a call that names Tuesday into the landing folder; afterwards it is gone."""
    file = own_world.settings.landing / f"cdr/standard/late-{TUESDAY}.csv"
    yield lambda: file.write_text(calls_csv(), encoding="utf-8")
    file.unlink()


def test_what_a_file_wrote_stays_code_in_the_question():
    block = {
        "case_id": "x", "service_date": MONDAY, "gate": "arriving_data", "check": REFUSED, "feeds": ["cdr/{{ evil }}"], "observed": "1: path `**a**`\n# b",
        "expected": "none", "remedy": "Send it again.",
    }  # fmt: skip
    body = words.block_body(block)
    assert "``1: path `**a**` # b``" in body
    assert "feeds `cdr/{ { evil }}`." in body and "{{" not in body


def test_the_command_says_what_to_do_where_the_platform_does_not_run(own_world: ProcessedWorld):
    own_world.damage(*refuse("cdr/asterisk", "cdr/standard"))
    stages.check_arriving_data(MONDAY, "blocked")

    def command(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "include.cli", "override", *arguments],
            cwd=REPOSITORY, env=os.environ | own_world.environ, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    until = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M}"
    words_of = ["--by=Olga Petrova", "--second=Pia Moss", f"--reason={REASON}", f"--until={until}", "--feeds=cdr/standard, cdr/asterisk"]
    target = [MONDAY.isoformat(), "arriving_data", REFUSED]
    ended = command(*target, "--by= ", *words_of[1:])
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "tollgate: BY is missing: who answers for it\n")
    ended = command(MONDAY.isoformat(), "departing_data", REFUSED, *words_of)
    assert (ended.returncode, ended.stderr) == (1, "tollgate: GATE='departing_data': arriving_data or marts\n")
    ended = command(*target, *words_of)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == (
        f"{REFUSED} passes on {MONDAY} until {until.replace('T', ' ')} UTC, for cdr/asterisk, cdr/standard\n"
        f"The platform does not run: have the date judged with it by `make up` and `make backfill FROM={MONDAY} TO={MONDAY}`\n"
    )
    assert stages.check_arriving_data(MONDAY, "again") == "overridden"
    ended = subprocess.run(
        [sys.executable, "-m", "include.cli", "verify", "--sample=0"],
        cwd=REPOSITORY, env=os.environ | own_world.environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout.endswith("no problems\n")) == (0, True)
