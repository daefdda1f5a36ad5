"""Which columns of which tables a select computes each of its columns from: through CTEs, subqueries, unions and stars.

Direct inputs alone: what a row is filtered, joined or grouped by is not among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.schema import MappingSchema

Input = tuple[str, str, str]
"""Schema, table, column; all of them empty where the SQL does not tell whose column it is."""


def known_tables(columns: Mapping[tuple[str, str], list[str]], dialect: str) -> MappingSchema:
    """What stars stand for: the columns of tables, by (schema, table). A table without columns is one of which nothing is known."""
    tables: dict[str, dict[str, dict[str, str]]] = {}
    for (schema, table), names in columns.items():
        if names:
            tables.setdefault(schema, {})[table] = dict.fromkeys(names, "text")
    return MappingSchema(tables, dialect=dialect)


def column_inputs(sql: str, tables: MappingSchema) -> dict[str, set[Input]]:
    """The inputs of every column of a select, by its name. Errors: sqlglot's, of SQL that it cannot read."""
    select = qualify(
        sqlglot.parse_one(sql, read=tables.dialect), dialect=tables.dialect, schema=tables,
        validate_qualify_columns=False, allow_partial_qualification=True, quote_identifiers=False, identify=False,
    )  # fmt: skip
    root = build_scope(select)
    query = _Query({id(scope.expression): scope for scope in root.traverse()}, tables)
    return {name: query.inputs(root, place) for place, name in enumerate(select.named_selects)}


class _Query:
    """A select with everything in it."""

    def __init__(self, scopes: dict[int, Scope], tables: MappingSchema):
        self.scopes = scopes
        """By the identity of their expressions."""
        self.tables = tables
        self.found: dict[tuple[int, int], set[Input]] = {}
        """By scope and place; what is being looked for is there, still empty, so that a recursive CTE ends."""

    def inputs(self, scope: Scope, place: int) -> set[Input]:
        """The inputs of the column at a place of a scope."""
        key = (id(scope), place)
        if key not in self.found:
            self.found[key] = set()
            if scope.set_operation_scopes:
                parts = [self.inputs(part, place) for part in scope.set_operation_scopes]
            elif place < len(scope.expression.selects):
                parts = [self._origin(column) for column in _columns(scope.expression, scope.expression.selects[place])]
            else:
                parts = []
            self.found[key] = set().union(*parts)
        return self.found[key]

    def _origin(self, column: exp.Expression) -> set[Input]:
        """The inputs of a column or, as in `to_jsonb(f)`, of a whole row of a source."""
        source, is_row = self._source(column)
        if source is None:
            return {("", "", column.name)}
        if isinstance(source, exp.Table):
            return {(source.db, source.name, name) for name in (self.tables.column_names(source) if is_row else [column.name])}
        if not isinstance(source.expression, exp.Query):  # rows made of a value: unnest, generate_series
            made_of = (inner for inner in source.expression.find_all(exp.Column) if self._source(inner)[0] is not source)
            return set().union(*map(self._origin, made_of))
        names = source.expression.named_selects
        return set().union(*(self.inputs(source, place) for place, name in enumerate(names) if is_row or name == column.name))

    def _source(self, column: exp.Expression) -> tuple[exp.Expression | Scope | None, bool]:
        """Where a column comes from, and whether it is a whole row of that: the source of its name in its query or in one around it.

        A column without such a name is a source's own name, or else of the only source there is.
        """
        table = column.args.get("table")
        for scope in self._around(column):
            if table:
                if table.name in scope.sources:
                    return scope.sources[table.name], False
            elif column.name in scope.sources:
                return scope.sources[column.name], True
            elif len(scope.sources) == 1:
                return next(iter(scope.sources.values())), False
        return None, False

    def _around(self, column: exp.Expression) -> Iterator[Scope]:
        scope = self.scopes.get(id(column.find_ancestor(exp.Select)))
        while scope is not None:
            yield scope
            scope = scope.parent


def _columns(select: exp.Select, projection: exp.Expression) -> Iterator[exp.Expression]:
    """What a projection is computed from. Of a query within it, what that selects; of a count of rows, what they are grouped by."""
    for column in projection.find_all(exp.Column, exp.TableColumn):
        if _is_selected(column, select):
            yield column
    if any(isinstance(count.this, exp.Star) for count in projection.find_all(exp.Count)) and select.args.get("group"):
        yield from select.args["group"].find_all(exp.Column)


def _is_selected(column: exp.Expression, select: exp.Select) -> bool:
    """Whether every query between a column and `select` has it in what it selects, and not in a condition."""
    part = column
    while (around := part.parent) is not None and around is not select:
        if isinstance(around, exp.Select) and part.arg_key != "expressions":
            return False
        part = around
    return True
