"""Cisco CUCM: two lines before the rows, epochs, addresses as numbers, and causes of two sides."""

from __future__ import annotations

import csv
import io
import ipaddress
from datetime import UTC, datetime

from tests.ingest.desk import Desk
from tests.ingest.switch_files import damaged, expected, loaded, reasons, sample

CUCM = sample("cisco_cucm.csv")


def told(text: str) -> list[dict[str, str]]:
    names, _types, *rows = csv.reader(io.StringIO(text))
    return [dict(zip(names, row)) for row in rows]


def instant(epoch: str) -> datetime | None:
    return datetime.fromtimestamp(int(epoch), UTC).replace(tzinfo=None) if epoch != "0" else None


def address(number: str) -> str | None:
    return str(ipaddress.IPv4Address(int(number).to_bytes(4, "little", signed=True))) if number != "0" else None


def check(desk: Desk, text: str) -> None:
    """Lines 3 to 7 of the sample, whatever columns the file has beside them."""
    called = ["12025550188", "011442079460101", "12025550189", None, "2025550190"]  # 9 is what is dialled for an outside line
    calling = ["2025550101", "2025550150", None, "2025550103", "2025550104"]
    status = [200, 486, 200, 480, 200]
    party = ["caller", "called", "called", None, "called"]
    assert loaded(desk) == {
        line: expected(
            call_id=f"{sent['globalCallID_callManagerId']} {sent['globalCallID_callId']}",
            attempt=int(sent["destLegIdentifier"]) or int(sent["origLegCallIdentifier"]),
            switch_id="Cluster1",
            start_at=instant(sent["dateTimeOrigination"]),
            answer_at=instant(sent["dateTimeConnect"]),
            end_at=instant(sent["dateTimeDisconnect"]),
            zone_as_sent="UTC",
            stated_ms=1000 * int(sent["duration"]),
            ingress_trunk=sent["origDeviceName"],
            egress_trunk=sent["destDeviceName"] or None,
            source_ip=address(sent["origIpAddr"]) or sent["origIpv4v6Addr"],
            calling_raw=calling[line - 3],
            called_raw=called[line - 3],
            sip_code=status[line - 3],
            release_party=party[line - 3],
        )
        for line, sent in enumerate(told(text), start=3)
    }


def test_release_10_value_by_value(desk: Desk):
    receipt = desk.load_one("cdr/cisco_cucm/cdr_Cluster1_04_202611161600_1", CUCM)
    assert (receipt.rows_read, receipt.rows_accepted, receipt.notes) == (5, 5, {})
    check(desk, CUCM)


def test_a_later_release_has_more_columns_and_they_may_stand_anywhere(desk: Desk):
    names, types, *rows = csv.reader(io.StringIO(CUCM))
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(["origDeviceType", *reversed(names), "destDeviceSessionID"])
    write(["INTEGER", *reversed(types), "VARCHAR(32)"])
    for row in rows:
        write(["61", *reversed(row), "ab54"])
    receipt = desk.load_one("cdr/cisco_cucm/cdr_Cluster1_04_202611161601_2", out.getvalue())
    assert receipt.notes == {"unknown_columns": ["origDeviceType", "destDeviceSessionID"]}
    check(desk, out.getvalue())


def test_a_call_without_an_answer_has_none_whatever_its_duration(desk: Desk):
    desk.load_one("cdr/cisco_cucm/cdr_1", CUCM)
    rows = loaded(desk)
    assert (rows[7]["answer_at"], rows[7]["end_at"], rows[7]["stated_ms"]) == (datetime(2026, 11, 16, 15, 5, 1),) * 2 + (0,)
    assert rows[6]["answer_at"] is None


def test_damaged_rows_are_rejected_with_their_reasons(desk: Desk):
    start = told(CUCM)[4]["dateTimeOrigination"]
    damages = [("1,4,1004,", "2,4,1004,"), (f",{start},", ",0,"), (f",{start},", ",not,"), ('"trunk-acme"', '""'), (",4,1004,", ",4,,")]
    receipt = desk.load_one("cdr/cisco_cucm/cdr_1", damaged(CUCM, 7, damages))
    assert (receipt.rows_read, receipt.rows_accepted) == (11, 5)
    found = reasons(desk, "cdr/cisco_cucm/cdr_1")
    assert found.pop(13)[0] == "line"
    assert found == {
        8: ("record_kind", "not one of 0, 1"),
        9: ("start_time", "not a time like epoch_s"),
        10: ("start_time", "not a time like epoch_s"),
        11: ("ingress_trunk", "empty"),
        12: ("call_id", "empty"),
    }
