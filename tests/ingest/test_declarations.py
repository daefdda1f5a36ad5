"""Declarations: what a faulty one says, and that those which ship are good."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.ingest import declarations
from include.ingest.declarations import BadDeclaration, Delivery
from include.lake import tables

SHIPPED = sorted(path.relative_to(declarations.BUILT_IN).with_suffix("").as_posix() for path in declarations.BUILT_IN.glob("*/*.yaml"))
STANDARD = (declarations.BUILT_IN / "cdr" / "standard.yaml").read_text()
COMPLAINTS = (declarations.BUILT_IN / "complaints" / "standard.yaml").read_text()
NOTICES = (declarations.BUILT_IN / "tracebacks" / "standard.yaml").read_text()
ASTERISK = (declarations.BUILT_IN / "cdr" / "asterisk.yaml").read_text()
TRUNKS = (declarations.BUILT_IN / "reference" / "trunks.yaml").read_text()


def declare(home: Path, feed: str, yaml: str | bytes) -> Path:
    path = home / "feeds" / f"{feed}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(yaml.encode() if isinstance(yaml, str) else yaml)
    return path


@pytest.mark.parametrize("feed", SHIPPED)
def test_every_shipped_declaration_is_good(tmp_path: Path, feed: str):
    declaration = declarations.load(feed, tmp_path)
    assert (declaration.feed, declaration.path) == (feed, declarations.BUILT_IN / f"{feed}.yaml")
    assert declaration.description and declaration.fields


def test_what_the_contract_promises_is_shipped():
    promised = {"cdr/standard", "cdr/asterisk", "complaints/standard", "complaints/ftc_csv", "complaints/ftc_api", "complaints/fcc", "tracebacks/standard", "manifest/standard"}
    assert promised | {f"reference/{table}" for table in tables.REFERENCE} <= set(SHIPPED)


@pytest.mark.parametrize("table", sorted(set(tables.REFERENCE) - {"rmd", "nanp"}))
def test_reference_feeds_take_every_column_of_their_table(tmp_path: Path, table: str):
    assert list(declarations.load(f"reference/{table}", tmp_path).fields) == [name for name, _ in tables.REFERENCE[table]]


def test_one_in_the_home_wins(tmp_path: Path):
    own = declare(tmp_path, "cdr/standard", STANDARD.replace("header: true", "header: true\n  encoding: latin-1"))
    declaration = declarations.load("cdr/standard", tmp_path)
    assert (declaration.path, declaration.encoding) == (own, "latin-1")
    own.unlink()
    assert declarations.load("cdr/standard", tmp_path).encoding == "utf-8"


def field(line: str) -> str:
    """The standard declaration with another `attestation`."""
    return STANDARD.replace("  attestation: {}\n", f"  attestation: {line}\n")


FAULTY: dict[str, tuple[str, str | bytes, str, str]] = {
    # what: (feed, YAML, key named, remedy named)
    "no YAML": ("cdr/x", "fields: {", "not valid YAML", "line 1"),
    "not UTF-8": ("cdr/x", b"description: caf\xe9", "not valid YAML in UTF-8", ""),
    "a date that is none": ("cdr/x", "description: 2026-99-99", "not valid YAML", "month must be in 1..12"),
    "nested without end": ("cdr/x", "[" * 3_000, "not valid YAML", "recursion"),
    "empty": ("cdr/x", "", "'fields'", "needs a mapping"),
    "a list": ("cdr/x", "- a", "'fields'", "needs a mapping"),
    "no fields": ("cdr/x", "description: x", "'fields'", "needs a mapping"),
    "fields as list": ("cdr/x", "fields: [call_id]", "'fields'", "needs a mapping"),
    "unknown key": ("cdr/x", STANDARD + "colour: red\n", "unknown key colour", "one of content, delivery, description"),
    "unknown key of format": ("cdr/x", STANDARD.replace("header:", "quote: x\n  header:"), "unknown key format.quote:", "quotes"),
    "unknown key of times": ("cdr/x", STANDARD.replace("times:", "times:\n  tz: UTC"), "unknown key times.tz:", "zone"),
    "unknown key of a field": ("cdr/x", field("{form: x}"), "unknown key fields.attestation.form", "from"),
    "key that is no text": ("cdr/x", STANDARD + "1: 2\n", "unknown key 1", "one of"),
    "format as text": ("cdr/x", "format: csv\nfields: {a: {}}", "format is 'csv'", "a mapping"),
    "times as list": ("cdr/x", "times: [x]\nfields: {a: {}}", "times is ['x']", "a mapping"),
    "field as text": ("cdr/x", field("attest"), "fields.attestation is 'attest'", "a mapping such as {from: column"),
    "delimiter of two": ("cdr/x", STANDARD.replace('","', '"::"'), "format.delimiter is '::'", "one character"),
    "delimiter as number": ("cdr/x", STANDARD.replace('","', "1"), "format.delimiter is 1", "one character"),
    "quote as delimiter": ("cdr/x", STANDARD.replace('","', "'\"'"), "format.delimiter", "no quote"),
    "header as text": ("cdr/x", STANDARD.replace("header: true", "header: first"), "format.header is 'first'", "true or false"),
    "encoding unknown": ("cdr/x", STANDARD.replace("header:", "encoding: klingon\n  header:"), "format.encoding is 'klingon'", "latin-1"),
    "encoding of two bytes": ("cdr/x", STANDARD.replace("header:", "encoding: utf-16\n  header:"), "format.encoding is 'utf-16'", "utf-8"),
    "encoding of no text": ("cdr/x", STANDARD.replace("header:", "encoding: rot13\n  header:"), "format.encoding is 'rot13'", "utf-8"),
    "negative skip": ("cdr/x", STANDARD.replace("header:", "skip_lines: -1\n  header:"), "format.skip_lines is -1", "number of lines"),
    "guard for calls": ("cdr/x", STANDARD.replace("header:", "guard: \"'\"\n  header:"), "format.guard", "leave it out"),
    "no zone": ("cdr/x", STANDARD.replace("iso8601", '"%H:%M"'), "times.zone is missing", "America/Chicago"),
    "zone unknown": ("cdr/x", STANDARD.replace("iso8601", '"%H:%M"\n  zone: America/Gotham'), "times.zone is 'America/Gotham'", "UTC"),
    "zone as number": ("cdr/x", STANDARD.replace("iso8601", '"%H:%M"\n  zone: -5'), "times.zone is -5", "America/Chicago"),
    "format of times as number": ("cdr/x", STANDARD.replace("iso8601", "1"), "times.format is 1", "strptime"),
    "no times at all": ("cdr/x", STANDARD.replace("iso8601", "[]"), "times.format is an empty list", "name the shapes"),
    "no strptime format": ("cdr/x", STANDARD.replace("iso8601", '"%Q"\n  zone: UTC'), "times.format is no strptime format", "%Q"),
    "offset beside a zone": ("cdr/x", STANDARD.replace("iso8601", '"%H:%M %z"\n  zone: UTC'), "times.format has %z", "one kind"),
    "parser without its argument": ("cdr/x", field("{parse: inner_csv}"), "fields.attestation.parse is 'inner_csv'", "argument"),
    "list with epochs": ("cdr/x", STANDARD.replace("iso8601", '[epoch_s, "%s"]\n  zone: UTC'), "times.format holds 'epoch_s'", "stands alone"),
    "list without zone": ("cdr/x", STANDARD.replace("iso8601", '["%H:%M:%S", "%H:%M"]'), "times.zone is missing", "America/Chicago"),
    "zone of a column without names": ("cdr/x", STANDARD.replace("iso8601", '"%H:%M"\n  zone: {from: z}'), "times.zone.map", "a mapping"),
    "zone of a column unknown": ("cdr/x", STANDARD.replace("iso8601", '"%H:%M"\n  zone: {from: z, map: {PST: America/Gotham}}'), "'America/Gotham'", "UTC"),
    "abbreviation without offset": ("cdr/x", STANDARD.replace("iso8601", '"%H:%M %z"\n  abbreviations: {PST: -8}'), "times.abbreviations.PST is '-8'", "-05:00"),
    "epoch of complaints": ("complaints/x", COMPLAINTS.replace("iso8601", "iso8601\n  epoch: {from: id}"), "times.epoch", "leave it out"),
    "type lines as text": ("cdr/x", STANDARD.replace("header:", "type_lines: one\n  header:"), "format.type_lines is 'one'", "number of lines"),
    "quotes unknown": ("cdr/x", STANDARD.replace("header:", "quotes: single\n  header:"), "format.quotes is 'single'", "strict, loose, none, backslash"),
    "tail unknown": ("cdr/x", STANDARD.replace("header:", "corrupt_tail: cut\n  header:"), "format.corrupt_tail is 'cut'", "refuse or keep"),
    "other lines broken": ("cdr/x", STANDARD.replace("header:", "other_lines: '('\n  header:"), "format.other_lines", "mend it"),
    "quotes of complaints": ("complaints/x", COMPLAINTS.replace("header:", "quotes: none\n  header:"), "format.quotes", "leave it out"),
    "layout without columns": ("cdr/x", ASTERISK.replace("layouts:", "layouts:\n  - {fields: 3}"), "layouts[0].columns is None", "a mapping"),
    "layout without width": ("cdr/x", ASTERISK.replace("layouts:", "layouts:\n  - {columns: {src: 1}}"), "layouts[0]", "at_least"),
    "layout with two widths": ("cdr/x", ASTERISK.replace("layouts:", "layouts:\n  - {fields: 3, at_least: 3, columns: {src: 1}}"), "layouts[0]", "either"),
    "column behind the last": ("cdr/x", ASTERISK.replace("layouts:", "layouts:\n  - {fields: 3, columns: {src: 4}}"), "layouts[0] has 3 fields", "no column behind"),
    "position from zero": ("cdr/x", ASTERISK.replace("layouts:", "layouts:\n  - {fields: 3, columns: {src: 0}}"), "layouts[0].columns.src is 0", "from 1"),
    "plus for a number": ("cdr/x", field("{plus: duration}"), "fields.attestation has plus or minus", "start_time"),
    "unit unknown": ("cdr/x", STANDARD.replace("end_time: {", "end_time: {plus: d, unit: min, "), "fields.end_time.unit is 'min'", "one of s, ms"),
    "access code for no number": ("cdr/x", field("{access_code: '9'}"), "fields.attestation.access_code", "called_number"),
    "answered for no code": ("cdr/x", field("{when_answered: A}"), "fields.attestation.when_answered", "sip_code"),
    "parser unknown": ("cdr/x", field("{parse: magic}"), "fields.attestation.parse is 'magic'", "sip_user"),
    "parser with two arguments": ("cdr/x", field("{parse: {inner_csv: 1, sip_user: 2}}"), "fields.attestation.parse", "one of"),
    "condition as list": ("cdr/x", field("{only_if: [A]}"), "fields.attestation.only_if is ['A']", "a mapping"),
    "condition as text": ("cdr/x", field("{unless: {x: A}}"), "fields.attestation.unless.x is 'A'", "a list"),
    "condition on no column": ("cdr/x", ASTERISK.replace("answer_time: {", "answer_time: {only_if: {nothing: [A]}, "), "names nothing, which no layout has", "layouts"),
    "map of nobody": ("cdr/x", field("{map: q931}"), "fields.attestation.map is 'q931'", "q850"),
    "otherwise as text": ("cdr/x", field("{otherwise: from}"), "fields.attestation.otherwise is 'from'", "a mapping"),
    "otherwise required": ("cdr/x", field("{otherwise: {required: true}}"), "unknown key fields.attestation.otherwise.required", "from"),
    "otherwise behind a default": ("cdr/x", field("{default: A, otherwise: {from: x}}"), "fields.attestation.default", "move it"),
    "otherwise of no layout": ("cdr/x", ASTERISK.replace("calling_number: {", "calling_number: {otherwise: {from: nothing}, "), "names nothing", "layouts"),
    "otherwise for complaints": ("complaints/x", COMPLAINTS.replace("topic: {}", "topic: {otherwise: {from: a}}"), "fields.topic.otherwise", "leave it out"),
    "join for complaints": ("complaints/x", COMPLAINTS.replace("topic: {}", "topic: {join: [a, b]}"), "fields.topic.join", "leave it out"),
    "share as text": ("reference/trunks", TRUNKS + "smallest_share_of_previous: most\n", "smallest_share_of_previous is 'most'", "0 to 1"),
    "share over one": ("reference/trunks", TRUNKS + "smallest_share_of_previous: 95\n", "smallest_share_of_previous is 95", "0 to 1"),
    "key of no field": ("reference/trunks", TRUNKS.replace("[trunk,", "[trunc,"), "key names 'trunc'", "declare it"),
    "no layouts": ("cdr/x", STANDARD.replace("header: true", "header: false"), "layouts is missing", "lists of column names"),
    "layouts flat": ("cdr/x", STANDARD.replace("header: true", "header: false") + "layouts: [a, b]\n", "layouts[0] is 'a'", "a list"),
    "source in no layout": ("cdr/x", ASTERISK.replace("from: disposition", "from: status"), "fields.sip_code.from names status", "layouts"),
    "column of nobody": ("cdr/x", STANDARD + "  calling_nubmer: {}\n", "fields.calling_nubmer is no column of ours", "calling_number"),
    "needed column left out": ("cdr/x", STANDARD.replace("  sip_code: {required: true}\n", ""), "fields.sip_code must be declared", "required"),
    "needed column not required": ("complaints/x", COMPLAINTS.replace("received_at: {required: true}", "received_at: {}"), "fields.received_at", "required"),
    "table of nobody": ("reference/trunkz", TRUNKS, "no reference table 'trunkz'", "rename the file to one of customers"),
    "one_of for calls": ("cdr/x", field("{one_of: [A]}"), "fields.attestation.one_of", "use 'map'"),
    "pad for calls": ("cdr/x", field("{pad: 3}"), "fields.attestation.pad", "not for call records"),
    "pad as text": ("reference/trunks", TRUNKS.replace("trunk: {required: true}", "trunk: {required: true, pad: x}"), "fields.trunk.pad is 'x'", "number"),
    "folder for complaints": ("complaints/x", COMPLAINTS.replace("topic: {}", "topic: {folder: true}"), "fields.topic.folder", "name a column"),
    "notice without a number": ("tracebacks/x", NOTICES.replace("called_number: {required: true}", "called_number: {}"), "fields.called_number", "numbers"),
    "date for a notice's arrival": (
        "tracebacks/x", NOTICES.replace("received_at: {", "received_at: {date_only: true, "), "fields.received_at.date_only", "leave it out",
    ),
    "date for an arrival": ("complaints/x", COMPLAINTS.replace("received_at: {", "received_at: {date_only: true, "), "fields.received_at.date_only", "call_at"),
    "date beside a format": ("complaints/x", COMPLAINTS.replace("iso8601", '"%Y-%m-%d %H:%M"'), "fields.call_at.date_only", "iso8601"),
    "date for calls": ("cdr/x", field("{date_only: true}"), "fields.attestation.date_only", "not for call records"),
    "date_only as text": ("complaints/x", COMPLAINTS.replace("date_only: true", "date_only: often"), "fields.call_at.date_only is 'often'", "true or false"),
    "required as text": ("cdr/x", field("{required: maybe}"), "fields.attestation.required is 'maybe'", "true or false"),
    "from as mapping": ("cdr/x", field("{from: {a: b}}"), "fields.attestation.from", "must be a text"),
    "pattern broken": ("cdr/x", field("{extract: '(a'}"), "fields.attestation.extract", "mend it"),
    "pattern of one engine": ("cdr/x", field("{extract: '(?<=x)(a)'}"), "fields.attestation.extract", "without look-around"),
    "pattern without group": ("cdr/x", field("{extract: 'a+'}"), "fields.attestation.extract has no group", "parentheses"),
    "map as list": ("cdr/x", field("{map: [A]}"), "fields.attestation.map is ['A']", "a mapping"),
    "map of YAML's booleans": ("complaints/x", COMPLAINTS.replace('"true": "true", "false"', 'YES: "true", NO'), "fields.recorded_message.map", "quotes"),
    "default as null": ("cdr/x", field("{default: null}"), "fields.attestation.default holds None", "quotes"),
    "nulls with a null": ("cdr/x", STANDARD + "nulls: [null, '-']\n", "nulls holds None", "quotes"),
    "nulls as text": ("cdr/x", STANDARD + "nulls: '-'\n", "nulls is '-'", "a list"),
    "delivery of notices": ("tracebacks/x", NOTICES + "delivery: {files_per_day: 1}\n", "delivery is for call records and complaints only", "leave it out"),
    "files of complaints": ("complaints/x", COMPLAINTS + "delivery: {files_per_day: 1}\n", "unknown key delivery.files_per_day", "one of calendar"),
    "calendar of calls": ("cdr/x", STANDARD + "delivery: {calendar: us_federal}\n", "unknown key delivery.calendar", "one of due"),
    "calendar unknown": ("complaints/x", COMPLAINTS + "delivery: {calendar: lunar}\n", "delivery.calendar is 'lunar'", "us_federal"),
    "source unknown": ("complaints/x", COMPLAINTS + "source: ours\n", "source is 'ours'", "one of own_desk, ftc, fcc"),
    "source of notices": ("tracebacks/x", NOTICES + "source: ftc\n", "source is for complaints only", "leave it out"),
    "content of calls": ("cdr/x", STANDARD + "content: [city]\n", "content is for complaints only", "leave it out"),
    "content as text": ("complaints/x", COMPLAINTS + "content: city\n", "content is 'city'", "a list"),
    "rows of calls": ("cdr/x", STANDARD.replace("header:", "rows: data\n  header:"), "format.rows", "leave it out"),
    "rows as list": ("complaints/x", COMPLAINTS.replace("header:", "rows: [data]\n  header:"), "format.rows is ['data']", "dots"),
    "iso among others": ("complaints/x", COMPLAINTS.replace("iso8601", '["%H:%M", iso8601]'), "times.format holds 'iso8601'", "stands alone"),
    "no strptime format of complaints": ("complaints/x", COMPLAINTS.replace("iso8601", '"%Q"'), "times.format is no strptime format", "%Q"),
    "file date without its format": ("complaints/x", COMPLAINTS.replace("received_at: {", "received_at: {file_date: true, "), "fields.received_at.file_date", "%Y-%m-%d"),
    "hour of an arrival": ("complaints/x", COMPLAINTS.replace("received_at: {", "received_at: {time_of_day: [hour], "), "fields.received_at.time_of_day", "call_at"),
    "hour of calls": ("cdr/x", field("{time_of_day: [hour]}"), "fields.attestation.time_of_day", "not for call records"),
    "labels of nobody": ("complaints/x", COMPLAINTS.replace("topic: {}", "topic: {known: fcc_topics}"), "fields.topic.known is 'fcc_topics'", "ftc_subjects"),
    "delivery as number": ("cdr/x", STANDARD + "delivery: 24\n", "delivery is 24", "a mapping such as {files_per_day"),
    "unknown key of delivery": ("cdr/x", STANDARD + "delivery: {files: 1}\n", "unknown key delivery.files", "one of due, files_per_day"),
    "delivery by day and hour": ("cdr/x", STANDARD + "delivery: {files_per_day: 24, files_per_hour: 1}\n", "delivery.files_per_hour", "leave out one"),
    "delivery of nothing": ("cdr/x", STANDARD + "delivery: {due: '02:00'}\n", "delivery says nothing", "it needs files_per_day"),
    "no files": ("cdr/x", STANDARD + "delivery: {files_per_day: 0}\n", "delivery.files_per_day is 0", "1 or more"),
    "files as text": ("cdr/x", STANDARD + "delivery: {files_per_hour: many}\n", "delivery.files_per_hour is 'many'", "the number of files"),
    "files as boolean": ("cdr/x", STANDARD + "delivery: {files_per_day: yes}\n", "delivery.files_per_day is True", "the number of files"),
    "switches as text": ("cdr/x", STANDARD + "delivery: {switches: nyc1}\n", "delivery.switches is 'nyc1'", "a list"),
    "no switches": ("cdr/x", STANDARD + "delivery: {switches: []}\n", "delivery.switches is []", "name each switch"),
    "switch without a name": ("cdr/x", STANDARD + "delivery: {switches: ['']}\n", "delivery.switches is ['']", "name each switch"),
    "due without quotes": ("cdr/x", STANDARD + "delivery: {files_per_day: 1, due: 30:00}\n", "delivery.due is 1800", "in quotes"),
    "due without minutes": ("cdr/x", STANDARD + "delivery: {files_per_day: 1, due: '2'}\n", "delivery.due is '2'", '"02:00"'),
    "due of 60 minutes": ("cdr/x", STANDARD + "delivery: {files_per_day: 1, due: '02:60'}\n", "delivery.due is '02:60'", "minutes after the end"),
    "ignored as text": ("cdr/x", STANDARD + "ignored: text\n", "ignored is 'text'", "a list"),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_faulty_one_names_file_key_and_remedy(tmp_path: Path, fault: str):
    feed, yaml, key, remedy = FAULTY[fault]
    path = declare(tmp_path, feed, yaml)
    with pytest.raises(BadDeclaration) as caught:
        declarations.load(feed, tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert key in message and remedy in message, message


@pytest.mark.parametrize(
    ("yaml", "expected"),
    {
        '{files_per_day: 24, due: "30:05"}': Delivery(24, (), 1805),
        "{files_per_hour: 2, switches: [nyc1, 7]}": Delivery(48, ("nyc1", "7"), None),
        '{switches: [nyc1], due: "00:00"}': Delivery(None, ("nyc1",), 0),
    }.items(),
)
def test_a_delivery_is_files_a_day_switches_and_minutes_after_it(tmp_path: Path, yaml: str, expected: Delivery):
    declare(tmp_path, "cdr/x", f"{STANDARD}delivery: {yaml}\n")
    assert declarations.load("cdr/x", tmp_path).delivery == expected


def test_deliveries_are_those_of_sound_declarations_and_the_homes_win(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    ftc = {"complaints/ftc_csv": Delivery(calendar="us_federal")}
    assert declarations.deliveries(tmp_path) == ftc
    declare(tmp_path, "cdr/standard", STANDARD + "delivery: {files_per_day: 4}\n")
    declare(tmp_path, "cdr/mine", STANDARD + "delivery: {switches: [x]}\n")
    declare(tmp_path, "cdr/silent", STANDARD)
    declare(tmp_path, "cdr/.draft", STANDARD + "delivery: {files_per_day: 1}\n")
    faulty = declare(tmp_path, "cdr/faulty", STANDARD + "delivery: {files_per_day: none}\n")
    assert declarations.deliveries(tmp_path) == {"cdr/mine": Delivery(switches=("x",)), "cdr/standard": Delivery(expected_files=4), **ftc}
    [told] = caplog.messages
    assert told.startswith(f"nothing is known of what cdr/faulty delivers: {faulty}: delivery.files_per_day is 'none'")


@pytest.mark.parametrize("feed", ["cdr/nobody", "nobody/standard", "cdr"])
def test_none_says_where_to_put_one(tmp_path: Path, feed: str):
    with pytest.raises(BadDeclaration, match="see docs/feeds.md"):
        declarations.load(feed, tmp_path)


def test_numbers_and_booleans_of_yaml_are_read_as_text_where_that_is_plain(tmp_path: Path):
    declare(tmp_path, "cdr/x", STANDARD.replace('default: "1"', "default: 1").replace("sip_code: {required: true}", "sip_code: {required: true, map: {16: 200}}"))
    fields = declarations.load("cdr/x", tmp_path).fields
    assert (fields["attempt"].default, fields["sip_code"].map) == ("1", {"16": "200"})
    declare(tmp_path, "complaints/x", COMPLAINTS.replace('"true": "true", "false": "false"', '"Y": true, "N": false'))
    assert declarations.load("complaints/x", tmp_path).fields["recorded_message"].map == {"Y": "true", "N": "false"}
