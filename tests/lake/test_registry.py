"""The real export of the Robocall Mitigation Database over three days: what it says of upstreams, a removal, a broken download."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
from psycopg.rows import dict_row

from include.ingest import load
from include.lake import build
from include.quality import gate
from include.settings import Settings
from tests.ingest.desk import LONG_AGO

RMD = gzip.decompress((Path(__file__).parents[2] / "include/demo/real/rmd-final_2024.csv.gz").read_bytes())
FIRST, SECOND, THIRD = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)
UPSTREAMS = """upstream_id,legal_name,frn,rmd_number,country
listed,Any,26223164,RMD0005048,US
removed,AtLink,16085920,RMD0004008,US
covered,Any,15343478,,US
by number,Any,,RMD0015669,US
two filings,Any,26223164,RMD0015669,US
by name,011 TELECOM,9999999,,US
nowhere,Nobody At All,9999998,RMD9999998,US
"""


@pytest.fixture(scope="module")
def standing(warehouse: Settings) -> Iterator[dict[date, dict[str, dict]]]:
    """Each day's rows by upstream. Overnight one filing went; then the download broke off."""
    without = b"".join(line for line in RMD.splitlines(keepends=True) if b"RMD0004008" not in line)
    broken = b"".join(RMD.splitlines(keepends=True)[:6000])
    snapshots = {f"rmd/rmd-{day}.csv": content for day, content in ((FIRST, RMD), (SECOND, without), (THIRD, broken))}
    files = {"upstreams/u-2026-11-01.csv": UPSTREAMS.encode(), **snapshots}
    for name, content in files.items():
        path = warehouse.landing / "reference" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (LONG_AGO, LONG_AGO))
    states = {receipt.path: receipt.state for receipt in load.load_new_files(warehouse, "reference").receipts}
    assert states == {f"reference/{name}": "refused" if content is broken else "loaded" for name, content in files.items()}
    for kept in (warehouse.lake / "reference" / "rmd").glob("*.parquet"):
        if kept.stem != "schema":  # as an earlier release wrote them, that did not know the column yet
            pq.write_table(pq.read_table(kept).drop_columns(["last_recertified"]), kept)
    for day in (FIRST, SECOND, THIRD):
        build.build_lake(warehouse, day, [])
    found: dict[date, dict[str, dict]] = {}
    with psycopg.connect(warehouse.url("transformer"), row_factory=dict_row) as connection:
        for row in connection.execute("select * from lake.upstream_registry_daily").fetchall():
            found.setdefault(row["service_date"], {})[row["upstream_id"]] = row
    yield found


def test_who_is_listed_and_by_which_number(standing: dict[date, dict[str, dict]]):
    found = {name: (row["rmd_status"], row["matched_by"], row["ids_disagree"], row["suggested_rmd_number"]) for name, row in standing[FIRST].items()}
    assert found == {
        "listed": ("listed", "frn", False, None),
        "removed": ("listed", "frn", False, None),
        "covered": ("listed", "other_frn", False, None),
        "by number": ("listed", "rmd_number", False, None),
        "two filings": ("listed", "frn", True, None),
        "by name": ("absent", None, False, "RMD0015669"),
        "nowhere": ("absent", None, False, None),
    }
    assert standing[FIRST]["removed"]["business_name"] == "@Link Services, LLC"


def test_a_filing_that_is_gone_overnight_was_removed(standing: dict[date, dict[str, dict]]):
    changed = {name for name, row in standing[SECOND].items() if row["rmd_status"] != standing[FIRST][name]["rmd_status"]}
    assert changed == {"removed"}
    row = standing[SECOND]["removed"]
    assert (row["rmd_status"], row["matched_by"], row["last_listed_on"], row["removed_on"]) == ("removed", "frn", FIRST, SECOND)


def test_of_a_broken_download_nobody_is_delisted_and_the_gate_warns(warehouse: Settings, standing: dict[date, dict[str, dict]]):
    assert standing[THIRD] == {name: row | {"service_date": THIRD} for name, row in standing[SECOND].items()}
    assert standing[THIRD]["listed"]["rmd_snapshot_from"] == SECOND
    for day, warns in ((SECOND, False), (THIRD, True)):
        results = {result.check.name: result for result in gate.run_gate(warehouse, "transformer", "arriving_data", day, "tested")}
        assert results["no_newer_snapshot_was_refused"].success is not warns, results["no_newer_snapshot_was_refused"].observed
    assert f"in_force_from {SECOND}" in results["no_newer_snapshot_was_refused"].observed
    assert "two filings" in results["upstream_ids_agree"].observed
