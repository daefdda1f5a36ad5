"""FreeSWITCH mod_cdr_csv: the documentation's rows, and rows with the ten variables behind them."""

from __future__ import annotations

import base64
import csv
import io
import json

from include.ingest.declarations import MAPS
from tests.ingest.desk import Desk
from tests.ingest.switch_files import damaged, expected, loaded, local, reasons, sample

NAMES = (
    "name number destination context start answer end duration billsec cause uuid bleg account read write "
    "gateway ip pai identity verstat detailed attest term disposition sip_call_id"
).split()
DOCUMENTED, EXTENDED = sample("freeswitch_15.csv"), sample("freeswitch_25.csv")


def told(text: str) -> list[dict[str, str]]:
    return [dict(zip(NAMES, row)) for row in csv.reader(io.StringIO(text))]


def claims(identity: str) -> dict[str, str]:
    """What the PASSporT of an Identity header says."""
    part = identity.split(".")[1] if identity else "e30"
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_the_documented_rows_of_15_columns(desk: Desk):
    receipt = desk.load_one("cdr/freeswitch/Master.csv", DOCUMENTED)
    assert (receipt.rows_read, receipt.rows_accepted, receipt.notes) == (5, 5, {})
    assert loaded(desk) == {
        line: expected(
            call_id=sent["uuid"],
            switch_id="freeswitch",
            start_at=local(sent["start"]),
            end_at=local(sent["end"]),
            zone_as_sent="UTC",
            stated_ms=0,
            ingress_trunk="public",
            calling_raw=sent["number"],
            called_raw=sent["destination"],
            sip_code=487,
        )
        for line, sent in enumerate(told(DOCUMENTED), start=1)
    }


def test_rows_of_both_widths_in_one_file_value_by_value(desk: Desk):
    receipt = desk.load_one("cdr/freeswitch/nyc1/Master.csv", EXTENDED)
    assert (receipt.rows_read, receipt.rows_accepted, receipt.notes) == (7, 7, {})
    parties = {"recv_bye": "caller", "recv_cancel": "caller", "send_bye": "called"}
    causes = {"CALL_REJECTED": 603, "ORIGINATOR_CANCEL": 487, "NO_ANSWER": 480, "UNALLOCATED_NUMBER": 404}
    asserted = {1: "+12025550199", 4: "+12025550198"}
    assert loaded(desk) == {
        line: expected(
            call_id=sent["uuid"],
            switch_id="nyc1",
            start_at=local(sent["start"]),
            answer_at=local(sent["answer"]),
            end_at=local(sent["end"]),
            zone_as_sent="UTC",
            stated_ms=1000 * int(sent["billsec"]),
            ingress_trunk=sent.get("gateway") or sent["account"] or sent["context"],
            source_ip=sent.get("ip") or None,
            calling_raw=sent["number"],
            asserted_number=asserted.get(line),
            called_raw=sent["destination"],
            sip_code=200 if sent["answer"] else int(sent.get("term") or causes[sent["cause"]]),
            release_party=parties.get(sent.get("disposition", "")),
            attestation={1: "A", 3: "B", 5: "B"}.get(line),
            attestation_sent={2: "C"}.get(line),
            verstat=sent.get("detailed") or sent.get("verstat") or None,
            orig_id=claims(sent.get("identity", "")).get("origid"),
        )
        for line, sent in enumerate(told(EXTENDED), start=1)
    }


def test_each_cause_that_the_switch_names_has_a_status():
    causes = list(csv.DictReader((MAPS / "q850_names.csv").open()))
    assert len({row["cause"] for row in causes}) == len(causes) > 70
    assert all(400 <= int(row["sip_status"]) <= 699 for row in causes)


def test_damaged_rows_are_rejected_with_their_reasons(desk: Desk):
    text = damaged(
        EXTENDED, 7,
        [("UNALLOCATED_NUMBER", "NO_SUCH_CAUSE"), ("2026-11-16 15:07:00", "2026/11/16 15:07"), ("12025550194", ""), ('"PCMU","PCMU"', '"PCMU"')],
    )  # fmt: skip
    receipt = desk.load_one("cdr/freeswitch/Master.csv", text)
    assert (receipt.rows_read, receipt.rows_accepted) == (12, 7)
    assert reasons(desk, "cdr/freeswitch/Master.csv") == {
        8: ("sip_code", "not one of " + ", ".join(row["cause"] for row in csv.DictReader((MAPS / "q850_names.csv").open()))),
        9: ("start_time", "not a time like %Y-%m-%d %H"),
        10: ("called_number", "empty"),
        11: ("line", "14 fields where the layout has 15 or 25"),
        12: ("line", "quotes do not pair"),
    }
