"""Damaged input: every line is accepted, rejected or a duplicate, or the file is refused with a reason that says what to do."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.ingest import calls, declarations, evidence, reference
from include.ingest.landing import LandingFile, sha256
from include.ingest.receipts import Receipt, RefusedFile
from include.lake import tables
from tests.ingest.desk import STANDARD, Desk, calls_csv, numbered_calls

GOOD = numbered_calls(3)
HEADER = GOOD.split("\n")[0]
PACKED = gzip.compress(numbered_calls(2000).encode(), mtime=0)
NOTICES = "traceback_id,received_at,call_at,called_number\n" + "".join(
    f"t{n},2026-11-16T10:00:00Z,2026-11-15T10:00:00Z,2125550188\n" for n in range(1, 4)
)
CUSTOMERS = "customer_id,legal_name,country\nc1,Acme,US\nc2,Bell,US\nc3,Cord,US\n"

REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "blank": (b"\n", "missing from the header"),
    "utf-16": (GOOD.encode("utf-16"), "export it as UTF-8"),
    "utf-16 without mark": (GOOD.encode("utf-16-le"), "export it as UTF-8"),
    "web page": (b"\n <!DOCTYPE html><html><body>Service unavailable</body></html>\n", "fetch it again"),
    "web page with mark": (b"\xef\xbb\xbf<html>", "fetch it again"),
    "spreadsheet": (b"PK\x03\x04" + bytes(range(256)), "export it as CSV"),
    "pre-allocated": (b"\x00" * 4096, "send it again"),
    "cut gz": (PACKED[: len(PACKED) // 2], "send it again"),
    "cut gz trailer": (PACKED[:-4], "send it again"),
    "gz with a wrong byte": (PACKED[:200] + bytes([PACKED[200] ^ 0xFF]) + PACKED[201:], "send it again"),
    "gz with a wrong sum": (PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], "send it again"),
    "junk after gz": (PACKED + b"junk behind the stream", "send it again"),
    "old Mac line ends": (GOOD.replace("\n", "\r").encode(), "LF or CRLF"),
    "one lone CR": (GOOD.replace("SPC 709J", "SPC\r709J", 1).encode(), "line 2 holds a carriage return"),
    "doubled CR": (GOOD.replace("\n", "\r\r\n").encode(), "LF or CRLF"),
    "missing column": (calls_csv({}, columns=[c for c in STANDARD if c != "sip_code"]).encode(), "column sip_code is missing"),
    "column twice": (GOOD.replace("verstat", "call_id", 1).encode(), "column call_id stands twice"),
    "no header": (GOOD.split("\n", 1)[1].encode(), "mend the file, or declare where"),
    "no line ends": (b"x" * 4_100_000, "missing line ends"),
    "one endless line": ((GOOD + "x" * 4_100_000 + "\n").encode(), "line 5 is longer than"),
    "endless header": (b"x" * 200_000 + b"\n", "missing from the header"),
}


@pytest.mark.parametrize("damage", REFUSED)
def test_a_file_that_cannot_be_read_is_refused_with_a_remedy(desk: Desk, damage: str):
    content, remedy = REFUSED[damage]
    desk.put("cdr/standard/bad.csv", content)
    desk.put("cdr/standard/good.csv", numbered_calls(1))
    receipts = desk.load().receipts
    assert [(receipt.path[13:], receipt.state) for receipt in receipts] == [("bad.csv", "refused"), ("good.csv", "loaded")]
    assert remedy in receipts[0].reason
    assert len(desk.rows("calls")) == 1
    desk.check_books()
    # Not mended, it is refused again, and nothing else comes of it.
    assert [receipt.state for receipt in desk.load().receipts] == ["refused"]
    desk.put("cdr/standard/bad.csv", GOOD)
    assert [(receipt.state, receipt.rows_accepted) for receipt in desk.load().receipts] == [("loaded", 2)]
    desk.check_books()


Counts = tuple[int, int, int, int]  # read, accepted, rejected, duplicate
TAKEN: dict[str, tuple[bytes, Counts, dict[int, str]]] = {
    "header only": (HEADER.encode() + b"\n", (0, 0, 0, 0), {}),
    "header only, no line end": (HEADER.encode(), (0, 0, 0, 0), {}),
    "no final line end": (GOOD.rstrip("\n").encode(), (3, 3, 0, 0), {}),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD.encode(), (3, 3, 0, 0), {}),
    "CRLF": (GOOD.replace("\n", "\r\n").encode(), (3, 3, 0, 0), {}),
    "mixed line ends": (GOOD.replace("\n", "\r\n", 2).encode(), (3, 3, 0, 0), {}),
    "CRLF, no final line end": (GOOD.replace("\n", "\r\n").rstrip().encode(), (3, 3, 0, 0), {}),
    "Latin-1": (GOOD.replace("SPC 709J", "Soci\xe9t\xe9").encode("latin-1"), (3, 3, 0, 0), {}),
    "NUL": (GOOD.replace("c2,", "c2\0,").encode(), (3, 2, 1, 0), {3: "NUL bytes"}),
    "pre-allocated end": (GOOD.encode() + b"\0" * 500, (4, 3, 1, 0), {5: "NUL bytes"}),
    "blank lines": (GOOD.replace("\nc2", "\n\nc2").encode() + b"\n\r\n", (6, 3, 3, 0), {3: "blank", 6: "blank", 7: "blank"}),
    "spaces": (GOOD.encode() + b"   \n", (4, 3, 1, 0), {5: "1 fields where the layout has 18"}),
    "footer": (GOOD.encode() + b"3 rows exported\n", (4, 3, 1, 0), {5: "1 fields"}),
    "header again": (GOOD.encode() + HEADER.encode() + b"\n", (4, 3, 1, 0), {5: "not an ISO 8601 time with offset: start_time"}),
    "too many fields": (GOOD.replace("c2,", "c2,,").encode(), (3, 2, 1, 0), {3: "19 fields"}),
    "cut row": (GOOD.encode()[:-150], (3, 2, 1, 0), {4: "fields where the layout has 18"}),
    "unpaired quote": (GOOD.replace("c2,", '"c2,').encode(), (3, 2, 1, 0), {3: "quotes do not pair"}),
    "quote inside": (GOOD.replace("tg-acme", '5" pipe', 1).encode(), (3, 2, 1, 0), {2: "quotes do not pair"}),
    "quoted fields": (GOOD.replace("tg-acme", '"tg, ""acme"""').encode(), (3, 3, 0, 0), {}),
    "not packed": (GOOD.encode(), (3, 3, 0, 0), {}),
    "gz in members": (gzip.compress(GOOD[:600].encode()) + gzip.compress(GOOD[600:].encode()), (3, 3, 0, 0), {}),
    "padded gz": (gzip.compress(GOOD.encode()) + b"\0" * 512, (3, 3, 0, 0), {}),
    "separators of other worlds": (GOOD.replace("SPC 709J", "a\x0b\x0c\x1c\x85\u2028\x01\\x01b").encode(), (3, 3, 0, 0), {}),
    "last code points": (GOOD.replace("SPC 709J", "\U0010fffd\U0010ffff\ufffe").encode(), (3, 3, 0, 0), {}),
    "3 MB field": (GOOD.replace("SPC 709J", "x" * 3_000_000, 1).encode(), (3, 3, 0, 0), {}),
}


@pytest.mark.parametrize("damage", TAKEN)
def test_what_can_be_read_is_read_line_by_line(desk: Desk, damage: str):
    content, counts, rejected = TAKEN[damage]
    name = "cdr/standard/a.csv.gz" if "packed" in damage or "gz" in damage else "cdr/standard/a.csv"
    receipt = desk.load_one(name, content)
    found = desk.rejects(name)
    assert (receipt.rows_read, receipt.rows_accepted, len(found), receipt.rows_duplicate) == counts, receipt.reason
    assert set(found) == set(rejected)
    assert all(words in found[line][1] for line, words in rejected.items())
    text = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    lines = text.decode("utf-8", "replace").split("\n")
    for row in desk.rows("calls", "source_line, call_id"):
        assert lines[row["source_line"] - 1].lstrip("\ufeff").startswith((row["call_id"] + ",", f'"{row["call_id"]}"'))
    assert ("replaced_bytes" in receipt.notes) == (damage == "Latin-1")


def test_values_in_quotes_are_unquoted(desk: Desk):
    desk.load_one("cdr/standard/a.csv", TAKEN["quoted fields"][0])
    assert {row["ingress_trunk"] for row in desk.rows("calls")} == {'tg, "acme"'}


@pytest.mark.parametrize(("encoding", "sent"), [("latin-1", "Soci\xe9t\xe9"), ("cp1252", "\u201cna\xefve\u201d")])
def test_a_declared_encoding_is_read_as_such(desk: Desk, encoding: str, sent: str):
    built_in = (declarations.BUILT_IN / "cdr" / "standard.yaml").read_text()
    desk.declare("cdr/own", built_in.replace("header: true", f"header: true\n  encoding: {encoding}"))
    receipt = desk.load_one("cdr/own/a.csv", GOOD.replace("SPC 709J", sent).replace("c2,", "c\0002,").encode(encoding))
    assert receipt.notes == {}
    assert [(row.line, row.reason) for row in receipt.rejected] == [(3, "NUL bytes in the line")]
    assert {row["signer"] for row in desk.rows("calls")} == {sent}


@pytest.mark.parametrize("delimiter", [";", "|", "\t", "^"])
def test_other_delimiters(desk: Desk, delimiter: str):
    built_in = (declarations.BUILT_IN / "cdr" / "standard.yaml").read_text()
    shown = "\\t" if delimiter == "\t" else delimiter
    desk.declare("cdr/own", built_in.replace('delimiter: ","', f'delimiter: "{shown}"'))
    text = GOOD.replace(",", delimiter).replace("tg-acme", f'"tg{delimiter}""a"""', 1)
    receipt = desk.load_one("cdr/own/a.csv", text)
    assert receipt.rows_accepted == 3
    assert [row["ingress_trunk"] for row in desk.rows("calls")] == [f'tg{delimiter}"a"', "tg-acme", "tg-acme"]


def test_the_first_line_end_of_a_piece_may_come_late(tmp_path: Path):
    """Pieces are cut at line ends even where a line is longer than a piece."""
    text = numbered_calls(6).replace("SPC 709J", "x" * 700).encode()
    for piece_bytes in (64, 1500):
        assert parsed(tmp_path, text, piece_bytes) == (6, 0, {}, list(range(2, 8)))


SMALL = {
    "tracebacks/standard/a.csv": NOTICES,
    "reference/customers/a.csv": CUSTOMERS,
    "complaints/standard/a.csv": "complaint_id,received_at,text\n" + "".join(f"k{n},2026-11-16T10:00:00Z,x\n" for n in range(3)),
}
SMALL_REFUSED: dict[str, tuple[Callable[[str], bytes], str]] = {
    "empty": (lambda text: b"", "a file with a header and no rows"),
    "blank": (lambda text: b"\n \n", "a file with a header and no rows"),
    "utf-16": (lambda text: text.encode("utf-16"), "export it as UTF-8"),
    "web page": (lambda text: b"<html>", "fetch it again"),
    "cut gz": (lambda text: gzip.compress(text.encode())[:-9], "send it again"),
    "gz with wrong bytes": (lambda text: gzip.compress(text.encode())[:14] + b"\xff" * 60, "send it again"),
    "missing column": (lambda text: ("x" + text).encode(), "mend the file, or declare where"),
    "column twice": (lambda text: text.replace("\n", f",{text.split(',')[0]}\n", 1).encode(), "stands twice in the header"),
}


@pytest.mark.parametrize("path", SMALL)
@pytest.mark.parametrize("damage", SMALL_REFUSED)
def test_small_feeds_are_refused_with_a_remedy(desk: Desk, path: str, damage: str):
    make, remedy = SMALL_REFUSED[damage]
    receipt = desk.load_one(path, make(SMALL[path]))
    assert (receipt.state, remedy in receipt.reason) == ("refused", True), receipt.reason


SMALL_TAKEN: dict[str, tuple[Callable[[str], bytes], Counts, dict[int, str]]] = {
    "header only": (lambda text: text.split("\n")[0].encode(), (0, 0, 0, 0), {}),
    "mark, CRLF, no final line end": (lambda text: b"\xef\xbb\xbf" + text.strip().replace("\n", "\r\n").encode(), (3, 3, 0, 0), {}),
    "blank lines": (lambda text: text.replace("\n", "\n\n").encode(), (3, 3, 0, 0), {}),
    "packed": (lambda text: gzip.compress(text.encode()), (3, 3, 0, 0), {}),
    "row again": (lambda text: (text + text.split("\n")[1] + "\n").encode(), (4, 3, 0, 1), {}),
    "cut row": (lambda text: (text + text[-8:]).encode(), (4, 3, 1, 0), {5: "fields where the layout has"}),
    "unpaired quote": (lambda text: text.replace("\n", '\n"', 1).encode(), (3, 2, 1, 0), {2: "not valid CSV"}),
    "unpaired quotes": (lambda text: text.replace("\n", '\n"').encode()[:-1], (3, 0, 3, 0), dict.fromkeys((2, 3, 4), "not valid CSV")),
    "NUL in the header": (lambda text: text.replace("\n", ",x\0y\n", 1).replace("\n", ",\n").replace(",x\0y,", ",x\0y").encode(), (3, 3, 0, 0), {}),
    "endless field": (lambda text: (text + "x" * 200_000 + "\n").encode(), (4, 3, 1, 0), {5: "field larger than field limit"}),
}


@pytest.mark.parametrize("path", SMALL)
@pytest.mark.parametrize("damage", SMALL_TAKEN)
def test_small_feeds_are_read_row_by_row(desk: Desk, path: str, damage: str):
    make, counts, rejected = SMALL_TAKEN[damage]
    receipt = desk.load_one(path, make(SMALL[path]))
    found = desk.rejects(path)
    assert (receipt.rows_read, receipt.rows_accepted, len(found), receipt.rows_duplicate) == counts, (receipt.reason, found)
    assert set(found) == set(rejected)
    assert all(words in found[line][1] for line, words in rejected.items())


def test_a_row_that_spans_lines_is_one_row(desk: Desk):
    text = 'customer_id,legal_name,country,address\nc1,Acme,US,"1 Main St\nFloor 2, ""A"""\nc2,Bell,US,\nc3,Cord\n'
    receipt = desk.load_one("reference/customers/a.csv", text)
    assert (receipt.rows_read, receipt.rows_accepted) == (3, 2)
    assert desk.rows("reference/customers", "source_line, address") == [
        {"source_line": 2, "address": '1 Main St\nFloor 2, "A"'},
        {"source_line": 4, "address": None},
    ]
    assert list(desk.rejects("reference/customers/a.csv")) == [5]


def landing_file(path: Path, feed: str) -> LandingFile:
    stat = path.stat()
    return LandingFile(path, f"{feed}/{path.name}", feed.split("/")[0], feed, stat.st_size, stat.st_mtime_ns)


def parsed(folder: Path, content: bytes, piece_bytes: int = 2**26) -> tuple[int, int, dict[int, str], list[int]]:
    """(rows read, lines joined to the one before, reason by rejected line, lines of accepted rows) of a standard file."""
    path = folder / "a.csv"
    path.write_bytes(content)
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    for left in scratch.iterdir():
        left.unlink()
    declaration = declarations.load("cdr/standard", folder)
    file = calls.parse(landing_file(path, "cdr/standard"), declaration, scratch, piece_bytes=piece_bytes)
    assert file.digest == sha256(path)
    with duckdb.connect() as connection:
        pieces = [str(piece.path) for piece in file.pieces]
        rows = connection.execute("select source_line from read_parquet($1) order by 1", [pieces]).fetchall() if pieces else []
    assert len(file.rejected) == len({row.line for row in file.rejected})
    return file.rows_read, file.notes.get("records_over_lines", 0), {row.line: row.reason for row in file.rejected}, [line for (line,) in rows]


VALUES = {
    "call_id": ["c1", "c2", "", "NULL", 'a"b', "é\u0301漢", "x" * 50],
    "attempt": ["1", "2", "", "-1", "1.5", "99999999999", "٣"],
    "switch_id": ["nyc1", "dal1", ""],
    "start_time": ["2026-11-16T10:00:00Z", "2026-11-16T23:59:59.999-08:00", "2026-11-16", "", "infinity", "99999-01-01T00:00:00Z"],
    "answer_time": ["", "2026-11-16T10:00:00Z", "epoch", "2026-11-17T08:00:00+00:00"],
    "end_time": ["2026-11-16T10:00:00Z", "2026-11-17T08:00:00+00:00", "2026-11-18T00:00:00Z", ""],
    "ingress_trunk": ["tg", "a,b", "a\nb", ""],
    "calling_number": ["+12025550123", "anonymous", "", "sip:x@y", "٠١٢", "+" * 30, "1" * 300],
    "called_number": ["12125550188", "911", "", "\ufffd"],
    "sip_code": ["200", "486", "99", "", "0x10", "²00"],
    "attestation": ["A", "b", "", "Z", "\x01"],
    "signer": ["", "'; drop table parsed; --", "{{ 1/0 }}", "$piece", "\\x01", "\\", "\u2028"],
}
ROW = st.fixed_dictionaries({column: st.sampled_from(values) for column, values in VALUES.items()})
MANGLE = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from([b"\0", b"\r\n", b"\n", b'"', b",", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\x01", b"", b"\r"])),
    max_size=4,
)


def mangled(content: bytes, places: list[tuple[float, bytes]]) -> bytes:
    for place, put in places:
        at = int(place * len(content))
        content = content[:at] + put + content[at + 1 :]
    return content


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=st.lists(ROW, max_size=8), places=MANGLE, end=st.sampled_from(["\n", "\r\n"]), piece_bytes=st.sampled_from([600, 2**26]))
def test_every_line_is_accounted_for(tmp_path: Path, rows: list[dict[str, str]], places: list[tuple[float, bytes]], end: str, piece_bytes: int):
    content = mangled(calls_csv(*rows, end=end).encode(), places)
    lines = content.count(b"\n") + (not content.endswith(b"\n") and content != b"")
    try:
        read, joined, rejected, accepted = parsed(tmp_path, content, piece_bytes)
    except RefusedFile as refused:
        assert len(str(refused)) > 20
        return
    assert read + joined == lines - 1
    begun = [*rejected, *accepted]
    assert len(set(begun)) == len(begun) == read
    assert set(begun) <= set(range(2, lines + 1))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(path=st.sampled_from(sorted(SMALL)), places=MANGLE, json=st.booleans(), noise=st.binary(max_size=20))
def test_small_feeds_account_for_every_row(tmp_path: Path, path: str, places: list[tuple[float, bytes]], json: bool, noise: bytes):
    text = '[{"traceback_id": "t1", "received_at": "2026-11-16T10:00:00Z", "call_at": null}, {"traceback_id": 1e400}, [1]]' if json else SMALL[path]
    file = tmp_path / Path(path).name
    file.write_bytes(mangled(text.encode(), places) + noise)
    lake, feed = tmp_path / "lake", path.rpartition("/")[0]
    tables.create(lake)
    receipt = Receipt("", path, feed.split("/")[0], feed, datetime.now(UTC))
    load = reference.load_snapshot if feed.startswith("reference") else evidence.load
    try:
        load(landing_file(file, feed), declarations.load(feed, tmp_path), receipt, lake)
    except RefusedFile as refused:
        assert len(str(refused)) > 20
        return
    receipt.check()
    assert receipt.file == sha256(file)
    assert len({row.line for row in receipt.rejected}) == len(receipt.rejected)
    assert sum(receipt.rows_by_date.values()) == receipt.rows_accepted
    for row in receipt.rejected:
        (row.field + row.reason + row.raw).encode()
        assert row.reason and "\0" not in row.reason
