"""From a feed's declaration to the SQL that reads its lines. Pure: nothing here touches a file or a database."""

from __future__ import annotations

from pathlib import Path
from string import Template

from include.ingest.declarations import CALL_COLUMNS, Declaration, Field
from include.ingest.receipts import RefusedFile
from include.ingest.stream import LONGEST_LINE, NEVER

SQL = Path(__file__).with_name("sql")

TIMES = ("start_time", "answer_time", "end_time")
OFFSET = r"(Z|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9])$"

MACROS = """
create or replace macro unquoted(field) as
    case when starts_with(field, '"') then replace(field[2:-2], '""', '"') else field end;
"""


def template(name: str) -> Template:
    return Template((SQL / f"{name}.sql").read_text(encoding="utf-8"))


def literal(text: str | None) -> str:
    """An SQL string literal."""
    return "null" if text is None else "'" + text.replace("'", "''") + "'"


def choose_layout(declaration: Declaration, first_line: list[str]) -> tuple[str, ...]:
    """The column names of a file, from its header or, without one, from how many fields its first line has.

    RefusedFile where a required column is missing or no layout has that many fields.
    """
    if declaration.header:
        layout = tuple(name.strip() for name in first_line)
        taken = {source for field in declaration.fields.values() for source in field.sources}
        for name in layout:
            if name in taken and layout.count(name) > 1:
                raise RefusedFile(
                    f"column {name} stands twice in the header: leave one of them out, or name them apart, and send the file again"
                )
        for column, field in declaration.fields.items():
            if field.required and field.default is None and not field.folder and not set(field.sources) & set(layout):
                raise RefusedFile(
                    f"column {' or '.join(field.sources)} is missing from the header ({', '.join(layout)[:300]}): "
                    f"mend the file, or declare where {column} comes from in {declaration.path.name}"
                )
        return layout
    fitting = [layout for layout in declaration.layouts if len(layout) == len(first_line)]
    if not fitting:
        known = " or ".join(str(len(layout)) for layout in declaration.layouts)
        raise RefusedFile(f"line 1 has {len(first_line)} fields, {declaration.path.name} declares {known}: add its layout there")
    return fitting[0]


def unknown_columns(declaration: Declaration, layout: tuple[str, ...]) -> list[str]:
    """Columns of the file that the declaration neither takes nor knows."""
    if not declaration.header:
        return []
    known = {source for field in declaration.fields.values() for source in field.sources} | declaration.ignored
    return [name for name in layout if name not in known]


def parse_lines(
    declaration: Declaration, layout: tuple[str, ...], *, piece: Path, first_line: int, header_lines: int, folder: str | None
) -> str:
    """The statement that makes `parsed` of one piece of a file: every line of it, cast, with its reject reason or none."""
    fields = {column: declaration.fields.get(column, Field()) for column in CALL_COLUMNS}
    named = {column: _value(declaration, layout, field, folder) for column, field in fields.items()}
    start, answer, end = (_instant(declaration, time) for time in TIMES)
    return template("parse_lines").substitute(
        piece=str(piece).replace("'", "''"),
        never=NEVER,
        longest_line=LONGEST_LINE,
        first_line=first_line,
        header_lines=header_lines,
        delimiter=literal(declaration.delimiter),
        quoted_field=literal(_quoted_field(declaration.delimiter)),
        width=len(layout),
        named=",\n        ".join(
            f"{expression} as {column}" for column, expression in named.items()
        ) + "".join(
            f",\n        {_value_as_sent(declaration, layout, field, folder)} as {column}_as_sent" for column, field in fields.items() if field.map
        ),
        reasons="\n        ".join(_reasons(declaration, fields)),
        start_at=start,
        answer_at=answer,
        end_at=end,
        zone_as_sent=(
            f"regexp_extract(start_time, '{OFFSET}', 1)" if declaration.time_format == "iso8601" else literal(declaration.zone)
        ),
    )


def _quoted_field(delimiter: str) -> str:
    """Matches one delimiter and the field behind it, so that a line with a delimiter before it is all matches."""
    class_ = "\\t" if delimiter == "\t" else f"\\{delimiter}"
    return f'{class_}("(?:[^"]|"")*"|[^{class_}"]*)'


def _plain(declaration: Declaration, layout: tuple[str, ...], field: Field) -> str:
    """The value as sent: the first of the field's source columns that the layout has and that is not empty."""
    nulls = ", ".join(literal(token) for token in sorted(declaration.nulls))
    values = [
        f"(case when trim(unquoted(fields[{layout.index(source) + 1}])) not in ({nulls}) "
        f"then trim(unquoted(fields[{layout.index(source) + 1}])) end)"
        for source in field.sources
        if source in layout
    ]
    return f"coalesce({', '.join(values)}, null)" if values else "cast(null as varchar)"


def _value(declaration: Declaration, layout: tuple[str, ...], field: Field, folder: str | None) -> str:
    """The value as we take it: extracted or its default, then mapped."""
    value = _value_as_sent(declaration, layout, field, folder)
    if field.map:
        cases = " ".join(f"when {literal(sent)} then {literal(ours)}" for sent, ours in field.map.items())
        value = f"(case {value} {cases} end)"
    return f"cast({value} as varchar)"


def _value_as_sent(declaration: Declaration, layout: tuple[str, ...], field: Field, folder: str | None) -> str:
    value = literal(folder) if field.folder else _plain(declaration, layout, field)
    if field.extract:
        value = f"nullif(regexp_extract({value}, {literal(field.extract)}, 1), '')"
    if field.default is not None:
        value = f"coalesce({value}, {literal(field.default)})"
    return value


def _instant(declaration: Declaration, column: str) -> str:
    """UTC, as a timestamp without zone; null where the text is no instant."""
    if declaration.time_format == "iso8601":
        return f"cast(case when regexp_matches({column}, '{OFFSET}') then try_cast({column} as timestamptz) end as timestamp)"
    parsed = f"try_strptime({column}, {literal(declaration.time_format)})"
    if declaration.zone is None:
        return f"cast({parsed} as timestamp)"
    return f"cast(timezone({literal(declaration.zone)}, {parsed}) as timestamp)"


def _reasons(declaration: Declaration, fields: dict[str, Field]) -> list[str]:
    """`when … then` branches for values that the declaration requires, maps or gives a form."""
    branches = []
    for column, field in fields.items():
        if field.map:
            allowed = ", ".join(field.map)
            branches.append(_reject(f"{column} is null and {column}_as_sent is not null", column, f"not one of {allowed}: ", f"{column}_as_sent"))
        if field.required:
            branches.append(_reject(f"{column} is null", column, "empty"))
    form = "an ISO 8601 time with offset" if declaration.time_format == "iso8601" else f"a time like {declaration.time_format}"
    for time in TIMES:
        at = time.replace("_time", "_at")
        branches.append(_reject(f"{time} is not null and {at} is null", time, f"not {form}: ", time))
    return branches


def _reject(condition: str, column: str, reason: str, shown: str | None = None) -> str:
    text = literal(reason) + (f" || {shown}" if shown else "")
    return f"when {condition} then struct_pack(field := {literal(column)}, reason := {text})"
