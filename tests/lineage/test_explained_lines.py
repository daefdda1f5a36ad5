"""Lines of landing files read again: the right ones, of the file that was loaded, in bounded memory, and without telephone numbers."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

import pytest

from include.lineage import raw_lines

NONE_KNOWN = ()


def receipt(landing: Path, relative: str, content: bytes, **also: Any) -> dict[str, Any]:
    """Write a landing file, and make the receipt that its load leaves."""
    path = landing / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    landed = {"path": relative, "size": len(content), "modified_ns": path.stat().st_mtime_ns}
    return {"file": hashlib.sha256(content).hexdigest(), "path": relative, "landed": [landed], "lines": None} | also


def read(landing: Path, of: dict[str, Any], *lines: int) -> raw_lines.File:
    return raw_lines.read(landing, of, dict.fromkeys(lines, NONE_KNOWN))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_lines_are_found_wherever_blocks_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack):
    texts = [f"row {number} {'abc' * (number % 7)}" for number in range(1, 200)]
    content = pack(("\r\n".join(texts)).encode())
    for block in (1, 7, 64, 2**20):
        monkeypatch.setattr(raw_lines, "BLOCK", block)
        found = read(tmp_path, receipt(tmp_path, "cdr/a/f.csv", content), 1, 2, 77, 199, 200)
        assert found.lines == {number: texts[number - 1] for number in (1, 2, 77, 199)}
        assert (found.is_as_loaded, found.remark) == (True, "unchanged: SHA-256 compared")


def test_a_long_line_is_cut_and_bytes_that_are_no_text_are_shown_as_such(tmp_path: Path):
    content = b"x" * 3_000_000 + b"\ncaf\xe9\n"
    found = read(tmp_path, receipt(tmp_path, "cdr/a/f.csv", content), 1, 2)
    assert found.lines == {1: "x" * raw_lines.LONGEST + "…", 2: "caf\N{REPLACEMENT CHARACTER}"}


def test_a_file_that_breaks_off_gives_what_stands_before_the_break(tmp_path: Path):
    rows = b"".join(hashlib.sha256(bytes([n % 251])).hexdigest().encode() + b"\n" for n in range(200_000))
    torn = gzip.compress(rows, 1)[:-2_000_000]
    found = read(tmp_path, receipt(tmp_path, "cdr/a/f.csv.gz", torn), 3, 199_999)
    assert found.is_as_loaded
    assert found.lines == {3: hashlib.sha256(bytes([2])).hexdigest()}


def test_a_changed_file_is_said_to_be_and_not_shown(tmp_path: Path):
    of = receipt(tmp_path, "cdr/a/f.csv", b"as loaded\n")
    (tmp_path / "cdr/a/f.csv").write_bytes(b"as forged\n")
    found = read(tmp_path, of, 1)
    assert (found.is_as_loaded, found.lines) == (False, {})
    assert found.remark == "changed since it was loaded: its lines are not shown"


def test_a_large_file_is_known_by_its_size_and_time_of_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(raw_lines, "HASHED_AT_MOST", 4)
    of = receipt(tmp_path, "cdr/a/f.csv", b"as loaded\n")
    assert read(tmp_path, of, 1).lines == {1: "as loaded"}
    of["landed"][0]["modified_ns"] -= 1
    assert not read(tmp_path, of, 1).is_as_loaded


def test_the_same_bytes_under_another_path_are_read_there(tmp_path: Path):
    of = receipt(tmp_path, "cdr/a/f.csv", b"as loaded\n")
    other = receipt(tmp_path, "cdr/a/copy.csv", b"as loaded\n")
    (tmp_path / "cdr/a/f.csv").write_bytes(b"of today\n")
    found = read(tmp_path, of | {"landed": of["landed"] + other["landed"]}, 1)
    assert (found.lines, found.address) == ({1: "as loaded"}, tmp_path / "cdr/a/copy.csv")


def test_a_link_out_of_the_landing_folder_is_not_followed(tmp_path: Path):
    landing = tmp_path / "landing"
    of = receipt(landing, "cdr/a/f.csv", b"secret\n")
    (tmp_path / "secret").write_bytes(b"secret\n")
    (landing / "cdr/a/f.csv").unlink()
    (landing / "cdr/a/f.csv").symlink_to(tmp_path / "secret")
    assert read(landing, of, 1).remark == "no longer in the landing folder"
    assert not read(landing, of | {"landed": [{"path": "../secret"}]}, 1).is_as_loaded


def test_lines_that_are_numbers_of_records_are_not_taken_for_lines(tmp_path: Path):
    found = read(tmp_path, receipt(tmp_path, "tracebacks/a/f.json", b'[{"a": 1}, {"a": 2}]\n', lines="objects share lines"), 1)
    assert (found.is_as_loaded, found.lines) == (True, {})


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("+12125550123,12125550123,2125550123", "+1212555xxxx,1212555xxxx,212555xxxx"),
        ("(212) 555-0123;+1 212 555 0123;1-212-555-0123;212.555.0123", "(212) 555-xxxx;+1 212 555 xxxx;1-212-555-xxxx;212.555.xxxx"),
        ("<sip:+12125550123@203.0.113.25:5060;user=phone>", "<sip:+1212555xxxx@203.0.113.25:5060;user=phone>"),
        ("tel:2125550123 2025550199", "tel:212555xxxx 202555xxxx"),
        ("%2B12125550123", "%2B1212555xxxx"),
        ("+442079460958,442079460958,011442079460958", "+44207946xxxx,44207946xxxx,01144207946xxxx"),
        ("+44 20 7946 0958 17", "+44 20 xxxx xxxx xx"),
        ('{"calling": 12125550123}', '{"calling": 1212555xxxx}'),
        ("99912125550123", "9991212555xxxx"),
        ("x2125550123y", "x212555xxxxy"),
        ("2026-11-16 18:00:00.123456,2026-11-16T18:00:00Z,20261116180000", "2026-11-16 18:00:00.123456,2026-11-16T18:00:00Z,20261116180000"),
        ("1763312345.4711,21e47f5d7e035600@nyc1,203.0.113.250,486,180000", "1763312345.4711,21e47f5d7e035600@nyc1,203.0.113.250,486,180000"),
    ],
)
def test_whatever_looks_like_a_telephone_number_loses_its_last_four_digits(text: str, masked: str):
    assert raw_lines.masked(text) == masked


def test_numbers_that_are_known_lose_them_however_short(tmp_path: Path):
    of = receipt(tmp_path, "cdr/a/f.csv", b"5550123,15550123,55-501-23,60\n")
    found = raw_lines.read(tmp_path, of, {1: ("5550123", "55-501-23", "60", None, "sip:60@host")})
    assert found.lines == {1: "555xxxx,15550123,55-5xx-xx,60"}
    assert raw_lines.masked("12125550123,+12125550123", ("12125550123", "+12125550123")) == "1212555xxxx,+1212555xxxx"
