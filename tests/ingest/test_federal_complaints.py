"""Complaints of the FTC and the FCC in their real layouts: real files, and the traps that were met in them."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import date, datetime

import pandas as pd
import pytest
from pandas.tseries.holiday import USFederalHolidayCalendar

from include.settings import REPOSITORY
from tests.ingest.desk import Desk, csv_text
from tests.ingest.switch_files import SAMPLES

FTC = REPOSITORY / "include/demo/real/dnc_complaint_numbers_2021-07-08.csv.gz"
FTC_COLUMNS = [
    "Company_Phone_Number", "Created_Date", "Violation_Date", "Consumer_City", "Consumer_State", "Consumer_Area_Code", "Subject",
    "Recorded_Message_Or_Robocall",
]  # fmt: skip
FTC_ROW = dict(zip(FTC_COLUMNS, ["2125550123", "2026-11-16 09:30:00", "2026-11-15 11:48:00", "Clinton", "Illinois", "217", "Medical  & prescriptions", "Y"]))
FCC_ROW = {
    "id": "5000001", "ticket_created": "2021-08-13T09:00:00.000", "issue_date": "2021-08-12T00:00:00.000", "issue_time": "1:17 p.m.",
    "issue_type": "Phone", "method": "Wired", "issue": "Unwanted Calls", "caller_id_number": "203-760-1637",
    "type_of_call_or_messge": "Prerecorded Voice", "advertiser_business_phone_number": "203-760-1638", "state": "CT", "zip": "06712",
}  # fmt: skip


def page(rows: list[dict[str, str]], batch: str = "a", total: int | None = None) -> str:
    """A page of the FTC's API with rows of its CSV."""
    data = [
        {
            "type": "dnc_complaint",
            "id": f"{batch}{number:031}",
            "attributes": {name.lower().replace("_", "-"): value for name, value in row.items()},
            "relationships": {},
            "links": {"self": "https://api.ftc.gov/v0/dnc-complaints/x"},
        }
        for number, row in enumerate(rows)
    ]
    meta = {"records-this-page": len(rows), "record-total": len(rows) if total is None else total}
    return json.dumps({"data": data, "meta": meta, "links": {}})


def complaints(desk: Desk, columns: str, order: str = "receipt_id, source_line") -> list[tuple]:
    return [tuple(row.values()) for row in desk.rows("complaints", columns, order)]


def numbers(desk: Desk, *written: str) -> dict[str, tuple[str | None, str]]:
    """What becomes of what consumers wrote for the caller's number."""
    rows = [FTC_ROW | {"Company_Phone_Number": text, "Consumer_City": str(at)} for at, text in enumerate(written)]
    receipt = desk.load_one("complaints/ftc_csv/2026-11-17.csv", csv_text(FTC_COLUMNS, rows))
    assert (receipt.rows_accepted, receipt.rejected) == (len(written), [])
    return {raw: (number, class_) for raw, number, class_ in complaints(desk, "calling_raw, calling_number, calling_class")}


def test_the_real_ftc_day_holds_what_was_measured_in_it(desk: Desk):
    receipt = desk.load_one("complaints/ftc_csv/DNC_Complaint_Numbers_2021-07-08.csv.gz", FTC.read_bytes())
    assert receipt.notes == {}  # every subject is known, once its blanks are squeezed
    rows = desk.rows("complaints", "source, complaint_id, call_quality, call_time_known, zone_assumed, calling_class, calling_number, topic")
    # One row of the 14,034 is there twice: its call is neither late, nor at midnight, nor without a number.
    assert Counter(row["call_quality"] for row in rows) == {"ok": 13_586, "after_report": 442, "over_two_years_before": 5}
    assert sum(not row["call_time_known"] for row in rows) == 607
    classes = Counter(row["calling_class"] for row in rows)
    assert (classes["placeholder"], classes["missing"], classes["anonymous"]) == (10, 669, 1)
    assert {row["calling_number"] for row in rows if row["calling_class"] == "placeholder"} == {None}
    assert {(row["source"], row["zone_assumed"], row["complaint_id"][:4]) for row in rows} == {("ftc", True, "ftc-")}
    assert len({row["topic"] for row in rows}) == 15 and not any("  " in row["topic"] for row in rows)


def test_placeholders_are_no_numbers_and_stand_as_they_were_sent(desk: Desk):
    sent = ["0000000000", "5555555555", "1111111111", "9999999999", "1234567890", "0123456789", "(555) 555-5555", "1-999-999-9999", "+11111111111"]
    assert numbers(desk, *sent) == dict.fromkeys(sent, (None, "placeholder"))


def test_prose_in_the_number_never_rejects_a_complaint_and_only_an_extension_is_split_off(desk: Desk):
    assert numbers(
        desk, "saidpress1", "8005078317;222", "8005078317;or 2125550100", "8005078317;2125550100", "916area missing", "+7323875503",
        "951677xxxx", "?120924237", "__________", "70611454600144", "0", "Multiple#s", "4635550123 ", "",
    ) == {
        "saidpress1": (None, "unparseable"),
        "8005078317;222": ("+18005078317", "valid_us"),
        "8005078317;or 2125550100": (None, "unparseable"),
        "8005078317;2125550100": (None, "unparseable"),
        "916area missing": (None, "unparseable"),
        "+7323875503": ("+17323875503", "valid_us"),
        "951677xxxx": (None, "unparseable"),
        "?120924237": (None, "unparseable"),
        "__________": (None, "unparseable"),
        "70611454600144": (None, "invalid"),
        "0": (None, "unparseable"),
        "Multiple#s": (None, "unparseable"),
        "4635550123": ("+14635550123", "valid_us"),
        None: (None, "missing"),
    }  # fmt: skip


@pytest.mark.parametrize("nothing", ["None", "-", "", " - "])
@pytest.mark.parametrize(("feed", "column"), [("ftc_csv", "Company_Phone_Number"), ("fcc", "caller_id_number")])
def test_what_stands_for_nothing_is_a_missing_number(desk: Desk, feed: str, column: str, nothing: str):
    row = (FTC_ROW if feed == "ftc_csv" else FCC_ROW) | {column: nothing}
    desk.load_one(f"complaints/{feed}/a.csv", csv_text(list(row), [row]))
    assert complaints(desk, "calling_raw, calling_number, calling_class") == [(None, None, "missing")]


@pytest.mark.parametrize(
    ("created", "violation", "quality", "known"),
    [
        ("2026-11-16 09:30:00", "2026-11-15 11:48:00", "ok", True),
        ("2026-11-16 09:30:00", "2026-11-16 09:30:00", "ok", True),
        ("2026-11-16 09:30:00", "2026-11-16 09:30:01", "after_report", True),
        ("2026-11-16 09:30:00", "2026-11-16 00:00:00", "ok", False),
        ("2026-11-16 09:30:00", "2026-11-17 00:00:00", "after_report", False),
        ("2026-11-16 09:30:00", "2024-11-16 09:30:00", "ok", True),
        ("2026-11-16 09:30:00", "2024-11-16 09:29:59", "over_two_years_before", True),
        ("2026-11-16 09:30:00", "", "missing", False),
        ("2026-11-16 00:00:00", "2026-11-16 23:59:59", "ok", True),  # of the receipt, too, midnight is a date alone
        ("2026-11-16 00:00:00", "2026-11-17 00:00:00", "after_report", False),
    ],
)
def test_when_the_call_can_have_been(desk: Desk, created: str, violation: str, quality: str, known: bool):
    desk.load_one("complaints/ftc_csv/a.csv", csv_text(FTC_COLUMNS, [FTC_ROW | {"Created_Date": created, "Violation_Date": violation}]))
    assert complaints(desk, "call_quality, call_time_known") == [(quality, known)]


def test_a_label_of_tomorrow_is_kept_and_told(desk: Desk):
    rows = [FTC_ROW | {"Subject": subject} for subject in ("Cloned  voices", "Cloned voices ", "Medical  & prescriptions")]
    receipt = desk.load_one("complaints/ftc_csv/a.csv", csv_text(FTC_COLUMNS, rows))
    assert (receipt.rows_accepted, receipt.rows_duplicate) == (2, 1)
    assert {topic for topic, in complaints(desk, "topic")} == {"Cloned voices", "Medical & prescriptions"}
    assert receipt.notes == {"unknown_labels": {"topic": {"Cloned voices": 2}}}


def test_a_column_that_is_renamed_refuses_the_file_and_one_more_is_told(desk: Desk):
    receipt = desk.load_one("complaints/ftc_csv/a.csv", csv_text(FTC_COLUMNS, [FTC_ROW]).replace("Company_Phone_Number", "Company_Phone_No"))
    assert receipt.state == "refused" and "column Company_Phone_Number is missing" in receipt.reason
    receipt = desk.load_one("complaints/ftc_csv/b.csv", csv_text([*FTC_COLUMNS, "Consumer_Zip"], [FTC_ROW]))
    assert (receipt.state, receipt.notes) == ("loaded", {"unknown_columns": ["Consumer_Zip"]})


def test_commas_at_the_end_of_a_spreadsheets_rows_are_columns_without_a_name(desk: Desk):
    lines = csv_text(list(FTC_ROW), [FTC_ROW, FTC_ROW | {"Consumer_City": "Elsewhere"}]).splitlines()
    receipt = desk.load_one("complaints/ftc_csv/DNC_Complaint_Numbers_2021-07-08.csv", "".join(f"{line},,\n" for line in lines))
    assert (receipt.rows_accepted, receipt.notes["unknown_columns"]) == (2, ["", ""])


def test_a_day_without_a_file_is_answered_with_a_web_page_or_an_error(desk: Desk):
    receipt = desk.load_one("complaints/ftc_csv/DNC_Complaint_Numbers_2026-11-14.csv", "<!DOCTYPE html>\n<html><title>Page not found</title></html>")
    assert receipt.state == "refused" and "web page" in receipt.reason
    over_limit = {"error": {"code": "OVER_RATE_LIMIT", "message": "You have exceeded your rate limit."}}
    receipt = desk.load_one("complaints/ftc_api/2026-11-16.json", json.dumps(over_limit))
    assert receipt.state == "refused" and "no array 'data'" in receipt.reason and "OVER_RATE_LIMIT" in receipt.reason


def test_a_file_renamed_or_published_again_brings_nothing_twice(desk: Desk):
    rows = [FTC_ROW | {"Consumer_City": str(number)} for number in range(3)]
    desk.load_one("complaints/ftc_csv/DNC_Complaint_Numbers_2026-11-17.csv", csv_text(FTC_COLUMNS, rows))
    desk.put("complaints/ftc_csv/DNC_Complaint_Numbers_2026-11-17_0.csv", csv_text(FTC_COLUMNS, rows))
    assert (desk.load("complaints").receipts, len(desk.rows("complaints"))) == ([], 3)
    receipt = desk.load_one("complaints/ftc_csv/DNC_Complaint_Numbers_2026-11-17_1.csv", csv_text(FTC_COLUMNS, [*rows, FTC_ROW]))
    assert (receipt.rows_accepted, receipt.rows_duplicate) == (1, 3)


def test_the_same_complaint_from_the_file_and_from_the_api_is_one(desk: Desk):
    told = list(csv.DictReader(io.StringIO(pd.io.common.get_handle(FTC, "r", compression="gzip").handle.read(), newline="")))[:200]
    first = desk.load_one("complaints/ftc_csv/DNC_Complaint_Numbers_2021-07-08.csv", csv_text(FTC_COLUMNS, told))
    second = desk.load_one("complaints/ftc_api/2021-07-07/0.json", page(told))
    assert (first.rows_accepted, second.rows_accepted, second.rows_duplicate) == (200, 0, 200)


def test_a_day_that_the_ftc_loaded_twice_counts_once_and_keeps_an_id(desk: Desk):
    rows = [FTC_ROW | {"Consumer_City": str(number)} for number in range(100)]
    pages = [(rows[:50], "a"), (rows[50:], "a"), (rows[:50], "b"), (rows[50:], "b")]
    receipts = [
        desk.load_one(f"complaints/ftc_api/2026-11-16/{at}.json", page(some, batch, total=200)) for at, (some, batch) in enumerate(pages)
    ]
    assert [(receipt.rows_accepted, receipt.rows_duplicate) for receipt in receipts] == [(50, 0), (50, 0), (0, 50), (0, 50)]
    assert {receipt.notes["rows_on_all_pages"] for receipt in receipts} == {200} and sum(receipt.rows_read for receipt in receipts) == 200
    assert {row[0][0] for row in complaints(desk, "source_record_id")} == {"a"}


def test_pages_cut_down_to_numbers_are_dated_by_their_name(desk: Desk):
    whole = desk.load_one("complaints/ftc_api/completed_2020-02-16.json", (SAMPLES / "completed_2020-02-16.json").read_bytes())
    assert (whole.rows_read, whole.rows_accepted, whole.rows_duplicate) == (2015, 1766, 249)
    assert whole.rows_by_date == {date(2020, 2, 16): 1766}
    assert set(complaints(desk, "received_at, call_quality, zone_assumed")) == {(datetime(2020, 2, 16, 5), "missing", True)}
    undated = desk.load_one("complaints/ftc_api/page.json", (SAMPLES / "page_2020-02-16_offset1000-1050.json").read_bytes())
    assert (undated.rows_accepted, {(row.field, row.reason) for row in undated.rejected}) == (0, {("received_at", "empty")})


def test_the_fcc_in_three_layouts(desk: Desk):
    names = ["fcc_3xyp-aqkj_top_records_2017.csv", "fcc_soda_records.json", "fcc_weekly_2015_excerpt.csv"]
    receipts = [desk.load_one(f"complaints/fcc/{name}", (SAMPLES / name).read_bytes()) for name in names]
    assert [(receipt.rows_accepted, receipt.rejected, receipt.notes) for receipt in receipts] == [(10, [], {}), (3, [], {}), (29, [], {})]
    columns = "complaint_id, received_at, call_at, call_time_known, calling_number, callback_number, topic, call_type, recorded_message, consumer_state"
    told = {row[0]: row[1:] for row in complaints(desk, f"{columns}, source, zone_assumed") if not row[0].startswith("fcc-1000")}
    assert told["fcc-1511830"] == (
        datetime(2017, 3, 18, 2, 30, 50), datetime(2017, 2, 17, 5), False, "+13473950381", "+13473950381", "Unwanted Calls", "abandoned", None,
        "ME", "fcc", True,
    )  # fmt: skip
    assert told["fcc-5396122"][1:6] == (datetime(2022, 3, 25, 22, 53), True, None, None, "Unwanted Calls")
    epochs = dict(complaints(desk, "complaint_id, received_at"))
    assert epochs["fcc-1000296"] == datetime(2016, 5, 25, 11, 15, 29)  # 1464174929
    calls = dict(complaints(desk, "complaint_id, call_at"))
    assert calls["fcc-1000322"] == datetime(2016, 5, 25, 0, 8)  # 8:08 PM of the 24th in New York
    weekly = complaints(desk, "received_at, call_at, call_type, consumer_state", "source_line")
    weekly = [row for row in weekly if row[3] in ("Pennsylvania", "Alabama")]
    assert weekly[0] == (datetime(2015, 10, 1, 4), None, None, "Pennsylvania")
    assert weekly[1] == (datetime(2015, 10, 1, 4), datetime(2014, 7, 1, 12, 20), "abandoned", "Pennsylvania")
    assert weekly[15][2:] == ("abandoned", "Alabama")  # "Abandoned Call", in the column of robocalls


PORTAL = {
    "id": "Ticket ID", "ticket_created": "Ticket Created", "issue_date": "Date of Issue", "issue_time": "Time of Issue", "issue_type": "Form",
    "method": "Method", "issue": "Issue", "caller_id_number": "Caller ID Number", "type_of_call_or_messge": "Type of Call or Messge",
    "advertiser_business_phone_number": "Advertiser Business Number", "state": "State", "zip": "Zip",
}  # fmt: skip


@pytest.mark.parametrize("spelt", ["Type of Call or Messge", "Type of Call or Message", "type_of_call_or_message"])
def test_a_ticket_is_one_under_whichever_headings_it_comes(desk: Desk, spelt: str):
    desk.load_one("complaints/fcc/soda.json", json.dumps([FCC_ROW]))
    row = {PORTAL[name]: value for name, value in FCC_ROW.items()}
    row |= {"Ticket Created": "08/13/2021 09:00:00 AM", "Date of Issue": "08/12/2021"}
    row[spelt] = row.pop("Type of Call or Messge")
    receipt = desk.load_one("complaints/fcc/portal.csv", csv_text(list(row), [row]))
    assert (receipt.rows_duplicate, receipt.rejected, receipt.notes) == (1, [], {})


@pytest.mark.parametrize(
    ("said", "utc", "known"),
    [
        ("1:00 pm", datetime(2021, 8, 12, 17), True),
        ("2:30 p.m.", datetime(2021, 8, 12, 18, 30), True),
        ("12:00 P.M.", datetime(2021, 8, 12, 16), True),
        ("12:30 am", datetime(2021, 8, 12, 4, 30), True),
        ("8:08 PM", datetime(2021, 8, 13, 0, 8), True),
        ("7 AM", datetime(2021, 8, 12, 11), True),
        ("", datetime(2021, 8, 12, 4), False),
        ("-", datetime(2021, 8, 12, 4), False),
        ("after lunch", datetime(2021, 8, 12, 4), False),
        ("25:00 pm", datetime(2021, 8, 12, 4), False),
    ],
)
def test_the_hour_in_prose(desk: Desk, said: str, utc: datetime, known: bool):
    receipt = desk.load_one("complaints/fcc/a.csv", csv_text(list(FCC_ROW), [FCC_ROW | {"issue_time": said}]))
    assert complaints(desk, "call_at, call_time_known") == [(utc, known)]
    assert receipt.notes == ({"unread_times_of_day": 1} if said in ("after lunch", "25:00 pm") else {})


@pytest.mark.parametrize(
    ("created", "utc", "assumed"),
    [
        ("1628859600", datetime(2021, 8, 13, 13), False),
        ("99999999999", datetime(5138, 11, 16, 9, 46, 39), False),
        ("08/13/2021 09:00:00 AM -0500", datetime(2021, 8, 13, 14), False),
        ("2021-08-13T09:00:00.000", datetime(2021, 8, 13, 13), True),
        ("8/13/2021", datetime(2021, 8, 13, 4), True),
        ("8/13/5021", datetime(5021, 8, 13, 4), True),
    ],
)
def test_a_zone_is_assumed_where_none_was_sent(desk: Desk, created: str, utc: datetime, assumed: bool):
    row = FCC_ROW | {"ticket_created": created, "issue_date": "", "issue_time": ""}
    desk.load_one("complaints/fcc/a.csv", csv_text(list(row), [row]))
    assert complaints(desk, "received_at, zone_assumed") == [(utc, assumed)]


def test_a_date_of_centuries_to_come_stands_with_its_hour(desk: Desk):
    desk.load_one("complaints/fcc/a.csv", csv_text(list(FCC_ROW), [FCC_ROW | {"issue_date": "5021-08-12T00:00:00", "issue_time": "8:08 PM"}]))
    assert complaints(desk, "call_at, call_quality") == [(datetime(5021, 8, 13, 0, 8), "after_report")]


def test_a_bad_time_is_rejected_with_its_field_and_an_unknown_type_is_other_and_told(desk: Desk):
    rows = [FCC_ROW | {"ticket_created": "soon"}, FCC_ROW | {"id": "2", "issue_date": "2021-02-30T00:00:00"}, FCC_ROW | {"id": "3", "type_of_call_or_messge": "Fax"}]
    receipt = desk.load_one("complaints/fcc/a.json", json.dumps(rows, indent=1))
    assert [(row.field, row.reason.rpartition(": ")[2]) for row in receipt.rejected] == [("received_at", "soon"), ("call_at", "2021-02-30T00:00:00")]
    assert complaints(desk, "complaint_id, call_type") == [("fcc-3", "other")]
    assert receipt.notes == {"unknown_labels": {"call_type": {"Fax": 1}}}


def test_a_ticket_that_says_something_else_is_rejected(desk: Desk):
    desk.load_one("complaints/fcc/a.json", json.dumps([FCC_ROW]))
    receipt = desk.load_one("complaints/fcc/b.json", json.dumps([FCC_ROW | {"caller_id_number": "203-760-0000"}]))
    assert [row.field for row in receipt.rejected] == ["complaint_id"]


def test_ids_of_our_own_desk_are_never_those_of_a_federal_one(desk: Desk):
    desk.load_one("complaints/standard/a.csv", "complaint_id,received_at\n5000001,2026-11-16T10:00:00Z\n")
    receipt = desk.load_one("complaints/fcc/a.json", json.dumps([FCC_ROW]))
    assert (receipt.rows_accepted, complaints(desk, "source, complaint_id", "source")) == (1, [("fcc", "fcc-5000001"), ("own_desk", "5000001")])


def test_a_leading_zero_of_a_zip_tells_complaints_apart(desk: Desk):
    desk.declare("complaints/zip", "source: fcc\ncontent: [zip]\nfields:\n  received_at: {required: true}\n")
    receipt = desk.load_one("complaints/zip/a.csv", "received_at,zip,clerk\n" + "".join(f"2026-11-16T10:00:00Z,{z}\n" for z in ("07481,a", "7481,a", "07481,b")))
    assert (receipt.rows_accepted, receipt.rows_duplicate) == (2, 1)


def test_federal_holidays_are_those_of_the_calendar():
    seed = list(csv.DictReader((REPOSITORY / "dbt_project/seeds/federal_holidays.csv").open(newline="")))
    days = [date.fromisoformat(row["observed_on"]) for row in seed]
    first, last = date(min(days).year, 1, 1), date(max(days).year, 12, 31)
    observed = USFederalHolidayCalendar().holidays(first, last, return_name=True)
    assert days == sorted(set(days)) and set(days) == {day.date() for day in observed.index}
