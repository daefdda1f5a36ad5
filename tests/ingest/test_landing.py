"""The landing folder: what is taken, what is left alone, and that nothing in it is ever touched."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path

import pytest

from include.ingest import landing, load
from include.ingest.landing import whole_files
from tests.ingest.desk import LONG_AGO, Desk, calls_csv, numbered_calls

CALLS = "cdr/standard"


def names(desk: Desk, settle: float = 5.0) -> list[str]:
    return [file.relative.removeprefix("cdr/") for file in whole_files(desk.settings.landing, "cdr", settle)]


def test_any_depth_and_any_name_is_taken_in_the_order_of_paths(desk: Desk):
    for name in ("z.txt", "a/b/c/d.act", "a.csv.gz", "no suffix", "a b/ü.CSV"):
        desk.put(f"{CALLS}/{name}", "x")
    # Paths are compared folder by folder: what is in `a` goes before the file `a.csv.gz`.
    assert names(desk) == [f"standard/{name}" for name in ("a/b/c/d.act", "a b/ü.CSV", "a.csv.gz", "no suffix", "z.txt")]


@pytest.mark.parametrize("name", [".hidden.csv", ".a.csv.swp", "a.csv.tmp", "a.csv.part", ".folder/a.csv", "x/.y/a.csv"])
def test_hidden_and_unfinished_files_are_left_alone(desk: Desk, name: str):
    desk.put(f"{CALLS}/{name}", numbered_calls(1))
    assert names(desk) == []
    assert desk.load().receipts == []


def test_no_landing_folder_is_no_error(desk: Desk):
    assert desk.load().receipts == []


def test_links_out_of_the_landing_folder_are_left_alone(desk: Desk, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.csv").write_text(numbered_calls(1))
    inside = desk.put(f"{CALLS}/a.csv", numbered_calls(2))
    (inside.parent / "out.csv").symlink_to(outside / "secret.csv")
    (inside.parent / "out").symlink_to(outside)
    (inside.parent / "gone.csv").symlink_to(outside / "never was")
    (inside.parent / "same.csv").symlink_to(inside)
    assert names(desk) == ["standard/a.csv", "standard/same.csv"]
    assert [receipt.path for receipt in desk.load().receipts] == [f"{CALLS}/a.csv"]


def test_a_whole_feed_that_leads_out_is_left_alone(desk: Desk, tmp_path: Path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.csv").write_text(numbered_calls(1))
    (desk.settings.landing / "cdr").mkdir(parents=True)
    (desk.settings.landing / CALLS).symlink_to(tmp_path / "outside")
    assert names(desk) == []


def test_a_growing_file_is_left_alone_until_it_is_whole(desk: Desk):
    whole = desk.put(f"{CALLS}/whole.csv", numbered_calls(1))
    growing = desk.put(f"{CALLS}/growing.csv", calls_csv(), modified=time.time())
    done = threading.Event()

    def grow() -> None:
        with growing.open("a") as file:
            while not done.wait(0.02):
                file.write("c,")
                file.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        assert names(desk, settle=0.5) == ["standard/whole.csv"]
        assert [receipt.path for receipt in desk.load().receipts] == [f"{CALLS}/whole.csv"]
    finally:
        done.set()
        writer.join()
    growing.write_text(numbered_calls(3))
    assert [(receipt.path, receipt.rows_read) for receipt in desk.load().receipts] == [(f"{CALLS}/growing.csv", 3)]
    assert whole.read_text() == numbered_calls(1)


def test_a_young_file_that_stands_still_is_whole(desk: Desk):
    desk.put(f"{CALLS}/a.csv", numbered_calls(1), modified=time.time())
    desk.put(f"{CALLS}/from the future.csv", numbered_calls(2), modified=time.time() + 3600)
    assert len(names(desk, settle=0.1)) == 2


@pytest.mark.parametrize("kind", ["cdr", "complaints", "reference"])
def test_a_file_removed_while_we_load_does_not_stop_the_others(desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: str):
    text = {
        "cdr": numbered_calls(1),
        "complaints": "complaint_id,received_at\nk1,2026-11-16T10:00:00Z\n",
        "reference": "number\n+1900*\n",
    }[kind]
    feed = {"cdr": "standard", "complaints": "standard", "reference": "dno"}[kind]
    gone = desk.put(f"{kind}/{feed}/a.csv", text)
    desk.put(f"{kind}/{feed}/b.csv", text)
    listed = landing.whole_files

    def listed_then_removed(*arguments):
        found = listed(*arguments)
        gone.unlink()
        return found

    monkeypatch.setattr(landing, "whole_files", listed_then_removed)
    assert [receipt.path for receipt in desk.load(kind).receipts] == [f"{kind}/{feed}/b.csv"]
    desk.check_books()


def test_a_file_removed_while_the_folder_is_listed(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    desk.put(f"{CALLS}/a.csv", "x")
    desk.put(f"{CALLS}/b.csv", "x")
    is_file = Path.is_file

    def is_file_then_removed(path: Path) -> bool:
        found = is_file(path)
        if path.name == "a.csv":
            path.unlink()
        return found

    monkeypatch.setattr(Path, "is_file", is_file_then_removed)
    assert names(desk) == ["standard/b.csv"]


def test_a_failing_lake_is_not_taken_for_a_missing_file(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    desk.put(f"{CALLS}/a.csv", numbered_calls(1))

    def no_space(*arguments):
        raise PermissionError(13, "Permission denied", str(desk.settings.lake))

    monkeypatch.setattr(load.repeats, "place", no_space)
    with pytest.raises(PermissionError):
        desk.load()


def test_a_name_that_is_not_utf8_is_left_alone_and_said(desk: Desk, caplog: pytest.LogCaptureFixture):
    desk.put(f"{CALLS}/a.csv", numbered_calls(1))
    bad = os.fsencode(desk.settings.landing / CALLS) + b"/caf\xe9.csv"
    with open(bad, "wb") as file:
        file.write(numbered_calls(2).encode())
    os.utime(bad, (LONG_AGO, LONG_AGO))
    with caplog.at_level(logging.ERROR):
        assert [receipt.path for receipt in desk.load().receipts] == [f"{CALLS}/a.csv"]
    assert "its name is not UTF-8, rename it" in caplog.text


@pytest.mark.parametrize("kind", ["cdr", "complaints", "tracebacks", "reference"])
def test_a_file_in_no_feeds_folder_is_refused_with_the_way_out(desk: Desk, kind: str):
    receipt = desk.load_one(f"{kind}/lost.csv", numbered_calls(1))
    assert (receipt.state, receipt.feed) == ("refused", kind)
    assert f"put it below {kind}/<feed>/" in receipt.reason


def test_a_feed_without_a_declaration_waits_for_one(desk: Desk):
    receipt = desk.load_one("cdr/acme-sbc/2026/a.csv", numbered_calls(2))
    wanted = desk.settings.home / "feeds" / "cdr" / "acme-sbc.yaml"
    assert receipt.state == "refused"
    assert receipt.reason == f"no declaration for feed 'cdr/acme-sbc': add {wanted} (see docs/feeds.md)"
    desk.declare("cdr/acme-sbc", "fields: {")
    [again] = desk.load().receipts
    assert (again.state, str(wanted) in again.reason) == ("refused", True)
    desk.declare("cdr/acme-sbc", (Path(load.declarations.BUILT_IN) / "cdr/standard.yaml").read_text())
    [loaded] = desk.load().receipts
    assert (loaded.state, loaded.rows_accepted, loaded.feed) == ("loaded", 2, "cdr/acme-sbc")
    assert desk.receipts()["cdr/acme-sbc/2026/a.csv"]["reason"] is None
    desk.check_books()
    assert desk.load().receipts == []


def test_files_are_never_changed(desk: Desk):
    paths = [desk.put(f"{CALLS}/{name}", content) for name, content in {"a.csv": numbered_calls(2), "b.csv.gz": numbered_calls(3), "c.csv": ""}.items()]
    before = [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode) for path in paths]
    desk.load()
    assert [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode) for path in paths] == before
    assert sorted(path for path in desk.settings.landing.rglob("*") if path.is_file()) == sorted(paths)
    assert not (desk.settings.lake / ".scratch").exists()


def test_a_summary_says_what_was_done(desk: Desk):
    desk.put(f"{CALLS}/a.csv", calls_csv({}, {}, {"call_id": ""}))
    desk.put(f"{CALLS}/b.csv", b"")
    summary = desk.load()
    first, second = summary.describe().split("\n")
    assert first == "2 new files: 3 rows read = 1 accepted + 1 rejected + 1 duplicate"
    assert second.startswith("  refused cdr/standard/b.csv: the file is empty")
    assert [day.isoformat() for day in summary.dates] == ["2026-11-16"]
    assert desk.load().describe().startswith("1 new files: 0 rows read")  # the refused one, tried again
