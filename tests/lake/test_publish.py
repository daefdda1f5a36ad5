"""Publishing: what the lake holds of a run's days is what the warehouse holds, or nothing has changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime

import adbc_driver_postgresql.dbapi as postgres
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.lake import dbt, publish
from include.settings import Settings

RUN = {"service_date": "2026-11-20", "evidence_days": ["2026-11-20", "2026-11-21"], "following_days": ["2026-11-20"], "run_at": "2026-11-22T02:00:00+00:00"}

COLUMNS = {
    "service_date": "date",
    "party_id": "text",
    "order": "integer",
    "attempts": "bigint",
    "fine": "boolean",
    "seen_on": "date",
    "seen_at": "timestamp",
    "share": "double precision",
    "switches": "text[]",
}
DESCRIPTION = """It's "quoted", 100 % of it; -- and \\ stays"""


def node(name: str, columns: dict[str, str], days: str = "service_date", publish: bool = True, tags: tuple[str, ...] = ("lake",)) -> dict:
    return {
        "resource_type": "model",
        "name": name,
        "tags": list(tags),
        "description": DESCRIPTION,
        "columns": {column: {"data_type": type_, "description": f"{column}: {DESCRIPTION}"} for column, type_ in columns.items()},
        "config": {"meta": {"publish": publish, "days": days}},
    }


class Bench:
    """A lake and a manifest written by hand, and the warehouse to publish them to."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.declare(node("all_types", COLUMNS), node("zz_last", {"service_date": "date", "attempts": "bigint"}, days="evidence_days"))
        self.write("all_types", "2026-11-20", [self.row("a", 3), self.row("b", 4)])
        self.write("zz_last", "2026-11-20", [{"attempts": 1}])
        self.write("zz_last", "2026-11-21", [{"attempts": 2}])

    @staticmethod
    def row(party_id: str | None, attempts: int | None) -> dict:
        return {
            "party_id": party_id, "order": 7, "attempts": attempts, "fine": True, "seen_on": date(2026, 11, 1),
            "seen_at": datetime(2026, 11, 20, 23, 59, 59, 999000), "share": 0.1, "switches": ["nyc1", "it's"],
        }  # fmt: skip

    def declare(self, *nodes: dict) -> None:
        folder = dbt.workspace(self.settings, "lake")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "manifest.json").write_text(json.dumps({"nodes": {f"model.tollgate.{n['name']}": n for n in nodes}}))

    def write(self, model: str, day: str, rows: list[dict]) -> None:
        declared = {m.name: m for m in publish.published_models(dbt.manifest(self.settings, "lake"))}[model]
        schema = pa.schema([field for field in declared.schema if field.name != "service_date"])
        folder = self.settings.lake / "daily" / model / f"service_date={day}"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "part-0.parquet")

    def remove(self, model: str, day: str) -> None:
        (self.settings.lake / "daily" / model / f"service_date={day}" / "part-0.parquet").unlink()

    def publish(self, run: dict = RUN) -> dict[str, int]:
        return publish.publish(self.settings, run, publish.published_models(dbt.manifest(self.settings, "lake")))

    def rows(self, query: str, role: str = "transformer") -> list[tuple]:
        with psycopg.connect(self.settings.url(role)) as connection:
            return connection.execute(query).fetchall()

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.settings.url("transformer")) as connection:
            for statement in statements:
                connection.execute(statement)

    def everything(self) -> list[list[tuple]]:
        return [self.rows(f"select * from lake.{table} order by 1, 2") for table in ("all_types", "zz_last")]


@pytest.fixture
def bench(warehouse: Settings) -> Iterator[Bench]:
    bench = Bench(warehouse)
    yield bench
    bench.execute("drop table if exists lake.all_types, lake.zz_last cascade")


def test_every_type_and_null_arrives_as_it_was(bench):
    bench.write("all_types", "2026-11-20", [bench.row("it's", 2**40), dict.fromkeys(bench.row("", 0))])
    assert bench.publish() == {"all_types": 2, "zz_last": 2}
    assert bench.rows("select * from lake.all_types order by party_id nulls last") == [
        (date(2026, 11, 20), "it's", 7, 2**40, True, date(2026, 11, 1), datetime(2026, 11, 20, 23, 59, 59, 999000), 0.1, ["nyc1", "it's"]),
        (date(2026, 11, 20), *[None] * 8),
    ]


def test_tables_have_the_contracts_columns_types_and_descriptions(bench):
    bench.publish()
    described = bench.rows(
        """
        select a.attname, format_type(a.atttypid, a.atttypmod), col_description(a.attrelid, a.attnum)
        from pg_attribute as a where a.attrelid = 'lake.all_types'::regclass and a.attnum > 0 order by a.attnum
        """
    )
    types = {**COLUMNS, "seen_at": "timestamp without time zone"}
    assert described == [(name, types[name], f"{name}: {DESCRIPTION}") for name in COLUMNS]
    assert bench.rows("select obj_description('lake.all_types'::regclass)") == [(DESCRIPTION,)]


def test_auditor_and_recommender_may_read_and_bi_may_not(bench):
    bench.publish()
    for role in ("auditor", "recommender"):
        assert bench.rows("select count(*) from lake.all_types", role) == [(2,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        bench.rows("select count(*) from lake.all_types", "bi_reader")


def test_only_the_runs_days_are_replaced(bench):
    bench.publish()
    bench.write("all_types", "2026-11-21", [bench.row("c", 5)])
    bench.write("zz_last", "2026-11-20", [{"attempts": 9}])
    bench.write("zz_last", "2026-11-21", [{"attempts": 8}])
    bench.publish({**RUN, "service_date": "2026-11-21", "evidence_days": ["2026-11-21"], "following_days": ["2026-11-21"]})
    assert bench.rows("select service_date::text, party_id from lake.all_types order by 1, 2") == [
        ("2026-11-20", "a"), ("2026-11-20", "b"), ("2026-11-21", "c"),
    ]  # fmt: skip
    assert bench.rows("select service_date::text, attempts from lake.zz_last order by 1") == [("2026-11-20", 1), ("2026-11-21", 8)]


def test_publishing_twice_is_the_same_and_a_day_without_rows_is_emptied(bench):
    bench.publish()
    once = bench.everything()
    bench.publish()
    assert bench.everything() == once
    bench.write("all_types", "2026-11-20", [])
    assert bench.publish() == {"all_types": 0, "zz_last": 2}
    assert bench.rows("select * from lake.all_types") == []


@pytest.mark.parametrize(
    "what_happens",
    ["new.attempts := new.attempts + 1; return new;", "return null;"],
    ids=["a sum differs", "a row is lost"],
)
def test_a_mismatch_rolls_back_every_table(bench, what_happens):
    bench.publish()
    before = bench.everything()
    bench.execute(
        f"create or replace function lake.meddle() returns trigger language plpgsql as $$ begin {what_happens} end $$",
        "create trigger meddle before insert on lake.zz_last for each row execute function lake.meddle()",
    )
    bench.write("all_types", "2026-11-20", [bench.row("never", 99)])
    with pytest.raises(publish.PublishMismatch, match=r"lake\.zz_last: sent .* found"):
        bench.publish()
    assert bench.everything() == before


def test_an_error_on_the_first_run_leaves_no_table(bench):
    bench.remove("zz_last", "2026-11-21")
    with pytest.raises(FileNotFoundError):
        bench.publish()
    assert bench.rows("select count(*) from information_schema.tables where table_schema = 'lake'") == [(0,)]


def test_a_day_that_was_never_built_is_an_error_and_changes_nothing(bench):
    bench.publish()
    before = bench.everything()
    with pytest.raises(FileNotFoundError, match="service_date=2026-11-22"):
        bench.publish({**RUN, "service_date": "2026-11-22"})
    assert bench.everything() == before


def test_a_column_that_a_model_gains_is_added_and_days_before_it_hold_null(bench):
    bench.publish()
    bench.execute("create view lake.reading as select attempts from lake.zz_last")
    bench.declare(node("all_types", COLUMNS), node("zz_last", {"service_date": "date", "new's": "text", "attempts": "bigint"}))
    bench.write("zz_last", "2026-11-20", [{"new's": "x", "attempts": 5}])
    bench.publish()
    assert bench.rows("""select service_date::text, "new's", attempts from lake.zz_last order by 1""") == [
        ("2026-11-20", "x", 5), ("2026-11-21", None, 2),
    ]  # fmt: skip


def test_only_lake_models_marked_for_publishing_cross(bench):
    bench.declare(
        node("b_published", {"service_date": "date"}),
        node("a_published", {"service_date": "date"}),
        node("kept", {"service_date": "date"}, publish=False),
        node("mart", {"service_date": "date"}, tags=()),
    )
    models = publish.published_models(dbt.manifest(bench.settings, "lake"))
    assert [model.name for model in models] == ["a_published", "b_published"]


def test_the_driver_returns_the_totals_that_arrow_counts(bench):
    """The comparison rests on it: types that the driver does not know come back as something else, without an error."""
    bench.publish()
    (model, _) = publish.published_models(dbt.manifest(bench.settings, "lake"))
    with postgres.connect(bench.settings.url("transformer")) as connection, connection.cursor() as cursor:
        cursor.execute(publish.totals_sql(model), ["2026-11-20"])
        assert cursor.fetchone() == publish.totals(model, publish.rows_of(bench.settings.lake, model, ["2026-11-20"])) == (2, 14, 7)
