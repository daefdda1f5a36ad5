"""Which columns a column is made of: from a field of a landing file, through both engines, to a column of a mart.

Pure: it is given the compiled SQL of models, the columns of what they read, the catalogue of metrics and the feeds' declarations,
and gives for each column those it comes from directly. Three things are not columns of a table and are treated as some:

- `ROWS`, which rows there are. `count(*)` has no other lineage than that: the rows of what is read, and the columns that filter,
  join and group them.
- A metric, in the long table of metrics: `max(value) filter (where metric = 'asr')` comes from `party_metrics_daily.asr`, and that
  from the facts which the catalogue names as its numerator and denominator.
- What a landing file says without a field: `FILE`, its bytes, its lines and where it lies; `FOLDER`; `DECLARED`, what its feed's declaration says.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.schema import MappingSchema

from include.ingest.declarations import CALL_TIMES, Declaration, Field, sources_of, taken_columns

ROWS = "(rows)"
FILE = "(file)"
FOLDER = "(folder)"
DECLARED = "(declaration)"

METRICS, FACTS = "intermediate.party_metrics_daily", "intermediate.party_facts_daily"
"""The long table of metrics, and what it is made of."""


class Column(NamedTuple):
    """A column of a table `schema.name`, or a field of a feed `kind/name`."""

    table: str
    name: str


@dataclass(frozen=True)
class Query:
    """A model's compiled SQL. `dialect`: duckdb or postgres."""

    table: str
    dialect: str
    sql: str


Parents = dict[Column, frozenset[Column]]


@dataclass(frozen=True)
class Lineage:
    """What each column comes from directly. What it lacks was brought in from outside; what comes from nothing is said by the run."""

    parents: Parents

    @cached_property
    def children(self) -> Parents:
        found: defaultdict[Column, set[Column]] = defaultdict(set)
        for column, parents in self.parents.items():
            for parent in parents:
                found[parent].add(column)
        return {column: frozenset(children) for column, children in found.items()}

    def ancestors(self, column: Column) -> set[Column]:
        """Everything that it comes from, however far back."""
        found: set[Column] = set()
        ahead = [column]
        while ahead:
            new = self.parents.get(ahead.pop(), frozenset()) - found
            found |= new
            ahead += new
        return found


def joined(queries: Iterable[Query], columns: Mapping[str, Iterable[str]], metrics: Iterable[dict[str, str]], feeds: Iterable[Declaration]) -> Lineage:
    """The lineage of all: `columns` has those of every table that a query reads, `metrics` the rows of the catalogue."""
    parents: Parents = {}
    tables = {dialect: known_tables(columns, dialect) for dialect in ("duckdb", "postgres")}
    for query in queries:
        parents |= of_query(query.table, query.sql, tables[query.dialect])
    of_rows = of_metrics(metrics)
    parents = by_metric(parents, of_rows) | of_rows
    brought: defaultdict[Column, frozenset[Column]] = defaultdict(frozenset)
    for declaration in feeds:
        for column, fields in of_feed(declaration, columns).items():
            brought[column] |= fields
    return Lineage(parents | brought)


def of_metrics(metrics: Iterable[dict[str, str]]) -> Parents:
    """Each metric of the long table, and the facts that are divided or counted."""
    return {
        Column(METRICS, metric["metric"]): frozenset(Column(FACTS, fact) for fact in (metric["numerator"], metric["denominator"]) if fact)
        for metric in metrics
    }


def by_metric(parents: Parents, of_rows: Parents) -> Parents:
    """The same, where the long table looks facts up by name, in a whole row of them: there it comes from every metric."""
    whole_row = Column(FACTS, ROWS)
    looking_up = {column for column, found in parents.items() if column.table == METRICS and column.name != ROWS and whole_row in found}
    return parents | {column: parents[column] - {whole_row} | frozenset(of_rows) for column in looking_up}


# --- a model's SQL


def known_tables(columns: Mapping[str, Iterable[str]], dialect: str) -> MappingSchema:
    """The columns of tables `schema.name`, for `of_query`: what a star stands for. Made once for many queries, as it takes longer than one."""
    known: dict[str, dict[str, dict[str, str]]] = {}
    for table, names in columns.items():
        schema, _, name = table.partition(".")
        known.setdefault(schema, {})[name] = dict.fromkeys(names, "text") or {ROWS: "text"}  # sqlglot takes no table without a column
    return MappingSchema(known, dialect=dialect)


def of_query(table: str, sql: str, tables: MappingSchema) -> Parents:
    """What each column of the query that fills a table, and its rows, come from. Errors: sqlglot's, for SQL that it cannot read."""
    tree = sqlglot.parse_one(sql, dialect=tables.dialect).transform(_as_model, copy=False)
    qualified = qualify(
        tree, dialect=tables.dialect, schema=tables,
        validate_qualify_columns=False, allow_partial_qualification=True, quote_identifiers=False, identify=False,
    )  # fmt: skip
    read = _Reading(build_scope(qualified), tables)
    found = {Column(table, name): read.output(read.root, name) for name in read.root.expression.named_selects}
    return found | {Column(table, ROWS): read.rows(read.root)}


def _as_model(node: exp.Expression) -> exp.Expression:
    """A table by schema and name alone; and a model that looks back reads files of the lake: they are those of a model."""
    if not isinstance(node, exp.Table):
        return node
    node.set("catalog", None)
    if isinstance(node.this, exp.ReadParquet):
        daily = re.search(r"/daily/(\w+)/", node.this.expressions[0].name)
        if daily:
            return exp.table_(daily[1], db="lake", alias=node.alias or None)
    return node


READ = (exp.Column, exp.TableColumn)
"""What reads a source: one of its columns, or (`to_jsonb(f)`) its whole row."""


class _Reading:
    """One query, its scopes, and what was found of them."""

    def __init__(self, root: Scope, tables: MappingSchema):
        self.root = root
        self.tables = tables
        self.scopes = {id(scope.expression): scope for scope in root.traverse()}
        self.outputs: dict[tuple[int, str], frozenset[Column]] = {}
        self.rows_of: dict[int, frozenset[Column]] = {}

    def output(self, scope: Scope, name: str) -> frozenset[Column]:
        """Of a column that a scope gives."""
        key = (id(scope), name)
        if key not in self.outputs:
            self.outputs[key] = frozenset()  # of a scope that reads itself
            self.outputs[key] = frozenset(self._output(scope, name))
        return self.outputs[key]

    def _output(self, scope: Scope, name: str) -> Iterator[Column]:
        expression = scope.expression
        if scope.set_operation_scopes:
            position = expression.named_selects.index(name)
            for part in scope.set_operation_scopes:
                yield from self.output(part, part.expression.named_selects[position])
        elif isinstance(expression, exp.Select):
            for selected in expression.selects:
                if selected.alias_or_name == name:
                    yield from self.inputs(selected, scope)
        else:  # unnest, lateral, values
            yield from self.inputs(expression, scope)

    def inputs(self, expression: exp.Expression, scope: Scope) -> Iterator[Column]:
        """Of a value: the columns in it, those of its sub-queries among them; and the rows, where it counts them, asks whether one was
        found (`… is null`, of a join) or has no column."""
        columns = list(expression.find_all(*READ))
        for column in columns:
            yield from self.of_column(column, scope)
            if isinstance(column.parent, exp.Is):
                yield from self.rows_of_source(self.source(column, scope)[0])
        if not columns or expression.find(exp.Count):
            yield from self.rows(scope)

    def of_column(self, column: exp.Column | exp.TableColumn, scope: Scope) -> Iterator[Column]:
        """Of a column where it stands: what its source has under that name."""
        if metric := _pinned_metric(column):
            yield from (Column(METRICS, metric) if found.table == METRICS else found for found in self._named(column, scope))
        else:
            yield from self._named(column, scope)

    def _named(self, column: exp.Column | exp.TableColumn, scope: Scope) -> Iterator[Column]:
        source, inner = self.source(column, scope)
        if isinstance(source, Scope):
            is_row = isinstance(column, exp.TableColumn) and isinstance(source.expression, exp.Query)
            for each in source.expression.named_selects if is_row else [column.name]:
                yield from self.output(source, each)
        elif isinstance(source, exp.Table) and source.db:
            yield Column(_table(source), ROWS if isinstance(column, exp.TableColumn) else column.name)
        elif isinstance(source, exp.Table):  # a function that gives rows
            for argument in source.this.find_all(*READ):
                yield from self.of_column(argument, inner)

    def source(self, column: exp.Column | exp.TableColumn, scope: Scope) -> tuple[Scope | exp.Table | None, Scope]:
        """What a column is read from, and the scope that reads it: that of the select around it, or one further out. What no known table
        has is a column of the only table that there is, where nothing is known of that."""
        inner = self.scopes.get(id(column.parent_select), scope)
        only = list(inner.sources.values()) if not column.text("table") else []
        name = column.text("table") or column.name
        while name not in inner.sources and inner.parent is not None:
            inner = inner.parent
        if name not in inner.sources and len(only) == 1 and isinstance(only[0], exp.Table) and set(self.tables.column_names(only[0])) <= {ROWS}:
            return only[0], inner
        return inner.sources.get(name), inner

    def rows_of_source(self, source: Scope | exp.Table | None) -> Iterator[Column]:
        if isinstance(source, Scope):
            yield from self.rows(source)
        elif source is not None and source.db:
            yield Column(_table(source), ROWS)

    def rows(self, scope: Scope) -> frozenset[Column]:
        """Which rows a scope gives: those of its sources, and every column that filters, joins or groups them."""
        if id(scope) not in self.rows_of:
            self.rows_of[id(scope)] = frozenset()
            self.rows_of[id(scope)] = frozenset(self._rows(scope))
        return self.rows_of[id(scope)]

    def _rows(self, scope: Scope) -> Iterator[Column]:
        for part in scope.set_operation_scopes or ():
            yield from self.rows(part)
        if not isinstance(scope.expression, exp.Select):
            return
        for _, source in scope.selected_sources.values():
            yield from self.rows_of_source(source)
        select = scope.expression
        conditions = [select.args.get(part) for part in ("where", "group", "having", "qualify", "distinct")]
        conditions += [join.args.get("on") for join in select.args.get("joins") or ()]
        for condition in filter(None, conditions):
            for column in condition.find_all(*READ):
                yield from self.of_column(column, scope)


def _table(table: exp.Table) -> str:
    return f"{table.db}.{table.name}"


def _pinned_metric(column: exp.Column | exp.TableColumn) -> str | None:
    """The metric of a `… filter (where metric = 'name')` that the column stands in, if any."""
    filtered = column.find_ancestor(exp.Filter)
    condition = filtered.expression.this if filtered else None
    if isinstance(condition, exp.EQ) and condition.this.name == "metric" and isinstance(condition.expression, exp.Literal):
        return condition.expression.name
    return None


# --- a feed's declaration

OF_CALLS = {
    "start_at": ("start_time",),
    "start_ms": ("start_time",),
    "service_date": ("start_time",),
    "answer_at": ("answer_time",),
    "answer_ms": ("answer_time",),
    "end_at": ("end_time",),
    "end_ms": ("end_time",),
    "zone_as_sent": CALL_TIMES,
    "stated_ms": ("talk_time",),
    "calling_raw": ("calling_number",),
    "calling_class": ("calling_number",),
    "asserted_raw": ("asserted_number",),
    "called_raw": ("called_number",),
    "called_class": ("called_number",),
    "flags": (*CALL_TIMES, "talk_time", "calling_number"),
    "key_hash": ("switch_id", "call_id", "attempt", "record_kind"),
}
OF_EVIDENCE = {
    "service_date": ("received_at",),
    "zone_as_sent": ("call_at", "received_at"),
    "zone_assumed": ("call_at", "received_at"),
    "call_time_known": ("call_at",),
    "call_precision_seconds": ("call_at",),
    "call_quality": ("call_at", "received_at"),
    "calling_raw": ("calling_number",),
    "calling_class": ("calling_number",),
    "called_raw": ("called_number",),
    "callback_raw": ("callback_number",),
}
LOADED = {
    "cdr": ("raw_lake.calls", OF_CALLS),
    "complaints": ("raw_lake.complaints", OF_EVIDENCE),
    "tracebacks": ("raw_lake.notices", OF_EVIDENCE),
    "manifest": ("raw_lake.manifests", {}),
}
"""Where a kind of feed is loaded, and which of the declared columns make one of the lake's that has another name."""
OF_EVERY_FILE = ("raw_lake.receipts", "raw_lake.arrivals")


def of_feed(declaration: Declaration, columns: Mapping[str, Iterable[str]]) -> Parents:
    """The lake's columns that a feed fills, and from which fields of its files."""
    table, of_kind = LOADED.get(declaration.kind, (f"raw_lake.reference_{declaration.name}", {}))
    found = {}
    for name in columns[table]:
        fields = frozenset(field for column in of_kind.get(name, (name,)) for field in _fields(declaration, column))
        if name in ("receipt_id", "source_line", "feed"):
            fields = frozenset([FILE])
        elif (table, name) == ("raw_lake.complaints", "source"):
            fields = frozenset([DECLARED])
        elif name == "complaint_id" and not fields:
            fields = frozenset(taken_columns(declaration))
        if fields:
            found[Column(table, name)] = fields
    if declaration.kind == "cdr":
        begun = columns["raw_lake.open_records"]
        found |= {Column("raw_lake.open_records", name): found[Column(table, name)] for name in begun if Column(table, name) in found}
        found[Column("raw_lake.open_records", "record_kind")] = frozenset(_fields(declaration, "record_kind")) or frozenset([DECLARED])
        found |= {Column("raw_lake.superseded", name): frozenset([FILE]) for name in (*columns["raw_lake.superseded"], ROWS)}
        found[Column("raw_lake.open_records", ROWS)] = frozenset([FILE])
    if declaration.delivery:
        found |= {Column("raw_lake.deliveries", name): frozenset([DECLARED]) for name in (*columns["raw_lake.deliveries"], ROWS)}
    found |= {Column(every, name): frozenset([FILE]) for every in OF_EVERY_FILE for name in (*columns[every], ROWS)}
    found[Column(table, ROWS)] = frozenset([FILE])
    return {column: frozenset(Column(declaration.feed, field) for field in fields) for column, fields in found.items()}


def _fields(declaration: Declaration, column: str) -> Iterator[str]:
    """The source fields that a declared column looks at, what stands in for it among them."""
    declared = declaration.fields.get(column)
    if declared is None:
        return
    for link in declared.chain:
        yield from sources_of(link)
        if link.folder:
            yield FOLDER
        if link.default is not None:
            yield DECLARED
    if column in CALL_TIMES:
        yield from filter(None, (declaration.times.zone_column, declaration.times.minutes_west))


def declared_of(declaration: Declaration) -> dict[str, dict[str, Field]]:
    """The other way round: each source field, and the declared columns that look at it."""
    found: defaultdict[str, dict[str, Field]] = defaultdict(dict)
    for column, declared in declaration.fields.items():
        for field in _fields(declaration, column):
            found[field][column] = declared
    return dict(found)
