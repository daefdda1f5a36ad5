"""The same lake whatever is loaded twice, in which order, and wherever a load was killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from include.ingest import declarations, load, receipts, repeats
from include.ingest.load import load_new_files
from include.settings import REPOSITORY
from tests.ingest.desk import Desk, calls_csv, numbered_calls
from tests.running import eventually

CUSTOMERS = "customer_id,legal_name,country\nc1,Acme,US\n"
NOTICE = "traceback_id,received_at,call_at,called_number\nt1,2026-11-16T10:00:00Z,2026-11-15T10:00:00Z,2125550188\n"
ONE_OF_EACH = {
    "cdr/standard/a.csv": numbered_calls(3),
    "cdr/standard/manifest-2026-11-16.csv": "file,rows\na.csv,3\n",
    "complaints/standard/a.csv": "complaint_id,received_at\nk1,2026-11-16T10:00:00Z\n",
    "tracebacks/standard/a.csv": NOTICE,
    "reference/customers/customers-2026-11-16.csv": CUSTOMERS,
}


class Killed(BaseException):
    """Not an Exception: nothing may catch it and go on, as nothing goes on after SIGKILL."""


def lake_files(desk: Desk) -> dict[str, int]:
    """Every Parquet file that counts, with its size."""
    lake = desk.settings.lake
    return {path.relative_to(lake).as_posix(): path.stat().st_size for path in lake.rglob("*.parquet") if ".scratch" not in path.parts}


def picture(desk: Desk) -> dict:
    """All that a reader can see, without the instants of loading."""
    tables = ("calls", "complaints", "notices", "manifests", "reference/customers")
    books = {path: {k: v for k, v in row.items() if k != "loaded_at"} for path, row in desk.receipts().items()}
    rows = {table: [{k: v for k, v in row.items() if k != "loaded_at"} for row in desk.rows(table)] for table in tables}
    arrivals = desk.rows("arrivals", "path, receipt_id, kind, feed, dated_on", "path, arrived_at")
    return {"books": books, "rows": rows, "arrivals": arrivals, "superseded": desk.superseded(), "files": set(lake_files(desk))}


def without_arrivals(picture: dict) -> dict:
    """What stays the same when known bytes arrive once more."""
    return picture | {"arrivals": None, "files": {path for path in picture["files"] if not path.startswith("arrivals/")}}


def load_everything(desk: Desk) -> int:
    return sum(len(desk.load(kind).receipts) for kind in ("cdr", "complaints", "tracebacks", "reference"))


def test_what_is_loaded_is_not_loaded_again(desk: Desk):
    for path, content in ONE_OF_EACH.items():
        desk.put(path, content)
    assert load_everything(desk) == 5
    before = picture(desk)
    assert {row["path"] for row in before["arrivals"]} == set(ONE_OF_EACH)
    for path, content in ONE_OF_EACH.items():
        desk.put(path, content, modified=1_700_000_000)
    assert load_everything(desk) == 0
    assert picture(desk) == before  # touched is not arrived
    for path, content in ONE_OF_EACH.items():  # copied, moved: still the same bytes
        folder, _, name = path.rpartition("/")
        desk.put(f"{folder}/deeper/{'manifest-2026-11-16.csv' if 'manifest' in name else 'copy of ' + name}", content)
    assert load_everything(desk) == 0
    after = picture(desk)
    assert without_arrivals(after) == without_arrivals(before)
    assert len(after["arrivals"]) == 10
    paths = desk.warehouse("select path from ops.landing_files")
    assert len(paths) == 10  # the other names are remembered, so that they are hashed once
    desk.check_books()


def test_a_path_with_new_content_is_a_new_file(desk: Desk):
    desk.load_one("cdr/standard/a.csv", numbered_calls(2))
    receipt = desk.load_one("cdr/standard/a.csv", numbered_calls(3))  # a file that is appended to
    assert (receipt.rows_read, receipt.rows_accepted, receipt.rows_duplicate) == (3, 1, 2)
    assert [row["call_id"] for row in desk.current_calls()] == ["c1", "c2", "c3"]


def test_packing_makes_another_file_of_the_same_calls(desk: Desk):
    desk.load_one("cdr/standard/a.csv", numbered_calls(2))
    receipt = desk.load_one("cdr/standard/a.csv.gz", numbered_calls(2))
    assert (receipt.rows_read, receipt.rows_accepted, receipt.rows_duplicate) == (2, 0, 2)
    assert desk.superseded() == []


def test_exact_repetitions_are_duplicates_within_and_across_files(desk: Desk):
    first = desk.load_one("cdr/standard/a.csv", calls_csv({}, {"call_id": "c2"}, {}, {"attempt": "2"}, {}))
    assert (first.rows_accepted, first.rows_duplicate) == (3, 2)
    other_spelling = {"start_time": "2026-11-16T15:00:00.250Z"}  # the same instant
    second = desk.load_one("cdr/standard/b.csv", calls_csv(other_spelling, {"switch_id": "dal1"}, {"call_id": "c3"}))
    assert (second.rows_accepted, second.rows_duplicate) == (2, 1)
    assert [(row["call_id"], row["attempt"], row["switch_id"]) for row in desk.current_calls()] == [
        ("c1", 1, "dal1"), ("c1", 1, "nyc1"), ("c1", 2, "nyc1"), ("c2", 1, "nyc1"), ("c3", 1, "nyc1"),
    ]  # fmt: skip


def test_a_correction_replaces_and_both_are_kept(desk: Desk):
    old = desk.load_one("cdr/standard/a.csv", calls_csv({}, {"call_id": "c2"}))
    new = desk.load_one("cdr/standard/b.csv", calls_csv({"sip_code": "486", "answer_time": ""}))
    assert new.notes == {"superseded_rows": 1, "superseded_calls": {"2026-11-16": {"cdr/standard": 1}}}
    assert {(row["call_id"], row["sip_code"]) for row in desk.rows("calls")} == {("c1", 200), ("c2", 200), ("c1", 486)}
    assert [(row["call_id"], row["sip_code"]) for row in desk.current_calls()] == [("c1", 486), ("c2", 200)]
    [replaced] = desk.superseded()
    assert (replaced["receipt_id"], replaced["source_line"], replaced["by_receipt_id"], replaced["by_source_line"]) == (old.file, 2, new.file, 2)


def test_a_correction_by_another_feed_takes_the_call_from_the_first(desk: Desk):
    desk.declare("cdr/second", (declarations.BUILT_IN / "cdr" / "standard.yaml").read_text())
    desk.load_one("cdr/standard/a.csv", calls_csv({}, {"call_id": "c2"}))
    new = desk.load_one("cdr/second/b.csv", calls_csv({"sip_code": "486", "answer_time": ""}))
    assert new.notes["superseded_calls"] == {"2026-11-16": {"cdr/standard": 1}}
    assert desk.calls_counted() == {(date(2026, 11, 16), "cdr/standard"): 1, (date(2026, 11, 16), "cdr/second"): 1}


def test_a_correction_stands_though_others_load_while_it_is_placed(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """Each kind takes turns with itself alone: what a load of calls has written and not recorded yet is no left-over of another's."""
    desk.load_one("cdr/standard/a.csv", calls_csv({}, {"call_id": "c2"}))
    for path, content in ONE_OF_EACH.items():
        if not path.startswith("cdr/"):
            desk.put(path, content)
    record, others = receipts.record, []

    def recorded(*arguments) -> None:
        if not others:
            others.append("first")
            others.extend(len(desk.load(kind).receipts) for kind in ("complaints", "tracebacks", "reference"))
        record(*arguments)

    monkeypatch.setattr(receipts, "record", recorded)
    desk.load_one("cdr/standard/b.csv", calls_csv({"sip_code": "486", "answer_time": ""}))
    assert others == ["first", 1, 1, 1]
    assert [(row["call_id"], row["sip_code"]) for row in desk.current_calls()] == [("c1", 486), ("c2", 200)]
    assert desk.load("cdr").receipts == []
    assert len(desk.superseded()) == 1
    desk.check_books()


def test_a_correction_that_moves_a_call_over_midnight_replaces_it_too(desk: Desk):
    """A switch whose clock was an hour off: the row of the other day must not stay beside it."""
    late = {"start_time": "2026-11-16T23:50:00Z", "answer_time": "", "end_time": "2026-11-16T23:50:10Z", "sip_code": "486"}
    desk.load_one("cdr/standard/a.csv", calls_csv(late))
    moved = late | {"start_time": "2026-11-17T00:50:00Z", "end_time": "2026-11-17T00:50:10Z"}
    receipt = desk.load_one("cdr/standard/b.csv", calls_csv(moved))
    assert (receipt.rows_accepted, receipt.notes) == (1, {"superseded_rows": 1, "superseded_calls": {"2026-11-16": {"cdr/standard": 1}}})
    assert [str(row["start_at"]) for row in desk.current_calls()] == ["2026-11-17 00:50:00"]


def test_files_placed_together_are_judged_as_if_one_by_one(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    versions = [{"sip_code": code, "answer_time": ""} for code in ("480", "486", "480", "503")]
    files = {f"cdr/standard/{n}.csv": calls_csv(version, {"call_id": f"own{n}"}, {"call_id": "c2"}) for n, version in enumerate(versions)}
    pictures = []
    for batch_files in (1, 2, 256):
        monkeypatch.setattr(load, "BATCH_FILES", batch_files)
        with desk.afresh(tmp_path / str(batch_files)) as other:
            for path, content in files.items():
                other.put(path, content)
            other.load()
            other.check_books()
            pictures.append(picture(other))
    assert pictures[0] == pictures[1] == pictures[2]
    assert len(pictures[0]["superseded"]) == 2  # 480 by 486, 486 by 503; the second 480 was known


def test_the_same_bytes_twice_in_one_batch_are_loaded_once(desk: Desk):
    for name in ("a", "b", "c"):
        desk.put(f"cdr/standard/{name}.csv", numbered_calls(3))
    summary = desk.load()
    assert ([receipt.path for receipt in summary.receipts], [receipt.path for receipt in summary.again]) == (
        ["cdr/standard/a.csv"], ["cdr/standard/b.csv", "cdr/standard/c.csv"],
    )  # fmt: skip
    assert len(desk.rows("calls")) == 3
    desk.check_books()


def test_within_a_file_the_last_version_stands(desk: Desk):
    desk.load_one("cdr/standard/a.csv", calls_csv({"sip_code": "480"}, {"sip_code": "486"}, {"sip_code": "503"}, {"sip_code": "486"}))
    assert [row["sip_code"] for row in desk.current_calls()] == [503]
    assert sorted(row["source_line"] for row in desk.superseded()) == [2, 3]


@pytest.mark.parametrize("seed", range(3))
def test_old_content_sent_again_does_not_undo_a_correction(desk: Desk, seed: int):
    """Whatever the files' hashes are: which version is newer is not theirs to tell."""
    versions = [{"sip_code": "480"}, {"sip_code": "486"}]
    desk.load_one("cdr/standard/a.csv", calls_csv(versions[0], {"call_id": f"x{seed}"}))
    desk.load_one("cdr/standard/b.csv", calls_csv(versions[1], {"call_id": f"y{seed}"}))
    again = desk.load_one("cdr/standard/c.csv", calls_csv(versions[seed % 2], {"call_id": f"z{seed}"}))
    assert (again.rows_accepted, again.rows_duplicate, again.notes) == (1, 1, {})
    assert [row["sip_code"] for row in desk.current_calls() if row["call_id"] == "c1"] == [486]
    third = desk.load_one("cdr/standard/d.csv", calls_csv({"sip_code": "503"}))
    assert third.notes["superseded_rows"] == 1  # the one in force, not all that ever were
    assert [row["sip_code"] for row in desk.current_calls() if row["call_id"] == "c1"] == [503]


def test_duplicates_do_not_depend_on_the_order_of_files(desk: Desk, tmp_path: Path):
    files = {
        "a.csv": calls_csv({}, {"call_id": "c2"}),
        "b.csv": calls_csv({"call_id": "c2"}, {"call_id": "c3"}),
        "c.csv": calls_csv({"call_id": "c3"}, {}, {"call_id": "c4"}),
    }
    found = []
    for names in ("abc", "cba", "bca"):
        with desk.afresh(tmp_path / names) as other:
            accepted = sum(other.load_one(f"cdr/standard/{name}.csv", files[f"{name}.csv"]).rows_accepted for name in names)
            found.append((accepted, other.current_calls()))
    assert found[0] == found[1] == found[2]
    assert found[0][0] == 4


def kill_at(monkeypatch: pytest.MonkeyPatch, module: object, name: str, times: int = 1) -> Callable[[], None]:
    """The `times`-th call of a function ends the load there and then; returns what heals it."""
    original, left = getattr(module, name), [times]

    def dying(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return original(*args, **kwargs)

    monkeypatch.setattr(module, name, dying)
    return lambda: monkeypatch.setattr(module, name, original)


KILLS = {
    "before the replaced rows": (repeats, "_write_superseded"),
    "before the rows": (repeats, "_move"),
    "between the rows of two files": (repeats, "_complete"),
    "before the arrival": (receipts, "record"),
    "between the arrival and PostgreSQL's receipt": (receipts, "_insert_dates"),
    "before PostgreSQL's receipt": (receipts, "_insert_rejects"),
    "before the path is remembered": (receipts, "remember_path"),
}


@pytest.mark.parametrize("place", KILLS)
def test_a_killed_load_leaves_the_lake_of_an_undisturbed_one(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str):
    corrected = {"sip_code": "486", "answer_time": ""}
    files = {
        "cdr/standard/b.csv": calls_csv({}, {"call_id": "c2"}, {"call_id": ""}),
        "cdr/standard/c.csv": calls_csv(corrected, {"call_id": "c2"}, {"call_id": "c3", "start_time": "now"}),
    }
    late = {"cdr/standard/a.csv": calls_csv({"sip_code": "404", "answer_time": ""}, {"call_id": "c2"})}
    with desk.afresh(tmp_path / "undisturbed") as other:
        for path, content in files.items():
            other.put(path, content)
        other.load()
        before_late = picture(other)
        for path, content in late.items():
            other.put(path, content)
        other.load()
        undisturbed = picture(other)
    for victim in (1, 2):
        with desk.afresh(tmp_path / f"disturbed {victim}") as other:
            for path, content in files.items():
                other.put(path, content)
            heal = kill_at(monkeypatch, *KILLS[place], times=victim)
            with pytest.raises(Killed):
                other.load()
            heal()
            other.load()
            other.check_books()
            assert picture(other) == before_late
            # Nothing of the disturbance shows later either.
            for path, content in late.items():
                other.put(path, content)
            other.load()
            assert picture(other) == undisturbed


@pytest.mark.parametrize("place", ["record_again", "_insert_dates", "remember_path"])
def test_an_arrival_cut_short_is_told_once_it_is_done(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str):
    again = {"reference/customers/customers-2026-11-18.csv": CUSTOMERS}
    pictures = []
    for disturbed in (False, True):
        with desk.afresh(tmp_path / str(disturbed)) as other:
            other.load_one("reference/customers/customers-2026-11-16.csv", CUSTOMERS)
            for path, content in again.items():
                other.put(path, content)
            if disturbed:
                heal = kill_at(monkeypatch, receipts, place)
                with pytest.raises(Killed):
                    other.load("reference")
                heal()
            assert [day.isoformat() for day in other.load("reference").dates] == ["2026-11-18"]
            other.check_books()
            pictures.append(picture(other))
    assert pictures[0] == pictures[1]


def test_a_load_cut_short_whose_file_is_gone_is_still_known_to_later_ones(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """Readers see its rows, for its receipt stands in the lake: what says them again is a duplicate."""
    desk.put("cdr/standard/c.csv", calls_csv({}, {"call_id": "c2"}))
    heal = kill_at(monkeypatch, receipts, "_insert_dates")
    with pytest.raises(Killed):
        desk.load()
    heal()
    (desk.settings.landing / "cdr/standard/c.csv").unlink()
    desk.put("cdr/standard/d.csv", calls_csv({}, {"call_id": "c3"}))
    [receipt] = desk.load().receipts
    assert (receipt.rows_accepted, receipt.rows_duplicate) == (1, 1)
    assert [row["call_id"] for row in desk.current_calls()] == ["c1", "c2", "c3"]


@pytest.mark.parametrize("place", ["_insert_rejects", "remember_path"])
def test_a_later_file_is_not_judged_by_a_load_that_was_cut_short(desk: Desk, monkeypatch: pytest.MonkeyPatch, place: str):
    """The killed file comes last by name, and one before it corrects its call: both would replace the other."""
    desk.put("cdr/standard/z.csv", calls_csv({}))
    heal = kill_at(monkeypatch, receipts, place)
    with pytest.raises(Killed):
        desk.load()
    heal()
    desk.put("cdr/standard/a.csv", calls_csv({"sip_code": "486", "answer_time": ""}))
    assert [receipt.path for receipt in desk.load().receipts] == ["cdr/standard/z.csv", "cdr/standard/a.csv"]
    desk.check_books()
    assert [row["sip_code"] for row in desk.current_calls()] == [486]


def test_a_load_cut_short_whose_declaration_changed_leaves_nothing_behind(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    built_in = (REPOSITORY / "include/feeds/cdr/standard.yaml").read_text()
    yaml = built_in.replace("format: iso8601", 'format: "%Y-%m-%d %H:%M:%S"\n  zone: ZONE')
    desk.declare("cdr/own", yaml.replace("ZONE", "UTC"))
    desk.put("cdr/own/a.csv", calls_csv({"start_time": "2026-11-16 23:00:00", "answer_time": "", "end_time": "2026-11-16 23:01:00"}))
    heal = kill_at(monkeypatch, receipts, "_insert_rejects")
    with pytest.raises(Killed):
        desk.load()
    heal()
    desk.declare("cdr/own", yaml.replace("ZONE", "America/New_York"))
    desk.load()
    desk.check_books()
    assert [str(row["service_date"]) for row in desk.rows("calls")] == ["2026-11-17"]


@pytest.mark.parametrize("kind", ["complaints", "tracebacks", "reference"])
def test_small_feeds_survive_a_kill(desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: str):
    [(path, content)] = [(path, content) for path, content in ONE_OF_EACH.items() if path.startswith(kind)]
    desk.put(path, content)
    heal = kill_at(monkeypatch, receipts, "_insert_rejects")
    with pytest.raises(Killed):
        desk.load(kind)
    heal()
    assert [receipt.rows_accepted for receipt in desk.load(kind).receipts] == [1]
    desk.check_books()


LOADER = (
    "from include import settings; from include.ingest.load import load_new_files; "
    "print(len(load_new_files(settings.load(), 'cdr').receipts))"
)


def loader(desk: Desk) -> subprocess.Popen:
    """A process of its own that loads what lies at the desk."""
    environ = os.environ | {
        "TOLLGATE_HOME": str(desk.settings.home),
        "TOLLGATE_PG_PORT": str(desk.settings.pg_port),
        "TOLLGATE_LANDING": str(desk.settings.landing),
        "TOLLGATE_LAKE": str(desk.settings.lake),
        "TOLLGATE_WAREHOUSE_URL": "",
    }
    return subprocess.Popen([sys.executable, "-c", LOADER], cwd=REPOSITORY, env=environ, stdout=subprocess.PIPE, text=True)


def test_sigkill_at_any_time_leaves_the_lake_of_an_undisturbed_load(desk: Desk, tmp_path: Path):
    """Killed wherever it happens to be, again and again, until a load gets through by itself."""
    files = {f"cdr/standard/{n}.csv.gz": calls_csv(*({"call_id": f"c{k}"} for k in range(n * 1500, n * 1500 + 2000))) for n in range(8)}
    with desk.afresh(tmp_path / "undisturbed") as other:
        for path, content in files.items():
            other.put(path, content)
        other.load()
        undisturbed = picture(other)
    with desk.afresh(tmp_path / "disturbed") as other:
        for path, content in files.items():
            other.put(path, content)
        seed = random.randrange(10**6)
        waits, killed = random.Random(seed), 0
        for _ in range(6):
            process = loader(other)
            # Once the lake is there, the load has begun: importing the libraries is not worth killing.
            eventually(lambda: (other.settings.lake / ".scratch").exists() or process.poll() is not None, "the load began")
            time.sleep(waits.uniform(0, 0.3))
            process.kill()
            killed += process.wait() == -signal.SIGKILL
        other.load()
        other.check_books()
        assert (picture(other), seed) == (undisturbed, seed)
        assert killed


def test_two_loads_at_once_in_one_process(desk: Desk):
    for n in range(6):
        desk.put(f"cdr/standard/{n}.csv", calls_csv(*({"call_id": f"c{k}"} for k in range(n * 5, n * 5 + 10))))
    found, failed = [], []

    def run() -> None:
        try:
            found.append(len(load_new_files(desk.settings, "cdr").receipts))
        except Exception as error:  # shown by the assertion below
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failed, sum(found)) == ([], 6)
    desk.check_books()
    assert sorted(int(row["call_id"][1:]) for row in desk.rows("calls", "call_id")) == list(range(35))


def test_two_loads_at_once_in_two_processes(desk: Desk):
    for n in range(6):
        desk.put(f"cdr/standard/{n}.csv", calls_csv(*({"call_id": f"c{k}"} for k in range(n * 5, n * 5 + 10))))
    started = [loader(desk) for _ in range(2)]
    printed = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert sum(map(int, printed)) == 6
    desk.check_books()
    assert sorted(int(row["call_id"][1:]) for row in desk.rows("calls", "call_id")) == list(range(35))


def test_the_same_bytes_in_a_folder_where_they_make_no_sense_stay_loaded(desk: Desk):
    """Refusing them there must not take back what was loaded here."""
    good = numbered_calls(2)
    desk.load_one("cdr/standard/a.csv", good)
    before = picture(desk)
    for path in ("cdr/asterisk/a.csv", "cdr/undeclared/a.csv", "complaints/standard/a.csv", "reference/customers/a.csv", "cdr/a.csv"):
        desk.put(path, good)
        assert desk.load(path.split("/")[0]).receipts == []
    desk.put("cdr/standard/a.csv", good, modified=1_700_000_000)
    desk.declare("cdr/standard", "fields: [broken]")
    assert desk.load().receipts == []
    assert picture(desk) == before
    desk.check_books()
