"""Feed declarations: what a source's files look like, as data. Adding a source is adding a YAML file.

A declaration stands in `include/feeds/<kind>/<name>.yaml` or, to add or replace one without touching the
repository, in `$TOLLGATE_HOME/feeds/<kind>/<name>.yaml`. `docs/feeds.md` describes the keys.
"""

from __future__ import annotations

import codecs
import csv
import logging
import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import yaml

from include.lake import tables

log = logging.getLogger(__name__)

BUILT_IN = Path(__file__).resolve().parent.parent / "feeds"


class BadDeclaration(Exception):
    """A feed's YAML cannot be used; the message names the file, the key and the remedy."""


@dataclass(frozen=True)
class Field:
    """Where one of our columns comes from, and what a value must look like."""

    sources: tuple[str, ...] = ()
    """Source columns; the first one that the layout has and that is not empty counts."""
    required: bool = False
    default: str | None = None
    folder: bool = False
    """Taken from the first folder below the feed's folder, not from a column."""
    extract: str | None = None
    """A regular expression; its first group is the value."""
    map: dict[str, str] | None = None
    """Every allowed value and what it means here."""
    one_of: tuple[str, ...] | None = None
    pad: int | None = None
    """Left-pad with zeros to this many characters, for ids that a spreadsheet shortened."""
    number_or_prefix: bool = False
    """A telephone number, or the beginning of one followed by `*`."""
    date_only: bool = False
    """A time that may come as a date alone, YYYY-MM-DD."""
    time_of_day: tuple[str, ...] = ()
    """Source columns with the hour in prose, which is added to a date; the first that is not empty counts."""
    file_date: bool = False
    """Where there is no value, the date that the file's name carries."""
    known: tuple[str, ...] | None = None
    """Labels that are expected; others are taken as they are, and noted."""
    in_header: bool = False
    """Whether a file without the column is refused, though rows may leave it empty."""
    join: tuple[str, ...] = ()
    """Source columns that together are the value, with a blank between them: a date and its time."""
    parse: tuple[str, str] | None = None
    """A parser of `include/ingest/parsers/`, and its argument."""
    access_code: str | None = None
    """Dialled before a number to reach the outside line, and no part of it."""
    only_if: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Source columns and the values of theirs without which there is no value."""
    unless: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Source columns and the values of theirs with which there is no value."""
    plus: str | None = None
    """A source column with a duration that is added to a time."""
    minus: str | None = None
    unit: str = "s"
    """One of `UNITS`: what `plus` and `minus`, or the talk time itself, are counted in."""
    otherwise: Field | None = None
    """Where the value comes from where this gives none."""
    when_answered: str | None = None
    """The value of every answered call, whatever the switch says."""

    @property
    def chain(self) -> tuple[Field, ...]:
        """This, and what stands in for it, in turn."""
        return (self, *(self.otherwise.chain if self.otherwise else ()))


@dataclass(frozen=True)
class Layout:
    """Where the source columns stand in one kind of row."""

    columns: dict[str, int]
    """1-based position by name; not every position needs a name."""
    width: int
    longer: bool = False
    """Whether later releases append columns: `width` is the least number then."""
    record: str | None = None
    """What the first column of such a row says; null where any kind of row has this layout."""

    @classmethod
    def of_names(cls, names: tuple[str, ...]) -> Layout:
        return cls({name: position for position, name in enumerate(names, start=1)}, len(names))

    @property
    def shape(self) -> str:
        """In words, for a reject's reason."""
        return (f"{self.record}: " if self.record else "") + (f"at least {self.width}" if self.longer else str(self.width))


@dataclass(frozen=True)
class Times:
    """How times are written."""

    formats: tuple[str, ...] = ("iso8601",)
    """`iso8601`, which must carry an offset; one of `EPOCHS`; or strptime formats, tried in turn, in small feeds epochs among them."""
    zone: str | None = None
    """The zone of times that do not carry one."""
    zone_column: str | None = None
    zone_of: dict[str, str] = field(default_factory=dict)
    """What `zone_column` may say, and which zone that is."""
    minutes_west: str | None = None
    """A source column with the minutes that the clock is behind UTC."""
    abbreviations: dict[str, str] = field(default_factory=dict)
    """Abbreviations of zones within the times, and their offsets, +hh:mm."""
    epoch: Field | None = None
    """Epoch seconds that an id of the row holds: what the zone must agree with."""


@dataclass(frozen=True)
class Delivery:
    """What a feed brings for every UTC day, where no manifest says it better."""

    expected_files: int | None = None
    switches: tuple[str, ...] = ()
    """Switches of each of which there are calls."""
    due_minutes: int | None = None
    """When all of it should be there, in minutes after the end of the day."""
    calendar: str | None = None
    """One of `CALENDARS`, where a feed of evidence brings no file on the days that it rests."""


@dataclass(frozen=True)
class Declaration:
    """One feed. `fields` maps our column names to their sources."""

    kind: str
    name: str
    path: Path
    description: str
    fields: dict[str, Field]
    delimiter: str = ","
    header: bool = True
    encoding: str = "utf-8"
    rows: str | None = None
    """Of a JSON object, where the array of rows stands."""
    total: str | None = None
    """Of the same object, where it says how many rows there are on all pages together."""
    skip_lines: int = 0
    type_lines: int = 0
    """Lines behind the header that are no rows, such as the columns' types."""
    guard: str | None = None
    """A character that the source puts before cells a spreadsheet would execute."""
    quotes: str = "strict"
    """One of `QUOTES`."""
    other_lines: str | None = None
    """Matches the lines that are no records: titles, comments, footers."""
    corrupt_tail: str = "refuse"
    """`keep`: of a file that breaks off, the rows before the break are loaded, and its days are partial."""
    row_element: str | None = None
    """The file is XML, and this is the name of the element that is a row; columns are paths of elements below it."""
    layouts: tuple[Layout, ...] = ()
    """For files without a header."""
    times: Times = Times()
    sequence: Field | None = None
    """A number that the switch counts up from record to record: what is missing of it was never delivered."""
    source: str = "own_desk"
    """One of `SOURCES`: whose desk took the complaints."""
    content: tuple[str, ...] | None = None
    """Source columns that, beside our own, tell complaints without an id apart; null where every column does."""
    ignored: frozenset[str] = frozenset()
    """Source columns that are known and deliberately not taken; one that ends in `*` stands for cells of the header that begin so."""
    nulls: frozenset[str] = frozenset({"", "NULL", "null", "\\N"})
    key: tuple[str, ...] = ()
    """Columns that are unique in one file of reference data."""
    smallest_share_of_previous: float | None = None
    """A snapshot with a smaller share of the previous one's rows is refused."""
    may_be_empty: bool = False
    """Whether a snapshot without a row says that there are none; else it is refused as a broken download."""
    verified: bool = field(default=True)
    """Whether the layout was ever read from a real file."""
    delivery: Delivery | None = None

    @property
    def feed(self) -> str:
        return f"{self.kind}/{self.name}"


TIMES_KEYS = {"format", "zone", "minutes_west", "abbreviations", "epoch"}
FORMAT_KEYS = {
    "delimiter", "header", "encoding", "rows", "total", "row_element", "skip_lines", "type_lines", "guard", "quotes", "other_lines", "corrupt_tail",
}  # fmt: skip
TOP_KEYS = {
    "description", "format", "times", "fields", "layouts", "ignored", "nulls", "key", "smallest_share_of_previous", "may_be_empty",
    "verified", "sequence", "source", "content", "delivery",
}
FIELD_KEYS = {
    "from", "required", "default", "folder", "extract", "map", "one_of", "pad", "number_or_prefix", "date_only", "join", "parse",
    "access_code", "only_if", "unless", "plus", "minus", "unit", "when_answered", "otherwise", "time_of_day", "file_date", "known", "in_header",
}
OTHERWISE_KEYS = {"from", "join", "parse", "access_code", "extract", "only_if", "unless", "default", "map", "plus", "minus", "otherwise"}
"""What may be said once more of where a value comes from otherwise."""
SMALL_FEEDS_ONLY = {"one_of", "pad", "number_or_prefix", "date_only", "time_of_day", "file_date", "known", "in_header"}
"""Keys of fields that the reader of call records does not know."""
CALLS_ONLY = {"join", "parse", "access_code", "only_if", "unless", "plus", "minus", "unit", "when_answered", "otherwise"}
"""Keys of fields that the reader of small feeds does not know."""
FORMAT_OF_CALLS_ONLY = {"quotes", "other_lines", "corrupt_tail"}
FORMAT_OF_SMALL_FEEDS_ONLY = {"guard", "rows", "total", "row_element"}
TIMES_OF_CALLS_ONLY = {"minutes_west", "abbreviations", "epoch"}
LAYOUT_KEYS = {"record", "fields", "at_least", "columns"}
QUOTES = ("strict", "loose", "none", "backslash")
"""How fields are quoted: by RFC 4180; the same, but quotes inside need not be doubled; not at all; `\\` before what is meant literally."""
UNITS = {"s": 1000, "ms": 1, "10ms": 10, "us": 0.001, "ns": 0.000001, "h:m:s": None}
"""Units of durations, in milliseconds; `h:m:s` is hours, minutes and seconds with colons."""
EPOCHS = {"epoch_s": (1_000_000, "{9,11}"), "epoch_ms": (1_000, "{12,14}"), "epoch_us": (1, "{15,17}")}
"""Times as a count since 1970 in UTC: the count's unit in microseconds, and how many digits it has."""
PARSERS = Path(__file__).with_name("parsers")
MAPS = Path(__file__).with_name("maps")
TIME_MAY_BE_UNKNOWN = {("complaints", "call_at"), ("tracebacks", "call_at")}
"""Columns beside which the lake says whether the time of day is known: elsewhere a date would pass for midnight."""
DELIVERY_KEYS = {"files_per_day", "files_per_hour", "switches", "due", "calendar"}
SOURCES = ("own_desk", "ftc", "fcc")
CALENDARS = ("us_federal",)
"""Calendars of publication: no file on weekends and federal holidays."""

CALL_COLUMNS = (
    "call_id", "attempt", "switch_id", "start_time", "answer_time", "end_time", "ingress_trunk", "egress_trunk", "source_ip",
    "calling_number", "asserted_number", "called_number", "sip_code", "release_party", "attestation", "attestation_sent", "verstat", "signer", "orig_id",
    "record_kind", "talk_time",
)  # fmt: skip
CALL_TIMES = ("start_time", "answer_time", "end_time")
NUMBERS = ("calling_number", "asserted_number", "called_number")
COMPLAINT_COLUMNS = (
    "complaint_id", "source_record_id", "received_at", "call_at", "calling_number", "called_number", "called_area_code", "callback_number",
    "topic", "call_type", "recorded_message", "consumer_state",
)  # fmt: skip
NOTICE_COLUMNS = (
    "traceback_id", "requester", "received_at", "call_at", "calling_number", "called_number", "campaign", "violation_class",
    "description", "downstream_provider", "sip_call_id", "recording_url",
)  # fmt: skip
NEEDED = {
    "cdr": ("call_id", "switch_id", "start_time", "end_time", "ingress_trunk", "sip_code"),
    "complaints": ("received_at",),
    "tracebacks": ("received_at", "call_at"),
    "manifest": ("file", "rows"),
}
"""Columns without which a row means nothing: required, or with a default, in every declaration of the kind."""


def columns_of(kind: str, name: str) -> tuple[str, ...] | None:
    """Our columns, which a declaration may fill; null for a reference table that does not exist."""
    of_kind = {"cdr": CALL_COLUMNS, "complaints": COMPLAINT_COLUMNS, "tracebacks": NOTICE_COLUMNS, "manifest": ("file", "rows", "sha256")}
    if kind == "reference":
        return tuple(column for column, _ in tables.REFERENCE[name]) if name in tables.REFERENCE else None
    return of_kind[kind]


def load(feed: str, home: Path) -> Declaration:
    """The declaration of `<kind>/<name>`; one in `$TOLLGATE_HOME/feeds` wins. BadDeclaration where there is none or it is faulty."""
    kind, _, name = feed.partition("/")
    for folder in (home / "feeds", BUILT_IN):
        path = folder / kind / f"{name}.yaml"
        if path.is_file():
            return _parsed(kind, name, path, path.stat().st_mtime_ns)
    raise BadDeclaration(f"no declaration for feed {feed!r}: add {home / 'feeds' / kind / f'{name}.yaml'} (see docs/feeds.md)")


def names(home: Path, kinds: tuple[str, ...] = ("cdr", "complaints", "tracebacks", "reference", "manifest")) -> list[str]:
    """Every feed of these kinds that has a declaration, sound or not, as `<kind>/<name>`."""
    return sorted({f"{kind}/{path.stem}" for kind in kinds for folder in (home / "feeds", BUILT_IN) for path in (folder / kind).glob("[!.]*.yaml")})


def deliveries(home: Path) -> dict[str, Delivery]:
    """What feeds are declared to deliver. A faulty declaration refuses the feed's files and tells why there; here it is left out."""
    found = {}
    for feed in names(home, ("cdr", "complaints")):
        try:
            delivery = load(feed, home).delivery
        except (BadDeclaration, OSError) as error:
            log.error("nothing is known of what %s delivers: %s", feed, error)
            continue
        if delivery is not None:
            found[feed] = delivery
    return found


@lru_cache(maxsize=256)
def _parsed(kind: str, name: str, path: Path, _modified_ns: int) -> Declaration:
    """`parse`, once for the many files of a feed; a file that was changed is read again."""
    return parse(kind, name, path)


def parse(kind: str, name: str, path: Path) -> Declaration:
    """Read and check one YAML file."""
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # no UTF-8; a date that is none, or a number that is endless; nested without end
        raise BadDeclaration(f"{path}: not valid YAML in UTF-8: {error}") from error
    check = _Check(path)
    if not isinstance(given, dict) or not isinstance(given.get("fields"), dict):
        raise BadDeclaration(f"{path}: needs a mapping with the key 'fields'")
    check.keys("", given, TOP_KEYS)
    format_ = check.typed("format", given.get("format") or {}, dict, "a mapping")
    times = check.typed("times", given.get("times") or {}, dict, "a mapping")
    check.keys("format.", format_, FORMAT_KEYS)
    check.keys("times.", times, TIMES_KEYS)
    _check_format(check, kind, format_)
    share = given.get("smallest_share_of_previous")
    if share is not None and (not isinstance(share, (int, float)) or not 0 <= share <= 1):
        check.fail("smallest_share_of_previous", f"is {share!r}: a number from 0 to 1")
    declaration = Declaration(
        kind=kind,
        name=name,
        path=path,
        description=str(given.get("description", name)),
        fields={column: _field(check, kind, column, {} if spec is None else spec) for column, spec in given["fields"].items()},
        layouts=tuple(
            _layout(check, kind, f"layouts[{number}]", layout)
            for number, layout in enumerate(check.typed("layouts", given.get("layouts", []), list, "a list of lists"))
        ),
        times=_times(check, kind, times),
        sequence=_field(check, kind, "sequence", given["sequence"], "sequence") if "sequence" in given else None,
        source=_source(check, given.get("source", "own_desk")),
        content=check.texts("content", given["content"]) if "content" in given else None,
        ignored=frozenset(check.texts("ignored", given.get("ignored", []))),
        key=check.texts("key", given.get("key", [])),
        smallest_share_of_previous=share,
        may_be_empty=check.typed("may_be_empty", given.get("may_be_empty", False), bool, "true or false"),
        verified=check.typed("verified", given.get("verified", True), bool, "true or false"),
        delivery=_delivery(check, kind, given["delivery"]) if "delivery" in given else None,
        **format_,
        **({"nulls": frozenset(check.texts("nulls", given["nulls"])) | {""}} if "nulls" in given else {}),
    )
    _check_whole(check, declaration)
    if kind != "complaints":
        for key in sorted({"source", "content"} & set(given)):
            check.fail(key, "is for complaints only: leave it out")
    return declaration


@dataclass(frozen=True)
class _Check:
    """Complaints about one YAML file."""

    path: Path

    def fail(self, key: str, problem: str) -> None:
        raise BadDeclaration(f"{self.path}: {key} {problem}")

    def typed(self, key: str, value: Any, type_: type, wanted: str) -> Any:
        if not isinstance(value, type_):
            self.fail(key, f"is {value!r}: it must be {wanted}")
        return value

    def keys(self, prefix: str, given: dict, known: set[str]) -> None:
        unknown = sorted(str(key) for key in given if key not in known)
        if unknown:
            raise BadDeclaration(f"{self.path}: unknown key {prefix}{unknown[0]}: one of {', '.join(sorted(known))}")

    def text(self, key: str, value: Any) -> str:
        """YAML reads a bare YES, NO or null as no text, where a file's value was meant."""
        if isinstance(value, bool) or value is None:
            self.fail(key, f"holds {value!r}: put quotes around the text that was meant")
        if isinstance(value, (dict, list)):
            self.fail(key, f"holds {value!r}: it must be a text")
        return str(value)

    def texts(self, key: str, values: Any) -> tuple[str, ...]:
        return tuple(self.text(key, value) for value in self.typed(key, values, list, "a list of texts"))


def _check_format(check: _Check, kind: str, format_: dict) -> None:
    delimiter = format_.get("delimiter", ",")
    if not isinstance(delimiter, str) or not re.fullmatch(r"[\t -/:-@\[-`{-~]", delimiter) or delimiter == '"':
        check.fail("format.delimiter", f"is {delimiter!r}: one character such as ',' ';' '|' or \"\\t\", and no quote, letter or digit")
    check.typed("format.header", format_.get("header", True), bool, "true or false")
    skip = format_.get("skip_lines", 0)
    if isinstance(skip, bool) or not isinstance(skip, int) or skip < 0:
        check.fail("format.skip_lines", f"is {skip!r}: the number of lines before the header, or 0")
    encoding = check.typed("format.encoding", format_.get("encoding", "utf-8"), str, "an encoding such as utf-8 or latin-1")
    try:
        known = codecs.lookup(encoding)._is_text_encoding and "\n".encode(encoding) == b"\n"
    except LookupError:
        known = False
    if not known:
        check.fail("format.encoding", f"is {encoding!r}: an encoding that extends ASCII, such as utf-8, latin-1 or cp1252")
    types = format_.get("type_lines", 0)
    if isinstance(types, bool) or not isinstance(types, int) or types < 0:
        check.fail("format.type_lines", f"is {types!r}: the number of lines behind the header that are no rows, or 0")
    if format_.get("quotes", "strict") not in QUOTES:
        check.fail("format.quotes", f"is {format_['quotes']!r}: one of {', '.join(QUOTES)}")
    if format_.get("corrupt_tail", "refuse") not in ("refuse", "keep"):
        check.fail("format.corrupt_tail", f"is {format_['corrupt_tail']!r}: refuse or keep")
    if "other_lines" in format_:
        _pattern(check, "format.other_lines", format_["other_lines"], groups=0)
    for key in sorted(FORMAT_OF_CALLS_ONLY & set(format_) if kind != "cdr" else ()):
        check.fail(f"format.{key}", "is for call records only: leave it out")
    guard = format_.get("guard")
    if guard is not None and (not isinstance(guard, str) or len(guard) != 1):
        check.fail("format.guard", f"is {guard!r}: it must be one character")
    for key in ("rows", "total"):
        check.typed(f"format.{key}", format_.get(key, ""), str, "the names on the way to it, with dots between them")
    if "row_element" in format_ and not check.text("format.row_element", format_["row_element"]):
        check.fail("format.row_element", "is empty: the name of the element that is a row, such as Filer")
    for key in sorted(FORMAT_OF_SMALL_FEEDS_ONLY & set(format_) if kind == "cdr" else ()):
        check.fail(f"format.{key}", "is not for call records: leave it out")


def _layout(check: _Check, kind: str, key: str, given: Any) -> Layout:
    if not isinstance(given, dict) or kind != "cdr":
        return Layout.of_names(check.texts(key, given))
    check.keys(f"{key}.", given, LAYOUT_KEYS)
    columns = check.typed(f"{key}.columns", given.get("columns"), dict, "a mapping from names to positions, such as {start: 6}")
    for name, position in columns.items():
        if isinstance(position, bool) or not isinstance(position, int) or position < 1:
            check.fail(f"{key}.columns.{name}", f"is {position!r}: the position in the row, from 1")
    if ("fields" in given) == ("at_least" in given):
        check.fail(key, "needs either 'fields', how many a row has, or 'at_least', where later releases append some")
    width = given.get("fields", given.get("at_least"))
    if isinstance(width, bool) or not isinstance(width, int) or width < max(columns.values(), default=1):
        check.fail(key, f"has {width!r} fields: a number, and no column behind it")
    record = check.text(f"{key}.record", given["record"]) if "record" in given else None
    return Layout({check.text(f"{key}.columns", name): position for name, position in columns.items()}, width, "at_least" in given, record)


def _times(check: _Check, kind: str, given: dict) -> Times:
    for key in sorted(TIMES_OF_CALLS_ONLY & set(given) if kind != "cdr" else ()):
        check.fail(f"times.{key}", "is for call records only: leave it out")
    formats = given.get("format", "iso8601")
    if isinstance(formats, list):
        formats = check.texts("times.format", formats)
    else:
        formats = (check.typed("times.format", formats, str, "iso8601, or a strptime format such as %Y-%m-%d %H:%M:%S"),)
    zone, zone_column, zone_of = given.get("zone"), None, {}
    if isinstance(zone, dict) and kind == "cdr":
        zone_column = check.text("times.zone.from", zone.get("from"))
        zone_of = _map(check, "times.zone.map", zone.get("map"))
        zone = None
    for name in filter(None, (zone, *zone_of.values())):
        _check_zone(check, name)
    if not formats:
        check.fail("times.format", "is an empty list: name the shapes of the times, or leave it out")
    stand_alone = {"iso8601", *(EPOCHS if kind == "cdr" else ())}
    own = formats[0] != "iso8601" and formats[0] not in EPOCHS
    for alone in formats if len(formats) > 1 else ():
        if alone in stand_alone:
            check.fail("times.format", f"holds {alone!r} among others: it stands alone, a list is of strptime formats")
    patterns = [text for text in formats if text not in {"iso8601", *EPOCHS}]
    if patterns:
        _check_strptime(check, patterns)
    if kind == "cdr" and own and any("%z" not in text for text in formats) and not (zone or zone_column or "minutes_west" in given):
        check.fail("times.zone", "is missing: times without an offset need a declared zone, such as America/Chicago")
    if kind == "cdr" and own and any("%z" in text for text in formats):
        if not all("%z" in text for text in formats) or zone or zone_column:
            check.fail("times.format", "has %z, an offset, beside a zone or a format without one: times are of one kind in a feed")
    abbreviations = _map(check, "times.abbreviations", given.get("abbreviations", {}))
    for name, offset in abbreviations.items():
        if not re.fullmatch(r"[+-][0-9]{2}:[0-9]{2}", offset):
            check.fail(f"times.abbreviations.{name}", f"is {offset!r}: an offset such as \"-05:00\", in quotes")
    return Times(
        formats=formats,
        zone=zone,
        zone_column=zone_column,
        zone_of=zone_of,
        minutes_west=check.text("times.minutes_west", given["minutes_west"]) if "minutes_west" in given else None,
        abbreviations=abbreviations,
        epoch=_field(check, kind, "epoch", given["epoch"], "times.epoch") if "epoch" in given else None,
    )


def _engine() -> duckdb.DuckDBPyConnection:
    """What tells whether it can use a format, a pattern or a parser's argument."""
    return _database().cursor()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """Opened once: that takes longer than all that a declaration asks of it."""
    return duckdb.connect(":memory:", config={"threads": 1})


def _check_strptime(check: _Check, formats: list[str]) -> None:
    try:
        _engine().execute("select try_strptime('', ?)", [formats]).fetchall()
    except duckdb.Error as error:
        check.fail("times.format", f"is no strptime format that we can use: {str(error).splitlines()[0]}")


def _check_zone(check: _Check, zone: Any) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, TypeError, OSError):
        check.fail("times.zone", f"is {zone!r}: a name of the IANA time zone database, such as UTC or America/Chicago")


def _source(check: _Check, given: Any) -> str:
    if given not in SOURCES:
        check.fail("source", f"is {given!r}: one of {', '.join(SOURCES)}")
    return given


def _delivery(check: _Check, kind: str, given: Any) -> Delivery:
    if kind not in ("cdr", "complaints"):
        check.fail("delivery", "is for call records and complaints only: leave it out")
    check.typed("delivery", given, dict, "a mapping such as {files_per_day: 24}")
    check.keys("delivery.", given, DELIVERY_KEYS - {"calendar"} if kind == "cdr" else {"calendar"})
    if kind == "complaints":
        if given.get("calendar") not in CALENDARS:
            check.fail("delivery.calendar", f"is {given.get('calendar')!r}: {' or '.join(CALENDARS)}")
        return Delivery(calendar=given["calendar"])
    for key in ("files_per_day", "files_per_hour"):
        count = given.get(key, 1)
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            check.fail(f"delivery.{key}", f"is {count!r}: the number of files, 1 or more")
    if {"files_per_day", "files_per_hour"} <= set(given):
        check.fail("delivery.files_per_hour", "stands beside files_per_day: leave out one of them")
    if not {"files_per_day", "files_per_hour", "switches"} & set(given):
        check.fail("delivery", "says nothing of what to expect: it needs files_per_day, files_per_hour or switches")
    switches = check.texts("delivery.switches", given.get("switches", []))
    if "switches" in given and ("" in switches or not switches):
        check.fail("delivery.switches", f"is {given['switches']!r}: name each switch that always has calls, or leave it out")
    due = given.get("due")
    due_at = re.fullmatch("([0-9]{1,3}):([0-5][0-9])", due) if isinstance(due, str) else None
    if "due" in given and due_at is None:
        check.fail("delivery.due", f'is {due!r}: hours and minutes after the end of the UTC day, in quotes, such as "02:00" or "30:00"')
    return Delivery(
        expected_files=given.get("files_per_day", 24 * given["files_per_hour"] if "files_per_hour" in given else None),
        switches=switches,
        due_minutes=60 * int(due_at[1]) + int(due_at[2]) if due_at else None,
    )


def _check_whole(check: _Check, declaration: Declaration) -> None:
    """What the parts must be to each other."""
    if not declaration.header and not declaration.layouts:
        check.fail("layouts", "is missing: a file without a header needs 'layouts', lists of column names by position")
    columns = columns_of(declaration.kind, declaration.name)
    if columns is None:
        known = ", ".join(tables.REFERENCE)
        check.fail("fields", f"has no table: there is no reference table {declaration.name!r}, rename the file to one of {known}")
    for column in declaration.fields:
        if column not in columns:
            check.fail(f"fields.{column}", f"is no column of ours: one of {', '.join(columns)}")
    for column in NEEDED.get(declaration.kind, ()):
        field_ = declaration.fields.get(column)
        if field_ is None or not (field_.required or field_.chain[-1].default is not None):
            check.fail(f"fields.{column}", "must be declared, with 'required: true' or a default")
    if declaration.kind == "tracebacks" and not any(
        declaration.fields.get(column, Field()).required for column in ("called_number", "calling_number")
    ):
        check.fail("fields.called_number", "must be declared, with 'required: true', or else calling_number: a call is searched for by its numbers")
    if declaration.sequence and declaration.kind != "cdr":
        check.fail("sequence", "is for call records only: leave it out")
    for column in declaration.key:
        if column not in declaration.fields:
            check.fail("key", f"names {column!r}, which is not among the fields: declare it or take it out")
    for column, field_ in declaration.fields.items():
        if field_.file_date and "%Y-%m-%d" not in declaration.times.formats:
            check.fail(f"fields.{column}.file_date", "needs %Y-%m-%d among times.format: that is how the date in a name is read")
        if field_.time_of_day and (declaration.kind, column) not in TIME_MAY_BE_UNKNOWN:
            check.fail(f"fields.{column}.time_of_day", "is for call_at of complaints: leave it out")
        if field_.date_only and ((declaration.kind, column) not in TIME_MAY_BE_UNKNOWN or declaration.times.formats != ("iso8601",)):
            check.fail(f"fields.{column}.date_only", "is for call_at of complaints and notices, with times.format iso8601: leave it out")
    if not declaration.header:
        named = {source for layout in declaration.layouts for source in layout.columns}
        for column, field_ in ((column, link) for column, field_ in declaration.fields.items() for link in field_.chain):
            if field_.sources and not named & set(field_.sources):
                check.fail(f"fields.{column}.from", f"names {' or '.join(field_.sources)}, which no layout has: name a column of 'layouts'")
            for source in sources_of(field_):
                if source not in named and source not in field_.sources:
                    check.fail(f"fields.{column}", f"names {source}, which no layout has: name a column of 'layouts'")


def sources_of(field_: Field) -> set[str]:
    """Every source column that a field looks at, but for what stands in for it."""
    conditions = {source for source, _ in (*field_.only_if, *field_.unless)}
    return {*field_.sources, *field_.join, *field_.time_of_day, *conditions, *filter(None, (field_.plus, field_.minus))}


def taken_columns(declaration: Declaration) -> set[str]:
    """Every source column that the declaration looks at."""
    times = declaration.times
    fields = [*declaration.fields.values(), *filter(None, (times.epoch, declaration.sequence))]
    sources = {source for field_ in fields for link in field_.chain for source in sources_of(link)}
    return sources | set(filter(None, (times.zone_column, times.minutes_west))) | set(declaration.content or ())


def _field(check: _Check, kind: str, column: str, spec: Any, name: str | None = None) -> Field:
    name = name or f"fields.{column}"
    check.typed(name, spec, dict, "a mapping such as {from: column, required: true}")
    check.keys(f"{name}.", spec, FIELD_KEYS)
    for key in sorted((SMALL_FEEDS_ONLY if kind == "cdr" else CALLS_ONLY) & set(spec)):
        check.fail(f"{name}.{key}", "is not for call records: use 'map' or 'extract'" if kind == "cdr" else "is for call records only: leave it out")
    for key in ("required", "folder", "number_or_prefix", "date_only", "file_date", "in_header"):
        check.typed(f"{name}.{key}", spec.get(key, False), bool, "true or false")
    if spec.get("folder") and kind != "cdr":
        check.fail(f"{name}.folder", "is for call records only: name a column with 'from'")
    named = spec.get("from", [] if spec.get("folder") or "join" in spec else column)
    pad = spec.get("pad")
    if pad is not None and (isinstance(pad, bool) or not isinstance(pad, int) or pad < 1):
        check.fail(f"{name}.pad", f"is {pad!r}: the number of characters")
    if {"plus", "minus"} & set(spec) and column not in CALL_TIMES:
        check.fail(name, f"has plus or minus: only {', '.join(CALL_TIMES)} can")
    if "access_code" in spec and column not in NUMBERS:
        check.fail(f"{name}.access_code", f"is for {', '.join(NUMBERS)}: leave it out")
    if "when_answered" in spec and column != "sip_code":
        check.fail(f"{name}.when_answered", "is for sip_code: leave it out")
    if spec.get("unit", "s") not in UNITS:
        check.fail(f"{name}.unit", f"is {spec['unit']!r}: one of {', '.join(UNITS)}")
    if "otherwise" in spec:
        check.keys(f"{name}.otherwise.", check.typed(f"{name}.otherwise", spec["otherwise"], dict, "a mapping such as {from: column}"), OTHERWISE_KEYS)
        if "default" in spec:
            check.fail(f"{name}.default", "leaves nothing for 'otherwise': move it in there")
    return Field(
        sources=check.texts(f"{name}.from", named if isinstance(named, list) else [named]),
        required=spec.get("required", False),
        default=check.text(f"{name}.default", spec["default"]) if "default" in spec else None,
        folder=spec.get("folder", False),
        extract=_pattern(check, f"{name}.extract", spec["extract"]) if "extract" in spec else None,
        map=_map(check, f"{name}.map", spec["map"]) if "map" in spec else None,
        one_of=check.texts(f"{name}.one_of", spec["one_of"]) if "one_of" in spec else None,
        pad=pad,
        number_or_prefix=spec.get("number_or_prefix", False),
        date_only=spec.get("date_only", False),
        time_of_day=check.texts(f"{name}.time_of_day", spec.get("time_of_day", [])),
        file_date=spec.get("file_date", False),
        known=_labels(check, f"{name}.known", spec["known"]) if "known" in spec else None,
        in_header=spec.get("in_header", False),
        join=check.texts(f"{name}.join", spec.get("join", [])),
        parse=_parser(check, f"{name}.parse", spec["parse"]) if "parse" in spec else None,
        access_code=check.text(f"{name}.access_code", spec["access_code"]) if "access_code" in spec else None,
        only_if=_conditions(check, f"{name}.only_if", spec.get("only_if", {})),
        unless=_conditions(check, f"{name}.unless", spec.get("unless", {})),
        plus=check.text(f"{name}.plus", spec["plus"]) if "plus" in spec else None,
        minus=check.text(f"{name}.minus", spec["minus"]) if "minus" in spec else None,
        unit=spec.get("unit", "s"),
        when_answered=check.text(f"{name}.when_answered", spec["when_answered"]) if "when_answered" in spec else None,
        otherwise=_field(check, kind, column, spec["otherwise"], f"{name}.otherwise") if "otherwise" in spec else None,
    )


def _conditions(check: _Check, key: str, given: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    check.typed(key, given, dict, "a mapping from source columns to lists of values")
    return tuple((check.text(key, source), check.texts(f"{key}.{source}", values)) for source, values in given.items())


def _parser(check: _Check, key: str, given: Any) -> tuple[str, str]:
    """A name, or a mapping from it to its argument."""
    [(name, argument)] = given.items() if isinstance(given, dict) and len(given) == 1 else [(given, "")]
    known = sorted(path.stem for path in PARSERS.glob("*.sql"))
    if name not in known:
        check.fail(key, f"is {given!r}: one of {', '.join(known)}, or a mapping from it to its argument")
    argument = check.text(key, argument)
    try:
        engine = _engine()
        engine.execute((PARSERS / f"{name}.sql").read_text(encoding="utf-8"))
        engine.execute(f"select parse_{name}(text, ?) from (values ('a'), ('')) as texts (text)", [argument]).fetchall()
    except duckdb.Error as error:
        check.fail(key, f"is {given!r}: it needs an argument that it can use, {{{name}: …}} ({str(error).splitlines()[0]})")
    return name, argument


def _map(check: _Check, key: str, given: Any) -> dict[str, str]:
    """Written out, or by the name of a table in `include/ingest/maps/`; `*` stands for every value that is not named."""
    if isinstance(given, str):
        return _shared_map(check, key, given)
    check.typed(key, given, dict, "a mapping from values in the file to ours")
    return {
        check.text(key, sent): str(ours).lower() if isinstance(ours, bool) else check.text(key, ours) for sent, ours in given.items()
    }


def _shared_map(check: _Check, key: str, name: str) -> dict[str, str]:
    return {sent: ours for sent, ours, *_ in _shared_table(check, key, name, "a mapping from values in the file to ours")}


def _labels(check: _Check, key: str, given: Any) -> tuple[str, ...]:
    """Written out, or the first column of a table in `include/ingest/maps/`."""
    if isinstance(given, str):
        return tuple(label for label, *_ in _shared_table(check, key, given, "a list of labels"))
    return check.texts(key, given)


def _shared_table(check: _Check, key: str, name: str, otherwise: str) -> list[list[str]]:
    known = {path.stem: path for path in MAPS.glob("*.csv")}
    if name not in known:
        check.fail(key, f"is {name!r}: {otherwise}, or one of {', '.join(sorted(known))}")
    with known[name].open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


def _pattern(check: _Check, key: str, given: Any, groups: int = 1) -> str:
    """A pattern that both engines know, with the group that is the value."""
    pattern = check.typed(key, given, str, "a regular expression")
    try:
        found = re.compile(pattern).groups
        _engine().execute("select regexp_extract('', ?)", [pattern]).fetchall()
    except (re.error, duckdb.Error) as error:
        check.fail(key, f"is no regular expression that we can use ({str(error).splitlines()[0]}): mend it, without look-around")
    if found < groups:
        check.fail(key, "has no group: put parentheses around what is the value")
    return pattern
