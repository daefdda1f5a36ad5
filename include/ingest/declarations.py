"""Feed declarations: what a source's files look like, as data. Adding a source is adding a YAML file.

A declaration stands in `include/feeds/<kind>/<name>.yaml` or, to add or replace one without touching the
repository, in `$TOLLGATE_HOME/feeds/<kind>/<name>.yaml`. `docs/feeds.md` describes the keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import yaml

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
    skip_lines: int = 0
    guard: str | None = None
    """A character that the source puts before cells a spreadsheet would execute."""
    layouts: tuple[tuple[str, ...], ...] = ()
    """Column names by position for files without a header; the number of columns decides which."""
    time_format: str = "iso8601"
    """`iso8601`, which must carry an offset, or a strptime format."""
    zone: str | None = None
    """The zone of times that do not carry one."""
    ignored: frozenset[str] = frozenset()
    """Source columns that are known and deliberately not taken."""
    nulls: frozenset[str] = frozenset({"", "NULL", "null", "\\N"})
    key: tuple[str, ...] = ()
    """Columns that are unique in one file of reference data."""
    smallest_share_of_previous: float | None = None
    """A snapshot with a smaller share of the previous one's rows is refused."""
    verified: bool = field(default=True)
    """Whether the layout was ever read from a real file."""

    @property
    def feed(self) -> str:
        return f"{self.kind}/{self.name}"


FORMAT_KEYS = {"delimiter", "header", "encoding", "skip_lines", "guard"}
TOP_KEYS = {
    "description", "format", "times", "fields", "layouts", "ignored", "nulls", "key", "smallest_share_of_previous", "verified",
}


def load(feed: str, home: Path) -> Declaration:
    """The declaration of `<kind>/<name>`; one in `$TOLLGATE_HOME/feeds` wins. BadDeclaration where there is none or it is faulty."""
    kind, _, name = feed.partition("/")
    for folder in (home / "feeds", BUILT_IN):
        path = folder / kind / f"{name}.yaml"
        if path.is_file():
            return parse(kind, name, path)
    raise BadDeclaration(f"no declaration for feed {feed!r}: add {home / 'feeds' / kind / f'{name}.yaml'} (see docs/feeds.md)")


def parse(kind: str, name: str, path: Path) -> Declaration:
    """Read and check one YAML file."""
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise BadDeclaration(f"{path}: not valid YAML: {error}") from error
    if not isinstance(given, dict) or not isinstance(given.get("fields"), dict):
        raise BadDeclaration(f"{path}: needs a mapping with the key 'fields'")
    _refuse_unknown(path, "", given, TOP_KEYS)
    format_, times = given.get("format") or {}, given.get("times") or {}
    _refuse_unknown(path, "format.", format_, FORMAT_KEYS)
    _refuse_unknown(path, "times.", times, {"format", "zone"})
    time_format = times.get("format", "iso8601")
    if kind == "cdr" and time_format != "iso8601" and "%z" not in time_format and "zone" not in times:
        raise BadDeclaration(f"{path}: times.zone is missing: times without an offset need a declared zone, such as America/Chicago")
    declaration = Declaration(
        kind=kind,
        name=name,
        path=path,
        description=given.get("description", name),
        fields={column: _field(path, column, spec or {}) for column, spec in given["fields"].items()},
        layouts=tuple(tuple(layout) for layout in given.get("layouts", ())),
        time_format=time_format,
        zone=times.get("zone"),
        ignored=frozenset(given.get("ignored", ())),
        key=tuple(given.get("key", ())),
        smallest_share_of_previous=given.get("smallest_share_of_previous"),
        verified=given.get("verified", True),
        **format_,
        **({"nulls": frozenset(given["nulls"]) | {""}} if "nulls" in given else {}),
    )
    if not declaration.header and not declaration.layouts:
        raise BadDeclaration(f"{path}: a file without a header needs 'layouts', lists of column names by position")
    return declaration


def _field(path: Path, column: str, spec: dict) -> Field:
    _refuse_unknown(
        path, f"fields.{column}.", spec,
        {"from", "required", "default", "folder", "extract", "map", "one_of", "pad", "number_or_prefix"},
    )
    named = spec.get("from", [] if spec.get("folder") else column)
    return Field(
        sources=(named,) if isinstance(named, str) else tuple(named),
        required=spec.get("required", False),
        default=spec.get("default"),
        folder=spec.get("folder", False),
        extract=spec.get("extract"),
        map={str(key): str(value) for key, value in spec["map"].items()} if "map" in spec else None,
        one_of=tuple(spec["one_of"]) if "one_of" in spec else None,
        pad=spec.get("pad"),
        number_or_prefix=spec.get("number_or_prefix", False),
    )


def _refuse_unknown(path: Path, prefix: str, given: dict, known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise BadDeclaration(f"{path}: unknown key {prefix}{unknown[0]}: one of {', '.join(sorted(known))}")
