"""Complaints and traceback notices: what is said, when it was received, how precisely; never a row lost or counted twice."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from include.ingest import declarations, evidence
from tests.ingest.desk import Desk, csv_text

FTC = Path(__file__).parents[2] / "include/demo/real/dnc_complaint_numbers_2021-07-08.csv.gz"
FTC_COLUMNS = [
    "Company_Phone_Number", "Created_Date", "Violation_Date", "Consumer_City", "Consumer_State", "Consumer_Area_Code", "Subject",
    "Recorded_Message_Or_Robocall",
]  # fmt: skip
FTC_ROW = dict(zip(FTC_COLUMNS, ["2025550123", "2026-11-16 23:30:00", "2026-11-15 11:48:00", "Clinton", "Illinois", "217", "Warranties  & plans", "Y"]))
NOTICE = {
    "traceback_id": "t1",
    "requester": "itg",
    "received_at": "2026-11-16T22:00:00-05:00",
    "call_at": "2026-11-15T10:30:15Z",
    "calling_number": "2025550123",
    "called_number": "+12125550188",
    "campaign": "Bank",
    "violation_class": "fraud",
    "description": "A voice, pressing",
    "downstream_provider": "Downstream LLC",
    "sip_call_id": "abc@192.0.2.1",
    "recording_url": "https://example.com/1.wav",
}


def notices(*changes: dict[str, str]) -> list[dict[str, str]]:
    return [NOTICE | change for change in changes]


def test_a_complaint_of_our_own_desk(desk: Desk):
    row = {
        "complaint_id": "k1", "received_at": "2026-11-16T22:00:00-05:00", "call_at": "2026-11-15T10:30:00-05:00",
        "calling_number": "(202) 555-0123", "called_number": "", "callback_number": "+442079460018", "topic": "Bank   fraud",
        "recorded_message": "true", "consumer_state": "IL", "text": "My name is …",
    }  # fmt: skip
    receipt = desk.load_one("complaints/standard/a.csv", csv_text(list(row), [row]))
    assert desk.rows("complaints") == [
        {
            "receipt_id": receipt.file, "source_line": 2, "feed": "complaints/standard", "source": "own_desk", "complaint_id": "k1",
            "source_record_id": None, "received_at": datetime(2026, 11, 17, 3), "call_at": datetime(2026, 11, 15, 15, 30),
            "call_time_known": True, "call_quality": "ok", "zone_as_sent": "-05:00", "zone_assumed": False,
            "calling_raw": "(202) 555-0123", "calling_number": "+12025550123", "calling_class": "valid_us",
            "called_raw": None, "called_number": None, "called_area_code": None, "callback_raw": "+442079460018",
            "callback_number": "+442079460018", "topic": "Bank fraud", "call_type": None, "recorded_message": True,
            "consumer_state": "IL", "service_date": date(2026, 11, 17),
        }
    ]  # fmt: skip
    assert receipt.notes == {} and receipt.rows_by_date == {date(2026, 11, 17): 1}
    assert "My name" not in json.dumps(desk.warehouse("select row_to_json(r)::text as t from ops.file_receipts r")[0])


def test_of_a_call_the_date_will_do_and_then_its_hour_is_not_known(desk: Desk):
    times = ["2026-11-15", "2026-11-15T10:30Z", "2026-11-15T10:30", "2026-11-15 10:30:00", "2026-02-30", "20261115", "11/15/2026", "2026-11", ""]
    rows = [{"complaint_id": f"k{n}", "received_at": "2026-11-16T22:00:00-05:00", "call_at": time} for n, time in enumerate(times)]
    receipt = desk.load_one("complaints/standard/a.csv", csv_text(list(rows[0]), rows))
    assert desk.rows("complaints", "complaint_id, call_at, call_time_known, zone_as_sent, zone_assumed") == [
        {"complaint_id": "k0", "call_at": datetime(2026, 11, 15), "call_time_known": False, "zone_as_sent": None, "zone_assumed": True},
        {"complaint_id": "k1", "call_at": datetime(2026, 11, 15, 10, 30), "call_time_known": True, "zone_as_sent": "Z", "zone_assumed": False},
        {"complaint_id": "k8", "call_at": None, "call_time_known": False, "zone_as_sent": "-05:00", "zone_assumed": False},
    ]
    assert [row.line for row in receipt.rejected] == [4, 5, 6, 7, 8, 9]
    assert receipt.rejected[0].reason == "not an ISO 8601 time with offset or a date like %Y-%m-%d: 2026-11-15T10:30"


EMPTY = {"complaints/standard": "complaint_id,received_at\n", "tracebacks/standard": "traceback_id,received_at,call_at,called_number\n"}


@pytest.mark.parametrize("feed", EMPTY)
def test_a_header_alone_is_told_of_each_day_that_it_arrives_for(desk: Desk, feed: str):
    receipt = desk.load_one(f"{feed}/2026-11-16.csv", EMPTY[feed])
    assert receipt.rows_by_date == {date(2026, 11, 16): 0}
    desk.put(f"{feed}/20261117/none.csv", EMPTY[feed])
    desk.put(f"{feed}/none.csv", EMPTY[feed])
    summary = desk.load(feed.partition("/")[0])
    assert (summary.receipts, summary.dates) == ([], [date(2026, 11, 17)])
    assert desk.rows("arrivals", "path, receipt_id, feed, dated_on", "path") == [
        {"path": f"{feed}/2026-11-16.csv", "receipt_id": receipt.file, "feed": feed, "dated_on": date(2026, 11, 16)},
        {"path": f"{feed}/20261117/none.csv", "receipt_id": receipt.file, "feed": feed, "dated_on": date(2026, 11, 17)},
        {"path": f"{feed}/none.csv", "receipt_id": receipt.file, "feed": feed, "dated_on": None},
    ]
    desk.check_books()


def test_the_header_of_another_feed_counts_where_it_is_that_feeds_too(desk: Desk):
    desk.declare("complaints/second", (declarations.BUILT_IN / "complaints/standard.yaml").read_text())
    desk.load_one("complaints/standard/2026-11-16.csv", EMPTY["complaints/standard"])
    desk.put("complaints/second/2026-11-17.csv", EMPTY["complaints/standard"])
    desk.put("complaints/ftc_csv/2026-11-18.csv", EMPTY["complaints/standard"])
    assert desk.load("complaints").dates == [date(2026, 11, 17)]
    assert {row["feed"] for row in desk.rows("arrivals", order="path")} == {"complaints/standard", "complaints/second"}


def test_a_moved_file_with_rows_says_nothing_new(desk: Desk):
    rows = "complaint_id,received_at\nk1,2026-11-16T10:00:00Z\n"
    desk.load_one("complaints/standard/2026-11-16.csv", rows)
    desk.put("complaints/standard/archive/2026-11-16.csv", rows)
    summary = desk.load("complaints")
    assert ([receipt.path for receipt in summary.again], summary.dates) == (["complaints/standard/archive/2026-11-16.csv"], [])


def test_the_date_of_receipt_alone_is_not_taken(desk: Desk):
    receipt = desk.load_one("complaints/standard/a.csv", "complaint_id,received_at\nk1,2026-11-16\n")
    assert [(row.field, row.reason) for row in receipt.rejected] == [("received_at", "not an ISO 8601 time with offset: 2026-11-16")]


def test_the_real_ftc_file_agrees_with_the_csv_module(desk: Desk):
    receipt = desk.load_one("complaints/ftc_csv/DNC_2021-07-08.csv.gz", FTC.read_bytes())
    told = list(csv.DictReader(io.StringIO(gzip.decompress(FTC.read_bytes()).decode(), newline="")))
    assert receipt.rows_read == len(told) == 14_034
    different = Counter(tuple(row.values()) for row in told)
    assert (receipt.rows_accepted, receipt.rows_duplicate, receipt.rejected) == (len(different), 14_034 - len(different), [])
    assert receipt.rows_duplicate > 0
    rows = desk.rows("complaints")
    assert len({row["complaint_id"] for row in rows}) == len(rows)
    zone = ZoneInfo("America/New_York")

    def utc(text: str) -> datetime | None:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None) if text else None

    for row in rows:
        sent = told[row["source_line"] - 2]
        assert (row["calling_raw"] or "") == sent["Company_Phone_Number"].strip()
        assert (row["received_at"], row["call_at"]) == (utc(sent["Created_Date"]), utc(sent["Violation_Date"]))
        assert row["call_time_known"] == (sent["Violation_Date"] != "" and not sent["Violation_Date"].endswith("00:00:00"))
        assert row["recorded_message"] == {"Y": True, "N": False, "": None}[sent["Recorded_Message_Or_Robocall"]]
        assert row["zone_as_sent"] == "America/New_York"
        assert row["service_date"] == row["received_at"].date()
    assert Counter(row["recorded_message"] for row in rows).keys() == {True, False, None}
    assert {row["calling_class"] for row in rows} >= {"valid_us", "missing", "invalid"}
    assert all((row["calling_number"] is None) == (row["calling_class"] in ("missing", "anonymous", "unparseable", "placeholder")) or row["calling_class"] == "invalid" for row in rows)
    # The file's days are in UTC: a complaint of the evening counts on the next day.
    assert receipt.rows_by_date == dict(Counter(row["received_at"].date() for row in rows))


@pytest.mark.parametrize(("sent", "meant"), [("Y", True), ("N", False), ("", None)])
def test_recorded_message_has_three_values(desk: Desk, sent: str, meant: bool | None):
    desk.load_one("complaints/ftc_csv/a.csv", csv_text(FTC_COLUMNS, [FTC_ROW | {"Recorded_Message_Or_Robocall": sent}]))
    assert [row["recorded_message"] for row in desk.rows("complaints")] == [meant]


def test_the_same_complaint_in_two_ftc_files_counts_once(desk: Desk):
    desk.load_one("complaints/ftc_csv/a.csv", csv_text(FTC_COLUMNS, [FTC_ROW, FTC_ROW, FTC_ROW | {"Subject": "Other"}]))
    second = desk.load_one("complaints/ftc_csv/b.csv", csv_text(FTC_COLUMNS, [FTC_ROW, FTC_ROW | {"Consumer_City": "Peoria"}]))
    assert (second.rows_accepted, second.rows_duplicate) == (1, 1)
    assert len(desk.rows("complaints")) == 3


def test_ftc_damage_is_named(desk: Desk):
    bad = {"Created_Date": "07/08/2021"}, {"Created_Date": ""}, {"Recorded_Message_Or_Robocall": "maybe"}, {"Violation_Date": "2026-02-30 00:00:00"}
    receipt = desk.load_one("complaints/ftc_csv/a.csv", csv_text(FTC_COLUMNS, [FTC_ROW | change for change in bad]))
    assert [(row.line, row.field, row.reason) for row in receipt.rejected] == [
        (2, "received_at", "not a time like %Y-%m-%d %H:%M:%S: 07/08/2021"),
        (3, "received_at", "empty"),
        (4, "recorded_message", "not one of Y, N: maybe"),
        (5, "call_at", "not a time like %Y-%m-%d %H:%M:%S: 2026-02-30 00:00:00"),
    ]
    assert receipt.rejected[0].raw == "2025550123,07/08/2021,2026-11-15 11:48:00,Clinton,Illinois,217,Warranties  & plans,Y"


@pytest.mark.parametrize(
    ("local", "instant"),
    [
        ("2026-07-04 12:00:00", datetime(2026, 7, 4, 16)),
        ("2026-12-04 12:00:00", datetime(2026, 12, 4, 17)),
        ("2026-11-01 01:30:00", datetime(2026, 11, 1, 5, 30)),  # comes twice: the first
        ("2026-03-08 02:30:00", None),  # never came
    ],
)
def test_local_times_are_read_in_the_assumed_zone(desk: Desk, local: str, instant: datetime | None):
    receipt = desk.load_one("complaints/ftc_csv/a.csv", csv_text(FTC_COLUMNS, [FTC_ROW | {"Created_Date": local, "Violation_Date": ""}]))
    assert [row["received_at"] for row in desk.rows("complaints")] == ([instant] if instant else [])
    assert [row.field for row in receipt.rejected] == ([] if instant else ["received_at"])


SHAPES = {
    "a.csv": lambda rows: csv_text(list(NOTICE), rows),
    "a.json": lambda rows: json.dumps(rows, indent=2) if len(rows) != 1 else json.dumps(rows[0], indent=1),
    "array.json": lambda rows: json.dumps(rows),
    "a.json.gz": lambda rows: json.dumps(rows, indent=2),
}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_notices_mean_the_same_in_every_shape(desk: Desk, shape: str, count: int):
    path = f"tracebacks/standard/{shape}"
    receipt = desk.load_one(path, SHAPES[shape](notices(*({"traceback_id": f"t{n}"} for n in range(count)))))
    assert (receipt.rows_read, receipt.rows_accepted) == (count, count)
    rows = desk.rows("notices")
    assert len({row.pop("source_line") for row in rows}) == count
    for n, row in enumerate(rows):
        assert row == {
            "receipt_id": receipt.file, "feed": "tracebacks/standard", "traceback_id": f"t{n}", "requester": "itg",
            "received_at": datetime(2026, 11, 17, 3), "call_at": datetime(2026, 11, 15, 10, 30, 15), "call_precision_seconds": 1,
            "zone_as_sent": "Z", "zone_assumed": False, "calling_raw": "2025550123", "calling_number": "+12025550123", "called_raw": "+12125550188",
            "called_number": "+12125550188", "campaign": "Bank", "violation_class": "fraud", "description": "A voice, pressing",
            "downstream_provider": "Downstream LLC", "sip_call_id": "abc@192.0.2.1", "recording_url": "https://example.com/1.wav",
            "service_date": date(2026, 11, 17),
        }  # fmt: skip


def test_json_rows_have_the_line_they_begin_on(desk: Desk):
    text = '[\n  {"traceback_id": "t1",\n   "received_at": ""},\n' + json.dumps(NOTICE | {"traceback_id": "t2"}) + ",\n 7]\n"
    receipt = desk.load_one("tracebacks/standard/a.json", text)
    assert (receipt.rows_read, receipt.rows_accepted) == (3, 1)
    assert [row["source_line"] for row in desk.rows("notices")] == [4]
    assert desk.rejects("tracebacks/standard/a.json") == {2: ("received_at", "empty"), 5: ("line", "not a JSON object")}


def test_json_rows_on_one_line_are_numbered_so_that_no_reject_is_lost(desk: Desk):
    rows = [NOTICE, NOTICE | {"traceback_id": None}, NOTICE | {"traceback_id": "t3", "requester": "me"}, [1], NOTICE | {"traceback_id": "t5"}]
    receipt = desk.load_one("tracebacks/standard/a.json", json.dumps(rows))
    assert [row["source_line"] for row in desk.rows("notices")] == [1, 5]
    assert set(desk.rejects("tracebacks/standard/a.json")) == {2, 3, 4}
    assert "number of its object" in receipt.notes["lines"]
    [first] = desk.warehouse("select raw from ops.rejected_rows where line = 2")
    assert json.loads(first["raw"]) == rows[1]


def test_what_no_check_foresaw_refuses_its_file_and_no_other_and_names_no_number(desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    columns = evidence.EVIDENCE["tracebacks"]

    def unforeseen(parsed, declaration):
        if len(parsed.rows) == 2:
            raise ValueError("cannot convert +1212555" + "0123")
        return columns[2](parsed, declaration)

    monkeypatch.setitem(evidence.EVIDENCE, "tracebacks", (*columns[:2], unforeseen))
    desk.put("tracebacks/standard/a.json", json.dumps([NOTICE, NOTICE | {"traceback_id": "t2"}]))
    desk.put("tracebacks/standard/b.json", json.dumps([NOTICE | {"traceback_id": "t3"}]))
    desk.load("tracebacks")
    states = {path: (row["state"], row["reason"] or "") for path, row in desk.receipts().items()}
    assert states["tracebacks/standard/b.json"] == ("loaded", "")
    state, reason = states["tracebacks/standard/a.json"]
    assert state == "refused" and "ValueError: cannot convert +1212555xxxx" in reason
    assert "unforeseen" in caplog.text and "5550123" not in caplog.text


@pytest.mark.parametrize("text", ["[]", " [ ]\n", "[\n]"])
def test_an_empty_array_is_a_day_without_notices(desk: Desk, text: str):
    receipt = desk.load_one("tracebacks/standard/a.json", text)
    assert (receipt.state, receipt.rows_read) == ("loaded", 0)


@pytest.mark.parametrize(
    "text",
    [
        "[", "{", "[{}", "[{},", "[{},]", '[{"a": 1} {"a": 2}]', '{"a": 1}\n{"a": 2}', "[{}] trailing", "[{}][{}]", '{"a": NaNs}',
        '[{"a": "cut', "[" * 100_000, '[{"a": ' + "9" * 5_000 + "}]",
    ],
)  # fmt: skip
def test_json_that_is_not_whole_is_refused(desk: Desk, text: str):
    receipt = desk.load_one("tracebacks/standard/a.json", text)
    assert receipt.state == "refused"
    assert "JSON" in receipt.reason and "send" in receipt.reason


def test_json_may_hold_what_no_database_can(desk: Desk):
    text = json.dumps(NOTICE | {"description": "a\0b", "extra\0": {"a": [1]}}).replace('"itg"', "null").replace('"Bank"', '"x\\ud800y"')
    receipt = desk.load_one("tracebacks/standard/a.json", text)
    [row] = desk.rows("notices", "description, campaign, requester")
    assert row == {"description": "a\N{REPLACEMENT CHARACTER}b", "campaign": "x?y", "requester": None}
    assert receipt.notes["unknown_columns"] == ["extra\N{REPLACEMENT CHARACTER}"]


@pytest.mark.parametrize(
    ("call_at", "precision"),
    [
        ("2026-11-15T10:30Z", 60),
        ("2026-11-15 10:30-05:00", 60),
        ("2026-11-15T10:30+0530", 60),
        ("2026-11-15T10:30:00Z", 1),
        ("2026-11-15 10:30:00.5-05:00", 1),
    ],
)
def test_how_precisely_a_notice_names_the_time(desk: Desk, call_at: str, precision: int):
    desk.load_one("tracebacks/standard/a.csv", csv_text(list(NOTICE), notices({"call_at": call_at})))
    assert desk.rows("notices", "call_precision_seconds, call_at") == [
        {
            "call_precision_seconds": precision,
            "call_at": datetime.fromisoformat(call_at).astimezone(UTC).replace(tzinfo=None),
        }
    ]


@pytest.mark.parametrize(("call_at", "midnight"), [("2026-11-15", datetime(2026, 11, 15, 5)), ("2026-07-15", datetime(2026, 7, 15, 4))])
def test_a_notice_with_a_date_alone_means_that_day_in_new_york(desk: Desk, call_at: str, midnight: datetime):
    desk.load_one("tracebacks/standard/a.csv", csv_text(list(NOTICE), notices({"call_at": call_at}, {"traceback_id": "t2"})))
    assert desk.rows("notices", "traceback_id, call_precision_seconds, call_at, zone_as_sent, zone_assumed", "traceback_id") == [
        {"traceback_id": "t1", "call_precision_seconds": 86_400, "call_at": midnight, "zone_as_sent": "America/New_York", "zone_assumed": True},
        {"traceback_id": "t2", "call_precision_seconds": 1, "call_at": datetime(2026, 11, 15, 10, 30, 15), "zone_as_sent": "Z", "zone_assumed": False},
    ]


@pytest.mark.parametrize("call_at", ["2026-11-15T10Z", "2026-11-15T10:30", "2026-11-15T10:30:00+25:00", "yesterday", "2026-02-30T10:00Z"])
def test_a_time_that_is_no_instant_is_rejected(desk: Desk, call_at: str):
    receipt = desk.load_one("tracebacks/standard/a.csv", csv_text(list(NOTICE), notices({"call_at": call_at})))
    assert [(row.field, row.reason) for row in receipt.rejected] == [
        ("call_at", f"not an ISO 8601 time with offset or a date like %Y-%m-%d: {call_at}")
    ]


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("tracebacks/standard/{}.csv", notices({}, {"description": "corrected"})),
        ("complaints/standard/{}.csv", [{"complaint_id": "k1", "received_at": f"2026-11-{day}T10:00:00Z"} for day in (16, 17)]),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_an_id_with_other_content_is_rejected_and_the_same_content_a_duplicate(desk: Desk, path: str, rows: list[dict[str, str]], together: bool):
    columns = list(rows[0])
    if together:
        receipt = desk.load_one(path.format("a"), csv_text(columns, [rows[0], rows[1], rows[0]]))
        assert (receipt.rows_read, receipt.rows_accepted, receipt.rows_duplicate) == (3, 1, 1)
    else:
        desk.load_one(path.format("a"), csv_text(columns, [rows[0]]))
        receipt = desk.load_one(path.format("b"), csv_text(columns, [rows[0], rows[1]]))
        assert (receipt.rows_read, receipt.rows_accepted, receipt.rows_duplicate) == (2, 0, 1)
    [reject] = receipt.rejected
    assert (reject.line, reject.field) == (3, columns[0])
    assert "loaded before with other content: give a correction an id of its own" in reject.reason


def test_values_that_are_none_of_ours_are_named(desk: Desk):
    receipt = desk.load_one("tracebacks/standard/a.csv", csv_text(list(NOTICE), notices({"requester": "ITG?"}, {"violation_class": "x", "called_number": ""})))
    assert [(row.line, row.field, row.reason) for row in receipt.rejected] == [
        (2, "requester", "not one of itg, fcc, state_ag, law_enforcement, downstream, honeypot: ITG?"),
        (3, "called_number", "empty"),
    ]


def test_a_feed_of_ones_own_may_leave_out_what_is_not_needed(desk: Desk):
    desk.declare("complaints/bare", "format: {delimiter: ';'}\nfields:\n  received_at: {from: when, required: true}\n  calling_number: {from: who}\n")
    receipt = desk.load_one("complaints/bare/a.csv", "when;who\n2026-11-16T10:00:00Z;2025550123\n2026-11-16T10:00:00Z;2025550123\n")
    assert (receipt.rows_accepted, receipt.rows_duplicate) == (1, 1)
    [row] = desk.rows("complaints", "call_time_known, calling_number, topic, zone_as_sent")
    assert row == {"call_time_known": False, "calling_number": "+12025550123", "topic": None, "zone_as_sent": "Z"}


def test_the_real_exhibit_rows_are_notices_with_dates_alone_and_no_called_number(desk: Desk):
    exhibit = Path(__file__).parent / "samples" / "ftc_point_of_no_entry_exhibit_rows.csv"
    told = list(csv.DictReader(io.StringIO(exhibit.read_text())))
    receipt = desk.load_one("tracebacks/ftc_exhibit/rows.csv", exhibit.read_text())
    assert (receipt.rows_read, receipt.rows_accepted, receipt.rejected, receipt.rows_duplicate) == (72, 72, [], 0)
    rows = {row["source_line"]: row for row in desk.rows("notices")}
    assert len({row["traceback_id"] for row in rows.values()}) == 72
    assert {(row["call_precision_seconds"], row["zone_as_sent"], row["zone_assumed"]) for row in rows.values()} == {(86_400, "America/New_York", True)}
    styles = {"/": "%m/%d/%Y", ",": "%b %d, %Y"}

    def midnight(text: str) -> datetime:
        local = datetime.strptime(text, next(style for mark, style in styles.items() if mark in text)).replace(tzinfo=ZoneInfo("America/New_York"))
        return local.astimezone(UTC).replace(tzinfo=None)

    for line, sent in enumerate(told, start=2):
        row = rows[line]
        assert (row["call_at"], row["received_at"]) == (midnight(sent["call_date_raw"]), midnight(sent["traceback_date_raw"]))
        assert row["calling_number"] == "+1" + sent["caller_id_raw"][-10:] and row["called_number"] is None
        assert (row["campaign"], row["requester"], row["violation_class"]) == (sent["campaign_raw"], "itg", None)
    again = desk.load_one("tracebacks/ftc_exhibit/again.csv", exhibit.read_text() + "\n")
    assert (again.rows_accepted, again.rows_duplicate) == (0, 72)
