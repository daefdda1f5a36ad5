"""What really comes: forty-two ways in which files of carriers and agencies are dirty, and what becomes of each."""

from __future__ import annotations

import gzip
from datetime import date, datetime

import pytest

from tests.ingest.desk import STANDARD, Desk, calls_csv, csv_text, numbered_calls

LOCAL = """
times: {format: "%Y-%m-%d %H:%M:%S", zone: ZONE}
fields:
  call_id: {required: true}
  switch_id: {default: sw}
  start_time: {required: true}
  answer_time: {}
  end_time: {required: true}
  ingress_trunk: {default: tg}
  calling_number: {}
  called_number: {}
  sip_code: {default: "200"}
"""
TIMES = ["call_id", "start_time", "answer_time", "end_time"]


def local_calls(desk: Desk, yaml: str, rows: list[dict[str, str]], columns: list[str] = TIMES, name: str = "a.csv"):
    """The receipt of a file of a feed of one's own."""
    desk.declare("cdr/own", yaml)
    return desk.load_one(f"cdr/own/{name}", csv_text(columns, rows))


def call(start: str, end: str, answer: str = "", **more: str) -> dict[str, str]:
    return {"call_id": "c1", "start_time": start, "answer_time": answer, "end_time": end} | more


def instants(desk: Desk) -> list[tuple[datetime, datetime | None, datetime]]:
    return [tuple(row.values()) for row in desk.rows("calls", "start_at, answer_at, end_at")]


def reasons(receipt) -> list[tuple[int, str, str]]:
    return [(row.line, row.field, row.reason) for row in receipt.rejected]


# 1 to 3: the clock


def test_01_local_time_is_read_in_the_declared_zone_and_the_ids_epoch_must_agree(desk: Desk):
    yaml = LOCAL.replace("zone: ZONE}", "zone: ZONE, epoch: {from: call_id, extract: '^([0-9]{10})[.]'}}")
    rows = [call(f"2026-07-01 09:0{n}:00", f"2026-07-01 09:0{n}:30", call_id=f"17829111{n}0.{n}") for n in range(5)]  # 13:05:10 UTC and later
    wrong = local_calls(desk, yaml.replace("ZONE", "America/Chicago"), rows)
    assert (wrong.state, wrong.rows_read) == ("refused", 0)
    assert "its times are +1:00 h from the epochs in its ids (call_id): mend times.zone in own.yaml" in wrong.reason
    desk.declare("cdr/own", yaml.replace("ZONE", "America/New_York"))
    [right] = desk.load().receipts
    assert (right.state, right.rows_accepted) == ("loaded", 5)
    assert instants(desk)[0][0] == datetime(2026, 7, 1, 13)


def test_01_a_clock_that_is_changed_in_mid_file_refuses_it(desk: Desk):
    yaml = LOCAL.replace("zone: ZONE}", "zone: UTC, epoch: {from: call_id, extract: '^([0-9]{10})[.]'}}")
    rows = [call(f"2026-07-01 {9 + 3 * (n > 49):02}:00:{n % 50:02}", f"2026-07-01 14:00:{n % 50:02}", call_id=f"{1_782_896_400 + n % 50}.{n}") for n in range(60)]
    receipt = local_calls(desk, yaml, rows)
    assert receipt.state == "refused" and "+3:00 h" in receipt.reason


def test_01_damaged_times_are_no_other_zone(desk: Desk):
    yaml = LOCAL.replace("zone: ZONE}", "zone: UTC, epoch: {from: call_id, extract: '^([0-9]{10})[.]'}}")
    rows = [call(f"2026-07-01 09:00:{n:02}", "2026-07-01 14:00:00", call_id=f"{1_782_896_400 + n}.{n}") for n in range(20)]
    for n, hour in ((3, 10), (9, 11), (15, 13)):
        rows[n]["start_time"] = f"2026-07-01 {hour}:00:00"
    receipt = local_calls(desk, yaml, rows)
    assert (receipt.state, [row.line for row in receipt.rejected]) == ("loaded", [5, 11, 17])


def test_01_one_row_with_another_clock_is_a_reject(desk: Desk):
    yaml = LOCAL.replace("zone: ZONE}", "zone: UTC, epoch: {from: call_id, extract: '^([0-9]{10})[.]'}}")
    rows = [call(f"2026-07-01 09:00:{n % 60:02}", "2026-07-01 14:00:00", call_id=f"{1_782_896_400 + n % 60}.{n}") for n in range(200)]
    rows[7]["start_time"] = "2026-07-01 10:00:07"
    receipt = local_calls(desk, yaml, rows)
    assert reasons(receipt) == [(9, "start_time", "another time than the epoch in the row's id: 1782896407")]


FOLDS = {
    # New York, 2026-11-01: 01:00 to 02:00 comes twice, first at 05:00 UTC and then at 06:00 UTC
    "before": (call("2026-11-01 00:59:59", "2026-11-01 01:00:10", "2026-11-01 01:00:05"), (4, 59, 59), (5, 0, 5), (5, 0, 10), "ambiguous_hour"),
    "the first is taken": (call("2026-11-01 01:30:00", "2026-11-01 01:31:00"), (5, 30, 0), None, (5, 31, 0), "ambiguous_hour"),
    "over the fold": (call("2026-11-01 01:59:50", "2026-11-01 01:00:20", "2026-11-01 01:59:55"), (5, 59, 50), (5, 59, 55), (6, 0, 20), "ambiguous_hour"),
    "answered over the fold": (call("2026-11-01 01:59:50", "2026-11-01 01:00:20", "2026-11-01 01:00:05"), (5, 59, 50), (6, 0, 5), (6, 0, 20), "ambiguous_hour"),
    "behind": (call("2026-11-01 02:00:00", "2026-11-01 02:00:20"), (7, 0, 0), None, (7, 0, 20), None),
}


@pytest.mark.parametrize("case", FOLDS)
def test_02_an_hour_that_comes_twice(desk: Desk, case: str):
    row, start, answer, end, flags = FOLDS[case]
    local_calls(desk, LOCAL.replace("ZONE", "America/New_York"), [row])
    day = (2026, 11, 1)
    assert instants(desk) == [(datetime(*day, *start), datetime(*day, *answer) if answer else None, datetime(*day, *end))]
    assert desk.rows("calls", "flags") == [{"flags": flags}]


def test_02_the_epoch_or_the_talk_time_tells_which_of_two_hours(desk: Desk):
    by_epoch = LOCAL.replace("zone: ZONE}", "zone: America/New_York, epoch: {from: call_id, extract: '^([0-9]{10})'}}")
    # 06:30 UTC, the second 01:30
    local_calls(desk, by_epoch, [call("2026-11-01 01:30:00", "2026-11-01 01:31:00", call_id="1793514600")])
    assert (instants(desk)[0][0], desk.rows("calls", "flags")) == (datetime(2026, 11, 1, 6, 30), [{"flags": None}])
    desk.clear()
    by_talk = LOCAL.replace("ZONE", "America/New_York") + "  talk_time: {from: billsec}\n"
    # answered in the second 01:59, ended at 02:00:40
    row = call("2026-11-01 01:59:30", "2026-11-01 02:00:40", "2026-11-01 01:59:40", billsec="60", call_id="other")
    local_calls(desk, by_talk, [row], [*TIMES, "billsec"], name="b.csv")
    [found] = [tuple(row.values()) for row in desk.rows("calls", "start_at, flags", "call_id") if row["flags"] is None and row["start_at"].minute == 59]
    assert found == (datetime(2026, 11, 1, 6, 59, 30), None)


def test_02_two_times_of_one_column_are_of_one_hour_of_two(desk: Desk):
    """The end is its start and two hours, which begins in the second 01:10 as the id's epoch says."""
    yaml = LOCAL.replace("zone: ZONE}", "zone: America/New_York, epoch: {from: call_id, extract: '^([0-9]{10})'}}")
    yaml = yaml.replace("end_time: {", "end_time: {from: start_time, plus: duration, ")
    row = {"call_id": "1793513400", "start_time": "2026-11-01 01:10:00", "duration": "7200"}
    local_calls(desk, yaml, [row], ["call_id", "start_time", "duration"])
    assert instants(desk) == [(datetime(2026, 11, 1, 6, 10), None, datetime(2026, 11, 1, 8, 10))]


def test_02_an_end_in_the_second_hour_is_told_by_the_talk_time(desk: Desk):
    yaml = LOCAL.replace("ZONE", "America/New_York") + "  talk_time: {from: billsec}\n"
    local_calls(desk, yaml, [call("2026-11-01 00:50:00", "2026-11-01 01:30:00", "2026-11-01 00:51:00", billsec="5940")], [*TIMES, "billsec"])
    assert desk.rows("calls", "end_at, flags") == [{"end_at": datetime(2026, 11, 1, 6, 30), "flags": None}]


def test_02_a_time_that_the_clock_skipped_is_rejected(desk: Desk):
    receipt = local_calls(desk, LOCAL.replace("ZONE", "America/New_York"), [call("2026-03-08 01:59:59", "2026-03-08 03:00:10"), call("2026-03-08 02:30:00", "2026-03-08 03:00:00")])
    assert reasons(receipt) == [(3, "start_time", "the clock was put forward over this time: 2026-03-08 02:30:00")]
    assert instants(desk) == [(datetime(2026, 3, 8, 6, 59, 59), None, datetime(2026, 3, 8, 7, 0, 10))]


def test_03_two_digit_years_are_of_the_past(desk: Desk):
    report = "File Date,03/04/2020\nNPA_ID,IN_SERVICE_DT\n201,01-JAN-47\n329,24-MAR-23\n"
    desk.load_one("reference/nanp/npa-2026-01-01.csv", report)
    assert [row["in_service_on"] for row in desk.rows("reference/nanp", "in_service_on")] == [date(1947, 1, 1), date(2023, 3, 24)]


SHAPES = {
    "%Y-%m-%d %H:%M:%S": "2026-11-16 10:20:30",
    "%m/%d/%Y %H:%M:%S": "11/16/2026 10:20:30",
    "%Y%m%d%H%M%S.%g": "20261116102030.000",
    "%a %b %d %H:%M:%S %Y": "Mon Nov 16 10:20:30 2026",
    "%a, %d %b %Y %H:%M:%S %z": "Mon, 16 Nov 2026 05:20:30 -0500",
    "%m/%d/%Y %H:%M:%S.%g": "11/16/2026 10:20:30.000",
    "epoch_s": "1794824430",
    "epoch_ms": "1794824430000",
    "epoch_us": "1794824430000000",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_04_each_shape_of_time_is_declared_never_guessed(desk: Desk, shape: str):
    zone = "" if "%z" in shape else ", zone: UTC"
    yaml = LOCAL.replace('"%Y-%m-%d %H:%M:%S", zone: ZONE', f'"{shape}"{zone}')
    others = [text for text in SHAPES.values() if text != SHAPES[shape] and (not shape.startswith("epoch") or not text.isdigit())]
    rows = [call(text, text, call_id=f"c{n}") for n, text in enumerate([SHAPES[shape], *others, "1970-01-01 00:00:00", "NA", "0"])]
    receipt = local_calls(desk, yaml, rows)
    assert receipt.rows_accepted == 1
    assert {row.field for row in receipt.rejected} <= {"start_time", "end_time"}
    assert [row[0] for row in instants(desk)] == [datetime(2026, 11, 16, 10, 20, 30)]


def test_04_one_feed_may_write_in_several_shapes(desk: Desk):
    """A file that a spreadsheet saved again has no seconds."""
    yaml = LOCAL.replace('"%Y-%m-%d %H:%M:%S", zone: ZONE', '["%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M"], zone: UTC')
    receipt = local_calls(desk, yaml, [call("2026-11-16 10:20:30", "2026/11/16 10:21"), call("16.11.2026", "2026/11/16 10:21")])
    assert reasons(receipt) == [(3, "start_time", "not a time like %Y-%m-%d %H:%M:%S or %Y/%m/%d %H:%M: 16.11.2026")]
    assert instants(desk) == [(datetime(2026, 11, 16, 10, 20, 30), None, datetime(2026, 11, 16, 10, 21))]


# 5 to 10: durations


@pytest.mark.parametrize(
    ("unit", "sent", "seconds"),
    [("s", "90", 90), ("s", "90.25", 90.25), ("ms", "90250", 90.25), ("10ms", "9025", 90.25), ("us", "90250000", 90.25), ("ns", "90250000000", 90.25), ("h:m:s", "0:01:30", 90), ("h:m:s", "25:00:00", 90000)],
)
def test_05_durations_are_milliseconds_whatever_the_switch_counts_in(desk: Desk, unit: str, sent: str, seconds: float):
    yaml = LOCAL.replace("ZONE", "UTC").replace("end_time: {", f"end_time: {{from: start_time, plus: duration, unit: '{unit}', ")
    yaml = yaml.replace("answer_time: {}", f"answer_time: {{from: start_time, plus: duration, minus: billsec, unit: '{unit}', unless: {{billsec: ['']}}}}")
    yaml += f"  talk_time: {{from: billsec, unit: '{unit}'}}\n"
    columns = ["call_id", "start_time", "duration", "billsec"]
    receipt = local_calls(desk, yaml, [{"call_id": "c1", "start_time": "2026-11-16 10:00:00", "duration": sent, "billsec": sent}], columns)
    if seconds > 86_400:
        assert reasons(receipt) == [(2, "end_time", "more than 24 hours after start_time")]
        return
    [row] = desk.rows("calls", "epoch_ms(end_at) - epoch_ms(start_at) as total_ms, epoch_ms(answer_at) - epoch_ms(start_at) as ring_ms, stated_ms")
    assert row == {"total_ms": seconds * 1000, "ring_ms": 0, "stated_ms": seconds * 1000}


@pytest.mark.parametrize("sent", ["136298900000.0", "-5", "1e3", "soon", ""])
def test_06_an_absurd_duration_is_no_end(desk: Desk, sent: str):
    yaml = LOCAL.replace("ZONE", "UTC").replace("end_time: {", "end_time: {from: start_time, plus: duration, ")
    receipt = local_calls(desk, yaml, [{"call_id": "c1", "start_time": "2026-11-16 10:00:00", "duration": sent}], ["call_id", "start_time", "duration"])
    [(line, field, reason)] = reasons(receipt)
    assert (line, field) == (2, "end_time")
    assert reason in ("more than 24 hours after start_time", f"duration is no duration in s: {sent or 'empty'}")


def test_06_a_duration_that_disagrees_with_the_times_is_flagged_and_counted(desk: Desk):
    yaml = LOCAL.replace("ZONE", "UTC") + "  talk_time: {from: billsec}\n"
    times = ("2026-11-16 10:00:00", "2026-11-16 10:01:00", "2026-11-16 10:00:10")
    rows = [call(*times, call_id=f"c{n}", billsec=billsec) for n, billsec in enumerate(["50", "52", "53", "136298900000", ""])]
    receipt = local_calls(desk, yaml, rows, [*TIMES, "billsec"])
    assert receipt.notes == {"duration_mismatches": 2}
    assert [row["flags"] for row in desk.rows("calls", "flags")] == [None, None, "duration_mismatch", "duration_mismatch", None]
    assert {row["talk"] for row in desk.rows("calls", "epoch_ms(end_at) - epoch_ms(answer_at) as talk")} == {50_000}


def test_07_a_negative_duration_is_rejected(desk: Desk):
    rows = [call("2026-11-16 10:00:00", "2026-11-16 09:59:59"), call("2026-11-16 10:00:00", "2026-11-16 10:00:05", "2026-11-16 10:00:06")]
    assert [row[1:] for row in reasons(local_calls(desk, LOCAL.replace("ZONE", "UTC"), rows))] == [("end_time", "before start_time"), ("answer_time", "after end_time")]


def test_08_a_call_of_no_seconds_may_be_answered_and_one_of_many_may_not(desk: Desk):
    rows = [call("2026-11-16 10:00:00", "2026-11-16 10:00:00", "2026-11-16 10:00:00", call_id="short"), call("2026-11-16 10:00:00", "2026-11-16 10:05:00", call_id="rang")]
    local_calls(desk, LOCAL.replace("ZONE", "UTC"), rows)
    assert desk.rows("calls", "call_id, answer_at is not null as answered") == [{"call_id": "short", "answered": True}, {"call_id": "rang", "answered": False}]


def test_08_calls_shorter_than_a_second_keep_their_milliseconds(desk: Desk):
    desk.load_one("cdr/standard/a.csv", calls_csv({"start_time": "2026-11-16T10:00:00.100Z", "answer_time": "2026-11-16T10:00:00.350Z", "end_time": "2026-11-16T10:00:00.999Z"}))
    assert desk.rows("calls", "epoch_ms(end_at) - epoch_ms(answer_at) as talk, epoch_ms(answer_at) - epoch_ms(start_at) as ring") == [{"talk": 649, "ring": 250}]


def test_09_talk_time_is_end_less_answer_not_what_is_billed(desk: Desk):
    yaml = LOCAL.replace("ZONE", "UTC") + "  talk_time: {from: billsec}\n"
    local_calls(desk, yaml, [call("2026-11-16 10:00:00", "2026-11-16 10:01:00", "2026-11-16 10:00:20", billsec="60")], [*TIMES, "billsec"])
    assert desk.rows("calls", "epoch_ms(end_at) - epoch_ms(answer_at) as talk, stated_ms, flags") == [{"talk": 40_000, "stated_ms": 60_000, "flags": "duration_mismatch"}]


def test_10_a_call_kept_alive_for_days_is_rejected(desk: Desk):
    rows = [call("2026-11-16 10:00:00", "2026-11-17 10:00:00"), call("2026-11-16 10:00:00", "2026-11-17 10:00:01", call_id="c2")]
    assert reasons(local_calls(desk, LOCAL.replace("ZONE", "UTC"), rows)) == [(3, "end_time", "more than 24 hours after start_time")]


# 11 to 16: rows that come again, late, or in parts


def test_11_the_same_row_is_a_duplicate_the_same_call_with_another_outcome_replaces(desk: Desk):
    receipt = desk.load_one("cdr/standard/a.csv", calls_csv({}, {}, {"sip_code": "486", "answer_time": ""}))
    assert (receipt.rows_accepted, receipt.rows_duplicate, receipt.notes) == (2, 1, {"superseded_rows": 1, "superseded_calls": {"2026-11-16": {"cdr/standard": 1}}})
    assert [row["sip_code"] for row in desk.rows("calls", "sip_code")] == [200, 486]
    assert [row["sip_code"] for row in desk.current_calls()] == [486]


def test_12_a_day_published_twice_under_new_ids_counts_once(desk: Desk):
    desk.declare("complaints/api", "times: {format: '%Y-%m-%d %H:%M:%S', zone: America/New_York}\ncontent: []\nignored: [id]\nfields:\n  received_at: {from: created-date, required: true}\n  calling_number: {from: company-phone-number}\n")
    rows = [f'{{"id": "{batch}{n}", "created-date": "2020-07-28 00:0{n}:00", "company-phone-number": "202555012{n}"}}' for batch in "ab" for n in range(5)]
    receipt = desk.load_one("complaints/api/2020-07-28.json", f"[{', '.join(rows)}]")
    assert (receipt.rows_read, receipt.rows_accepted, receipt.rows_duplicate) == (10, 5, 5)


def test_13_a_file_sent_again_or_renamed_is_known_one_written_over_is_new(desk: Desk):
    good = numbered_calls(3)
    desk.load_one("cdr/standard/calls.csv", good)
    desk.put("cdr/standard/calls_0.csv", good)
    assert (desk.load().receipts, len(desk.rows("calls"))) == ([], 3)
    receipt = desk.load_one("cdr/standard/calls.csv", numbered_calls(5))
    assert (receipt.rows_accepted, receipt.rows_duplicate, len(desk.rows("calls"))) == (2, 3, 5)


def test_14_rows_belong_to_their_own_day_whatever_file_brings_them_and_in_whatever_order(desk: Desk):
    late = {"call_id": "late", "start_time": "2026-11-14T08:00:00Z", "answer_time": "", "end_time": "2026-11-14T08:00:10Z"}
    receipt = desk.load_one("cdr/standard/calls-2026-11-16.csv", calls_csv({}, late, {"call_id": "c0"}))
    assert receipt.rows_by_date == {date(2026, 11, 14): 1, date(2026, 11, 16): 2}


STARTS = """
format: {header: false}
times: {format: "%Y-%m-%d %H:%M:%S", zone: UTC}
layouts:
  - {record: START, fields: 4, columns: {kind: 1, id: 2, trunk: 3, start: 4}}
  - {record: STOP, at_least: 6, columns: {kind: 1, id: 2, trunk: 3, start: 4, end: 5, code: 6}}
fields:
  record_kind: {from: kind, map: {START: start, STOP: stop}}
  call_id: {from: id, required: true}
  switch_id: {folder: true, default: sw}
  start_time: {from: start, required: true}
  end_time: {from: end, required: true}
  ingress_trunk: {from: trunk, required: true}
  sip_code: {from: code, required: true}
"""
START, STOP = "START,c1,tg,2026-11-16 10:00:00", "STOP,c1,tg,2026-11-16 10:00:00,2026-11-16 10:05:00,200,appended by a later release"


def test_14_a_start_is_kept_apart_and_its_stop_may_come_in_another_file(desk: Desk):
    desk.declare("cdr/own", STARTS)
    first = desk.load_one("cdr/own/a.act", f"{START}\nSTART,c2,tg,2026-11-16 10:00:01\n")
    assert (first.rows_accepted, first.notes) == (2, {"not_calls": {"2026-11-16": 2}})
    second = desk.load_one("cdr/own/b.act", f"{START}\n{STOP}\nSTART,c3\nSTOP,c4,tg,2026-11-16 10:00:00\n")
    assert (second.rows_accepted, second.rows_duplicate) == (1, 1)  # the stop is no repetition of its start
    assert [row.reason for row in second.rejected] == ["2 fields where the layout has START: 4 or STOP: at least 6", "4 fields where the layout has START: 4 or STOP: at least 6"]
    assert desk.rows("calls", "record_kind, call_id, end_at is null as goes_on", "record_kind, call_id") == [
        {"record_kind": kind, "call_id": call_id, "goes_on": kind == "start"} for kind, call_id in (("start", "c1"), ("start", "c2"), ("stop", "c1"))
    ]


def test_15_a_call_over_midnight_belongs_to_its_start_and_the_last_partial_record_stands(desk: Desk):
    desk.declare("cdr/own", STARTS.replace("START: start", "START: interim"))
    desk.load_one("cdr/own/a.act", "START,c1,tg,2026-11-16 23:59:00\nSTART,c1,tg-other,2026-11-16 23:59:00\n")
    interim, stop = ({"call_id": "c1", "attempt": 1, "switch_id": "sw", "ingress_trunk": trunk, "record_kind": kind} for trunk, kind in (("tg-other", "interim"), ("tg", "stop")))
    receipt = desk.load_one("cdr/own/b.act", "STOP,c1,tg,2026-11-16 23:59:00,2026-11-17 00:30:00,200\n")
    assert receipt.rows_by_date == {date(2026, 11, 16): 1}
    assert desk.current_calls("call_id, attempt, switch_id, ingress_trunk, record_kind") in ([interim, stop], [stop, interim])


def test_16_attempts_of_one_call_are_rows_of_it(desk: Desk):
    receipt = desk.load_one("cdr/standard/a.csv", calls_csv({"attempt": "1", "sip_code": "503", "answer_time": ""}, {"attempt": "2"}))
    assert receipt.rows_accepted == 2
    assert desk.rows("calls", "call_id, attempt, sip_code") == [{"call_id": "c1", "attempt": 1, "sip_code": 503}, {"call_id": "c1", "attempt": 2, "sip_code": 200}]


# 17 to 22: numbers


def numbers_of(desk: Desk, *raws: str, access_code: str = "") -> list[tuple[str | None, str]]:
    code = f"access_code: '{access_code}'" if access_code else ""
    yaml = LOCAL.replace("ZONE", "UTC").replace("called_number: {}", f"called_number: {{{code}}}")
    rows = [call("2026-11-16 10:00:00", "2026-11-16 10:00:01", call_id=f"c{n}", called_number=raw) for n, raw in enumerate(raws)]
    assert local_calls(desk, yaml, rows, [*TIMES, "called_number"]).rows_accepted == len(raws)
    return [(row["called_number"], row["called_class"]) for row in desk.rows("calls", "called_number, called_class")]


def test_17_prefixes_and_access_codes(desk: Desk):
    found = numbers_of(desk, "+12125550188", "12125550188", "2125550188", "912125550188", "92125550188", "9011442079460018", "00442079460018", "911", access_code="9")
    us, london = ("+12125550188", "valid_us"), ("+442079460018", "valid_non_us")
    assert found[:6] == [us, us, us, us, us, london]
    assert found[7] == (None, "invalid")  # not an access code before 11


def test_18_plus_before_ten_national_digits_is_national_and_flagged(desk: Desk):
    desk.load_one("cdr/standard/a.csv", calls_csv({"calling_number": "+7323875503"}, {"call_id": "c2", "calling_number": "+4420794600"}))
    assert desk.rows("calls", "calling_number, calling_class, flags")[0] == {"calling_number": "+17323875503", "calling_class": "valid_us", "flags": "plus_without_country_code"}
    assert desk.rows("calls", "flags")[1] == {"flags": None}


def test_19_withheld_numbers_are_a_class_not_a_number(desk: Desk):
    assert set(numbers_of(desk, "Anonymous", "anonymous", "Restricted", "Unavailable", "None", "-")) == {(None, "anonymous")}
    desk.clear()
    assert numbers_of(desk, "", "NULL") [-2:] == [(None, "missing")] * 2


def test_20_of_a_uri_only_the_user_part_is_a_number(desk: Desk):
    found = numbers_of(desk, "<sip:12125550188@203.0.113.2:5060;user=phone>;tag=2025550123", "'12125550188'<sip:203.0.113.2:5060>", "tel:+12125550188;ext=99")
    assert [number for number, _ in found] == ["+12125550188", None, "+12125550188"]


def test_21_parameters_of_the_user_part_are_no_digits_of_it(desk: Desk):
    found = numbers_of(desk, "sip:+12125550188;npdi;rn=+12025550123@host", "sip:2125550188;phone-context=+1@203.0.113.2;user=phone", "<sip:+12125550188;verstat=TN-Validation-Passed@host>")
    assert [number for number, _ in found] == ["+12125550188"] * 3


def test_22_the_routing_number_never_stands_for_the_called_one(desk: Desk):
    yaml = LOCAL.replace("ZONE", "UTC") + "ignored: [lrn]\n"
    row = call("2026-11-16 10:00:00", "2026-11-16 10:00:01", called_number="12125550188;rn=+12025550123", lrn="2025550123")
    local_calls(desk, yaml, [row], [*TIMES, "called_number", "lrn"])
    assert desk.rows("calls", "called_number, called_raw") == [{"called_number": "+12125550188", "called_raw": "12125550188;rn=+12025550123"}]


# 23 to 34: text


def test_23_names_with_delimiters_quotes_and_line_breaks(desk: Desk):
    names = ['"Smith, ""Jo"""', '"two\nlines"', '"a\n\nb, ""c\n"""']
    text = HEADER + "".join(GOOD_LINE.replace("tg-acme", name).replace("c1,", f"n{n},") for n, name in enumerate(names))
    receipt = desk.load_one("cdr/standard/a.csv", text + GOOD_LINE)
    assert (receipt.rows_read, receipt.rows_accepted, receipt.notes) == (4, 4, {"records_over_lines": 4})
    assert desk.rows("calls", "source_line, ingress_trunk") == [
        {"source_line": 2, "ingress_trunk": 'Smith, "Jo"'}, {"source_line": 3, "ingress_trunk": "two\nlines"},
        {"source_line": 5, "ingress_trunk": 'a\n\nb, "c\n"'}, {"source_line": 9, "ingress_trunk": "tg-acme"},
    ]  # fmt: skip


def test_23_a_stray_quote_tears_no_record_at_the_end_of_a_file(desk: Desk):
    text = numbered_calls(3) + GOOD_LINE.replace("tg-acme", 'st"ray').replace("c1,", "c8,") + GOOD_LINE.replace("c1,", "c7,") + GOOD_LINE.replace("tg-acme", '"two\nlines"').replace("c1,", "c9,")
    receipt = desk.load_one("cdr/standard/a.csv", text)
    assert ([row.line for row in receipt.rejected], receipt.rows_accepted, receipt.notes) == ([5], 5, {"records_over_lines": 1})


def test_23_a_stray_quote_costs_its_own_row_and_no_other(desk: Desk):
    text = HEADER + GOOD_LINE + GOOD_LINE.replace("tg-acme", '"tg').replace("c1,", "c2,") + GOOD_LINE.replace("c1,", "c3,") + GOOD_LINE.replace("tg-acme", 'tg"').replace("c1,", "c4,")
    receipt = desk.load_one("cdr/standard/a.csv", text)
    assert [(row.line, row.reason.partition(":")[0]) for row in receipt.rejected] == [(3, "quotes do not pair"), (5, "quotes do not pair")]
    assert [row["call_id"] for row in desk.rows("calls")] == ["c1", "c3"]


def test_23_quotes_that_are_not_doubled_where_the_switch_writes_so(desk: Desk):
    yaml = "format: {quotes: loose}\n" + LOCAL.replace("ZONE", "UTC")
    desk.declare("cdr/own", yaml)
    row = '"c1",2026-11-16 10:00:00,,2026-11-16 10:00:01,""WIRELESS, INC"<sip:12025550123@192.0.2.1>;tag=1"\n'
    receipt = desk.load_one("cdr/own/a.csv", ",".join([*TIMES, "calling_number"]) + "\n" + row)
    assert (receipt.rows_accepted, desk.rows("calls", "calling_number")) == (1, [{"calling_number": "+12025550123"}])


@pytest.mark.parametrize("token", ["NULL", "null", "\\N", " NULL ", '"NULL"', "   ", ""])
def test_24_null_tokens_are_no_values(desk: Desk, token: str):
    desk.load_one("cdr/standard/a.csv", HEADER + GOOD_LINE.replace("tg-out", token))
    assert desk.rows("calls", "egress_trunk") == [{"egress_trunk": None}]


def test_24_each_feed_has_its_own_null_tokens(desk: Desk):
    yaml = LOCAL.replace("ZONE", "UTC") + "nulls: [NA, None, '-', N/A]\n"
    rows = [call("2026-11-16 10:00:00", "2026-11-16 10:00:01", token, call_id=f"c{n}") for n, token in enumerate(["NA", "None", "-", "N/A", "NULL"])]
    receipt = local_calls(desk, yaml, rows)
    assert reasons(receipt) == [(6, "answer_time", "not a time like %Y-%m-%d %H:%M:%S: NULL")]


def test_25_bytes_of_another_encoding_are_replaced_and_counted(desk: Desk):
    receipt = desk.load_one("cdr/standard/a.csv", (HEADER + GOOD_LINE).replace("SPC 709J", "Soci\xe9t\xe9 \xa5").encode("latin-1"))
    assert (receipt.rows_accepted, receipt.notes) == (1, {"replaced_bytes": 3})


def test_26_a_byte_order_mark_is_no_part_of_a_name(desk: Desk):
    assert desk.load_one("cdr/standard/a.csv", b"\xef\xbb\xbf" + (HEADER + GOOD_LINE).encode()).rows_accepted == 1


def test_27_a_spreadsheets_guard_is_taken_off(desk: Desk):
    desk.load_one("reference/rmd/rmd-2026-11-16.csv", "number,frn,business_name,foreign_voice_provider,country,implementation,voice_service_provider_choice,gateway_provider_choice,intermediate_provider_choice,last_updated\nRMD0000001,0001,'@Link,No,US,N/A,Yes,No,No,2024-04-24\n")
    assert [row["business_name"] for row in desk.rows("reference/rmd")] == ["@Link"]


def test_28_records_are_counted_not_lines(desk: Desk):
    receipt = desk.load_one("cdr/standard/a.csv", HEADER + GOOD_LINE.replace("tg-acme", '"a\nb"') + GOOD_LINE.replace("c1,", "c2,"))
    manifest = desk.load_one("cdr/standard/manifest-2026-11-16.csv", "file,rows\na.csv,2\n")
    assert (receipt.rows_read, manifest.rows_accepted) == (2, 1)


def test_29_titles_second_headers_comments_and_footers(desk: Desk):
    yaml = "format: {skip_lines: 2, type_lines: 1, other_lines: '^(#|Total)'}\n" + LOCAL.replace("ZONE", "UTC")
    desk.declare("cdr/own", yaml)
    text = "Report of 2026-11-16\n\n" + ",".join(TIMES) + "\nVARCHAR,TIMESTAMP,TIMESTAMP,TIMESTAMP\n# a comment\nc1,2026-11-16 10:00:00,,2026-11-16 10:00:01\nTotal,1\n"
    receipt = desk.load_one("cdr/own/a.csv", text)
    assert (receipt.rows_read, receipt.rows_accepted, receipt.notes) == (1, 1, {"other_lines": 2})
    assert desk.rows("calls", "source_line") == [{"source_line": 6}]


def test_30_another_header_in_mid_file_refuses_it_the_same_one_is_a_reject(desk: Desk):
    columns = STANDARD.copy()
    columns[9], columns[11] = columns[11], columns[9]  # calling and called: the victim would be the caller
    other = desk.load_one("cdr/standard/a.csv", numbered_calls(3) + ",".join(columns) + "\n" + GOOD_LINE)
    assert (other.state, "line 5 holds another header" in other.reason) == ("refused", True)
    same = desk.load_one("cdr/standard/b.csv", numbered_calls(3) + HEADER + GOOD_LINE.replace("c1,", "c9,"))
    assert ([row.line for row in same.rejected], same.rows_accepted) == ([5], 4)


def test_30_columns_that_a_new_release_adds_are_found_by_name(desk: Desk):
    text = calls_csv({}, columns=["added", *reversed(STANDARD), "added too"])
    receipt = desk.load_one("cdr/standard/a.csv", text)
    assert (receipt.rows_accepted, receipt.notes) == (1, {"unknown_columns": ["added", "added too"]})


def test_31_ids_keep_their_zeros(desk: Desk):
    desk.load_one("cdr/standard/a.csv", calls_csv({"ingress_trunk": "000200", "egress_trunk": "498E", "call_id": "007"}))
    assert desk.rows("calls", "ingress_trunk, egress_trunk, call_id") == [{"ingress_trunk": "000200", "egress_trunk": "498E", "call_id": "007"}]


@pytest.mark.parametrize("field", ["calling_number", "called_number", "call_id"])
def test_32_what_a_spreadsheet_shortened_is_rejected(desk: Desk, field: str):
    receipt = desk.load_one("cdr/standard/a.csv", calls_csv({field: "1.20256E+10"}, {"call_id": "c2", "signer": "SPC 7E+10"}))
    assert reasons(receipt) == [(2, field, "shortened by a spreadsheet, export it as text: 1.20256E+10")]


PACKED = gzip.compress(numbered_calls(4000).encode(), mtime=0)


def test_33_half_a_file_is_refused_or_where_declared_its_good_part_kept(desk: Desk):
    refused = desk.load_one("cdr/standard/a.csv.gz", PACKED[: len(PACKED) // 2])
    assert (refused.state, refused.rows_read) == ("refused", 0)
    standard = "include/feeds/cdr/standard.yaml"
    built_in = open(standard).read()
    desk.declare("cdr/own", built_in.replace("header: true", "header: true\n  corrupt_tail: keep"))
    kept = desk.load_one("cdr/own/b.csv.gz", PACKED[: len(PACKED) // 2])
    assert kept.state == "partial" and "cannot be unpacked to its end" in kept.reason
    assert 1000 < kept.rows_accepted < 4000 and len(kept.rejected) <= 1
    lines = set(numbered_calls(4000).splitlines())
    assert all(row.raw in lines for row in kept.rejected) and kept.rows_read == kept.rows_accepted  # the line that breaks off is none
    whole = desk.load_one("cdr/own/b.csv.gz", PACKED)
    assert (whole.state, whole.rows_read, whole.rows_duplicate) == ("loaded", 4000, kept.rows_accepted)
    assert len(desk.warehouse("select from ops.file_receipts where state = 'partial'")) == 1


def test_34_a_web_page_or_nothing_is_refused(desk: Desk):
    assert "fetch it again" in desk.load_one("cdr/standard/a.csv", "<html><body>404</body></html>").reason
    assert "no proof of no traffic" in desk.load_one("cdr/standard/b.csv", "").reason


# 35 to 42


def test_35_records_that_the_switch_counted_and_did_not_deliver_are_noted(desk: Desk):
    yaml = LOCAL.replace("ZONE", "UTC") + "sequence: {from: sequence}\n"
    rows = [call("2026-11-16 10:00:00", "2026-11-16 10:00:01", call_id=f"c{n}", sequence=f"{n:09}") for n in (7, 8, 11, 12, 10)]
    assert local_calls(desk, yaml, rows, [*TIMES, "sequence"]).notes == {"missing_records": 1}


def test_36_an_empty_number_is_none_and_no_zero(desk: Desk):
    yaml = LOCAL.replace("ZONE", "UTC") + "  talk_time: {from: billsec}\n"
    local_calls(desk, yaml, [call("2026-11-16 10:00:00", "2026-11-16 10:00:01", billsec="")], [*TIMES, "billsec"])
    assert desk.rows("calls", "stated_ms, attempt") == [{"stated_ms": None, "attempt": 1}]


def test_37_nul_bytes_reject_their_row_and_many_of_them_the_file(desk: Desk):
    few = desk.load_one("cdr/standard/a.csv", numbered_calls(3).replace("c2,", "c\0" + "2,"))
    assert [(row.line, row.reason) for row in few.rejected] == [(3, "NUL bytes in the line")]
    many = desk.load_one("cdr/standard/b.csv", numbered_calls(30).encode() + b"\0" * 20_000)
    assert (many.state, "send it again" in many.reason) == ("refused", True)


def test_38_the_trunk_is_taken_from_where_it_is_right(desk: Desk):
    """Of two columns that name a trunk, the declaration says which was used."""
    yaml = LOCAL.replace("ZONE", "UTC") + "  egress_trunk: {from: dstchannel, extract: '^[^/]+/(.+)-[0-9a-f]+$'}\nignored: [trunk]\n"
    local_calls(desk, yaml, [call("2026-11-16 10:00:00", "2026-11-16 10:00:01", dstchannel="PJSIP/VITerm-00000a1b", trunk="thinQ")], [*TIMES, "dstchannel", "trunk"])
    assert desk.rows("calls", "egress_trunk") == [{"egress_trunk": "VITerm"}]


def test_39_prose_in_a_number_is_no_number(desk: Desk):
    assert numbers_of(desk, "saidpress1", "951677xxxx", "8005078317;222") == [(None, "unparseable"), (None, "unparseable"), ("+18005078317", "valid_us")]


def test_40_labels_are_squeezed_and_what_a_map_does_not_name_is_rejected_or_told(desk: Desk):
    desk.load_one("complaints/standard/a.csv", "complaint_id,received_at,topic\nk1,2026-11-16T10:00:00Z,Warranties  & protection   plans\n")
    assert [row["topic"] for row in desk.rows("complaints")] == ["Warranties & protection plans"]
    yaml = LOCAL.replace("ZONE", "UTC").replace('sip_code: {default: "200"}', "sip_code: {from: status, required: true, map: {ok: '200'}}")
    rows = [call("2026-11-16 10:00:00", "2026-11-16 10:00:01", call_id=f"c{n}", status=status) for n, status in enumerate(["ok", "OK now"])]
    assert reasons(local_calls(desk, yaml, rows, [*TIMES, "status"])) == [(3, "sip_code", "not one of ok: OK now")]


def test_41_a_call_later_than_its_complaint_is_kept(desk: Desk):
    receipt = desk.load_one("complaints/standard/a.csv", "complaint_id,received_at,call_at\nk1,2026-11-16T10:00:00Z,2026-11-17T10:00:00Z\n")
    assert receipt.rows_accepted == 1


def test_42_an_address_may_be_a_signed_number(desk: Desk):
    yaml = LOCAL.replace("ZONE", "UTC") + "  source_ip: {from: origIpAddr, parse: little_endian_ip}\n"
    rows = [call("2026-11-16 10:00:00", "2026-11-16 10:00:01", call_id=f"c{n}", origIpAddr=sent) for n, sent in enumerate(["17502380", "-1062731776", "0", ""])]
    local_calls(desk, yaml, rows, [*TIMES, "origIpAddr"])
    assert [row["source_ip"] for row in desk.rows("calls", "source_ip")] == ["172.16.11.1", "0.0.168.192", None, None]


def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("include.ingest.stream.UNPACKED_MAY_BE", 2**24)  # a gibibyte takes a while
    bomb = gzip.compress((HEADER + GOOD_LINE * 200_000).encode(), mtime=0)
    receipt = desk.load_one("cdr/standard/a.csv.gz", bomb)
    assert (receipt.state, "times as many" in receipt.reason) == ("refused", True)


def test_a_file_that_is_not_what_is_declared_is_refused_not_rejected_row_by_row(desk: Desk):
    receipt = desk.load_one("cdr/standard/a.csv", numbered_calls(9_000) + numbered_calls(10_500).replace("2026-11-16T", "16.11.2026 ").partition("\n")[2])
    assert receipt.state == "refused"
    assert "10500 of 19500 rows would be rejected, 10500 because of start_time: not an ISO 8601 time with offset" in receipt.reason


HOSTILE = {
    "a token that is no JSON": ("attestation: {}", "attestation: {from: calling_number, parse: {passport: attest}}", {"calling_number": "h.YWJj.s"}, 1),
    "a token that is cut": ("attestation: {}", "attestation: {from: calling_number, parse: {passport: attest}}", {"calling_number": "eyJhbGciOiJFUzI1NiJ9.eyJhd.x"}, 1),
    "a token of one letter": ("attestation: {}", "attestation: {from: calling_number, parse: {passport: attest}}", {"calling_number": "a.e.x"}, 1),
    "hours beyond counting": ("end_time: {required: true}", "end_time: {from: start_time, plus: signer, unit: 'h:m:s', required: true}", {"signer": "99999999999999999999:00:00"}, 0),
    "seconds beyond adding": ("end_time: {required: true}", "end_time: {from: start_time, plus: signer, required: true}", {"signer": "99999999999999"}, 0),
}


@pytest.mark.parametrize("value", HOSTILE)
def test_one_hostile_value_stops_no_other_row_or_file(desk: Desk, value: str):
    old, new, row, accepted = HOSTILE[value]
    built_in = open("include/feeds/cdr/standard.yaml").read()
    desk.declare("cdr/own", built_in.replace(old, new))
    assert new in (desk.settings.home / "feeds/cdr/own.yaml").read_text()
    desk.put("cdr/standard/good.csv", numbered_calls(2))
    receipt = desk.load_one("cdr/own/a.csv", calls_csv(row))
    assert (receipt.state, receipt.rows_accepted, len(receipt.rejected)) == ("loaded", accepted, 1 - accepted)
    assert desk.receipts()["cdr/standard/good.csv"]["rows_accepted"] == 2


def test_a_layouts_name_is_no_sql(desk: Desk):
    desk.declare("cdr/own", STARTS.replace("record: STOP", "record: \"X' || (select 1) || '\""))
    receipt = desk.load_one("cdr/own/a.act", f"{START}\nSTOP,c1\n")
    assert [row.reason for row in receipt.rejected] == ["2 fields where the layout has START: 4 or X' || (select 1) || ': at least 6"]


HEADER, GOOD_LINE = (line + "\n" for line in numbered_calls(1).splitlines())
