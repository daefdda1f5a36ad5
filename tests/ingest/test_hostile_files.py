"""Files that were written to harm: names that steer terminals, manifests that point elsewhere, declarations that want to be run, values without end."""

from __future__ import annotations

import gzip
import logging
import resource
from pathlib import Path

import pytest

from include.ingest import declarations
from tests.ingest.desk import STANDARD, Desk, calls_csv, numbered_calls

ESCAPES = "\x1b[31mred\x1b[0m"


@pytest.mark.parametrize("name", ["a\nINFO all is well.csv", f"{ESCAPES}.csv", "a\u202ecsv.exe.csv", "a\u200b.csv", "a\rb.csv"], ids=ascii)
def test_a_name_that_cannot_be_seen_is_left_alone_and_told_in_one_line(desk: Desk, caplog: pytest.LogCaptureFixture, name: str):
    desk.put(f"cdr/standard/{name}", numbered_calls(1))
    desk.put("cdr/standard/good.csv", numbered_calls(2))
    with caplog.at_level(logging.INFO):
        desk.load()
    assert set(desk.receipts()) == {"cdr/standard/good.csv"}
    (told,) = (record.getMessage() for record in caplog.records if "left alone" in record.getMessage())
    assert told.isprintable() and "rename it" in told


def test_a_header_steers_no_terminal_by_way_of_the_log(desk: Desk, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO):
        receipt = desk.load_one("cdr/standard/a.csv", f"call_id,{ESCAPES},\u202ex\n1,2,3\n")
    assert receipt.state == "refused"
    assert all(record.getMessage().isprintable() for record in caplog.records)


@pytest.mark.parametrize("listed", ["../../../../../../etc/hostname", "/etc/hostname", "..", "cdr/standard/../standard/a.csv", "*", "a.csv\x00", "C:\\a.csv"])
def test_a_manifest_vouches_for_files_of_its_feed_alone(desk: Desk, listed: str):
    """What it lists is a name to be compared, never a path to be opened."""
    desk.put("cdr/standard/other/b.csv", numbered_calls(1))
    receipt = desk.load_one("cdr/standard/manifest-2026-11-16.csv", f'file,rows,sha256\n"{listed}",1,\n')
    assert receipt.state in ("loaded", "refused")
    assert {row["file"] for row in desk.rows("manifests", "file")} <= {listed.replace("\0", "\ufffd")}
    assert [path for path in desk.receipts() if not path.startswith("cdr/standard/")] == []


RUN = {
    "python object": "!!python/object/apply:os.system ['touch {marker}']",
    "python module": "columns: !!python/module:os",
    "python tuple": "!!python/object/new:tuple [!!python/object/apply:os.mkdir ['{marker}']]",
    "jinja": "columns: \"{{{{ cycler.__init__.__globals__.os.mkdir('{marker}') }}}}\"",
}


@pytest.mark.parametrize("kind", RUN)
def test_a_declaration_is_read_and_never_run(desk: Desk, tmp_path: Path, kind: str):
    marker = tmp_path / "marker"
    desk.declare("cdr/own", RUN[kind].format(marker=marker))
    receipt = desk.load_one("cdr/own/a.csv", numbered_calls(1))
    assert (receipt.state, marker.exists()) == ("refused", False)
    assert "own.yaml" in receipt.reason


def test_a_declaration_of_a_billion_laughs_is_refused_at_once(desk: Desk):
    laughs = "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    desk.declare("cdr/own", laughs + "columns: *a11\n")
    receipt = desk.load_one("cdr/own/a.csv", numbered_calls(1))
    assert receipt.state == "refused"
    assert len(receipt.reason) < 5_000


@pytest.mark.parametrize("name", ["cdr/..", "cdr/../../x", "cdr//etc", "../cdr/standard", "cdr/a\nb"])
def test_a_feed_is_no_path(tmp_path: Path, name: str):
    """Nor does one that lies elsewhere become a feed."""
    (tmp_path / "x.yaml").write_text(Path("include/feeds/cdr/standard.yaml").read_text())
    with pytest.raises(declarations.BadDeclaration):
        declarations.load(name, tmp_path / "feeds" / "cdr")


@pytest.mark.parametrize("column", ["call_id", "ingress_trunk", "calling_number", "called_number", "signer", "start_time"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_a_value_of_ten_megabytes_costs_its_file_or_its_row_and_not_the_memory(desk: Desk, column: str, packed: bool):
    desk.put("cdr/standard/good.csv", numbered_calls(2))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    content = calls_csv({"call_id": "c1"}, {"call_id": "c2", column: "1" * 10_000_000}, columns=STANDARD)
    receipt = desk.load_one("cdr/standard/a.csv" + ".gz" * packed, content)
    assert receipt.state == "refused" or len(receipt.rejected) == 1
    assert desk.receipts()["cdr/standard/good.csv"]["rows_accepted"] == 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000, "kilobytes"


@pytest.mark.parametrize(
    ("path", "head"),
    [
        ("complaints/standard/a.csv.gz", "complaint_id,received_at,call_at,calling_number\n"),
        ("tracebacks/standard/a.csv.gz", "traceback_id,received_at,call_at,called_number\n"),
        ("reference/customers/customers-2026-11-16.csv.gz", "customer_id,legal_name,country\n"),
        ("cdr/standard/a.csv.gz", ",".join(STANDARD) + "\n"),
    ],
)
def test_a_bomb_of_one_line_is_refused_before_it_is_unpacked(desk: Desk, path: str, head: str):
    """A gigabyte of one letter, in a megabyte."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bomb = gzip.compress(head.encode(), mtime=0) + gzip.compress(b"a" * 2**26, mtime=0) * 16
    receipt = desk.load_one(path, bomb)
    assert receipt.state == "refused"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000, "kilobytes"


def test_ids_that_look_alike_are_parties_of_their_own(desk: Desk):
    """A Latin C and a Cyrillic one: neither row is lost, nor taken for the other; the gate tells of them."""
    alike = ["C1001", "\u04211001", "\uff231001", "C1001\u200b"]
    receipt = desk.load_one("reference/customers/customers-2026-11-16.csv", "customer_id,legal_name,country\n" + "".join(f"{id},Acme,US\n" for id in alike))
    kept = {row["customer_id"] for row in desk.rows("reference/customers", "customer_id")}
    assert receipt.rows_read == len(alike)
    assert {"C1001", "\u04211001"} <= kept
