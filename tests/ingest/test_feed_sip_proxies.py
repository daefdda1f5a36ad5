"""Kamailio's acc_cdrs and OpenSIPS' acc: dialogs and transactions, extra columns, and durations that are not to be trusted."""

from __future__ import annotations

import csv
import io

from tests.ingest.desk import Desk
from tests.ingest.switch_files import changed, damaged, expected, loaded, local, reasons, sample, seconds

KAMAILIO, OPENSIPS = sample("kamailio.csv"), sample("opensips.csv")


def told(text: str) -> list[dict[str, str]]:
    return [{name: "" if value == "NULL" else value for name, value in row.items()} for row in csv.DictReader(io.StringIO(text))]


def test_kamailio_value_by_value(desk: Desk):
    receipt = desk.load_one("cdr/kamailio/sbc1/acc_cdrs.csv", KAMAILIO)
    assert (receipt.rows_read, receipt.rows_accepted, set(receipt.notes)) == (4, 4, {"unverified"})
    assert loaded(desk) == {
        line: expected(
            call_id=sent["callid"],
            attempt=int(sent["id"]),
            switch_id="sbc1",
            start_at=local(sent["start_time"]),
            answer_at=local(sent["answer_time"] or sent["start_time"]) if sent["sip_code"] == "200" else None,
            end_at=local(sent["end_time"]),
            zone_as_sent="UTC",
            ingress_trunk=sent["src_trunk"] or sent["src_ip"],
            egress_trunk=sent["dst_domain"] or None,
            source_ip=sent["src_ip"],
            calling_raw=sent["src_user"],
            asserted_number={2: "+12025550199", 4: "+12025550198"}.get(line),
            called_raw=sent["dst_user"] or sent["dst_ouser"],
            sip_code=int(sent["sip_code"]),
            attestation={2: "A", 5: "B"}.get(line),
            verstat=sent["verstat"] or None,
            orig_id={2: "7f7c3c2e-0a3f-4e4b-9a6c-3d1b8f1c0001", 5: "7f7c3c2e-0a3f-4e4b-9a6c-3d1b8f1c0002"}.get(line),
        )
        for line, sent in enumerate(told(KAMAILIO), start=2)
    }


def test_damaged_rows_of_kamailio_are_rejected_with_their_reasons(desk: Desk):
    damages = [
        ('"486"', '"busy"'),
        ("2026-11-16 15:03:00", "16/11/2026 15:03"),
        ("2026-11-16 15:03:20", "2026-11-16 15:02:59"),
        ('"12025550190"', "NULL"),
        ('"192.0.2.8","192.0.2.8"', '"",""'),
    ]
    receipt = desk.load_one("cdr/kamailio/acc_cdrs.csv", damaged(KAMAILIO, 4, damages))
    assert (receipt.rows_read, receipt.rows_accepted) == (10, 4)
    found = reasons(desk, "cdr/kamailio/acc_cdrs.csv")
    assert found.pop(11)[0] == "line"
    assert found == {
        6: ("sip_code", "not a SIP status from 100 to 699"),
        7: ("start_time", "not a time like %Y-%m-%d %H"),
        8: ("end_time", "before start_time"),
        9: ("called_number", "empty"),
        10: ("ingress_trunk", "empty"),
    }


def test_opensips_value_by_value(desk: Desk):
    receipt = desk.load_one("cdr/opensips/sbc1/acc.csv", OPENSIPS)
    assert (receipt.rows_read, receipt.rows_accepted, receipt.rejected) == (6, 6, [])
    assert set(receipt.notes) == {"unverified", "not_calls"} and receipt.notes["not_calls"] == {"2026-11-16": 2}
    # Of an answered INVITE without CDR mode nobody knows the end; the BYE is no call of its own.
    kinds = {5: "start", 6: "other"}
    rows = loaded(desk)
    assert rows == {
        line: expected(
            record_kind=kinds.get(line, "stop"),
            call_id=sent["callid"],
            attempt=int(sent["id"]),
            switch_id="sbc1",
            start_at=local(sent["created"]) or local(sent["time"]) - seconds(sent["setuptime"]),
            answer_at=local(sent["time"]) if sent["sip_code"] == "200" else None,
            end_at=local(sent["time"]) + seconds(int(sent["ms_duration"]) / 1000),
            zone_as_sent="UTC",
            stated_ms=1000 * int(sent["duration"]),
            ingress_trunk=sent["src_trunk"] or sent["src_ip"],
            egress_trunk=sent["dst_trunk"] or sent["dst_domain"],
            source_ip=sent["src_ip"],
            calling_raw=sent["src_user"],
            called_raw=sent["dst_user"] or sent["dst_ouser"],
            sip_code=int(sent["sip_code"]),
            attestation={2: "A"}.get(line),
            verstat=sent["verstat"] or None,
            orig_id={2: "7f7c3c2e-0a3f-4e4b-9a6c-3d1b8f1c0001"}.get(line),
        )
        for line, sent in enumerate(told(OPENSIPS), start=2)
    }
    # A call of less than a second was answered all the same.
    assert (rows[7]["stated_ms"], rows[7]["end_at"] - rows[7]["answer_at"]) == (0, seconds(0.4))


def test_damaged_rows_of_opensips_are_rejected_with_their_reasons(desk: Desk):
    damages = [
        ('"480"', '""'),
        ("2026-11-16 15:02:30", "1794841350"),
        ('"30","2026-11-16 15:02:00"', "NULL,NULL"),
        ('"0","0"', '"0","-1"'),
        ('"b2@192.0.2.7"', "NULL"),
    ]
    text = changed(damaged(OPENSIPS, 3, damages), 3, ('"INVITE"', '"SUBSCRIBE"'))
    receipt = desk.load_one("cdr/opensips/acc.csv", text)
    assert (receipt.rows_read, receipt.rows_accepted) == (13, 7)
    found = reasons(desk, "cdr/opensips/acc.csv")
    assert found.pop(13)[0] == "line"
    assert found == {
        8: ("sip_code", "empty"),
        9: ("end_time", "not a time like %Y-%m-%d %H"),
        10: ("start_time", "setuptime is no duration in s"),
        11: ("end_time", "ms_duration is no duration in ms"),
        12: ("call_id", "empty"),
    }
