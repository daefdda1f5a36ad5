"""Ribbon (Sonus) ACT files: the vendor's example records of 2013, and what else such files hold."""

from __future__ import annotations

import base64
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.ingest.desk import Desk

SAMPLE = (Path(__file__).parent / "samples" / "ribbon.act").read_text()
START, STOP, ATTEMPT = csv.reader(io.StringIO(SAMPLE))
TITLE = "Sonus Networks, Inc.00000000046000000000000000000000600000000000000000000000000000000ACT20130222010000"


def act(*rows: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def changed(row: list[str], **values: str) -> list[str]:
    """A row with `_<position>` changed; longer where the position is behind its end."""
    row = list(row)
    for position, value in ((int(name[1:]), value) for name, value in values.items()):
        row += [""] * (position - len(row))
        row[position - 1] = value
    return row


def utc(day: str, time: str, zone: str = "America/Los_Angeles") -> datetime:
    local = datetime.strptime(f"{day} {time}", "%m/%d/%Y %H:%M:%S.%f").replace(tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC).replace(tzinfo=None)


def test_the_vendors_records_come_through_value_by_value(desk: Desk):
    receipt = desk.load_one("cdr/ribbon_act/2013.act", SAMPLE)
    assert (receipt.rows_read, receipt.rows_accepted, receipt.notes) == (3, 3, {"not_calls": {"2013-02-23": 1}})
    start, stop, attempt = desk.rows("calls", order="source_line")
    for row, sent in ((start, START), (stop, STOP), (attempt, ATTEMPT)):
        assert (row["switch_id"], row["call_id"], row["zone_as_sent"], row["start_at"]) == (*sent[1:3], sent[4], utc(sent[5], sent[6]))
        assert row["record_kind"] == sent[0].lower()
    names = (
        "attempt ingress_trunk egress_trunk source_ip calling_raw called_raw called_number sip_code release_party asserted_raw attestation".split()
    )
    assert [stop[name] for name in names] == [
        int(STOP[29]), STOP[33], STOP[67], STOP[125], None, STOP[20], "+15307520014", 200, "called", None, None,
    ]  # fmt: skip
    assert [attempt[name] for name in names] == [
        int(ATTEMPT[26]), ATTEMPT[30], ATTEMPT[57], ATTEMPT[115], ATTEMPT[16], ATTEMPT[17], "+15307520014",
        int(ATTEMPT[58].split(",")[18]), "called", None, None,
    ]  # fmt: skip
    assert (start["ingress_trunk"], start["egress_trunk"], start["source_ip"], start["called_raw"]) == (START[28], START[53], START[102], START[15])
    assert (start["sip_code"], start["answer_at"], start["end_at"]) == (None, None, None)
    # Ticks of 10 ms: the answer, counted back from the end, is where start + setup says it is, to a tenth of a second.
    assert stop["end_at"] == utc(STOP[10], STOP[11])
    assert stop["end_at"] - stop["answer_at"] == timedelta(milliseconds=10 * int(STOP[13]))
    assert abs(stop["answer_at"] - stop["start_at"] - timedelta(milliseconds=10 * int(STOP[9]))) < timedelta(milliseconds=100)
    assert (attempt["answer_at"], attempt["end_at"]) == (None, utc(ATTEMPT[104], ATTEMPT[9]))


def test_the_routes_of_a_call_are_its_attempts_in_order(desk: Desk):
    call = STOP[2]
    first = changed(ATTEMPT, _3=call, _27="1", _59="", _12="41")
    second = changed(ATTEMPT, _3=call, _27="2", _59="SIP" + "," * 17 + ",SIP/2.0", _12="17")
    desk.load_one("cdr/ribbon_act/a.act", act(first, second, changed(STOP, _30="3")))
    rows = desk.rows("calls", "call_id, attempt, record_kind, sip_code", "attempt")
    assert [tuple(row.values()) for row in rows] == [(call, 1, "attempt", 503), (call, 2, "attempt", 486), (call, 3, "stop", 200)]


def test_a_call_refused_before_it_had_a_trunk_group_came_from_its_address(desk: Desk):
    desk.load_one("cdr/ribbon_act/a.act", act(changed(ATTEMPT, _31="", _17="", _60="+12025550123", _27="")))
    assert desk.rows("calls", "ingress_trunk, calling_number, attempt") == [
        {"ingress_trunk": ATTEMPT[115], "calling_number": "+12025550123", "attempt": 1}
    ]


def test_the_identity_header_of_later_releases(desk: Desk):
    claims = {"attest": "B", "origid": "7f7c3c2e-0a3f-4e4b-9a6c-3d1b8f1c0001", "orig": {"tn": "12025550123"}}
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    header = f"eyJhbGciOiJFUzI1NiJ9.{middle}.c2ln;info=<https://certificates.example/shaken.crt>;alg=ES256;ppt=shaken"
    rows = act(changed(STOP, _299=header, _301=""), changed(ATTEMPT, _216=header, _217=""), changed(STOP, _3="0x1", _301=""))
    receipt = desk.load_one("cdr/ribbon_act/a.act", rows)
    assert receipt.rows_accepted == 3
    found = [(row["attestation"], row["orig_id"]) for row in desk.rows("calls", order="source_line")]
    assert found == [("B", claims["origid"]), ("B", claims["origid"]), (None, None)]


def test_titles_and_reboots_are_no_records_and_intermediate_ones_no_calls(desk: Desk):
    told = {"_1": "INTERMEDIATE", "_2": "ABCGSX1", "_3": "0x0002", "_5": "GMT-05:00-Eastern", "_6": "07/03/2013", "_7": "23:30:00.0"}
    intermediate = changed([""] * 138, **told)
    text = TITLE + "\nREBOOT, None, 0x0001080D00000001, GMT, 02/01/2013, 21:58:14.2\n" + act(STOP, intermediate)
    receipt = desk.load_one("cdr/ribbon_act/a.act", text)
    assert (receipt.rows_read, receipt.rows_accepted) == (2, 2)
    assert receipt.notes == {"other_lines": 2, "not_calls": {"2013-07-04": 1}}
    stop, interim = desk.rows("calls", order="source_line")
    assert (stop["source_line"], interim["source_line"], interim["record_kind"]) == (3, 4, "interim")
    assert interim["start_at"] == datetime(2013, 7, 4, 3, 30)


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("GMT", "UTC"),
        ("GMT-06:00-Central(US)", "America/Chicago"),
        ("GMT-07:00-Arizona", "America/Phoenix"),
        ("GMT-10:00-Hawaii", "Pacific/Honolulu"),
    ],
)
def test_the_nodes_zone_counts_with_its_summer_time(desk: Desk, zone: str, name: str):
    rows = act(changed(STOP, _5=zone), changed(STOP, _3="0x1", _5=zone, _6="07/22/2013", _11="07/22/2013"))
    desk.load_one("cdr/ribbon_act/a.act", rows)
    assert [row["start_at"] for row in desk.rows("calls", order="source_line")] == [
        utc(day, STOP[6], name) for day in ("02/22/2013", "07/22/2013")
    ]


def test_damaged_rows_are_rejected_for_what_is_wrong(desk: Desk):
    widths = [("STOP", 300), ("STOP", 223), ("ATTEMPT", 217), ("ATTEMPT", 186), ("START", 172), ("INTERMEDIATE", 138)]
    shapes = " or ".join(f"{kind}: at least {width}" for kind, width in widths)
    damaged = [
        (STOP[:200], ("line", f"200 fields where the layout has {shapes}")),
        (changed(STOP, _1="STOPP"), ("line", f"223 fields where the layout has {shapes}")),
        (changed(STOP, _7="25:02:12.5"), ("start_time", "not a time like %m/%d/%Y %H:%M:%S.%g: 02/22/2013 25:02:12.5")),
        (changed(STOP, _12=""), ("end_time", "empty")),
        (changed(STOP, _14="x"), ("answer_time", "service is no duration in 10ms: x")),
        (changed(STOP, _14="99999"), ("answer_time", "before start_time")),
        (changed(STOP, _3=""), ("call_id", "empty")),
        (changed(STOP, _30="one"), ("attempt", "not a whole number: one")),
        (changed(ATTEMPT, _12="", _59=""), ("sip_code", "empty")),
    ]
    receipt = desk.load_one("cdr/ribbon_act/bad.act", act(STOP, *(row for row, _ in damaged), ATTEMPT))
    assert (receipt.rows_read, receipt.rows_accepted) == (len(damaged) + 2, 2)
    assert desk.rejects("cdr/ribbon_act/bad.act") == {line: reject for line, (_, reject) in enumerate(damaged, start=2)}


def test_a_zone_that_nobody_named_is_never_guessed(desk: Desk):
    receipt = desk.load_one("cdr/ribbon_act/a.act", act(changed(STOP, _5="GMT+01:00-Lisbon")))
    [reject] = receipt.rejected
    assert reject.field == "start_time" and reject.reason.startswith("zone not one of GMT, ") and reject.reason.endswith(": GMT+01:00-Lisbon")
