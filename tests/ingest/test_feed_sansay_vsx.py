"""Sansay VSX files: records of the shape of the vendor's example, with made-up numbers."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from tests.ingest.desk import Desk

SAMPLE = (Path(__file__).parent / "samples" / "sansay_vsx.cdr").read_text()
ROWS = [line.split(";") for line in SAMPLE.splitlines()]


def utc(text: str, minutes_west: str) -> datetime | None:
    return None if text == "NA" else datetime.strptime(text, "%a %b %d %H:%M:%S %Y") + timedelta(minutes=int(minutes_west))


def changed(position: int, value: str) -> str:
    return ";".join([*ROWS[0][: position - 1], value, *ROWS[0][position:]])


def test_records_come_through_column_by_column(desk: Desk):
    receipt = desk.load_one("cdr/sansay_vsx/den1/a.cdr", SAMPLE)
    assert (receipt.rows_read, receipt.rows_accepted) == (len(ROWS), len(ROWS))
    assert receipt.notes == {"duration_mismatches": 1, "not_calls": {"2026-11-16": 1}}
    rows = desk.rows("calls", order="source_line")
    for row, sent in zip(rows, ROWS, strict=True):
        value = dict(enumerate((None if text in ("", "NA") else text for text in sent), start=1))
        assert (row["switch_id"], row["call_id"], row["attempt"]) == ("den1", value[5], int(sent[0]))
        assert [row["start_at"], row["answer_at"], row["end_at"]] == [utc(sent[position - 1], sent[9]) for position in (7, 8, 9)]
        assert (row["ingress_trunk"], row["egress_trunk"], row["source_ip"]) == (value[14], value[33], value[17])
        assert (row["calling_raw"], row["called_raw"], row["asserted_raw"]) == (value[16], value[18], value[59])
        assert row["stated_ms"] == int(sent[56])
        assert row["zone_as_sent"] == f"{sent[9]} minutes west"
    assert [row["sip_code"] for row in rows] == [200, 503, 200, 486, 480, 200, 200, 200]
    assert [row["release_party"] for row in rows] == ["called", "called", "caller", "called", "network", None, "called", "called"]
    assert [row["record_kind"] for row in rows] == ["stop"] * 5 + ["interim"] + ["stop"] * 2
    assert [row["flags"] for row in rows] == [None] * 7 + ["duration_mismatch"]


def test_the_routes_of_a_call_are_its_attempts_in_order(desk: Desk):
    desk.load_one("cdr/sansay_vsx/den1/a.cdr", SAMPLE)
    rows = desk.rows("calls", "egress_trunk, answer_at is not null as answered", "call_id, attempt")
    assert [tuple(row.values()) for row in rows[1:3]] == [("000310", False), ("000311", True)]


def test_a_number_left_out_is_a_lost_record(desk: Desk):
    receipt = desk.load_one("cdr/sansay_vsx/den1/a.cdr", "".join(line + "\n" for line in SAMPLE.splitlines() if not line.startswith("000000004")))
    assert receipt.notes["missing_records"] == 1


def test_what_the_vsx_ended_itself_has_a_status_by_its_text(desk: Desk):
    told = {"Ring No Answer Timeout": 480, "No Response to INVITE": 408, "VSX Capacity Exceeded": 503}
    rows = []
    for number, text in enumerate(told, start=1):
        row = [*ROWS[4]]
        row[0], row[4], row[10] = str(number), f"s{number}", text
        rows.append(";".join(row))
    desk.load_one("cdr/sansay_vsx/a.cdr", "\n".join(rows) + "\n")
    assert [row["sip_code"] for row in desk.rows("calls", "sip_code, switch_id", "source_line")] == list(told.values())
    assert {row["switch_id"] for row in desk.rows("calls", "switch_id")} == {"sansay"}


def test_damaged_rows_are_rejected_for_what_is_wrong(desk: Desk):
    damaged = [
        (";".join(ROWS[0][:40]), ("line", "40 fields where the layout has at least 60")),
        (changed(3, "X"), ("record_kind", "not one of R, A: X")),
        (changed(7, "Mon Nov 31 10:00:00 2026"), ("start_time", "not a time like %a %b %d %H:%M:%S %Y: Mon Nov 31 10:00:00 2026")),
        (changed(9, "NA"), ("end_time", "empty")),
        (changed(10, "EST"), ("start_time", "not a time like %a %b %d %H:%M:%S %Y: Mon Nov 16 10:00:00 2026")),
        (changed(13, "U"), ("release_party", "not one of O, T, N: U")),
        (changed(14, ""), ("ingress_trunk", "empty")),
        (changed(1, "first"), ("attempt", "not a whole number: first")),
        (changed(8, "NA").replace(";16;", ";NA;"), ("sip_code", "empty")),
    ]
    receipt = desk.load_one("cdr/sansay_vsx/bad.cdr", "\n".join([SAMPLE.strip(), *(row for row, _ in damaged)]) + "\n")
    assert receipt.rows_accepted == len(ROWS)
    assert desk.rejects("cdr/sansay_vsx/bad.cdr") == {line: reject for line, (_, reject) in enumerate(damaged, start=len(ROWS) + 1)}
