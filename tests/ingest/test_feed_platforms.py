"""NetSapiens, Twilio, Telnyx and DIDWW: exports with a header, each against a second reading of its sample."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

from tests.ingest.desk import Desk

SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> tuple[str, list[dict[str, str]]]:
    text = (SAMPLES / f"{name}.csv").read_text()
    return text, list(csv.DictReader(io.StringIO(text)))


def iso(text: str) -> datetime | None:
    """UTC of a time with an offset, or that is UTC without."""
    if not text:
        return None
    time = datetime.fromisoformat(text)
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


def rfc(text: str) -> datetime:
    return parsedate_to_datetime(text).astimezone(UTC).replace(tzinfo=None)


def column(rows: list[dict], name: str) -> list:
    return [row[name] for row in rows]


def test_netsapiens(desk: Desk):
    text, told = sample("netsapiens")
    receipt = desk.load_one("cdr/netsapiens/core1/a.csv", text)
    assert (receipt.rows_read, receipt.rows_accepted, receipt.notes.get("unknown_columns")) == (7, 6, None)
    assert desk.rejects("cdr/netsapiens/core1/a.csv") == {8: ("start_time", "not an ISO 8601 time with offset: 2026-11-16 15:00:00")}
    rows = desk.rows("calls", order="source_line")
    for row, sent in zip(rows, told[:6], strict=True):
        assert (row["call_id"], row["switch_id"]) == (sent["call-orig-call-id"], "core1")
        assert [row["start_at"], row["answer_at"], row["end_at"]] == [
            iso(sent[f"call-{what}-datetime"]) for what in ("start", "answer", "disconnect")
        ]
        assert (row["called_raw"], row["source_ip"]) == (sent["call-orig-request-user"], sent["call-orig-ip-address"])
        assert row["stated_ms"] == 1000 * int(sent["call-talking-duration-seconds"])
    assert column(rows, "attempt") == [1, 2, 1, 1, 1, 1]
    assert column(rows, "ingress_trunk") == ["sip*@192.0.2.5", "sip*@192.0.2.5", "sip:1001@acme", "192.0.2.5", "sip*@192.0.2.5", "sip*@192.0.2.5"]
    assert column(rows, "egress_trunk")[:3] == ["sip:1001@acme", "sip:1002@acme", "sip*@192.0.2.40"]
    # A + that the integer has lost; a user's caller id, not its extension; the integer where there is nothing else.
    assert column(rows, "calling_number")[0:4] == ["+442079460000", "+442079460000", "+12025550123", "+12025550144"]
    assert column(rows, "sip_code") == [200, 200, 487, 603, 480, 480]
    assert column(rows, "release_party") == ["caller", None, "caller", None, "called", None]


def test_twilio(desk: Desk):
    text, told = sample("twilio")
    receipt = desk.load_one("cdr/twilio/main/a.csv", text)
    assert (receipt.rows_read, receipt.rows_accepted) == (11, 9)
    assert receipt.notes["not_calls"] == {"2026-11-16": 2}
    assert desk.rejects("cdr/twilio/main/a.csv") == {
        11: ("sip_code", "not one of completed, busy, no-answer, canceled, failed: lost"),
        12: ("start_time", "not a time like %a, %d %b %Y %H:%M:%S %z: 2026-11-16T15:00:05Z"),
    }
    rows = desk.rows("calls", order="source_line")
    for row, sent in zip(rows, told[:9], strict=True):
        start = rfc(sent["Start Time"])
        assert (row["call_id"], row["calling_raw"], row["called_raw"]) == (sent["Call SID"], sent["From"], sent["To"])
        assert row["start_at"] == start
        assert row["end_at"] == (rfc(sent["End Time"]) if sent["End Time"] else start)
        assert row["answer_at"] == (start if sent["Status"] == "completed" else None)
        assert row["stated_ms"] == (1000 * int(sent["Duration"]) if sent["Duration"] else None)
    assert column(rows, "record_kind") == ["stop"] * 7 + ["interim", "start"]
    assert column(rows, "sip_code") == [200, 200, 200, 486, 480, 487, 503, None, None]
    account = told[0]["Account SID"]
    assert column(rows, "ingress_trunk")[:5] == [account, account, "inbound", account, "outbound-api"]
    assert column(rows, "egress_trunk")[:3] == ["outbound-api", "outbound-dial", None]


def test_telnyx(desk: Desk):
    text, told = sample("telnyx")
    receipt = desk.load_one("cdr/telnyx/main/a.csv", text)
    assert (receipt.rows_read, receipt.rows_accepted, receipt.notes.get("unknown_columns")) == (6, 4, None)
    assert desk.rejects("cdr/telnyx/main/a.csv") == {
        6: ("end_time", "before start_time"), # a report in New York's time
        7: ("sip_code", "empty"),
    }  # fmt: skip
    rows = desk.rows("calls", order="source_line")
    for row, sent in zip(rows, told[:4], strict=True):
        assert (row["call_id"], row["calling_raw"], row["called_raw"]) == tuple(
            sent[name] for name in ("sip_call_id", "origination_number", "terminating_number")
        )
        assert [row["start_at"], row["answer_at"], row["end_at"]] == [
            iso(sent[name]) for name in ("start_timestamp_utc", "answer_timestamp", "end_timestamp")
        ]
    assert column(rows, "sip_code") == [200, 200, 486, 403]
    connection = told[0]["connection_id"]
    assert column(rows, "ingress_trunk") == [connection, "inbound", connection, connection]
    assert column(rows, "egress_trunk") == ["outbound", connection, "outbound", "outbound"]


def test_didww_of_2017(desk: Desk):
    text, told = sample("didww_2017")
    receipt = desk.load_one("cdr/didww/main/a.csv", text)
    assert (receipt.rows_read, receipt.rows_accepted, receipt.notes) == (4, 4, {})
    rows = desk.rows("calls", order="source_line")
    for row, sent in zip(rows, told, strict=True):
        start = iso(sent["Date/Time (UTC)"])
        assert row["call_id"] == " ".join(filter(None, (sent["Date/Time (UTC)"], sent["Source"], sent["DID"])))
        assert (row["start_at"], row["end_at"]) == (start, start + timedelta(seconds=int(sent["Duration (secs)"])))
        assert row["answer_at"] == (start if sent["Disconnect Code"] == "200" else None)
        assert (row["calling_raw"], row["called_raw"]) == (sent["Source"] or None, sent["DID"])
        assert (row["ingress_trunk"], row["egress_trunk"], row["sip_code"]) == ("didww", sent["Destination"], int(sent["Disconnect Code"]))
        assert row["release_party"] == {"Origination": "caller", "Destination": "called"}[sent["Disconnect Initiator"]]


def test_didww_of_today(desk: Desk):
    text, told = sample("didww_2026")
    receipt = desk.load_one("cdr/didww/main/a.csv", text)
    assert (receipt.rows_read, receipt.rows_accepted, receipt.notes) == (3, 3, {})
    rows = desk.rows("calls", order="source_line")
    for row, sent in zip(rows, told, strict=True):
        assert [row["start_at"], row["answer_at"], row["end_at"]] == [iso(sent[f"Date/Time {what} (UTC)"]) for what in ("Start", "Connect", "End")]
        assert (row["call_id"], row["attempt"], row["called_raw"]) == (sent["Call ID"], int(sent["Attempt"]), sent["Destination DID"])
        assert (row["egress_trunk"], row["stated_ms"]) == (sent["Voice IN Trunk"], 1000 * int(sent["Duration (sec)"]))
    assert column(rows, "release_party") == ["caller", "called", "network"]


def test_didww_call_logs_with_three_times_and_no_id(desk: Desk):
    heading = (
        "Date/Time Start (UTC),Date/Time Connect (UTC),Date/Time End (UTC),Source,DID,Destination,Duration (secs),Disconnect Initiator,Disconnect Code"
    )
    row = "2026-11-16 15:00:00,2026-11-16 15:00:05,2026-11-16 15:01:00,12025550123,12125550188,sip:office@192.0.2.9,55,Origination,200"
    desk.load_one("cdr/didww/a.csv", f"{heading}\n{row}\n")
    assert desk.rows("calls", "call_id, end_at") == [
        {"call_id": "2026-11-16 15:00:00 12025550123 12125550188", "end_at": datetime(2026, 11, 16, 15, 1)}
    ]


def test_didww_outbound_records_are_refused(desk: Desk):
    receipt = desk.load_one("cdr/didww/out.csv", "Date/Time Start (UTC),Date/Time End (UTC),Source,CLI,Destination Number,Disconnect Code\n")
    assert receipt.state == "refused"
    assert "column Destination DID or DID is missing" in receipt.reason


def test_damaged_rows_of_didww_are_rejected_for_what_is_wrong(desk: Desk):
    text, _ = sample("didww_2017")
    heading, row = text.splitlines()[0], text.splitlines()[2]
    damaged = [
        (row.rsplit(",", 6)[0], ("line", "7 fields where the layout has 13")),
        (row.replace("2017-06-17", "2017-06-31"), ("start_time", "not a time like %Y-%m-%d %H:%M:%S: 2017-06-31 08:50:47")),
        (row.replace(",54,", ",a minute,"), ("end_time", "Duration (secs) is no duration in s: a minute")),
        (row.replace(",200,", ",99,"), ("sip_code", "not a SIP status from 100 to 699: 99")),
        (row.replace("97286259413", ""), ("called_number", "empty")),
    ]
    receipt = desk.load_one("cdr/didww/bad.csv", "\n".join([heading, row, *(row for row, _ in damaged)]) + "\n")
    assert receipt.rows_accepted == 1
    rejects = desk.rejects("cdr/didww/bad.csv")
    assert {line: rejects[line] for line in (3, 4, 5, 6)} == {line: reject for line, (_, reject) in enumerate(damaged[:4], start=3)}
    assert rejects[7][1] == "empty"
