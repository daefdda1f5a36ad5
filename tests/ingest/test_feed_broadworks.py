"""BroadWorks accounting files: records of the shape that its interface specification describes, with made-up numbers."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

from tests.ingest.desk import Desk

SAMPLE = (Path(__file__).parent / "samples" / "broadworks.csv").read_text()
LINES = SAMPLE.splitlines()
ROWS = list(csv.reader(LINES[2:-1], quoting=csv.QUOTE_NONE, escapechar="\\"))


def utc(text: str) -> datetime | None:
    return datetime.strptime(text, "%Y%m%d%H%M%S.%f") if text else None


def changed(row: list[str], **values: str) -> str:
    row = list(row)
    for name, value in values.items():
        row[int(name[1:]) - 1] = value
    return ",".join(text.replace("\\", "\\\\").replace(",", "\\,") for text in row)


def test_records_come_through_column_by_column(desk: Desk):
    receipt = desk.load_one("cdr/broadworks/as1/a.csv", SAMPLE)
    assert (receipt.rows_read, receipt.rows_accepted) == (6, 6)
    notes = {name: note for name, note in receipt.notes.items() if name != "unverified"}
    assert notes == {"other_lines": 3, "not_calls": {"2026-11-16": 3}}
    rows = desk.rows("calls", order="source_line")
    for number, (row, sent) in enumerate(zip(rows, ROWS, strict=True), start=3):
        assert (row["source_line"], row["switch_id"], row["call_id"], row["attempt"]) == (number, "as1", sent[24], int(sent[0][:10]))
        assert [row["start_at"], row["answer_at"], row["end_at"]] == [utc(sent[position - 1]) for position in (10, 13, 14)]
        assert (row["calling_raw"], row["called_raw"], row["zone_as_sent"]) == (sent[6], sent[20] or sent[8], "UTC")
    assert [row["record_kind"] for row in rows] == ["stop", "other", "stop", "stop", "interim", "interim"]
    assert [row["sip_code"] for row in rows] == [200, 200, 486, 500, 200, 200]
    assert [row["called_number"] for row in rows[:4]] == ["+12125550188", "+12125550188", "+12125550188", "+442079460000"]


def test_who_sent_a_call_depends_on_its_direction(desk: Desk):
    desk.load_one("cdr/broadworks/a.csv", SAMPLE + changed(ROWS[0], _2="Acme, Inc. \\ East", _25="x") + "\n")
    rows = desk.rows("calls", "ingress_trunk, egress_trunk, release_party", "source_line")
    assert [tuple(row.values()) for row in (*rows[:4], rows[6])] == [
        ("Acme_sp Sales_gp", "192.0.2.40:5060", "caller"), # local: the user, who called
        (None, None, "caller"), # remote: the other user, who called
        ("192.0.2.77:5060", None, "caller"),
        ("Acme_sp", "192.0.2.40:5060", "network"), # no group
        ("Acme, Inc. \\ East Sales_gp", "192.0.2.40:5060", "caller"),
    ]  # fmt: skip


def test_the_records_of_one_call_are_told_apart(desk: Desk):
    forwarded = changed(ROWS[2], _1="0000001010as120261116150100.0001-050000", _6="Originating", _24="192.0.2.40:5060")
    desk.load_one("cdr/broadworks/a.csv", "\n".join([changed(ROWS[2]), forwarded, changed(ROWS[3], _1="146158451ce61", _25="")]) + "\n")
    rows = desk.rows("calls", "call_id, attempt, ingress_trunk", "source_line")
    assert [tuple(row.values()) for row in rows] == [
        ("in-1@192.0.2.77", 1003, "192.0.2.77:5060"),
        ("in-1@192.0.2.77", 1010, "Acme, Inc. \\ East Sales_gp"),
        ("66330:0", 1, "Acme_sp"),
    ]


def test_damaged_rows_are_rejected_for_what_is_wrong(desk: Desk):
    form = "%Y%m%d%H%M%S.%g"
    damaged = [
        (LINES[2].rsplit(",", 30)[0], ("line", "120 fields where the layout has at least 146")),
        (changed(ROWS[0], _3="Abnormal"), ("record_kind", "not one of Normal, Start, Long Duration, Duration, Failover: Abnormal")),
        (changed(ROWS[0], _10="20261116250000.000"), ("start_time", f"not a time like {form}: 20261116250000.000")),
        (changed(ROWS[0], _14=""), ("end_time", "empty")),
        (changed(ROWS[0], _2="", _32=""), ("ingress_trunk", "empty")),
        (changed(ROWS[0], _13="", _15="N/A"), ("sip_code", "empty")),
        (changed(ROWS[0], _23="someone"), ("release_party", "not one of local, remote, none: someone")),
    ]
    receipt = desk.load_one("cdr/broadworks/bad.csv", "\n".join([LINES[2], *(row for row, _ in damaged)]) + "\n")
    assert receipt.rows_accepted == 1
    assert desk.rejects("cdr/broadworks/bad.csv") == {line: reject for line, (_, reject) in enumerate(damaged, start=2)}
