"""Oracle (Acme Packet) local CDR files: rows made by the attribute names of the vendor's position tables."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.ingest.desk import Desk

SAMPLES = Path(__file__).parent / "samples"
LAYOUTS = {
    name: [attribute for _, attribute, _ in csv.reader((SAMPLES / f"acme_{name}.csv").open())] for name in ("C640_stop", "C640_start", "D710_start")
}
CALLER = '"WIRELESS CALLER, JR"<sip:12025550123@192.0.2.2:5060;user=phone>;tag=4155550000'
STOP = {
    "Acct-Status-Type": "2",
    "NAS-IP-Address": "192.0.2.1",
    "Acct-Session-Id": "c1@192.0.2.2",
    "Calling-Station-Id": CALLER,
    "Called-Station-Id": "<sip:+12125550188;npdi;rn=+12125550000@192.0.2.1:5060;user=phone>;tag=1",
    "Acct-Session-Time": "55",
    "h323-setup-time": "15:54:56.868 PST DEC 18 2017",
    "h323-connect-time": "15:55:00.000 PST DEC 18 2017",
    "h323-disconnect-time": "15:55:55.000 PST DEC 18 2017",
    "h323-disconnect-cause": "16",
    "Acme-Session-Egress-Realm": "carrier-out",
    "Acme-Session-Ingress-Realm": "acme-in",
    "Acme-Originating-Trunk-Group": "says-itself",
    "Acme-P-Asserted-ID": "<sip:+12025550199@192.0.2.2>",
    "Acme-Ingress-Remote-Addr": "192.0.2.2",
    "Acme-Disconnect-Initiator": "1",
    "Acme-SIP-Status": "200",
    "Acme-CDR-Sequence-Number": "4000000017",
}
UNANSWERED = {"h323-connect-time": "", "Acme-SIP-Status": "486", "Acct-Session-Time": "0"}


def line(layout: str = "C640_stop", /, **change: str) -> str:
    """A row; text in quotes as the box writes it, with the quotes inside as they are."""
    values = STOP | {name.replace("_", "-"): value for name, value in change.items()}
    texts = [values.get(attribute, "") for attribute in LAYOUTS[layout]]
    return ",".join(text if text.isdigit() or not text else f'"{text}"' for text in texts)


def utc(text: str, hours: int) -> datetime:
    time, _, date = text.split(" ", 2)
    local = datetime.strptime(f"{time} {date}", "%H:%M:%S.%f %b %d %Y").replace(tzinfo=timezone(timedelta(hours=hours)))
    return local.astimezone(timezone.utc).replace(tzinfo=None)


def load(desk: Desk, *lines: str):
    return desk.load_one("cdr/acme_csv/a.csv", "\n".join(lines) + "\n")


def test_a_stop_comes_through_value_by_value(desk: Desk):
    receipt = load(desk, line())
    assert (receipt.rows_read, receipt.rows_accepted, receipt.rejected) == (1, 1, [])
    [row] = desk.rows("calls")
    told = {
        "record_kind": "stop", "call_id": "c1@192.0.2.2", "attempt": 17, "switch_id": "192.0.2.1", "zone_as_sent": "PST", "stated_ms": 55_000,
        "ingress_trunk": "acme-in", "egress_trunk": "carrier-out", "source_ip": "192.0.2.2", "sip_code": 200, "release_party": "caller",
        "calling_raw": "12025550123", "calling_number": "+12025550123", "asserted_number": "+12025550199",
        "called_raw": "+12125550188", "called_number": "+12125550188", "flags": None,
        "start_at": utc(STOP["h323-setup-time"], -8), "answer_at": utc(STOP["h323-connect-time"], -8),
        "end_at": utc(STOP["h323-disconnect-time"], -8),
    }  # fmt: skip
    assert {name: row[name] for name in told} == told


def test_starts_and_interims_are_kept_apart(desk: Desk):
    receipt = load(desk, line("C640_start", Acct_Status_Type="1"), line("D710_start", Acct_Status_Type="1", Acct_Session_Id="c2"),
                   line("D710_start", Acct_Status_Type="3", Acct_Session_Id="c3"), line())  # fmt: skip
    assert receipt.notes["not_calls"] == {"2017-12-18": 3}
    rows = desk.rows("calls", "record_kind, call_id, ingress_trunk, egress_trunk, calling_number, end_at is null as goes_on", "source_line")
    assert [tuple(row.values()) for row in rows] == [
        (kind, call, "acme-in", "carrier-out", "+12025550123", kind != "stop")
        for kind, call in (("start", "c1@192.0.2.2"), ("start", "c2"), ("interim", "c3"), ("stop", "c1@192.0.2.2"))
    ]


@pytest.mark.parametrize(("zone", "hours"), [("EST", -5), ("EDT", -4), ("CDT", -5), ("MST", -7), ("AKDT", -8), ("HST", -10), ("UTC", 0), ("GMT", 0)])
def test_a_zones_abbreviation_is_an_offset(desk: Desk, zone: str, hours: int):
    times = {name.replace("-", "_"): STOP[name].replace("PST", zone) for name in ("h323-setup-time", "h323-connect-time", "h323-disconnect-time")}
    load(desk, line(**times))
    [row] = desk.rows("calls", "start_at, zone_as_sent")
    assert row == {"start_at": utc(STOP["h323-setup-time"], hours), "zone_as_sent": zone}


@pytest.mark.parametrize("connect", ["", "0", "00:00:00.000 UTC JAN 01 1970", "16:00:00.000 PST DEC 31 1969"])
def test_a_call_nobody_answered_has_no_answer(desk: Desk, connect: str):
    load(desk, line(**UNANSWERED | {"h323-connect-time": connect}), line(**UNANSWERED | {"Acme-SIP-Status": "0", "Acct-Session-Id": "c2"}))
    assert [tuple(row.values()) for row in desk.rows("calls", "answer_at, sip_code", "source_line")] == [(None, 486), (None, 487)]


def test_a_call_that_passes_the_box_twice_is_two_rows(desk: Desk):
    receipt = load(desk, line(), line(Acme_CDR_Sequence_Number="4000000018", Acme_Session_Ingress_Realm="core"), line())
    assert (receipt.rows_accepted, receipt.rows_duplicate) == (2, 1)
    assert [tuple(row.values()) for row in desk.current_calls("attempt, ingress_trunk")] == [(17, "acme-in"), (18, "core")]


def test_damaged_rows_are_rejected_for_what_is_wrong(desk: Desk):
    shapes = "2: 175 or 1: 122 or 1: 127 or 3: at least 122"
    form = "%H:%M:%S.%g %z %b %d %Y"
    damaged = [
        (",".join(line().split(",")[:100]), ("line", f"99 fields where the layout has {shapes}")),
        (line(Acct_Status_Type="7"), ("line", f"175 fields where the layout has {shapes}")),
        (line(h323_setup_time="15:54:56.868 CET DEC 18 2017"), ("start_time", f"not a time like {form}: 15:54:56.868 CET DEC 18 2017")),
        (line(h323_disconnect_time="15:54:56.868 -08:00 FOO 18 2017"), ("end_time", f"not a time like {form}: 15:54:56.868 -08:00 FOO 18 2017")),
        (line(h323_connect_time="15:56:00.000 PST DEC 18 2017"), ("answer_time", "after end_time")),
        (line(Acme_Session_Ingress_Realm=""), ("ingress_trunk", "empty")),
        (line(Acme_Disconnect_Initiator="9"), ("release_party", "not one of 1, 2, 3: 9")),
        (line(**UNANSWERED | {"Acme-SIP-Status": "", "h323-disconnect-cause": ""}), ("sip_code", "empty")),
    ]
    receipt = load(desk, line(), *(row for row, _ in damaged))
    assert receipt.rows_accepted == 1
    assert desk.rejects("cdr/acme_csv/a.csv") == {number: reject for number, (_, reject) in enumerate(damaged, start=2)}
