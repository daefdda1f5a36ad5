"""make preview: what it shows of a file, where it ends with an error, and that it writes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from include import settings as installations
from include.ingest import declarations, reference
from include.ingest.landing import LandingFile, sha256
from include.ingest.receipts import Receipt
from include.lake import tables
from include.operations.preview import masked
from include.settings import REPOSITORY
from tests.ingest.desk import STANDARD, calls_csv, csv_text, numbered_calls
from tests.ingest.switch_files import SAMPLES


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def preview(home: Path, feed: str, file: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "include.cli", "preview", feed, str(file)],
        cwd=REPOSITORY, env=os.environ | {"TOLLGATE_HOME": str(home)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def declare(home: Path, name: str, yaml: str) -> None:
    path = home / "feeds" / "cdr" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml)


def test_rows_rejects_and_trunks_are_shown_and_nothing_is_written(home: Path, tmp_path: Path):
    file = tmp_path / "a.csv"
    file.write_text(calls_csv({}, {"call_id": "c2", "start_time": "soon"}, {"call_id": "c3", "calling_number": "anonymous"}, {}))
    before = sorted(path for path in tmp_path.rglob("*"))
    ended = preview(home, "cdr/standard", file)
    assert (ended.returncode, ended.stderr) == (0, "")
    shown = ended.stdout
    assert "4 read = 3 accepted + 1 rejected" in shown
    assert "1 of the accepted have the switch, call and attempt of another" in shown
    assert "dates     2026-11-16 3" in shown
    assert "line 3, start_time: not an ISO 8601 time with offset: soon" in shown
    assert "tg-acme on nyc1: 3 rows" in shown
    assert "UNVERIFIED" not in shown
    assert "+1202555xxxx" in shown and "2025550123" not in shown  # terminals are logged
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_an_unverified_layout_is_said_to_be_one(home: Path):
    ended = preview(home, "cdr/vos3000", SAMPLES / "vos3000.csv")
    assert "UNVERIFIED: this layout was never read from a real file" in ended.stdout


@pytest.mark.parametrize(("zone", "code"), [("America/New_York", 0), ("America/Chicago", 1)])
def test_an_epoch_in_an_id_tells_whether_the_zone_is_right(home: Path, tmp_path: Path, zone: str, code: int):
    """Whether or not the declaration knows of it."""
    declare(home, "own", f"""
times: {{format: "%Y-%m-%d %H:%M:%S", zone: {zone}}}
fields:
  call_id: {{required: true}}
  switch_id: {{default: sw}}
  start_time: {{required: true}}
  end_time: {{required: true}}
  ingress_trunk: {{default: tg}}
  sip_code: {{default: "200"}}
""")
    file = tmp_path / "a.csv"
    rows = [{"call_id": f"pbx-{1_782_910_800 + n}.{n}", "start_time": f"2026-07-01 09:00:0{n}", "end_time": "2026-07-01 09:01:00"} for n in range(6)]
    file.write_text(csv_text(["call_id", "start_time", "end_time"], rows))
    ended = preview(home, "cdr/own", file)
    assert ended.returncode == code
    if code:
        assert "zone: ERROR" in ended.stdout and "times.zone in own.yaml is wrong: the times are +1:00 h from the epochs in call_id" in ended.stderr
    else:
        assert "zone: the epochs in call_id agree with the times of 6 of 6 rows" in ended.stdout


@pytest.mark.parametrize(("unit", "shown"), [("s", "billsec in s agrees with end - answer for 3 of 3 calls"), ("ms", "10^-3 times end - answer for 3 of 3 calls")])
def test_a_wrong_unit_is_seen(home: Path, tmp_path: Path, unit: str, shown: str):
    declare(home, "own", (declarations.BUILT_IN / "cdr" / "standard.yaml").read_text() + f"  talk_time: {{from: billsec, unit: {unit}}}\n")
    file = tmp_path / "a.csv"
    file.write_text(calls_csv(*({"call_id": f"c{n}", "billsec": "55"} for n in range(3)), columns=[*STANDARD, "billsec"]))
    assert shown in preview(home, "cdr/own", file).stdout


def test_a_file_that_would_be_refused_ends_with_the_reason(home: Path, tmp_path: Path):
    file = tmp_path / "a.csv"
    file.write_text(numbered_calls(2).replace("sip_code", "code"))
    ended = preview(home, "cdr/standard", file)
    assert ended.returncode == 1 and "the file would be refused: column sip_code is missing from the header" in ended.stderr


def test_a_faulty_declaration_names_the_key(home: Path, tmp_path: Path):
    declare(home, "own", "fields: [broken]")
    ended = preview(home, "cdr/own", SAMPLES / "vos3000.csv")
    assert ended.returncode == 1 and "needs a mapping with the key 'fields'" in ended.stderr


def test_small_feeds_can_be_looked_at_too(home: Path, tmp_path: Path):
    file = tmp_path / "a.csv"
    file.write_text("customer_id,legal_name,country\nc1,Acme,US\n,Bell,US\n")
    ended = preview(home, "reference/customers", file)
    assert "2 read = 1 accepted + 1 rejected" in ended.stdout and "line 3, customer_id: empty" in ended.stdout


def test_known_trunks_are_not_named(home: Path, tmp_path: Path):
    settings = installations.load({"TOLLGATE_HOME": str(home)})
    tables.create(settings.lake)
    trunks = tmp_path / "trunks-2026-11-16.csv"
    trunks.write_text("trunk,switch_id,party_kind,party_id,valid_from,valid_to\ntg-acme,,customer,c1,,\n")
    receipt = Receipt("", "reference/trunks/t.csv", "reference", "reference/trunks", datetime.now(UTC))
    landed = LandingFile(trunks, "reference/trunks/t.csv", "reference", "reference/trunks", trunks.stat().st_size, 1)
    reference.load_snapshot(landed, declarations.load("reference/trunks", home), receipt, settings.lake)
    row = {"receipt_id": sha256(trunks), "feed": "reference/trunks", "kind": "reference", "state": "loaded", "loaded_at": datetime(2026, 11, 16)}
    tables.write(tables.file_of(settings.lake, "receipts", sha256(trunks)), pa.Table.from_pylist([row], schema=tables.schema("receipts")))
    file = tmp_path / "a.csv"
    file.write_text(calls_csv({}, {"call_id": "c2", "ingress_trunk": "tg-new"}))
    shown = preview(home, "cdr/standard", file).stdout
    assert "tg-new on nyc1: 1 rows" in shown and "tg-acme on" not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("+12025550123", "+1202555xxxx"), ("sip:12025550123@192.0.2.1:5060", "sip:1202555xxxx@192.0.2.1:5060"), ("911", "911"), ("2026-11-16", "2026-11-16")],
)
def test_numbers_are_masked(text: str, shown: str):
    assert masked(text) == shown
