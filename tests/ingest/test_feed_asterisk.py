"""Asterisk's own files and the exchanges built on it: cdr_csv, cdr_custom and the PBXware export."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime

import pytest

from tests.ingest.desk import Desk
from tests.ingest.switch_files import SAMPLES, changed, damaged, expected, loaded, local, reasons, sample, seconds

MASTER = (SAMPLES / "asterisk_master.csv").read_bytes()
CUSTOM, PBXWARE = sample("asterisk_custom.csv"), sample("pbxware.csv")
CUSTOM_COLUMNS = (
    "clid src dst dcontext channel dstchannel lastapp lastdata start answer end duration billsec disposition amaflags accountcode uniqueid "
    "userfield sequence"
).split()
STATUS = {"ANSWERED": 200, "NO ANSWER": 480, "BUSY": 486, "FAILED": 503, "CONGESTION": 503}


def endpoint(channel: str) -> str | None:
    return channel.split(";")[0].split("/", 1)[1].rsplit("-", 1)[0] if channel else None


def test_cdr_csv_of_both_widths_in_one_file_states_its_talk_times(desk: Desk):
    """As a file does that went on when Asterisk was upgraded; the real rows, every third in the old layout."""
    told = list(csv.reader(io.StringIO(MASTER.decode("utf-8", "replace"))))
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(row[: 18 if number % 3 == 0 else 21] for number, row in enumerate(told))
    receipt = desk.load_one("cdr/asterisk/pbx1/Master.csv", out.getvalue())
    rows = loaded(desk)
    # Without a sequence, legs of one channel are one call, and the last one stands; all are kept.
    assert (receipt.rows_read, receipt.rows_accepted, receipt.rows_duplicate, receipt.rejected) == (84, len(rows), 84 - len(rows), [])
    for line, row in rows.items():
        sent = told[line - 1]
        assert row["stated_ms"] == 1000 * int(sent[13])
        assert (row["call_id"], row["attempt"]) == ((sent[16], 1) if line % 3 == 1 else (sent[19], int(sent[20])))
        assert (row["start_at"], row["sip_code"], row["egress_trunk"]) == (local(sent[9]), STATUS[sent[14]], endpoint(sent[6]))


@pytest.mark.parametrize(
    ("feed", "content"), [("asterisk", MASTER.decode("utf-8", "replace")), ("asterisk_custom", CUSTOM), ("pbxware", PBXWARE)]
)
def test_a_file_in_local_time_is_refused_by_the_epochs_in_its_ids(desk: Desk, feed: str, content: str):
    """New York's winter: the epochs of UTC are five hours later."""
    in_new_york = re.sub(r"(?<![0-9])(1[0-9]{9})(?=[.][0-9])", lambda epoch: str(int(epoch[1]) + 5 * 3600), content)
    assert in_new_york != content
    receipt = desk.load_one(f"cdr/{feed}/Master.csv", in_new_york)
    assert receipt.state == "refused"
    assert f"its times are -5:00 h from the epochs in its ids (uniqueid): mend times.zone in {feed}.yaml" in receipt.reason


def test_cdr_custom_value_by_value(desk: Desk):
    receipt = desk.load_one("cdr/asterisk_custom/pbx1/Master.csv", CUSTOM)
    assert (receipt.rows_read, receipt.rows_accepted, set(receipt.notes)) == (5, 5, {"unverified"})
    told = [dict(zip(CUSTOM_COLUMNS, row)) for row in csv.reader(io.StringIO(CUSTOM))]
    assert told[1]["uniqueid"] == told[2]["uniqueid"]  # a route advance: one call, two attempts
    assert loaded(desk) == {
        line: expected(
            call_id=sent["uniqueid"],
            attempt=int(sent["sequence"]),
            switch_id="pbx1",
            start_at=local(sent["start"]),
            answer_at=local(sent["answer"]),
            end_at=local(sent["end"]),
            zone_as_sent="UTC",
            stated_ms=1000 * int(sent["billsec"]),
            ingress_trunk=endpoint(sent["channel"]),
            egress_trunk=endpoint(sent["dstchannel"]),
            calling_raw=sent["src"] or None,
            called_raw=sent["dst"],
            sip_code=STATUS[sent["disposition"]],
        )
        for line, sent in enumerate(told, start=1)
    }


def test_damaged_rows_of_cdr_custom_are_rejected_with_their_reasons(desk: Desk):
    damages = [("CONGESTION", "LOST"), ("2026-11-16 23:59:59", "16.11.2026 23:59"), ("SIP/203.0.113.9-0000000f", ""), (",13", ",13,14")]
    receipt = desk.load_one("cdr/asterisk_custom/Master.csv", damaged(CUSTOM, 4, damages))
    assert (receipt.rows_read, receipt.rows_accepted) == (10, 5)
    assert reasons(desk, "cdr/asterisk_custom/Master.csv") == {
        6: ("sip_code", "not one of ANSWERED, NO ANSWER, BUSY, FAILED, CONGESTION"),
        7: ("start_time", "not a time like %Y-%m-%d %H"),
        8: ("ingress_trunk", "empty"),
        9: ("line", "20 fields where the layout has 19"),
        10: ("line", "quotes do not pair"),
    }


def pbxware_rows() -> list[dict[str, str]]:
    """By hand: no reader of CSV takes quotes within quotes that are not doubled."""
    header, *lines = PBXWARE.splitlines()
    fields = [re.findall(r'(NULL|"(?:[^"]|"(?!,|$))*")(?:,|$)', line) for line in lines]
    names = header.replace('"', "").split(",")
    assert all(len(row) == len(names) == 26 for row in fields)
    return [{name: "" if value == "NULL" else value[1:-1] for name, value in zip(names, row)} for row in fields]


def test_pbxware_value_by_value(desk: Desk):
    receipt = desk.load_one("cdr/pbxware/hq/cdr.csv", PBXWARE)
    assert (receipt.rows_read, receipt.rows_accepted, receipt.rejected) == (7, 7, [])
    assert set(receipt.notes) == {"unverified", "not_calls"} and receipt.notes["not_calls"] == {"2026-11-16": 2}
    told = pbxware_rows()
    assert [row["lastapp"] for row in told] == ["Dial", "Dial", "Dial", "Dial", "Queue", "ConfBridge", "Congestion"]
    rows = loaded(desk)
    assert rows == {
        line: expected(
            record_kind="stop" if sent["lastapp"] in ("Dial", "Congestion") else "other",
            call_id=sent["linkedid"] or sent["uniqueid"],
            attempt=int(sent["sequence"]),
            switch_id="hq",
            start_at=local(sent["calldate"]),
            answer_at=local(sent["calldate"]) + seconds(int(sent["duration"]) - int(sent["billsec"])) if sent["disposition"] == "ANSWERED" else None,
            end_at=local(sent["calldate"]) + seconds(sent["duration"]),
            zone_as_sent="UTC",
            ingress_trunk=endpoint(sent["channel"]),
            egress_trunk=endpoint(sent["dstchannel"]),
            calling_raw=sent["src"],
            called_raw=sent["dst"],
            sip_code=STATUS[sent["disposition"]],
        )
        for line, sent in enumerate(told, start=2)
    }
    # A route advance: the column trunk names the carrier that is tried next, the channel the one that was used.
    advance = [rows[line] for line in (3, 4, 5)]
    assert [row["egress_trunk"] for row in advance] == ["VIOrig", "VITerm", "thinQ"]
    assert {row["call_id"] for row in advance} == {told[1]["linkedid"]}
    assert advance[2]["answer_at"] == datetime(2026, 11, 16, 15, 2, 12)


def test_damaged_rows_of_pbxware_are_rejected_with_their_reasons(desk: Desk):
    damages = [
        ('"NO ANSWER"', '"VANISHED"'),
        ('"2026-11-16 15:07:00"', '"0000-00-00 00:00:00"'),
        ('"2","0",NULL', '"-2","0",NULL'),
        ('"SIP/acme', '"acme'),
    ]
    text = changed(damaged(PBXWARE, 8, damages), 8, ('"12025550190"', "NULL"))
    receipt = desk.load_one("cdr/pbxware/cdr.csv", text)
    assert (receipt.rows_read, receipt.rows_accepted) == (13, 7)
    assert reasons(desk, "cdr/pbxware/cdr.csv") == {
        9: ("sip_code", "not one of ANSWERED, NO ANSWER, BUSY, FAILED, CONGESTION"),
        10: ("start_time", "not a time like %Y-%m-%d %H"),
        11: ("end_time", "duration is no duration in s"),
        12: ("ingress_trunk", "empty"),
        13: ("line", "quotes do not pair"),
        14: ("called_number", "empty"),
    }
