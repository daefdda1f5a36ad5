"""Carries the lake's daily tables into the warehouse: the run's days of every published model, in one transaction.

What is published stands in the dbt manifest: lake models with `meta.publish`, their columns and types (the enforced
contract) and their descriptions. The warehouse table has the model's own name, so that dbt's graph runs through.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import adbc_driver_postgresql.dbapi as postgres
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.lake import dbt
from include.lineage import openlineage
from include.settings import Settings
from include.text import literal

ARROW_TYPES = {
    "text": pa.string(),
    "text[]": pa.list_(pa.string()),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "double precision": pa.float64(),
}
"""The contract's type names, which mean the same in DuckDB and PostgreSQL, and what travels between them."""


class PublishMismatch(RuntimeError):
    """The warehouse does not hold what the lake sent; nothing was committed."""


@dataclass(frozen=True)
class Model:
    """A published lake model. `days` names the days of a run it is rebuilt for, as dbt_project/macros/run_days.sql has them."""

    name: str
    description: str
    columns: dict[str, tuple[str, str]]
    """Name -> (type of the contract, description), in the contract's order."""
    days: str

    @property
    def relation(self) -> str:
        return f"lake.{self.name}"

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(name, ARROW_TYPES[data_type]) for name, (data_type, _) in self.columns.items()])


def published_models(manifest: dict) -> list[Model]:
    """The models that cross to the warehouse, by name."""
    nodes = (node for node in manifest["nodes"].values() if node["resource_type"] == "model" and "lake" in node["tags"])
    return sorted(
        (
            Model(
                name=node["name"],
                description=node["description"],
                columns={name: (column["data_type"], column["description"]) for name, column in node["columns"].items()},
                days=node["config"]["meta"]["days"],
            )
            for node in nodes
            if node["config"]["meta"]["publish"]
        ),
        key=lambda model: model.name,
    )


def rows_of(lake: Path, model: Model, days: Iterable[str]) -> pa.Table:
    """A model's rows of these days, the partition's date among the columns. A day never built is an error."""
    tables = [model.schema.empty_table()]
    for day in days:
        part = pq.read_table(lake / "daily" / model.name / f"service_date={day}" / "part-0.parquet", partitioning=None)
        dates = pa.array([date.fromisoformat(day)] * part.num_rows, pa.date32())
        tables.append(part.append_column("service_date", dates).select(model.schema.names).cast(model.schema))
    return pa.concat_tables(tables)


def ddl(model: Model, readers: Iterable[str]) -> list[str]:
    """Statements that create the model's empty warehouse table, described and readable by `readers`."""
    columns = ", ".join(f'"{name}" {data_type}' for name, (data_type, _) in model.columns.items())
    return [
        f"create table {model.relation} ({columns})",
        f"create index on {model.relation} (service_date)",
        f"comment on table {model.relation} is {literal(model.description)}",
        *(f'comment on column {model.relation}."{name}" is {literal(text)}' for name, (_, text) in model.columns.items()),
        f"grant select on {model.relation} to {', '.join(readers)}",
    ]


def totals_sql(model: Model) -> str:
    """Row count and the sum of every integer column of the days in $1, as one row."""
    integers = [f.name for f in model.schema if pa.types.is_integer(f.type)]
    sums = "".join(f', coalesce(sum("{name}"), 0)::bigint' for name in integers)
    return f"select count(*){sums} from {model.relation} where service_date = any(string_to_array($1, ',')::date[])"


def totals(model: Model, rows: pa.Table) -> tuple[int, ...]:
    """What `totals_sql` must find once `rows` have arrived."""
    integers = [f.name for f in model.schema if pa.types.is_integer(f.type)]
    return (rows.num_rows, *(pc.sum(rows[name]).as_py() or 0 for name in integers))


def create_tables(settings: Settings, models: Iterable[Model], cursor) -> None:
    """Create the warehouse tables that are not there yet; to others add the columns that their models gained.

    A column that changed its type or left its model stays as it is: published days hold it, and views may read it.
    """
    readers = [settings.role_name("auditor"), settings.role_name("recommender")]
    cursor.execute("select table_name, column_name from information_schema.columns where table_schema = 'lake'")
    existing: dict[str, set[str]] = {}
    for table, column in cursor.fetchall():
        existing.setdefault(table, set()).add(column)
    for model in models:
        if model.name not in existing:
            statements = ddl(model, readers)
        else:
            gained = {name: column for name, column in model.columns.items() if name not in existing[model.name]}
            statements = [
                statement
                for name, (data_type, text) in gained.items()
                for statement in (
                    f'alter table {model.relation} add column "{name}" {data_type}',
                    f'comment on column {model.relation}."{name}" is {literal(text)}',
                )
            ]
        for statement in statements:
            cursor.execute(statement)


def publish(settings: Settings, run: dict, models: list[Model]) -> dict[str, int]:
    """Replace the run's days of these models, all or nothing. Returns the rows sent, by model.

    `run` is that of the lake build just done (`service_date`, `evidence_days`, ...). Raises PublishMismatch where counts or
    sums differ after the copy.
    """
    sent, started = {}, datetime.now(UTC)
    with postgres.connect(settings.url("transformer")) as connection, connection.cursor() as cursor:
        # Of two that replace the same days at once, neither would see the other's rows.
        cursor.execute("select count(*) from pg_advisory_xact_lock(hashtext('tollgate.publish'))")
        cursor.fetchone()
        create_tables(settings, models, cursor)
        for model in models:
            days = [run[model.days]] if isinstance(run[model.days], str) else run[model.days]
            rows = rows_of(settings.lake, model, days)
            wanted = ",".join(days)
            cursor.execute(
                f"delete from {model.relation} where service_date = any(string_to_array($1, ',')::date[])", [wanted]
            )
            if rows.num_rows:
                cursor.adbc_ingest(model.name, rows, mode="append", db_schema_name="lake")
            # or the marts that follow at once would be planned as if the table were empty
            cursor.execute(f"analyze {model.relation}")
            cursor.execute(totals_sql(model), [wanted])
            found = cursor.fetchone()
            if found != totals(model, rows):
                raise PublishMismatch(f"{model.relation}: sent (rows, sums) {totals(model, rows)}, found {found}")
            sent[model.name] = rows.num_rows
        connection.commit()
    openlineage.published(settings, models, sent, run, started)
    return sent
