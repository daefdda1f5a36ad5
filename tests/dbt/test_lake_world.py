"""The lake models on the demo world, whose answers are known beforehand: files in, published tables out."""

from __future__ import annotations

import shutil
from datetime import date, timedelta

import duckdb
import psycopg
import pyarrow.parquet as pq
import pytest

from benchmarks import risk
from include.demo.world import Expected, missing_file, write_world
from include.ingest import load
from include.lake import build, dbt, publish
from include.settings import Settings

MONDAY = date(2026, 11, 16)
DAYS = [MONDAY + timedelta(days=d) for d in range(2)]


class World:
    """The demo world, loaded and built day by day as the DAGs do it."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.expected: Expected = write_world(settings.landing, first_day=MONDAY, days=len(DAYS), attempts=8_000, seed=7)
        for kind in load.KINDS:
            load.load_new_files(settings, kind)
        for done, day in enumerate(DAYS):
            self.build(day, processed=DAYS[:done])

    def build(self, day: date, processed: list[date]) -> None:
        build.build_lake(self.settings, day, processed)

    def forget(self) -> None:
        """Everything that was built and published, as if no day ever was."""
        shutil.rmtree(self.settings.lake / "daily")
        with psycopg.connect(self.settings.url("transformer")) as connection:
            for model in publish.published_models(dbt.manifest(self.settings, "lake")):
                connection.execute(f"drop table {model.relation}")

    def rows(self, query: str, **given) -> list[tuple]:
        with psycopg.connect(self.settings.url("transformer")) as connection:
            return connection.execute(query, given).fetchall()

    def published(self) -> dict[str, list[tuple]]:
        """Every published table, whole, in an order of its own."""
        models = publish.published_models(dbt.manifest(self.settings, "lake"))
        return {model.name: self.rows(f"select * from {model.relation} as t order by t::text") for model in models}

    def files(self) -> dict[str, list[dict]]:
        """The rows of every file of the lake's daily tables, in their order."""
        daily = self.settings.lake / "daily"
        return {str(path.relative_to(daily)): pq.read_table(path, partitioning=None).to_pylist() for path in daily.rglob("*.parquet")}


@pytest.fixture(scope="module")
def world(warehouse):
    return World(warehouse)


def test_every_partys_attempts_calls_and_answers_are_counted_exactly(world):
    found = {
        (kind, party, day): counts
        for kind, party, day, *counts in world.rows("select party_kind, party_id, service_date, attempts, calls, answered from lake.party_traffic_daily")
    }
    planted = {key: [t.attempts, t.calls, t.answered] for key, t in world.expected.totals.items() if t.attempts}
    assert found == planted


def test_each_notice_finds_the_call_it_was_written_about(world):
    found = {
        traceback_id: (status, day, (path, line, call_id, kind, party) if status == "unique" else None, candidates)
        for traceback_id, day, status, candidates, path, line, call_id, kind, party in world.rows(
            """
            select m.traceback_id, m.service_date, m.match_status, m.candidates, f.path, m.source_line, m.call_id, m.party_kind, m.party_id
            from lake.notice_matches as m
            left join ops.file_receipts as f on f.file = m.receipt_id
            """
        )
    }
    planted = {
        n.traceback_id: (
            n.match_status,
            n.received,
            next(((c.file, c.line, c.call_id, c.party_kind, c.party_id) for c in n.calls), None) if n.match_status == "unique" else None,
            len(n.calls),
        )
        for n in world.expected.notices
    }
    assert {status for status, *_ in planted.values()} == {"unique", "multiple", "none"}
    assert found == planted


def test_each_complaint_reaches_the_level_and_the_customer_it_was_written_about(world):
    found = {
        (complaint_id, day): (level, customer or "")
        for complaint_id, day, level, customer in world.rows(
            "select complaint_id, service_date, match_level, customer_id from lake.complaint_matches where feed = 'complaints/standard'"
        )
    }
    planted = {(c.complaint_id, c.received): (c.level, c.party_id) for c in world.expected.complaints}
    assert {level for level, _ in planted.values()} == {"1", "2", "3", "V", "U"}
    assert found == planted


def test_published_complaints_of_other_sources_match_none_of_our_calls(world):
    assert world.rows("select distinct match_level from lake.complaint_matches where feed = 'complaints/ftc_csv'") == [("U",)]


def test_the_file_that_never_came_is_named_and_every_other_delivery_is_whole(world):
    incomplete = world.rows(
        """
        select service_date, feed, has_manifest, expected_files - loaded_files, missing
        from lake.feed_delivery_daily
        where loaded_files < expected_files and feed <> 'complaints/ftc_csv'
        """
    )
    (path,) = world.expected.missing
    assert path.endswith(missing_file(DAYS[-1]))
    assert incomplete == [(DAYS[-1], "cdr/asterisk", True, 1, missing_file(DAYS[-1]))]
    cdr = world.rows(
        "select service_date, feed, expected_rows - loaded_rows from lake.feed_delivery_daily where kind = 'cdr' order by 1, 2"
    )
    missing_rows = {(DAYS[-1], "cdr/asterisk"): world.expected.missing[path]}
    assert cdr == [(day, feed, missing_rows.get((day, feed), 0)) for day in DAYS for feed in ("cdr/asterisk", "cdr/standard")]


def test_a_script_by_hand_computes_the_same_figures_to_the_last_digit(world, tmp_path):
    """The script whose cost the models' is held against: how fast is no test."""
    day = DAYS[-1]
    risk.by_hand(world.settings, day, tmp_path)
    models = {model.name: model for model in publish.published_models(dbt.manifest(world.settings, "lake"))}
    for name in risk.FIGURES:
        published = publish.rows_of(world.settings.lake, models[name], [day.isoformat()])
        computed = pq.read_table(tmp_path / f"{name}.parquet")
        assert computed.column_names == published.column_names
        computed = computed.cast(published.schema)  # whole numbers stay whole, or it fails
        assert published.num_rows > 0
        differing = duckdb.sql("(from published except all from computed) union all (from computed except all from published)").fetchall()
        assert differing == [], name


def test_a_day_built_again_gives_the_same_tables(world):
    files, published = world.files(), world.published()
    world.build(DAYS[0], processed=DAYS)
    assert world.published() == published
    assert world.files() == files


def test_days_built_backwards_give_the_same_tables(world):
    files, published = world.files(), world.published()
    world.forget()
    for done, day in enumerate(reversed(DAYS)):
        world.build(day, processed=DAYS[len(DAYS) - done :])
    assert world.published() == published
    assert world.files() == files
