"""From a feed's declaration to the SQL that reads its lines. Pure: nothing here touches a file or a database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from string import Template
from zoneinfo import ZoneInfo

from include.ingest.declarations import (
    CALL_COLUMNS,
    CALL_TIMES,
    EPOCHS,
    PARSERS,
    UNITS,
    Declaration,
    Field,
    Layout,
    Times,
    taken_columns,
)
from include.ingest.receipts import RefusedFile
from include.ingest.stream import NEVER, NEVER_EITHER, NUL
from include.text import literal, literals

SQL = Path(__file__).with_name("sql")

PARQUET = "format parquet, compression zstd, compression_level 1, parquet_version v2, dictionary_size_limit 300, write_bloom_filter false"
"""How calls are written: a third faster than DuckDB's own choice, and a fifth smaller."""

OFFSET = r"(Z|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9])$"
DELIMITER_INSIDE = f"chr({ord(NEVER)})"
"""Stands for a delimiter within a value, while a line is split."""
BROKEN = f"chr({ord(NEVER_EITHER)})"
"""Stands where quotes do not pair; where backslashes escape, for one that is escaped, until the others are gone."""
OF_EVERY_RECORD = ("call_id", "switch_id", "start_time")
"""What also a record that is no finished call must have where it is required."""
CLOCK_MAY_DIFFER_S = 450
"""An id's epoch is taken when the call begins: what differs by more than half a quarter of an hour is another zone."""
LONGEST_MS = 864_000_000_000
"""Ten thousand days: a longer duration is as absurd, and no database could add it."""
DURATIONS_MAY_DIFFER_MS = 2000
"""Switches round, and count from the answer's signal or from the first media."""


@lru_cache
def template(name: str) -> Template:
    return Template((SQL / f"{name}.sql").read_text(encoding="utf-8"))


def macros() -> str:
    """The macros that the statements use, and a declaration's parsers with them."""
    return template("macros").template + "".join(path.read_text(encoding="utf-8") for path in sorted(PARSERS.glob("*.sql")))


def choose_layouts(declaration: Declaration, first_rows: list[list[str]]) -> tuple[Layout, ...]:
    """The layouts of a file: its header's or, without one, those declared. `first_rows` are its header, or its first rows.

    RefusedFile where a required column is missing, or no row has a declared layout.
    """
    if declaration.header:
        return (Layout.of_names(header_columns(declaration, first_rows[0])),)
    if not any(fits(layout, row) for layout in declaration.layouts for row in first_rows):
        known = " or ".join(layout.shape for layout in declaration.layouts)
        raise RefusedFile(
            f"line {declaration.skip_lines + 1} has {len(first_rows[0])} fields, {declaration.path.name} declares {known}: add its layout there"
        )
    return declaration.layouts


def fits(layout: Layout, row: list[str]) -> bool:
    width = len(row) >= layout.width if layout.longer else len(row) == layout.width
    return width and (layout.record is None or row[0].strip() == layout.record)


def header_columns(declaration: Declaration, header: list[str]) -> tuple[str, ...]:
    """The column names of a header. RefusedFile where a required one is missing, or one that is taken stands twice."""
    names = tuple(name.strip() for name in header)
    taken = taken_columns(declaration)
    for name in names:
        if name in taken and names.count(name) > 1:
            raise RefusedFile(f"column {name} stands twice in the header: leave one of them out, or name them apart, and send the file again")
    for column, field in declaration.fields.items():
        sources = [source for link in field.chain for source in link.sources or link.join]
        is_needed = field.in_header or (field.required and field.chain[-1].default is None and not field.folder and not field.file_date)
        if is_needed and not set(sources) & set(names):
            raise RefusedFile(
                f"column {' or '.join(dict.fromkeys(sources))} is missing from the header "
                f"({', '.join(names)[:300]}): mend the file, or declare where {column} comes from in {declaration.path.name}"
            )
    return names


def unknown_columns(declaration: Declaration, columns: tuple[str, ...]) -> list[str]:
    """Columns of a header that the declaration neither takes nor knows."""
    if not declaration.header:
        return []
    known = taken_columns(declaration) | declaration.ignored
    return [name for name in columns if name not in known and not is_title(declaration, name)]


def is_title(declaration: Declaration, name: str) -> bool:
    """Whether a header's cell begins like an ignored one that ends in `*`: it tells something of the file, such as its date."""
    return name.startswith(tuple(ignored[:-1] for ignored in declaration.ignored if ignored.endswith("*")))


def parse_lines(
    declaration: Declaration, layouts: tuple[Layout, ...], *, lines: str, folder: str | None, holds: frozenset[str], usual_offset: str,
    are_quoted_oddly: bool,
) -> str:  # fmt: skip
    """The query for the rows of `lines`, cast, each with its reject reason or none.

    `holds`: which of `stream.LOOKED_FOR` the lines hold. `usual_offset`: how most ISO 8601 times of the file end.
    `are_quoted_oddly`: whether most lines have quotes or delimiters within quotes, so that to look which have takes longer.
    """
    if ("\\" if declaration.quotes == "backslash" else '"') not in holds:
        declaration = replace(declaration, quotes="none")
    pair_all = are_quoted_oddly and declaration.quotes == "strict"
    nulls = sorted(token for token in declaration.nulls | {""} if "\\" in holds or not token.startswith("\\"))
    row = _Row(declaration, layouts, folder, nulls)
    fields = {column: declaration.fields.get(column, Field()) for column in CALL_COLUMNS}
    times = declaration.times
    named = {column: row.value(field) for column, field in fields.items()}
    named |= {f"{column}_as_sent": row.value_to_map(field) for column, field in fields.items() if _maps(field)}
    for column in CALL_TIMES:
        named |= {f"{column}_{key}": row.amount(fields[column], key) for key in ("plus", "minus") if _amounts(fields[column], key)}
    if times.zone_column:
        named["zone_sent"] = row.source(times.zone_column)
        named["zone"] = f"case zone_sent {_cases(times.zone_of)} end"
    if times.minutes_west:
        named["minutes_west"] = row.source(times.minutes_west)
    named["epoch_text"] = row.value(times.epoch) if times.epoch else "cast(null as varchar)"
    named["sequence_text"] = row.value(declaration.sequence) if declaration.sequence else "cast(null as varchar)"
    epoch = "cast(case when regexp_full_match(epoch_text, '[0-9]{9,10}') then epoch_text end as bigint)"
    clock = _Clock(times, fields, usual_offset)
    code_when_answered = fields["sip_code"].when_answered
    return template("parse_lines").substitute(
        lines=lines,
        is_record=f"not regexp_matches(line, {literal(declaration.other_lines)})" if declaration.other_lines else "true",
        paired=_paired(declaration) if pair_all else "cast(null as varchar)",
        plain=_plain(declaration, pair_all),
        matched=_matched(declaration),
        fields=_split(declaration),
        untidy=_untidy(declaration),
        is_marked=f"contains(plain, {DELIMITER_INSIDE})" if _may_be_marked(declaration) else "false",
        layout=_layout(layouts),
        shapes=literal(" or ".join(dict.fromkeys(layout.shape for layout in layouts))),
        nul_bytes=_reject(f"contains(line, chr({ord(NUL)}))", "line", "NUL bytes in the line") if NUL in holds else "",
        broken_quotes=_broken_quotes(declaration),
        named=_columns(named),
        local=_columns(clock.local()),
        instants=_columns({"stated_ms": _milliseconds("talk_time", fields["talk_time"].unit), **clock.instants(epoch)}),
        sip_status=(f"case when answer_at is not null then {int(code_when_answered)} else " if code_when_answered else "")
        + "case when regexp_full_match(sip_code, '[0-9]{3}') then cast(sip_code as integer) end"
        + (" end" if code_when_answered else ""),
        reasons="\n        ".join(_reasons(fields, clock, bool(times.epoch))),
        zone_as_sent=clock.zone_as_sent(),
        epoch_seconds=epoch,
        ambiguous=clock.ambiguous(epoch),
    )


def _columns(named: dict[str, str]) -> str:
    return ",\n        ".join(f"{expression} as {column}" for column, expression in named.items())


def _plain(declaration: Declaration, pair_all: bool) -> str:
    """The expression that makes a line without quotes or backslashes, in which `DELIMITER_INSIDE` stands for a delimiter within a value.

    A line whose quotes do not pair holds `BROKEN`. Null where loose quotes are around a delimiter: that line is split by a pattern.
    """
    if declaration.quotes == "none":
        return "line"
    if pair_all:
        return _without_paired_quotes("paired")
    delimiter = literal(declaration.delimiter)
    if declaration.quotes == "backslash":
        escaped = rf"replace(replace(line, '\\', {BROKEN}), '\' || {delimiter}, {DELIMITER_INSIDE})"
        return rf"case when contains(line, '\') then replace(replace({escaped}, '\', ''), {BROKEN}, '\') else line end"
    if declaration.quotes == "loose":
        inner = f"replace(replace({delimiter} || line || {delimiter}, {delimiter} || '\"', {delimiter}), '\"' || {delimiter}, {delimiter})"
        simple, other = f"replace(({inner})[2:-2], '\"\"', '\"')", "null"
    else:
        simple, other = "replace(line, '\"', '')", _without_paired_quotes(_paired(declaration))
    simple_line = f"regexp_full_match(line, {literal(quoted_simply(declaration))})"
    return f"case when not contains(line, '\"') then line when {simple_line} then {simple} else {other} end"


def _may_be_marked(declaration: Declaration) -> bool:
    """Whether plain lines may hold `DELIMITER_INSIDE`."""
    return declaration.quotes in ("strict", "backslash")


def quoted_simply(declaration: Declaration) -> str:
    """Matches a line with quotes around whole values without delimiters, as most have them."""
    class_ = _class(declaration)
    inside = f'[^"{class_}]*' if declaration.quotes == "strict" else f"[^{class_}]*"
    value = f'(?:"{inside}"|[^"{class_}]*)'
    return f"{value}(?:{class_}{value})*"


def _paired(declaration: Declaration) -> str:
    """The expression for a line, a delimiter before and behind it, without its quotes; one that is marked at its end where a quote is open.

    Every second part between quotes is inside of them. What stands between two quoted values begins and ends with a delimiter;
    between two halves of one, where a quote is doubled, is nothing.
    """
    delimiter = literal(declaration.delimiter)
    part = (
        f"case when part = {delimiter} then (case when place % 2 = 1 then part else {DELIMITER_INSIDE} end) "
        f"when place % 2 = 0 then (case when contains(part, {delimiter}) then replace(part, {delimiter}, {DELIMITER_INSIDE}) else part end) "
        f"when part = '' then '\"' when starts_with(part, {delimiter}) and ends_with(part, {delimiter}) then part else {delimiter} || {BROKEN} || {delimiter} end"
    )
    return f"array_to_string(list_transform(string_split({delimiter} || line || {delimiter}, '\"'), lambda part, place: {part}), '')"


def _without_paired_quotes(paired: str) -> str:
    return f"case when ends_with({paired}, {DELIMITER_INSIDE}) then {BROKEN} else ({paired})[2:-2] end"


def _class(declaration: Declaration) -> str:
    """The delimiter within a pattern."""
    return "\\t" if declaration.delimiter == "\t" else f"\\{declaration.delimiter}"


def quoted_field(declaration: Declaration) -> str:
    """Matches a delimiter and the field behind it, loosely quoted or not: a line with a delimiter before it is all matches."""
    class_ = _class(declaration)
    return f'{class_}("(?:[^"]|"[^{class_}])*"|[^{class_}"]*)'


def _split(declaration: Declaration) -> str:
    """The expression that makes a list of fields of a plain line."""
    split = f"string_split(plain, {literal(declaration.delimiter)})"
    if declaration.quotes == "loose":
        return f"case when plain is not null then {split} else list_transform(matched, lambda field: unquoted(field)) end"
    return split


def _matched(declaration: Declaration) -> str:
    """The expression for the fields, quotes and all, of a line that is split by a pattern."""
    if declaration.quotes != "loose":
        return "cast(null as varchar[])"
    by_pattern = f"regexp_extract_all({literal(declaration.delimiter)} || line, {literal(quoted_field(declaration))}, 1)"
    return f"case when plain is null then {by_pattern} end"


def _untidy(declaration: Declaration) -> str:
    """`when … then false` for a line with blanks around a value: few have, and to look at every value takes twice the time."""
    delimiter = declaration.delimiter
    edges = [f"contains(plain, {literal(edge)})" for edge in (f" {delimiter}", f"{delimiter} ")]
    blanks = f"when contains(plain, ' ') and ({' or '.join(edges)} or starts_with(plain, ' ') or ends_with(plain, ' ')) then false"
    return f"when plain is null then false {blanks}" if declaration.quotes == "loose" else blanks


def _broken_quotes(declaration: Declaration) -> str:
    if declaration.quotes in ("none", "backslash"):
        return ""
    if declaration.quotes == "strict":
        return _reject(f"contains(plain, {BROKEN})", "line", "quotes do not pair")
    whole = "coalesce(list_sum(list_transform(matched, lambda field: length(field))), 0) + len(matched) = length(line) + 1"
    return _reject(f"plain is null and not ({whole})", "line", "quotes do not pair")


def _layout(layouts: tuple[Layout, ...]) -> str:
    """Which of the layouts a row has; null where none fits."""
    cases = ""
    for number, layout in enumerate(layouts):
        width = f"len(fields) {'>=' if layout.longer else '='} {layout.width}"
        record = f" and values[1] = {literal(layout.record)}" if layout.record is not None else ""
        cases += f" when {width}{record} then {number}"
    return f"case{cases} end"


@dataclass(frozen=True)
class _Row:
    """The expressions for what stands in a row."""

    declaration: Declaration
    layouts: tuple[Layout, ...]
    folder: str | None
    nulls: list[str]
    """Texts that stand for no value."""

    def source(self, column: str) -> str:
        """A source column's value; null where it is empty, or not in the row's layout."""
        places = {number: layout.columns[column] for number, layout in enumerate(self.layouts) if column in layout.columns}
        if not places:
            return "cast(null as varchar)"
        if len(places) == len(self.layouts) and len(set(places.values())) == 1:
            sent = f"values[{next(iter(places.values()))}]"
        else:
            sent = "case layout " + " ".join(f"when {number} then values[{place}]" for number, place in places.items()) + " end"
        if _may_be_marked(self.declaration):
            sent = f"case when is_marked then replace({sent}, {DELIMITER_INSIDE}, {literal(self.declaration.delimiter)}) else {sent} end"
        return f"case when {sent} not in ({literals(self.nulls)}) then {sent} end"

    def value_to_map(self, field: Field) -> str:
        """The value that goes into the map."""
        return f"coalesce({', '.join(self._value_as_sent(link) for link in field.chain if link.map)}, null)"

    def _value_as_sent(self, field: Field) -> str:
        """The value before it is mapped."""
        if field.folder:
            value = literal(self.folder)
        elif field.join:
            parts = [self.source(column) for column in field.join]
            value = " || ' ' || ".join(parts)
        else:
            values = [self.source(source) for source in field.sources]
            value = f"coalesce({', '.join(values)}, null)" if values else "cast(null as varchar)"
        if field.parse:
            name, argument = field.parse
            value = f"nullif(parse_{name}({value}, {literal(argument)}), '')"
        if field.access_code:
            outside = rf"^{field.access_code}(\+?1?[2-9][0-9]{{9}}|011[0-9]+)$"
            value = f"coalesce(nullif(regexp_extract({value}, {literal(outside)}, 1), ''), {value})"
        if field.extract:
            value = f"nullif(regexp_extract({value}, {literal(field.extract)}, 1), '')"
        conditions = [f"coalesce({self.source(source)}, '') in ({literals(allowed)})" for source, allowed in field.only_if]
        conditions += [f"coalesce({self.source(source)}, '') not in ({literals(forbidden)})" for source, forbidden in field.unless]
        if conditions:
            value = f"(case when {' and '.join(conditions)} then {value} end)"
        if field.default is not None:
            value = f"coalesce({value}, {literal(field.default)})"
        return value

    def value(self, field: Field) -> str:
        value = f"coalesce({', '.join(map(self._value, field.chain))}, null)" if field.otherwise else self._value(field)
        return f"cast({value} as varchar)"

    def _value(self, field: Field) -> str:
        value = self._value_as_sent(field)
        return f"(case when {value} is not null then case {value} {_cases(field.map)} end end)" if field.map else value

    def amount(self, field: Field, key: str) -> str:
        """The duration that goes with the source that a time is from."""
        column = getattr(field, key)
        own = self.source(column) if column else "'0'"
        if field.otherwise is None:
            return own
        return f"case when {self._value(field)} is not null then {own} else {self.amount(field.otherwise, key)} end"


def _maps(field: Field) -> list[str]:
    """What its maps know."""
    return [sent for link in field.chain if link.map for sent in link.map]


def _amounts(field: Field, key: str) -> list[str]:
    """The columns with a duration that is added to a time, or taken off it."""
    return [getattr(link, key) for link in field.chain if getattr(link, key)]


def _cases(map_: dict[str, str]) -> str:
    """`when … then` branches; `*` stands for every value that is not named."""
    named = " ".join(f"when {literal(sent)} then {literal(ours)}" for sent, ours in map_.items() if sent != "*")
    return (named or "when null then null") + (f" else {literal(map_['*'])}" if "*" in map_ else "")


def _milliseconds(column: str, unit: str) -> str:
    """A duration in a text column, as whole milliseconds; null where it is none."""
    if unit == "h:m:s":
        parts = f"string_split({column}, ':')"
        return (
            f"cast(case when regexp_full_match({column}, '[0-9]{{1,6}}:[0-5]?[0-9]:[0-5]?[0-9]') "
            f"then (cast({parts}[1] as bigint) * 3600 + cast({parts}[2] as bigint) * 60 + cast({parts}[3] as bigint)) * 1000 end as bigint)"
        )
    number = f"case when regexp_full_match({column}, '[0-9]{{1,15}}([.][0-9]+)?') then cast({column} as double) end"
    return f"cast(round({number} * {UNITS[unit]}) as bigint)"


@lru_cache
def days_of_change(zone: str) -> tuple[date, ...]:
    """The local dates, 2000 to 2099, on which a zone's offset changes."""
    known, day, found = ZoneInfo(zone), date(2000, 1, 1), []
    offset = datetime.combine(day, time(), known).utcoffset()
    while day.year < 2100:
        after = datetime.combine(day + timedelta(days=1), time(), known).utcoffset()
        if after != offset:
            found.append(day)
        day, offset = day + timedelta(days=1), after
    return tuple(found)


@dataclass(frozen=True)
class _Clock:
    """The expressions that make instants of the times of a row."""

    times: Times
    fields: dict[str, Field]
    usual_offset: str

    @property
    def has_zone(self) -> bool:
        """Whether times are local, and the zone's, not the file's, to make instants of."""
        return bool(self.times.zone_column) or self.times.zone not in (None, "UTC")

    @property
    def _zone(self) -> str:
        return "zone" if self.times.zone_column else literal(self.times.zone)

    def local(self) -> dict[str, str]:
        """`<time>_local`: as the file says it, still in its own zone; of times that carry their offset, UTC."""
        named = {f"{column}_local": self._as_written(column) for column in CALL_TIMES}
        if self.has_zone:
            zones = {self.times.zone} if self.times.zone else set(self.times.zone_of.values())
            days = sorted({day for zone in zones for day in days_of_change(zone)})
            changes = ", ".join(f"date '{day}'" for day in days) or "null"
            # The two checks are slow, and few days need them.
            for column in CALL_TIMES:
                on_change = f"cast({column}_local as date) in ({changes})"
                named[f"{column}_skipped"] = f"{on_change} and was_skipped({self._zone}, {column}_local)"
                named[f"{column}_twice"] = f"coalesce({on_change} and was_shown_twice({self._zone}, {column}_local), false)"
        return named

    def _as_written(self, column: str) -> str:
        formats = self.times.formats
        if formats == ("iso8601",):
            is_usual = f"ends_with({column}, {literal(self.usual_offset)})"  # known at a glance
            instant = f"case when {is_usual} or regexp_matches({column}, '{OFFSET}') then try_cast({column} as timestamptz) end"
            return f"make_timestamp(epoch_us({instant}))"  # what a cast would do, in a third of the time
        if formats[0] in EPOCHS:
            unit, digits = EPOCHS[formats[0]]
            count = f"case when regexp_full_match({column}, '[0-9]{digits}([.][0-9]{{1,6}})?') then cast({column} as decimal(24, 6)) end"
            return f"make_timestamp(cast({count} * {unit} as bigint))"
        text = column
        for name, offset in self.times.abbreviations.items():
            text = f"replace({text}, {literal(name)}, {literal(offset)})"
        listed = literal(formats[0]) if len(formats) == 1 else f"[{literals(formats)}]"
        local = f"cast(try_strptime({text}, {listed}) as timestamp)"
        if self.times.minutes_west:
            west = "case when regexp_full_match(minutes_west, '-?[0-9]{1,3}') then cast(minutes_west as integer) end"
            return f"{local} + to_minutes({west})"
        return local

    def instants(self, epoch: str) -> dict[str, str]:
        """`start_at`, `answer_at` and `end_at`, UTC without zone; null where the text is no time."""
        if not self.has_zone:
            return {_at(column): self._moved(column, f"{column}_local") for column in CALL_TIMES}
        first = {
            column: f"case when {column}_twice then first_instant({self._zone}, {column}_local) "
            f"else cast(timezone({self._zone}, {column}_local) as timestamp) end"
            for column in CALL_TIMES
        }
        starts, answers, ends = (self._moved(column, first[column]) for column in CALL_TIMES)
        by_epoch = f"abs(epoch({starts}) + 3600 - {epoch}) < {CLOCK_MAY_DIFFER_S}"
        by_talk_time = f"abs(epoch_ms({ends}) - epoch_ms({answers}) - stated_ms - 3600000) <= {DURATIONS_MAY_DIFFER_MS}"
        second = f"case when {epoch} is not null then {by_epoch} else coalesce({by_talk_time}, false) end"
        is_second = {"start_time": f"start_time_twice and {second}"}
        answer_is_of_end = self._source("answer_time") == self._source("end_time")
        # An hour shown twice: its second time where the first would be before what came before, or makes another talk time.
        too_early = f"{ends} < start_at" + (f" or {answers} < start_at" if answer_is_of_end else " or coalesce(answer_at, start_at) > " + ends)
        too_short = f"coalesce(abs(epoch_ms({ends}) + 3600000 - epoch_ms(answer_at) - stated_ms) <= {DURATIONS_MAY_DIFFER_MS}, false)"
        if not answer_is_of_end:
            too_early = f"{too_early} or {too_short}"
        is_second["end_time"] = f"end_time_twice and ({too_early})"
        is_second["answer_time"] = is_second["end_time"] if answer_is_of_end else f"answer_time_twice and {answers} < start_at"
        for column in ("answer_time", "end_time"):
            if self._source(column) == self._source("start_time"):
                is_second[column] = is_second["start_time"]  # one reading of one column
        return {_at(column): self._moved(column, _second_if(is_second[column], first[column])) for column in CALL_TIMES}

    def _source(self, column: str) -> tuple[str, ...]:
        """Where a time is read; its own name where that depends on the row."""
        field = self.fields[column]
        return (column,) if field.otherwise else field.sources or field.join

    def _moved(self, column: str, instant: str) -> str:
        field = self.fields[column]
        plus = f" + to_milliseconds(least({_milliseconds(f'{column}_plus', field.unit)}, {LONGEST_MS}))" if _amounts(field, "plus") else ""
        minus = f" - to_milliseconds(least({_milliseconds(f'{column}_minus', field.unit)}, {LONGEST_MS}))" if _amounts(field, "minus") else ""
        return f"({instant}{plus}{minus})"

    def ambiguous(self, epoch: str) -> str:
        """Whether nothing tells which of two hours a time is of. A talk time tells where one of answer and end is outside of them."""
        if not self.has_zone:
            return "false"
        told = f"{epoch} is not null or (stated_ms is not null and answer_at is not null and answer_time_twice <> end_time_twice)"
        return f"(start_time_twice or end_time_twice) and not ({told})"

    def zone_as_sent(self) -> str:
        if self.times.formats == ("iso8601",):
            usual = literal(self.usual_offset)
            return f"case when ends_with(start_time, {usual}) then {usual} else offset_of(start_time) end"
        if self.times.zone_column:
            return "zone_sent"
        if self.times.minutes_west:
            return "minutes_west || ' minutes west'"
        if self.times.abbreviations:
            return "nullif(regexp_extract(start_time, '([A-Z]{3,4})', 1), '')"
        return literal(self.times.zone or ("UTC" if self.times.formats[0] in EPOCHS else None))


def _second_if(condition: str, first: str) -> str:
    return f"({first} + case when {condition} then interval 1 hour else interval 0 hours end)"


def _at(column: str) -> str:
    return column.replace("_time", "_at")


def _reasons(fields: dict[str, Field], clock: _Clock, has_epoch: bool) -> list[str]:
    """`when … then` branches for values that the declaration requires, maps or gives a form."""
    branches = []
    for column, field in fields.items():
        finished = "" if column in OF_EVERY_RECORD else "is_call and "
        if _maps(field):
            allowed = ", ".join(dict.fromkeys(_maps(field)))
            answered = " and answer_at is null" if field.when_answered else ""
            branches.append(
                _reject(f"{column} is null and {column}_as_sent is not null{answered}", column, f"not one of {allowed}: ", f"{column}_as_sent")
            )
        if field.required:
            answered = " and answer_at is null" if field.when_answered else ""
            branches.append(_reject(f"{finished}{column} is null{answered}", column, "empty"))
    if clock.times.zone_column:
        known = ", ".join(clock.times.zone_of)
        branches.append(_reject("zone is null", "start_time", f"zone not one of {known}: ", "coalesce(zone_sent, 'empty')"))
    for column in CALL_TIMES:
        field = fields[column]
        for key in ("plus", "minus"):
            if _amounts(field, key):
                source, amount = " or ".join(_amounts(field, key)), f"{column}_{key}"
                missing = f"{column} is not null and {_milliseconds(amount, field.unit)} is null"
                branches.append(_reject(missing, column, f"{source} is no duration in {field.unit}: ", f"coalesce({amount}, 'empty')"))
        form = " or ".join(clock.times.formats)
        form = "an ISO 8601 time with offset" if form == "iso8601" else f"a time like {form}"
        branches.append(_reject(f"{column} is not null and {column}_local is null", column, f"not {form}: ", column))
        if clock.has_zone:
            branches.append(_reject(f"{column}_skipped", column, "the clock was put forward over this time: ", column))
    if has_epoch:
        differs = f"abs(epoch(start_at) - cast(epoch_text as bigint)) > {CLOCK_MAY_DIFFER_S}"
        branches.append(_reject(f"regexp_full_match(epoch_text, '[0-9]{{9,10}}') and {differs}", "start_time", CLOCK_DISAGREES, "epoch_text"))
    return branches


CLOCK_DISAGREES = "another time than the epoch in the row's id: "


def _reject(condition: str, column: str, reason: str, shown: str | None = None) -> str:
    text = literal(reason) + (f" || {shown}" if shown else "")
    return f"when {condition} then struct_pack(field := {literal(column)}, reason := {text})"
