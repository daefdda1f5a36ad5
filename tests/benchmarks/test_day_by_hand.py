"""The script by hand that the lake models' cost is held against computes the same figures, to the last digit. How fast is no test."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import pyarrow.parquet as pq
import pytest

from benchmarks import risk
from include.demo.world import write_world
from include.ingest import load
from include.lake import build, dbt, publish
from include.settings import Settings

MONDAY = date(2026, 11, 16)
DAYS = [MONDAY + timedelta(days=d) for d in range(2)]


@pytest.fixture(scope="module")
def built(warehouse: Settings) -> Settings:
    """The demo world's files, loaded and built: with superseded records, route attempts, forwarded calls and foreign numbers."""
    write_world(warehouse.landing, first_day=MONDAY, days=len(DAYS), attempts=8_000, seed=7)
    for kind in load.KINDS:
        load.load_new_files(warehouse, kind)
    for done, day in enumerate(DAYS):
        build.build_lake(warehouse, day, DAYS[:done])
    return warehouse


def test_the_script_by_hand_and_the_models_agree_in_every_column(built: Settings):
    day, by_hand = DAYS[-1], built.home / "by-hand"
    risk.by_hand(built, day, by_hand)
    models = {model.name: model for model in publish.published_models(dbt.manifest(built, "lake"))}
    for name in risk.FIGURES:
        published = publish.rows_of(built.lake, models[name], [day.isoformat()])
        computed = pq.read_table(by_hand / f"{name}.parquet")
        assert computed.schema.remove_metadata() == published.schema
        assert published.num_rows > 0
        differing = duckdb.sql("(from published except all from computed) union all (from computed except all from published)").fetchall()
        assert differing == [], name
        assert computed.num_rows == published.num_rows
