"""Small feeds: a CSV, JSON or XML file as a data frame of typed columns, every row with its line, every reject with its reason.

For complaints, notices and reference data: thousands of rows, not millions. Calls go through `calls.py`.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pandas as pd
import pyarrow as pa

from include.ingest import xml_rows
from include.ingest.call_sql import OFFSET, choose_layouts, fits, header_columns, is_title, unknown_columns
from include.ingest.declarations import EPOCHS, Declaration, taken_columns
from include.ingest.landing import LandingFile
from include.ingest.numbers import classify
from include.ingest.receipts import RefusedFile, RejectedRow
from include.ingest.stream import BYTE_ORDER_MARK, REPLACEMENT, refuse_bomb, refuse_other_kinds
from include.lake import tables

LINE = "source_line"
ISO_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?" + OFFSET
DATE_ALONE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME_OF_DAY = r"^(0?[1-9]|1[0-2])(?::([0-5][0-9]))?\s*([AaPp])\.?\s?[Mm]\.?$"
MOMENT = "datetime64[us]"
"""Of every year that can be written with four digits; in nanoseconds there are but those from 1677 to 2262."""
UNPACKED_MAY_BE = 2**28
"""Bytes: a small feed's file is held in memory whole."""
LABELS_NOTED = 20
"""At most so many of a column, the commonest."""


@dataclass
class Records:
    """A parsed file: `rows` has our columns, typed, and `source_line`; `as_sent` the same rows' text before casting."""

    digest: str
    rows_read: int
    rows: pd.DataFrame
    as_sent: pd.DataFrame
    rejected: list[RejectedRow]
    raw: dict[int, str]
    """Each row as it lies in the file, by its line."""
    notes: dict = field(default_factory=dict)

    def reject(self, which: pd.Series, column: str, reason: str) -> None:
        """Move rows from the accepted to the rejected."""
        self.rejected += [RejectedRow(int(line), column, reason, self.raw[line]) for line in self.rows.loc[which, LINE]]
        self.keep(~which)

    def keep(self, which: pd.Series) -> None:
        self.rows, self.as_sent = self.rows[which], self.as_sent[which]


def read(file: LandingFile, declaration: Declaration, columns: list[tuple[str, pa.DataType]]) -> Records:
    """Read a file by its declaration; `columns` are our columns and their types. RefusedFile where it cannot be read."""
    packed = file.path.read_bytes()
    raw, notes = _unpacked(packed), {}
    if declaration.row_element:
        rows, layout, rejected = _xml_rows(raw, declaration.row_element, notes)
    else:
        text = _text(raw, declaration.encoding, notes)
        is_json = text.lstrip()[:1] in ("{", "[")
        rows, layout, rejected = _json_rows(text, declaration, notes) if is_json else _csv_rows(text, declaration)
    read_count = len(rows) + len(rejected)
    extra = unknown_columns(declaration, layout)
    if extra:
        notes["unknown_columns"] = extra
    as_sent = pd.DataFrame([fields for _, fields, _ in rows], columns=list(layout), dtype="object")
    frame, reasons = _typed(as_sent, declaration, dict(columns), file, notes)
    frame[LINE] = [line for line, _, _ in rows]
    for position, (column, reason) in reasons.items():
        line, _, raw = rows[position]
        rejected.append(RejectedRow(line, column, reason, raw))
    accepted = ~frame.index.isin(list(reasons))
    raws = {line: raw for line, _, raw in rows}
    records = Records(sha256(packed).hexdigest(), read_count, frame[accepted], as_sent[accepted], rejected, raws, notes)
    if declaration.key:
        _reject_repeated_keys(records, list(declaration.key))
    return records


def _unpacked(packed: bytes) -> bytes:
    if not packed.startswith(b"\x1f\x8b"):
        return packed
    unpacked = bytearray()
    try:
        with gzip.open(io.BytesIO(packed)) as file:
            while piece := file.read(2**24):
                unpacked += piece
                refuse_bomb(len(packed), len(unpacked), UNPACKED_MAY_BE)
        return bytes(unpacked)
    except (EOFError, OSError, zlib.error) as error:
        raise RefusedFile(f"the file cannot be unpacked to its end ({error}): send it again") from error


def _text(raw: bytes, encoding: str, notes: dict) -> str:
    refuse_other_kinds(raw)
    text = raw.removeprefix(BYTE_ORDER_MARK).decode(encoding, "replace").replace("\x00", REPLACEMENT)
    there_already = raw.count(REPLACEMENT.encode()) if encoding.lower() == "utf-8" else 0
    if not text.strip():
        raise RefusedFile("the file is empty: a day without rows is a file with a header and no rows")
    replaced = text.count(REPLACEMENT) - there_already
    if replaced:
        notes["replaced_bytes"] = replaced
    return text


Row = tuple[int, list[str | None], str]
"""Line, fields, and the row as it lies in the file."""


def _csv_rows(text: str, declaration: Declaration) -> tuple[list[Row], tuple[str, ...], list[RejectedRow]]:
    """Rows with the physical line they begin on; a record may span lines."""
    layout: tuple[str, ...] | None = None
    fewest = 0
    rows: list[Row] = []
    rejected: list[RejectedRow] = []
    records = _records(text, declaration)
    for line, fields, raw, problem in records:
        if layout is None:
            layout = _columns_of(declaration, fields)
            fewest = _without_titles(declaration, layout)
            if declaration.header:
                list(itertools.islice(records, declaration.type_lines))
                continue
        if problem:
            rejected.append(RejectedRow(line, "line", problem, raw))
        elif not fewest <= len(fields) <= len(layout):
            rejected.append(RejectedRow(line, "line", f"{len(fields)} fields where the layout has {len(layout)}", raw))
        else:
            rows.append((line, fields + [None] * (len(layout) - len(fields)), raw))
    if layout is None:
        raise RefusedFile(f"the file ends before its header, which {declaration.path.name} expects in line {declaration.skip_lines + 1}")
    return rows, layout, rejected


def _columns_of(declaration: Declaration, first_row: list[str]) -> tuple[str, ...]:
    """The columns' names, from the header or, without one, from the layout that the first row fits."""
    if declaration.header:
        return header_columns(declaration, first_row)
    return next(tuple(layout.columns) for layout in choose_layouts(declaration, [first_row]) if fits(layout, first_row))


def _without_titles(declaration: Declaration, layout: tuple[str, ...]) -> int:
    """How many columns there are before the titles at a header's end, below which rows need have no field."""
    titles = itertools.takewhile(lambda name: is_title(declaration, name), reversed(layout))
    return len(layout) - len(list(titles))


def _records(text: str, declaration: Declaration) -> Iterator[tuple[int, list[str], str, str | None]]:
    """(first physical line, fields, text, problem) of each record; blank lines are no records."""
    lines = list(io.StringIO(text, newline=""))
    at = declaration.skip_lines
    while at < len(lines):
        reader = csv.reader(itertools.islice(lines, at, None), delimiter=declaration.delimiter, strict=True)
        begin = at
        try:
            for fields in reader:
                end = at + reader.line_num
                if fields:
                    yield begin + 1, fields, "".join(lines[begin:end]).rstrip("\r\n"), None
                begin = end
            return
        except csv.Error as error:
            # An unpaired quote runs on through good rows until it meets another: only its own line is at fault.
            yield begin + 1, [], lines[begin].rstrip("\r\n"), f"not valid CSV: {error}"
            at = begin + 1


def _json_rows(text: str, declaration: Declaration, notes: dict) -> tuple[list[Row], tuple[str, ...], list[RejectedRow]]:
    """One object, or an array of objects; each with the line it begins on or, where two share a line, with its number."""
    found = list(_json_values(text))
    if declaration.rows and text.lstrip().startswith("{"):
        found = _rows_within(found[0][1], declaration, notes)
    nested = {name.partition(".")[0] for name in taken_columns(declaration) if "." in name}
    found = [(line, _flat(value, nested) if isinstance(value, dict) else value, raw) for line, value, raw in found]
    values = _told_apart(found, notes)
    rejected = [RejectedRow(line, "line", "not a JSON object", raw) for line, value, raw in values if not isinstance(value, dict)]
    objects = [(line, value, raw) for line, value, raw in values if isinstance(value, dict)]
    layout = tuple(dict.fromkeys(name for _, value, _ in objects for name in value))
    rows = [(line, [_json_text(value.get(name)) for name in layout], raw) for line, value, raw in objects]
    return rows, tuple(_storable(name) for name in layout), rejected


def _rows_within(page: dict, declaration: Declaration, notes: dict) -> list[tuple[int, Any, str]]:
    """The rows that stand in an object, each with its text, all in its line; how many the object says there are is noted."""
    rows = _at(page, declaration.rows)
    if not isinstance(rows, list):
        said = json.dumps(page)[:200]
        raise RefusedFile(f"the JSON object has no array {declaration.rows!r}, and may be an error message: fetch it again. It says {said}")
    total = _at(page, declaration.total) if declaration.total else None
    if isinstance(total, int):
        notes["rows_on_all_pages"] = total
    return [(1, row, json.dumps(row)) for row in rows]


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _flat(row: dict, nested: set[str]) -> dict:
    """The row with what stands in its `nested` objects beside the rest, under names with a dot."""
    flat: dict = {}
    for name, value in row.items():
        inside = isinstance(value, dict) and name in nested
        flat |= {f"{name}.{inner}": of_it for inner, of_it in value.items()} if inside else {name: value}
    return flat


def _xml_rows(raw: bytes, element: str, notes: dict) -> tuple[list[Row], tuple[str, ...], list[RejectedRow]]:
    found = _told_apart(xml_rows.read(raw, element), notes)
    layout = tuple(dict.fromkeys(name for _, texts, _ in found for name in texts))
    return [(line, [texts.get(name) for name in layout], as_it_lies) for line, texts, as_it_lies in found], layout, []


def _told_apart(found: list[tuple[int, Any, str]], notes: dict) -> list[tuple[int, Any, str]]:
    """The same (line, value, text) or, where two values share a line, with the number of each as its line."""
    if len({line for line, _, _ in found}) == len(found):
        return found
    notes["lines"] = "objects share lines: the line of a row is the number of its object"
    return [(number, value, raw) for number, (_, value, raw) in enumerate(found, start=1)]


def _json_values(text: str) -> Iterator[tuple[int, Any, str]]:
    """(line, value, text) of the one value, or of each value of the array."""
    decoder = json.JSONDecoder()
    space = re.compile(r"\s*")

    def next_at(position: int) -> int:
        return space.match(text, position).end()

    position = next_at(0)
    array = text[position] == "["
    try:
        position = next_at(position + 1) if array else position
        if not (array and text[position : position + 1] == "]"):
            while True:
                value, end = decoder.raw_decode(text, position)
                yield text.count("\n", 0, position) + 1, value, text[position:end]
                position = next_at(end)
                if not array or text[position : position + 1] == "]":
                    break
                if text[position : position + 1] != ",":
                    raise json.JSONDecodeError("the array does not go on with a comma or end with ]", text, position)
                position = next_at(position + 1)
    except json.JSONDecodeError as error:
        raise RefusedFile(f"not valid JSON in line {error.lineno}: {error.msg}; send the file again, whole") from error
    except RecursionError as error:
        raise RefusedFile("not valid JSON: nested too deeply; send the file again, whole") from error
    except ValueError as error:  # a whole number of thousands of digits
        raise RefusedFile(f"not JSON that can be read ({error}): send the file again, whole") from error
    position = next_at(position + 1) if array else position
    if position < len(text):
        line = text.count("\n", 0, position) + 1
        raise RefusedFile(f"more text after the end of the JSON value in line {line}: send one object, or one array of objects")


def _json_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value if value is None else _storable(value)
    return json.dumps(value)


def _storable(text: str) -> str:
    """Without what JSON can spell and no database can hold: NUL and halves of surrogate pairs."""
    return text.replace("\x00", REPLACEMENT).encode("utf-8", "replace").decode()


def _typed(
    as_sent: pd.DataFrame, declaration: Declaration, types: dict[str, pa.DataType], file: LandingFile, notes: dict
) -> tuple[pd.DataFrame, dict[int, tuple[str, str]]]:
    """Our columns, cast, and for each row that cannot be taken the first field at fault and why."""
    frame = pd.DataFrame(index=as_sent.index)
    reasons: dict[int, tuple[str, str]] = {}

    def fault(which: pd.Series, column: str, reason: str, values: pd.Series | None = None) -> None:
        for position in which[which].index:
            reasons.setdefault(position, (column, reason + (f": {values[position]}" if values is not None else "")))

    for column, spec in declaration.fields.items():
        value = _first_sent(as_sent, spec.sources, declaration)
        if spec.file_date and file.dated_on:
            value = value.fillna(file.dated_on.isoformat())
        if spec.extract:
            value = value.str.extract(spec.extract, expand=False)
        if spec.default is not None:
            value = value.fillna(spec.default)
        if spec.pad:
            value = value.str.zfill(spec.pad)
        if spec.required:
            fault(value.isna(), column, "empty")
        for labels, others_will_do in ((spec.map, "*" in (spec.map or ())), (spec.one_of, False), (spec.known, True)):
            if labels is None:
                continue
            value = squeezed(value)
            unknown = value.notna() & ~value.isin(list(labels))
            if not others_will_do:
                fault(unknown, column, f"not one of {', '.join(labels)}", value)
            elif unknown.any():
                notes.setdefault("unknown_labels", {})[column] = value[unknown].value_counts().head(LABELS_NOTED).to_dict()
        if spec.map:
            value = value.map(lambda text, map=spec.map: map.get(text, map.get("*")), na_action="ignore").astype("object")
        if spec.number_or_prefix:
            plain = value.map(number_or_prefix, na_action="ignore").astype("object")
            fault(value.notna() & plain.isna(), column, "neither a telephone number nor a prefix ending in *", value)
            value = plain
        hours = _hours(_first_sent(as_sent, spec.time_of_day, declaration), notes) if spec.time_of_day else None
        cast, form = _cast(value, types.get(column, tables.TEXT), declaration, spec.date_only, hours)
        fault(value.notna() & cast.isna(), column, f"not {form}", value)
        frame[column] = cast
        if types.get(column) == tables.INSTANT:
            frame[f"{column}_as_sent"] = value
    return frame, reasons


def _first_sent(as_sent: pd.DataFrame, sources: tuple[str, ...], declaration: Declaration) -> pd.Series:
    """Of each row, what the first of these columns says that the layout has and that is not empty."""
    value = pd.Series(None, index=as_sent.index, dtype="object")
    for source in reversed([source for source in sources if source in as_sent]):
        sent = as_sent[source].map(lambda text: _clean(text, declaration))
        value = sent.where(sent.notna(), value)
    return value


def squeezed(texts: pd.Series) -> pd.Series:
    """With one blank where there are several."""
    return texts.str.replace(r"\s+", " ", regex=True)


def _hours(prose: pd.Series, notes: dict) -> pd.Series:
    """How long after midnight `1:00 pm`, `2:30 p.m.` or `7 am` is; none where nothing is said, or nothing that can be read."""
    parts = prose.str.extract(TIME_OF_DAY)
    hour, minute = pd.to_numeric(parts[0]) % 12, pd.to_numeric(parts[1]).fillna(0)
    unread = int((prose.notna() & hour.isna()).sum())
    if unread:
        notes["unread_times_of_day"] = unread
    return pd.to_timedelta((hour + 12 * (parts[2].str.lower() == "p")) * 60 + minute, unit="min").fillna(pd.Timedelta(0))


def _clean(text: str | None, declaration: Declaration) -> str | None:
    if text is None or text.strip() in declaration.nulls:
        return None
    text = text.strip()
    if declaration.guard and text.startswith(declaration.guard) and text[1:2] in tuple("@+-="):
        text = text[1:]
    return text


def _cast(
    value: pd.Series, type_: pa.DataType, declaration: Declaration, date_only: bool, hours: pd.Series | None
) -> tuple[pd.Series, str]:
    """The column in its type, null where the text is none, and what the type is called in a reject's reason."""
    if type_ == tables.BOOL:
        return value.str.lower().map({"true": True, "false": False}), "true or false"
    if type_ in (tables.INT, tables.BIGINT):
        digits = 9 if type_ == tables.INT else 18
        whole = value.where(value.str.fullmatch(rf"[0-9]{{1,{digits}}}", na=False))
        return whole.map(int, na_action="ignore"), f"a whole number of at most {digits} digits"
    if type_ == tables.DATE:
        format_ = "%Y-%m-%d" if declaration.times.formats[0] == "iso8601" else declaration.times.formats[0]
        return _past_century(pd.to_datetime(value, format=format_, errors="coerce"), format_).dt.date.astype("object"), f"a date like {format_}"
    if type_ == tables.INSTANT:
        return _instants(value, declaration, date_only, hours)
    return value, "text"


def _past_century(dates: pd.Series, format_: str) -> pd.Series:
    """Two-digit years that would lie in the future belong to the century before."""
    if "%y" not in format_:
        return dates
    future = dates > pd.Timestamp(datetime.now(UTC).date())
    return dates.where(~future, dates - pd.DateOffset(years=100))


def _instants(value: pd.Series, declaration: Declaration, date_only: bool, hours: pd.Series | None) -> tuple[pd.Series, str]:
    """UTC, without zone. Times without an offset are read in the declared zone; of an hour that comes twice, the first.

    A date alone, where it will do, is its midnight UTC. `hours` are added to what the clock in that zone showed.
    """
    formats = declaration.times.formats
    if formats[0] == "iso8601":
        form = f"{ISO_TIME}|{DATE_ALONE}" if date_only else ISO_TIME
        parsed = pd.to_datetime(value.where(value.str.fullmatch(form, na=False)), format="ISO8601", utc=True, errors="coerce")
        return parsed.dt.tz_localize(None), "an ISO 8601 time with offset" + (" or a date like %Y-%m-%d" if date_only else "")
    instants = local = pd.Series(pd.NaT, index=value.index, dtype=MOMENT)
    for format_ in formats:
        rest = value.where(instants.isna() & local.isna())
        if format_ in EPOCHS:
            microseconds, digits = EPOCHS[format_]
            counts = pd.to_numeric(rest.where(rest.str.fullmatch(f"[0-9]{digits}", na=False)))
            instants = instants.fillna(pd.to_datetime(counts * microseconds, unit="us"))
        elif "%z" in format_:
            instants = instants.fillna(pd.to_datetime(rest, format=format_, errors="coerce", utc=True).dt.tz_localize(None))
        else:
            local = local.fillna(pd.to_datetime(rest, format=format_, errors="coerce"))
    if hours is not None:
        local = local + hours.astype("timedelta64[s]")
    known = local.dt.tz_localize(declaration.times.zone or "UTC", ambiguous=[True] * len(local), nonexistent="NaT")
    return instants.fillna(known.dt.tz_convert("UTC").dt.tz_localize(None)), f"a time like {' or '.join(formats)}"


def number_or_prefix(text: str) -> str | None:
    """E.164, or an E.164 prefix with its `*`; null where it is neither. Digits without `+` are North American."""
    if not text.endswith("*"):
        return classify(text)[0]
    digits = re.sub(r"[\s().\-]", "", text[:-1])
    if not re.fullmatch(r"\+?[0-9]+", digits):
        return None
    if digits.startswith("+"):
        return digits + "*"
    return f"+{digits}*" if digits.startswith("1") else f"+1{digits}*"


def _reject_repeated_keys(records: Records, key: list[str]) -> None:
    """Of rows with one key, the first stands; equal ones after it are duplicates, others are rejected."""
    again = records.rows.duplicated(subset=key, keep="first")
    same = records.as_sent.duplicated(keep="first") & again
    records.reject(again & ~same, key[0], f"{', '.join(key)} stands twice in this file with different content: leave one of them")
    records.keep(~same[records.rows.index])


def offset_as_sent(values: pd.Series, declaration: Declaration) -> pd.Series:
    """The offset each time was sent with, null where it was sent with none; a count of seconds since 1970 has that of UTC."""
    formats = declaration.times.formats
    can_be_sent = formats[0] == "iso8601" or any("%z" in format_ for format_ in formats)
    offsets = values.where(can_be_sent & values.notna(), None).str.extract(OFFSET, expand=False)
    counted = "|".join(f"[0-9]{digits}" for _, digits in (EPOCHS[format_] for format_ in formats if format_ in EPOCHS))
    return offsets.mask(values.str.fullmatch(counted, na=False), "Z") if counted else offsets


def zone_as_sent(values: pd.Series, declaration: Declaration) -> pd.Series:
    """The offset each time was sent with, or the declared zone."""
    offsets = offset_as_sent(values, declaration)
    if declaration.times.formats[0] == "iso8601":
        return offsets
    return offsets.fillna(declaration.times.zone).where(values.notna(), None) if declaration.times.zone else offsets


def is_date_alone(instants: pd.Series, values: pd.Series, declaration: Declaration) -> pd.Series:
    """Whether only the date is known: nothing but a date was sent, or a midnight, which is how forms fill in what was left out."""
    if declaration.times.formats[0] == "iso8601":
        return values.str.contains(f"00:00:00|^{DATE_ALONE}$", na=False)
    local = instants.dt.tz_localize("UTC").dt.tz_convert(declaration.times.zone or "UTC")
    return local == local.dt.normalize()


def to_arrow(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """The frame's columns in the lake's types; columns it lacks are null."""
    complete = frame.reindex(columns=schema.names).astype("object")
    return pa.Table.from_pydict(
        {name: [None if pd.isna(value) else value for value in complete[name]] for name in schema.names}, schema=schema
    )
