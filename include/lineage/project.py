"""The project's tables as an auditor asks about them: what a row is, what each column says, who fills it and when, what guards it.

Read from what already says it: dbt's manifests, the migrations, the feeds' declarations, the expectations, the DAG files and the
source that names a table. Pure but for reading the repository.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import sqlglot
from sqlglot import exp

from include.platform import migrations
from include.quality.suites import Check, Suite
from include.settings import REPOSITORY

DAGS = REPOSITORY / "dags"


@dataclass(frozen=True)
class Described:
    """A column in words."""

    name: str
    words: str = ""
    type: str = ""


@dataclass(frozen=True)
class Table:
    """`name` is `schema.table`; texts are empty where nothing is said."""

    name: str
    words: str
    grain: str
    """What a row is."""
    columns: tuple[Described, ...]
    kind: str
    """table, view, seed or Parquet."""
    file: str = ""
    """Where it is defined, below the repository."""
    sql: str = ""
    """Of a model, compiled; of a view of the migrations."""
    dialect: str = ""
    tests: tuple[str, ...] = ()
    """dbt's data tests and unit tests, in words."""
    readers: tuple[str, ...] = ()
    """Database roles that dbt grants it to."""
    limits: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    refreshed: tuple[str, ...] = ()
    """Tasks that fill it, `dag.task`."""

    @property
    def schema(self) -> str:
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Layer:
    """The tables of a schema."""

    title: str
    words: str
    owner: str


LAYERS = {
    "raw_lake": Layer(
        "The lake, as loaded",
        "Rows of landing files as Parquet, each with its file's SHA-256 and its line. Rows of files that were refused are not there.",
        "The ingest; the folder is open to nobody else.",
    ),
    "lake": Layer(
        "Daily tables of the lake",
        "Made of calls by DuckDB, one Parquet file per table and service date, and published to PostgreSQL under the same name.",
        "Role transformer.",
    ),
    "seeds": Layer(
        "Seeds", "What is written by hand: the catalogue of metrics, the published rules, holidays.", "Role transformer; the files are the repository's."
    ),
    "staging": Layer("Staging", "The ledger and the platform's records, in the shape that models read.", "Role transformer."),
    "intermediate": Layer("Intermediate", "Facts, metrics, data status, states and verdicts of every party and date.", "Role transformer."),
    "marts": Layer("Marts", "What people and BI read.", "Role transformer."),
    "ops": Layer(
        "Operations",
        "What the platform records of its own work: receipts, rejects, gates, alerts.",
        "The warehouse's owner; each role writes only what its task needs.",
    ),
    "decisions": Layer("Decisions", "The append-only, hash-chained ledger.", "The warehouse's owner; everybody else appends through decisions.append."),
}
"""In the order of the data's way; tables of a schema that is none of these stand under its name."""

LOADING = {
    "calls": "ingest_cdr.load",
    "open_records": "ingest_cdr.load",
    "superseded": "ingest_cdr.load",
    "manifests": "ingest_cdr.load",
    "complaints": "ingest_complaints.load",
    "notices": "ingest_tracebacks.load",
}
EVERY_LOAD = ("ingest_cdr.load", "ingest_complaints.load", "ingest_tracebacks.load", "ingest_reference.load", "handle_traceback.load")
REFRESHED = {
    "raw_lake.notices": ("ingest_tracebacks.load", "handle_traceback.load"),
    "raw_lake.receipts": EVERY_LOAD,
    "raw_lake.arrivals": EVERY_LOAD,
    "raw_lake.deliveries": ("build_risk_marts.build_lake",),
    "lake.notice_matches": ("build_risk_marts.build_lake", "handle_traceback.search"),
    "ops.file_receipts": EVERY_LOAD,
    "ops.file_service_dates": EVERY_LOAD,
    "ops.rejected_rows": EVERY_LOAD,
    "ops.landing_files": EVERY_LOAD,
    "ops.processed_days": ("build_risk_marts.build_marts",),
    "ops.gate_results": ("build_risk_marts.check_arriving_data", "recommend_suspensions.check_marts"),
    "ops.review_requests": ("review_recommendations.open_cases",),
    "ops.alerts": ("raise_alerts.sweep",),
    "ops.alert_deliveries": ("raise_alerts.sweep",),
    "decisions.ledger": (
        "recommend_suspensions.append_recommendations", "handle_traceback.recommend", "handle_traceback.escalate",
        "review_recommendations.case.record", "review_blocks.block.record_confirmation", "release_party.record",
    ),
}
"""Which tasks fill a table, where its layer does not say it."""


def refreshed(table: str) -> tuple[str, ...]:
    """The tasks that fill a table, `dag.task`; none where a command or a person does."""
    schema, _, name = table.partition(".")
    if table in REFRESHED:
        return REFRESHED[table]
    if schema == "raw_lake":
        return (LOADING.get(name, "ingest_reference.load"),)
    if schema == "lake":
        return ("build_risk_marts.build_lake",)
    return ("build_risk_marts.build_marts",) if schema in ("seeds", "staging", "intermediate", "marts") else ()


USUAL_GRAIN = {"raw_lake": "One row per accepted row of a landing file.", "seeds": "One row per line of its file."}


def grain(words: str) -> str:
    """What a row is, where a description says it."""
    found = re.search(r"one row (?:per|for) [^.:;,]*", words, re.IGNORECASE)
    return f"{found[0][:1].upper()}{found[0][1:]}." if found else ""


# --- dbt


def of_manifests(lake: dict, warehouse: dict) -> Iterator[Table]:
    """Every source, seed and model: `lake` has the compiled SQL of the lake's models, `warehouse` of all others."""
    tests = tests_of(warehouse)
    for source in warehouse["sources"].values():
        if source["schema"] == "raw_lake":
            yield _table(source, "Parquet", tests)
    for key, node in warehouse["nodes"].items():
        if node["resource_type"] == "seed":
            yield _table(node, "seed", tests)
        elif node["resource_type"] == "model":
            in_lake = "lake" in node["tags"]
            compiled = (lake if in_lake else warehouse)["nodes"][key]
            kind = "Parquet" if in_lake else "view" if node["config"]["materialized"] == "view" else "table"
            yield _table(compiled, kind, tests, "duckdb" if in_lake else "postgres")


def _table(node: dict, kind: str, tests: dict[str, list[str]], dialect: str = "") -> Table:
    config = node["config"]
    name = f"{node['schema']}.{node['name']}"
    return Table(
        name=name,
        words=node["description"],
        grain=config["meta"].get("grain") or grain(node["description"]) or USUAL_GRAIN.get(node["schema"], ""),
        columns=tuple(Described(each["name"], each["description"], each["data_type"] or "") for each in node["columns"].values()),
        kind=kind,
        file=f"dbt_project/{node['original_file_path']}",
        sql=(node.get("compiled_code") or "").strip(),
        dialect=dialect,
        tests=tuple(tests.get(node["unique_id"], ())),
        readers=tuple((config.get("grants") or {}).get("select", ())),
        limits=tuple(config["meta"].get("limits", ())),
        changes=tuple(config["meta"].get("changes", ())),
        refreshed=refreshed(name),
    )


def tests_of(manifest: dict) -> dict[str, list[str]]:
    """dbt's tests by the node that they are of: data tests with their arguments, unit tests by their names, which are sentences."""
    found: dict[str, list[str]] = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] != "test":
            continue
        if "test_metadata" in node:
            arguments = {name: value for name, value in node["test_metadata"]["kwargs"].items() if name not in ("model", "column_name")}
            about = f" of {node['column_name']}" if node["column_name"] else ""
            told = "; ".join(f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}" for name, value in arguments.items() if value)
            found.setdefault(node["attached_node"], []).append(f"{node['test_metadata']['name']}{about}{f' ({told})' if told else ''}")
        else:
            for name in node["depends_on"]["nodes"]:
                found.setdefault(name, []).append(node["name"].replace("_", " "))
    for test in manifest["unit_tests"].values():
        found.setdefault(f"model.{test['package_name']}.{test['model']}", []).append(test["name"].replace("_", " "))
    return found


# --- the migrations

ABOUT_TABLES = re.compile(
    r"^(?:(?:create|create or replace|drop|comment on) (?:table|view)|comment on column|alter table [\w.]+\s+add column) .*?;$", re.MULTILINE | re.DOTALL
)
"""Statements of a migration that say which tables and columns there are. None of them stands within a function's body."""


def of_migrations() -> list[Table]:
    """The tables and views of `ops` and `decisions`, with their comments, as all migrations in turn leave them."""
    tables: dict[str, dict[str, str]] = {}
    words: dict[str, str] = {}
    kinds: dict[str, str] = {}
    files: dict[str, str] = {}
    queries: dict[str, str] = {}
    keys: dict[str, list[str]] = {}
    for file, text in migrations.read(migrations.FOLDER).items():
        for statement in (sqlglot.parse_one(each, dialect="postgres") for each in ABOUT_TABLES.findall(text)):
            if isinstance(statement, exp.Create):
                name = _name(statement.find(exp.Table))
                kinds[name], files[name] = statement.args["kind"].lower(), file
                if kinds[name] == "table":
                    tables[name] = {column: type_ for like in statement.find_all(exp.LikeProperty) for column, type_ in tables[_name(like.this)].items()}
                    keys[name] = _key(statement)
                    tables[name] |= {column.name: column.kind.sql("postgres").lower() for column in statement.this.find_all(exp.ColumnDef)}
                else:
                    tables[name] = dict.fromkeys(_selected(statement.expression, tables), "")
                    queries[name] = statement.expression.sql("postgres", pretty=True)
            elif isinstance(statement, exp.Drop):
                tables.pop(_name(statement.this), None)
            elif isinstance(statement, exp.Alter):
                added = {column.name: column.kind.sql("postgres").lower() for column in statement.find_all(exp.ColumnDef)}
                tables.setdefault(_name(statement.this), {}).update(added)
            elif isinstance(statement, exp.Comment):
                words[statement.this.sql().replace('"', "")] = statement.expression.name
    return [
        Table(
            name=name,
            words=words.get(name, ""),
            grain=grain(words.get(name, "")) or (f"One row per {', '.join(keys[name])}." if keys.get(name) else ""),
            columns=tuple(Described(column, words.get(f"{name}.{column}", ""), type_) for column, type_ in columns.items()),
            kind=kinds[name],
            file=f"include/platform/migrations/{files[name]}",
            sql=queries.get(name, ""),
            dialect="postgres" if name in queries else "",
            refreshed=refreshed(name),
        )
        for name, columns in tables.items()
        if name in kinds
    ]


def _key(created: exp.Create) -> list[str]:
    """The columns of the primary key of a table."""
    of_table = [column.name for key in created.find_all(exp.PrimaryKey) for column in key.expressions]
    return of_table or [column.name for column in created.this.find_all(exp.ColumnDef) if column.find(exp.PrimaryKeyColumnConstraint)]


def _name(table: exp.Table) -> str:
    return f"{table.db}.{table.name}"


def _selected(query: exp.Query, tables: dict[str, dict[str, str]]) -> list[str]:
    """The columns of a view; `*` stands for those of what it reads."""
    names: list[str] = []
    for selected in query.selects:
        if selected.is_star:
            names += [column for table in query.find_all(exp.Table) for column in tables.get(_name(table), ())]
        else:
            names.append(selected.alias_or_name)
    return list(dict.fromkeys(names))


def described_by_dbt(table: Table, sources: Iterable[dict]) -> Table:
    """A table of the migrations with what dbt's sources say of its columns, where the migrations say nothing."""
    for source in sources:
        if f"{source['schema']}.{source['name']}" == table.name:
            words = {name: column["description"] for name, column in source["columns"].items()}
            columns = tuple(Described(each.name, each.words or words.get(each.name, ""), each.type) for each in table.columns)
            return replace(table, words=table.words or source["description"], columns=columns)
    return table


# --- what else names a table


@cache
def _texts() -> dict[str, str]:
    paths = (path for folder in ("include", "dags", "benchmarks") for path in sorted((REPOSITORY / folder).rglob("*")) if path.suffix in (".py", ".sql"))
    here = ("include/lineage/project.py", "include/lineage/columns.py")
    found = {path.relative_to(REPOSITORY).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    return {name: text for name, text in found.items() if name not in here and "/migrations/" not in name}


def naming(table: str) -> list[str]:
    """Files of the source that name a table, but for models and migrations."""
    return [name for name, text in _texts().items() if _named(table).search(text)]


def _named(table: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.]){re.escape(table)}(?!\w)")


def guarding(table: str, gates: dict[str, list[Suite]]) -> list[tuple[str, str, Check]]:
    """The expectations that look at a table: gate, suite and check."""
    return [
        (gate, suite.name, check) for gate, suites in gates.items() for suite in suites for check in suite.checks if _named(table).search(_asked(suite, check))
    ]


def _asked(suite: Suite, check: Check) -> str:
    """The SQL of a check; that of its suite's batch is a part of it unless the check has rows of its own."""
    arguments = " ".join(map(str, check.arguments.values()))
    return arguments if "unexpected_rows_query" in check.arguments and "{batch}" not in arguments else f"{arguments} {suite.batch}"


def dags() -> dict[str, str]:
    """What each DAG says of itself."""
    return {path.stem: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in sorted(DAGS.glob("*.py"))}
