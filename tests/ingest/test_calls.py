"""Call records end to end: what the files say, counted and read a second time without our code, is what the lake holds."""

from __future__ import annotations

import csv
import gzip
import io
import re
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from include.demo.world import write_world
from include.ingest import calls, declarations
from include.ingest.numbers import classify
from tests.ingest.desk import GOOD_CALL, STANDARD, Desk, calls_csv, csv_text, numbered_calls

MASTER = (Path(__file__).parent / "samples" / "asterisk_master.csv").read_bytes()
"""A real Asterisk file with masked numbers: quotes within quotes, and bytes that are not UTF-8."""
ASTERISK = (
    "accountcode src dst dcontext clid channel dstchannel lastapp lastdata start answer end duration billsec disposition "
    "amaflags uniqueid userfield peeraccount linkedid sequence"
).split()


def utc(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None) if text else None


def plain_lines(path: Path) -> list[bytes]:
    """A file's lines as `zcat | cat -n` would number them, from 1."""
    raw = path.read_bytes()
    return [b"", *(gzip.decompress(raw) if path.suffix == ".gz" else raw).splitlines()]


def test_a_standard_call_comes_through_value_by_value(desk: Desk):
    receipt = desk.load_one("cdr/standard/nyc1/one.csv", calls_csv({"asserted_number": "<sip:+12025550199@192.0.2.7:5060>"}))
    assert (receipt.state, receipt.rows_read, receipt.rows_accepted, receipt.notes) == ("loaded", 1, 1, {})
    [row] = desk.rows("calls")
    row.pop("key_hash")
    assert row == {
        "receipt_id": receipt.file,
        "source_line": 2,
        "feed": "cdr/standard",
        "call_id": "c1",
        "attempt": 1,
        "switch_id": "nyc1",
        "start_at": datetime(2026, 11, 16, 15, 0, 0, 250_000),
        "answer_at": datetime(2026, 11, 16, 15, 0, 5),
        "end_at": datetime(2026, 11, 16, 15, 1),
        "zone_as_sent": "-05:00",
        "ingress_trunk": "tg-acme",
        "egress_trunk": "tg-out",
        "source_ip": "192.0.2.7",
        "calling_raw": "+12025550123",
        "calling_number": "+12025550123",
        "calling_class": "valid_us",
        "asserted_raw": "<sip:+12025550199@192.0.2.7:5060>",
        "asserted_number": "+12025550199",
        "called_raw": "12125550188",
        "called_number": "+12125550188",
        "called_class": "valid_us",
        "sip_code": 200,
        "release_party": "caller",
        "attestation": "A",
        "attestation_sent": None,
        "verstat": "TN-Validation-Passed",
        "signer": "SPC 709J",
        "record_kind": "stop",
        "stated_ms": None,
        "flags": None,
        "orig_id": "7f7c3c2e-0a3f-4e4b-9a6c-3d1b8f1c0001",
        "service_date": date(2026, 11, 16),
    }


def test_quotes_and_delimiters_within_values_are_kept(desk: Desk):
    values = [",", '"', '""', ',"', '",', 'a,"b",c', '"a","b"', "a,b", 'a""b,', '","', "x"]
    receipt = desk.load_one("cdr/standard/a.csv", calls_csv(*({"call_id": f"c{n:02d}", "signer": value} for n, value in enumerate(values))))
    assert receipt.rejected == []
    assert [row["signer"] for row in desk.rows("calls", "signer", "call_id")] == values


@pytest.mark.parametrize("value", ['x"y"', '"x"y', 'x"y', '"x" ', '"x', '"x"""y'])
def test_quotes_that_do_not_enclose_a_value_are_damage(desk: Desk, value: str):
    good = calls_csv({"signer": "SIGNER"})
    receipt = desk.load_one("cdr/standard/a.csv", good + good.split("\n")[1].replace("SIGNER", value) + "\n")
    assert [(row.line, row.field, row.reason) for row in receipt.rejected] == [(3, "line", "quotes do not pair")]
    assert receipt.rows_accepted == 1


@pytest.mark.parametrize(
    ("time", "instant"),
    [
        ("2026-11-16T10:00:00Z", "2026-11-16 10:00:00"),
        ("2026-11-16 10:00:00.5+00:00", "2026-11-16 10:00:00.500000"),
        ("2026-11-16T10:00:00+0530", "2026-11-16 04:30:00"),
        ("2026-11-15T20:00-08:00", "2026-11-16 04:00:00"),
        ("2026-11-01T01:30:00-04:00", "2026-11-01 05:30:00"),
        ("2026-11-01T01:30:00-05:00", "2026-11-01 06:30:00"),
    ],
)
def test_times_with_offset_are_instants(desk: Desk, time: str, instant: str):
    desk.load_one("cdr/standard/a.csv", calls_csv({"start_time": time, "answer_time": "", "end_time": time}))
    [row] = desk.rows("calls", "start_at, service_date")
    assert row == {"start_at": datetime.fromisoformat(instant), "service_date": date.fromisoformat(instant[:10])}


def test_columns_are_found_by_name_and_values_are_kept_as_text(desk: Desk):
    nasty = "x'); drop table calls; -- {{ var('x') }} $never ${piece}, \"\"quoted\"\" \\x01 \\n %s é 漢"
    columns = [*reversed(STANDARD), "vendor's extra"]
    row = GOOD_CALL | {"signer": nasty, "ingress_trunk": nasty, "call_id": nasty, "attempt": "", "vendor's extra": nasty}
    receipt = desk.load_one("cdr/standard/it's \"here\"/a'b.csv", csv_text(columns, [row]))
    assert receipt.notes == {"unknown_columns": ["vendor's extra"]}
    [loaded] = desk.rows("calls", "signer, ingress_trunk, call_id, attempt, calling_number")
    assert loaded == {"signer": nasty, "ingress_trunk": nasty, "call_id": nasty, "attempt": 1, "calling_number": "+12025550123"}
    [book] = desk.warehouse("select path, notes from ops.file_receipts")
    assert book == {"path": "cdr/standard/it's \"here\"/a'b.csv", "notes": {"unknown_columns": ["vendor's extra"]}}


def test_rows_lie_in_the_partition_of_their_own_utc_date(desk: Desk):
    over_midnight = {"start_time": "2026-11-16T23:59:59.999Z", "answer_time": "2026-11-17T00:00:00Z", "end_time": "2026-11-17T00:10:00Z"}
    eve = {"call_id": "c2", "start_time": "2026-11-16T19:30:00-05:00", "answer_time": "", "end_time": "2026-11-16T19:31:00-05:00"}
    receipt = desk.load_one("cdr/standard/a.csv", calls_csv(over_midnight, eve))
    assert receipt.rows_by_date == {date(2026, 11, 16): 1, date(2026, 11, 17): 1}
    folders = {path.parent.name: path for path in (desk.settings.lake / "calls").glob(f"*/{receipt.file}-*.parquet")}
    assert sorted(folders) == ["service_date=2026-11-16", "service_date=2026-11-17"]
    assert [(row["call_id"], str(row["service_date"])) for row in desk.rows("calls")] == [("c1", "2026-11-16"), ("c2", "2026-11-17")]
    assert desk.warehouse("select service_date, rows from ops.file_service_dates order by 1") == [
        {"service_date": date(2026, 11, 16), "rows": 1},
        {"service_date": date(2026, 11, 17), "rows": 1},
    ]


@pytest.mark.parametrize("width", [21, 18])
def test_the_real_asterisk_file(desk: Desk, width: int):
    """Compared with what Python's csv module makes of it, row by row."""
    told = list(csv.reader(io.StringIO(MASTER.decode("utf-8", "replace"))))
    if width == 21:
        content = MASTER
    else:
        content = csv_text(ASTERISK[:18], [dict(zip(ASTERISK, row)) for row in told]).split("\n", 1)[1].encode()
    receipt = desk.load_one("cdr/asterisk/pbx1/Master.csv", content)
    assert receipt.rows_read == content.count(b"\n") == 84
    assert receipt.notes.get("replaced_bytes", 0) == (MASTER.count(b"\xa5") if width == 21 else 0)
    rows = {row["source_line"]: row for row in desk.rows("calls")}
    rejects = desk.rejects("cdr/asterisk/pbx1/Master.csv")
    assert (set(rows), rejects) == (set(range(1, 85)), {})
    for line, values in enumerate(told, start=1):
        sent, row = dict(zip(ASTERISK[:width], values)), rows[line]
        assert row["call_id"] == sent.get("linkedid", sent["uniqueid"])
        assert row["attempt"] == int(sent.get("sequence", "1"))
        assert (row["switch_id"], row["zone_as_sent"]) == ("pbx1", "UTC")
        assert (row["start_at"], row["answer_at"], row["end_at"]) == tuple(
            datetime.fromisoformat(sent[name]) if sent[name] else None for name in ("start", "answer", "end")
        )
        assert row["ingress_trunk"] == sent["channel"].split("/", 1)[1].rsplit("-", 1)[0]
        assert (row["calling_raw"], row["called_raw"]) == (sent["src"] or None, sent["dst"])
        assert (row["calling_number"], row["calling_class"]) == classify(sent["src"])
        assert row["sip_code"] == {"ANSWERED": 200, "NO ANSWER": 480, "BUSY": 486, "FAILED": 503}[sent["disposition"]]


def test_an_asterisk_host_with_another_zone_needs_only_a_declaration(desk: Desk):
    built_in = (declarations.BUILT_IN / "cdr" / "asterisk.yaml").read_text()
    desk.declare("cdr/office", built_in.replace("zone: UTC", "zone: America/Chicago"))
    # The epochs in its ids are what such a host would have written: six hours later.
    in_winter = re.sub(rb"(?<![0-9])(17[0-9]{8})(?=[.][0-9])", lambda epoch: str(int(epoch[1]) + 6 * 3600).encode(), MASTER)
    desk.load_one("cdr/office/Master.csv", in_winter)
    told = csv.reader(io.StringIO(MASTER.decode("utf-8", "replace")))
    starts = [datetime.fromisoformat(sent[9]).replace(tzinfo=ZoneInfo("America/Chicago")) for sent in told]
    assert desk.rows("calls", "start_at, zone_as_sent, switch_id", "source_line") == [
        {"start_at": start.astimezone(UTC).replace(tzinfo=None), "zone_as_sent": "America/Chicago", "switch_id": "asterisk"} for start in starts
    ]


def test_one_broken_first_row_does_not_hide_the_layout(desk: Desk):
    receipt = desk.load_one("cdr/asterisk/Master.csv", b'"","8924555\n' + MASTER)
    assert (receipt.rows_read, receipt.rows_accepted, [row.line for row in receipt.rejected]) == (85, 84, [1])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory):
    landing = tmp_path_factory.mktemp("world")
    return landing, write_world(landing, first_day=date(2026, 11, 16), days=2, attempts=6_000, seed=3)


def test_a_demo_world_is_loaded_line_by_line(desk: Desk, world):
    """Receipts agree with the lines of each file and with the damage planted in it; each accepted row stands on its line."""
    landing, expected = world
    for path in landing.rglob("cdr/**/*"):
        if path.is_file():
            desk.put(path.relative_to(landing).as_posix(), path.read_bytes())
    assert len(desk.load("cdr").receipts) == sum(path.is_file() for path in landing.rglob("cdr/**/*"))
    desk.check_books()
    books = desk.receipts()
    rows = desk.rows("calls", "receipt_id, source_line, call_id, switch_id, ingress_trunk, calling_raw, epoch_ms(start_at) as start_ms")
    by_file = {receipt["file"]: path for path, receipt in books.items()}
    lines = {path: plain_lines(landing / path) for path in expected.files}
    for path, totals in expected.files.items():
        book = books[path]
        headers = 1 if path.startswith("cdr/standard") else 0
        assert book["rows_read"] == len(lines[path]) - 1 - headers == totals.rows
        assert (book["rows_accepted"], book["rows_duplicate"]) == (totals.accepted, len(totals.duplicates))
        assert set(desk.rejects(path)) == {line for line, _ in totals.rejected}
    for row in rows:
        path = by_file[row["receipt_id"]]
        [sent] = csv.reader([lines[path][row["source_line"]].decode()])
        if path.startswith("cdr/standard"):
            values = dict(zip(next(csv.reader([lines[path][1].decode()])), sent))
            told = (values["call_id"], values["ingress_trunk"], values["calling_number"], utc(values["start_time"]))
        else:
            values = dict(zip(ASTERISK, sent))
            told = (values["linkedid"], values["channel"][6:-9], values["src"], datetime.fromisoformat(values["start"]))
        start = round(told[3].replace(tzinfo=UTC).timestamp() * 1000)
        assert (row["call_id"], row["ingress_trunk"], row["calling_raw"], row["start_ms"]) == (*told[:2], told[2] or None, start)


def test_plain_and_packed_and_small_pieces_are_the_same_rows(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    text = numbered_calls(200).replace("c77,1,", "c77,x,").replace("c78,", '"c,78",').replace("c5,", "c6,") + '\n"c900,1\n'
    assert text.count("\n") == 203
    found = {}
    for name, piece_bytes in {"plain.csv": 2**26, "packed.csv.gz": 2**26, "pieces.csv": 8000, "packed_pieces.csv.gz": 8000}.items():
        # Another switch for each, or they would be duplicates of one another.
        parse = calls.parse
        monkeypatch.setattr(calls, "parse", lambda *given, size=piece_bytes, **named: parse(*given, **named, piece_bytes=size))
        receipt = desk.load_one(f"cdr/standard/{name}", text.replace("nyc1", name))
        monkeypatch.setattr(calls, "parse", parse)
        rows = desk.rows("calls", "receipt_id, source_line, call_id, epoch_ms(start_at) as start_ms, calling_number, signer")
        found[name] = (
            receipt.rows_read,
            receipt.rows_duplicate,
            [(row.line, row.field, row.reason) for row in receipt.rejected],
            [list(row.values())[1:] for row in rows if row["receipt_id"] == receipt.file],
        )
    assert found["plain.csv"][:2] == (202, 1)
    assert [line for line, _, _ in found["plain.csv"][2]] == [78, 202, 203]
    assert all(other == found["plain.csv"] for other in found.values())


def test_what_our_switch_signed_is_kept_apart_from_what_it_received(desk: Desk):
    columns = [*STANDARD, "attestation_sent"]
    sent = [{"call_id": "a", "attestation": "", "attestation_sent": "c"}, {"call_id": "b"}, {"call_id": "x", "attestation_sent": "D"}]
    receipt = desk.load_one("cdr/standard/signed.csv", calls_csv(*sent, columns=columns))
    assert desk.rows("calls", "call_id, attestation, attestation_sent", "call_id") == [
        {"call_id": "a", "attestation": None, "attestation_sent": "C"}, {"call_id": "b", "attestation": "A", "attestation_sent": None},
    ]  # fmt: skip
    assert [(row.field, row.reason) for row in receipt.rejected] == [("attestation_sent", "not A, B, C or empty: D")]


def test_each_reject_has_line_field_and_reason(desk: Desk):
    faults = {
        "start_time": [
            ("2026-11-16T10:00:00", "not an ISO 8601 time with offset"),
            ("2026-11-16 25:61:00Z", "not an ISO 8601 time with offset"),
            ("2026-11-16T10:00:00+99:00", "not an ISO 8601 time with offset"),
            ("11/16/2026 10:00", "not an ISO 8601 time with offset"),
            ("12026-11-16T10:00:00Z", "not in the years 2000 to 2099"),
            ("1970-01-01T00:00:00Z", "not in the years 2000 to 2099"),
            ("", "empty"),
        ],
        "end_time": [
            ("2026-11-16T09:59:59-05:00", "before start_time"),
            ("2026-11-18T09:59:59-05:00", "more than 24 hours after start_time"),
            ("NULL", "empty"),
        ],
        "answer_time": [
            ("2026-11-16T09:59:59-05:00", "before start_time"),
            ("2026-11-16T10:01:01-05:00", "after end_time"),
            ("soon", "not an ISO 8601 time with offset"),
        ],
        "attempt": [(text, "not a whole number") for text in ("-1", "1.5", "one", "9999999999", "1e2")],
        "sip_code": [(text, "not a SIP status") for text in ("99", "700", "2e2", "200 OK", "20.0")] + [("", "empty")],
        "attestation": [("D", "not A, B, C or empty"), ("AB", "not A, B, C or empty")],
        "release_party": [("us", "not caller, called, network or empty")],
        "call_id": [("", "empty"), ("\\N", "empty")],
        "ingress_trunk": [("  ", "empty")],
        "called_number": [("", "empty")],
    }
    cases = [(field, value, reason) for field, tried in faults.items() for value, reason in tried]
    changes = [{"call_id": f"c{n}", field: value} for n, (field, value, _) in enumerate(cases)]
    receipt = desk.load_one("cdr/standard/bad.csv", calls_csv({"call_id": "good"}, *changes, {"call_id": "good too"}))
    assert (receipt.rows_read, receipt.rows_accepted) == (len(cases) + 2, 2)
    found = desk.rejects("cdr/standard/bad.csv")
    assert {line: (field, reason.split(":")[0]) for line, (field, reason) in found.items()} == {
        line: (field, reason if reason not in ("not a SIP status",) else "not a SIP status from 100 to 699")
        for line, (field, _, reason) in enumerate(cases, start=3)
    }
    assert all(value.strip() in found[line][1] for line, (_, value, reason) in enumerate(cases, start=3) if reason.startswith("not "))
    raws = desk.warehouse("select line, raw from ops.rejected_rows")
    lines = plain_lines(desk.settings.landing / "cdr/standard/bad.csv")
    assert {row["line"]: row["raw"] for row in raws} == {line: lines[line].decode() for line in found}


def test_mild_variants_are_taken(desk: Desk):
    receipt = desk.load_one(
        "cdr/standard/a.csv",
        calls_csv(
            {"call_id": "a", "attestation": "b", "release_party": "Network", "attempt": "007"},
            {"call_id": "b", "answer_time": "", "sip_code": "487", "attestation": "", "release_party": "", "attempt": "0"},
            {"call_id": "c", "end_time": "2026-11-17T10:00:00.250-05:00", "calling_number": "anonymous"},
        ),
    )
    assert receipt.rows_accepted == 3
    assert desk.rows("calls", "attempt, attestation, release_party, answer_at is null as unanswered, calling_class", "call_id") == [
        {"attempt": 7, "attestation": "B", "release_party": "network", "unanswered": False, "calling_class": "valid_us"},
        {"attempt": 0, "attestation": None, "release_party": None, "unanswered": True, "calling_class": "valid_us"},
        {"attempt": 1, "attestation": "A", "release_party": "caller", "unanswered": False, "calling_class": "anonymous"},
    ]


OWN_SWITCH = """
format: {delimiter: ";"}
times: {format: "%d.%m.%Y %H:%M:%S %z"}
nulls: ["-"]
fields:
  call_id: {from: [correlation, id], required: true}
  switch_id: {folder: true, default: none}
  start_time: {from: begin, required: true}
  end_time: {from: finish, required: true}
  ingress_trunk: {from: route, extract: "^in=([^/]*)/", required: true}
  calling_number: {from: a}
  called_number: {from: b}
  sip_code: {from: cause, extract: "^Q850;([0-9]+)", default: "16", map: {16: 200, 17: 486}, required: true}
ignored: [junk]
"""


def test_a_declaration_extracts_defaults_and_maps(desk: Desk):
    desk.declare("cdr/own", OWN_SWITCH)
    columns = "id;correlation;begin;finish;route;a;b;cause;junk\n"
    times = "16.11.2026 23:30:00 -0500;16.11.2026 23:31:00 -0500"
    rows = [
        f"1;-;{times};in=tg-1/out=tg-2;2025550123;-;Q850;16;x",
        f"2;x2;{times};in=tg-1/out=tg-2;;;-;x",
        f"3;x3;{times};in=tg-1/out=tg-2;;;Q850,17;x",
        f"4;x4;{times};in=tg-1/out=tg-2;;;\"Q850;17\";x",
        f"5;x5;{times};in=tg-1/out=tg-2;;;\"Q850;18\";x",
        f"6;x6;{times};tg-1;;;-;x",
        f"-;-;{times};in=tg-1/;;;-;x",
        "8;x8;2026-11-16T10:00:00Z;16.11.2026 23:31:00 -0500;in=tg-1/;;;-;x",
    ]
    receipt = desk.load_one("cdr/own/sw7/a.txt", columns + "\n".join(rows))
    assert receipt.notes == {}
    assert [(row.line, row.field, row.reason) for row in receipt.rejected] == [
        (2, "line", "10 fields where the layout has 9"),
        (6, "sip_code", "not one of 16, 17: 18"),
        (7, "ingress_trunk", "empty"),
        (8, "call_id", "empty"),
        (9, "start_time", "not a time like %d.%m.%Y %H:%M:%S %z: 2026-11-16T10:00:00Z"),
    ]
    assert desk.rows("calls", "source_line, call_id, switch_id, attempt, ingress_trunk, sip_code, start_at, called_class") == [
        {
            "source_line": line, "call_id": f"x{line - 1}", "switch_id": "sw7", "attempt": 1, "ingress_trunk": "tg-1", "sip_code": code,
            "start_at": datetime(2026, 11, 17, 4, 30), "called_class": "missing",
        }
        for line, code in ((3, 200), (4, 200), (5, 486))
    ]  # fmt: skip


STAND_INS = """
times: {format: "%Y-%m-%d %H:%M:%S", zone: UTC}
fields:
  call_id: {from: id, required: true}
  switch_id: {folder: true, default: none}
  start_time: {from: begin, required: true}
  end_time: {from: end, required: true, otherwise: {from: begin, plus: duration}}
  ingress_trunk: {from: route, only_if: {way: [in]}, required: true, otherwise: {from: group, unless: {way: [in]}, default: nobody}}
  sip_code: {from: status, map: {busy: "486"}, required: true, otherwise: {from: cause, map: {"16": "200", "*": "500"}}}
"""


def test_what_stands_in_for_a_value_brings_its_own_conditions_map_and_duration(desk: Desk):
    desk.declare("cdr/own", STAND_INS)
    rows = """id,begin,end,duration,way,route,group,status,cause
1,2026-11-16 10:00:00,2026-11-16 10:00:30,99,in,r1,g1,busy,16
2,2026-11-16 10:00:00,,60,out,r1,g1,,16
3,2026-11-16 10:00:00,,60,in,,g1,,3
4,2026-11-16 10:00:00,,60,out,r1,g1,idle,
5,2026-11-16 10:00:00,,60,out,r1,g1,,
6,2026-11-16 10:00:00,,,out,r1,g1,busy,
"""
    receipt = desk.load_one("cdr/own/a.csv", rows)
    assert [(row.line, row.field, row.reason) for row in receipt.rejected] == [
        (5, "sip_code", "not one of busy, 16, *: idle"),
        (6, "sip_code", "empty"),
        (7, "end_time", "duration is no duration in s: empty"),
    ]
    assert [tuple(row.values()) for row in desk.rows("calls", "call_id, ingress_trunk, sip_code, epoch_ms(end_at) - epoch_ms(start_at)", "call_id")] == [
        ("1", "r1", 486, 30_000),
        ("2", "g1", 200, 60_000),
        ("3", "nobody", 500, 60_000),
    ]


def test_a_call_in_no_folder_has_the_default_switch(desk: Desk):
    desk.declare("cdr/own", OWN_SWITCH)
    columns = "id;correlation;begin;finish;route;a;b;cause;junk\n"
    desk.load_one("cdr/own/a.txt", columns + "1;x;16.11.2026 23:30:00 +0000;16.11.2026 23:30:00 +0000;in=t/;;;-;x\n")
    assert desk.rows("calls", "switch_id, call_id") == [{"switch_id": "none", "call_id": "x"}]
