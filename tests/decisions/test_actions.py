"""Orders: what an approval and a release order, of the whole party, delivered at least once and acknowledged. On a processed world."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import hmac
import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from processed_world import MONDAY, ProcessedWorld

from include.decisions import actions, proof, releases, reviews
from include.settings import Settings
from tests.alerts.receivers import Webhook, serving

AT = datetime(2026, 11, 18, 9, tzinfo=UTC)
SUSPENDED, RESTRICTED, UPSTREAM = "C1031", "C1026", "U210"


def decide(world: ProcessedWorld, party_id: str, decision: str = "approve", comment: str = "seen", actor: str = "olga") -> str:
    case_id = world.verdict(MONDAY, party_id)["payload"]["case_id"]
    with psycopg.connect(world.settings.url("recommender")) as connection:
        reviews.record(connection, case_id, decision, comment, actor, AT)
    return case_id


def ordered(world: ProcessedWorld) -> list[dict[str, Any]]:
    return world.rows("select * from decisions.actions order by ordered_at, action_id")


def files(settings: Settings) -> dict[str, list[Any]]:
    return {kind: sorted(settings.actions.glob(f"*.{kind}")) for kind in ("json", "csv")}


@pytest.fixture
def desk(own_world: ProcessedWorld) -> Iterator[ProcessedWorld]:
    """The world, whose orders are put away afterwards."""
    yield own_world
    for path in own_world.settings.actions.glob("*"):
        path.unlink()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with serving(Webhook()) as server:
        yield server


def test_an_approval_orders_the_whole_party_and_a_rejection_nothing(desk: ProcessedWorld):
    case_id = decide(desk, SUSPENDED)
    decide(desk, RESTRICTED, "reject")
    decide(desk, SUSPENDED, "reject", actor="ivan")  # the first answer stands
    (order,) = ordered(desk)
    trunks = desk.rows("select distinct trunk from lake.party_trunks_daily where party_id = %(id)s and service_date = %(day)s", id=SUSPENDED, day=MONDAY)
    assert (order["action_id"], order["case_id"], order["action"]) == (f"{case_id}-suspend", case_id, "suspend")
    assert (order["party_kind"], order["party_id"], order["ordered_by"], order["until"]) == ("customer", SUSPENDED, "olga", "a signed release")
    assert set(order["trunks"]) == {row["trunk"] for row in trunks} != set()
    assert (order["delivered"], order["acknowledged_at"]) == ({}, None)


def test_nobody_decides_without_a_word(desk: ProcessedWorld):
    with pytest.raises(ValueError, match="says nothing: why"):
        decide(desk, SUSPENDED, comment=" \n")
    assert ordered(desk) == []


def test_an_order_is_delivered_as_files_once_with_every_trunk_and_verified_number(desk: ProcessedWorld):
    decide(desk, SUSPENDED)
    decide(desk, UPSTREAM)
    assert actions.deliver(desk.settings, AT) == 2
    assert actions.deliver(desk.settings, AT) == 0
    found = files(desk.settings)
    assert (len(found["json"]), len(found["csv"])) == (2, 2)
    assert {stat.S_IMODE(path.stat().st_mode) for paths in found.values() for path in paths} == {0o600}
    orders = {document["party_id"]: document for document in (json.loads(path.read_text()) for path in found["json"])}
    customer = orders[SUSPENDED]
    assert customer["idempotency_key"] == customer["action_id"]
    caller_ids = next((desk.settings.landing / "reference/caller_ids").glob("*.csv"))
    listed = [row["number"] for row in csv.DictReader(caller_ids.open()) if row["customer_id"] == SUSPENDED]
    assert customer["numbers"] == sorted(listed) != []
    assert orders[UPSTREAM]["numbers"] == [] and orders[UPSTREAM]["trunks"] != []
    rows = [row for path in found["csv"] for row in csv.DictReader(path.open())]
    of_customer = [(row["what"], row["value"]) for row in rows if row["party_id"] == SUSPENDED]
    assert of_customer == [("party", SUSPENDED), *(("trunk", trunk) for trunk in customer["trunks"]), *(("number", number) for number in customer["numbers"])]
    (delivered,) = desk.rows("select sha256 from ops.action_deliveries where action_id = %(id)s", id=customer["action_id"])
    assert delivered["sha256"] in {hashlib.sha256(path.read_bytes()).hexdigest() for path in found["json"]}


def test_a_webhook_gets_an_order_signed_and_again_until_it_takes_it(desk: ProcessedWorld, webhook: Webhook):
    settings = dataclasses.replace(desk.settings, action_webhook_url=webhook.url)
    decide(desk, SUSPENDED)
    webhook.status = 503
    with pytest.raises(actions.Undelivered, match="answered 503"):
        actions.deliver(settings, AT)
    assert set(ordered(desk)[0]["delivered"]) == {"file"}
    webhook.status = 204
    assert actions.deliver(settings, AT) == 1
    assert actions.deliver(settings, AT) == 0
    assert set(ordered(desk)[0]["delivered"]) == {"file", "webhook"}
    ((given, body),) = webhook.posts
    assert body == files(settings)["json"][0].read_bytes()
    headers = {name.lower(): value for name, value in given.items()}
    assert headers["idempotency-key"] == hashlib.sha256(json.loads(body)["action_id"].encode()).hexdigest()
    key = (settings.secrets / actions.WEBHOOK_KEY).read_text().strip().encode()
    signed = hmac.new(key, headers["x-tollgate-timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["x-tollgate-signature"] == f"sha256={signed}"


def test_an_acknowledgement_is_recorded_once_under_a_name(desk: ProcessedWorld):
    decide(desk, SUSPENDED)
    action_id = ordered(desk)[0]["action_id"]
    with psycopg.connect(desk.settings.url("recommender")) as connection:
        with pytest.raises(ValueError, match="BY is missing"):
            actions.acknowledge(connection, action_id, " ", "", AT)
        with pytest.raises(LookupError, match="no order R0-suspend"):
            actions.acknowledge(connection, "R0-suspend", "noc", "", AT)
        actions.acknowledge(connection, action_id, "noc", "all trunks down", AT)
        actions.acknowledge(connection, action_id, "another", "me too", AT)
    (order,) = ordered(desk)
    assert (order["acknowledged_at"], order["acknowledged_by"], order["note"]) == (AT, "noc", "all trunks down")
    with psycopg.connect(desk.settings.url("auditor")) as connection:
        assert proof.problems(connection) == []


def test_a_release_orders_to_lift_and_an_action_closes_no_case(desk: ProcessedWorld):
    """Only the release leads back: an order that is delivered and acknowledged changes nothing about what holds the party."""
    decide(desk, SUSPENDED)
    action_id = ordered(desk)[0]["action_id"]
    with psycopg.connect(desk.settings.url("recommender")) as connection:
        actions.acknowledge(connection, action_id, "noc", "one number taken away", AT)
    state = "select party_state, status from marts.recommendations where party_id = %(id)s"
    assert desk.rows(state, id=SUSPENDED) == [{"party_state": "suspended", "status": "approved"}]
    with psycopg.connect(desk.settings.url("recommender")) as connection:
        releases.release(connection, "customer", SUSPENDED, releases.Signed("c", "e", "l", "olga", "pia"), datetime.now(UTC))
    _, lift = ordered(desk)
    assert (lift["action"], lift["party_id"], lift["until"]) == ("lift", SUSPENDED, None)
    assert lift["trunks"] != []


@pytest.mark.parametrize(
    ("text", "cell"),
    [("=cmd()", "'=cmd()"), ("@x", "'@x"), ("-1", "'-1"), ("+1+1", "'+1+1"), ("+12125550100", "+12125550100"), ("+1212555*", "+1212555*"), ("", ""), (None, "")],
)
def test_a_spreadsheet_sees_no_formula(text: str | None, cell: str):
    assert actions.inert(text) == cell
