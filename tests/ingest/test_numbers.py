"""Numbers: what SQL decides of them is what `classify`, which asks libphonenumber, says of them, whatever a switch may write.

Every number goes the way of the call records: a file of the standard feed, parsed into the files that the lake will hold.
"""

from __future__ import annotations

import csv
import os
import random
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import duckdb
import phonenumbers
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from include.ingest import abroad, call_sql, calls, declarations, numbers
from include.ingest.landing import LandingFile
from tests.ingest.desk import GOOD_CALL, STANDARD, csv_text

SIP_STRINGS = Path(__file__).parent / "samples" / "number_fields.txt"
"""Number fields as they stand in public bug reports and vendors' documents."""
DECLARATION = declarations.parse("cdr", "standard", declarations.BUILT_IN / "cdr" / "standard.yaml")
NUMBERS = ("calling_number", "asserted_number", "called_number")
SHORTENED = re.compile(r"[0-9](\.[0-9]+)?E\+[0-9]+")
"""2.02555E+09: the digits are lost, and the row is rejected."""
PLAIN_NANP = re.compile(r"(?:(?:\+|011)?1|\+)?[2-9][0-9]{9}")
Answers = dict[str, tuple[str | None, str]]


# ---------------------------------------------------------------- the way of the call records


@pytest.fixture(scope="module")
def parse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., calls.ParsedFile]]:
    """Parses a standard file with these calls."""
    folder = tmp_path_factory.mktemp("numbers")
    (scratch := folder / "scratch").mkdir()
    with ThreadPoolExecutor(1) as pool:

        def parse(rows: Iterable[dict[str, str]], pool: ThreadPoolExecutor = pool, **how) -> calls.ParsedFile:
            path = folder / "calls.csv"
            path.write_text(csv_text(STANDARD, [GOOD_CALL | row for row in rows]), encoding="utf-8", newline="")
            for left_over in scratch.iterdir():
                left_over.unlink()
            file = LandingFile(path, "cdr/standard/calls.csv", "cdr", "cdr/standard", 0, 0)
            return calls.parse(file, DECLARATION, scratch, "receipt", pool=pool, **how)

        yield parse


@pytest.fixture(scope="module")
def by_sql(parse: Callable[..., calls.ParsedFile]) -> Callable[[list[str]], Answers]:
    """Number and class as they are written for the lake, of raws that each stand in all three columns of one call."""

    def by_sql(raws: list[str]) -> Answers:
        parsed = parse({"call_id": str(place)} | dict.fromkeys(NUMBERS, raw) for place, raw in enumerate(raws))
        files = [str(piece.path) for piece in parsed.pieces]
        found = duckdb.execute(
            "select cast(call_id as bigint), calling_number, calling_class, asserted_number, called_number, called_class from read_parquet($1)",
            [files],
        ).fetchall() if files else []  # fmt: skip
        answers = {}
        for place, calling, class_, asserted, called, called_class in found:
            assert (called, called_class) == (calling, class_) and asserted == calling, raws[place]
            answers[raws[place]] = (calling, class_)
        lines, line = {}, 2
        for raw in raws:
            lines[line] = raw
            line += 1 + 3 * raw.count("\n")
        answers |= {lines[row.line]: (None, row.reason.partition(":")[0]) for row in parsed.rejected}
        assert len(answers) == len(raws) == parsed.rows_read
        return answers

    return by_sql


def answer(raw: str, classify: Callable = numbers.classify) -> tuple[str | None, str]:
    """What has to become of a raw: what `classify` says of it, but for calls that have no number or a spoilt one, which are rejected."""
    sent = raw.strip(" ")  # blanks around a value are none of it
    if sent in DECLARATION.nulls:
        return None, "empty"
    if SHORTENED.fullmatch(sent):
        return None, "shortened by a spreadsheet, export it as text"
    return classify(sent)


def assert_equal(found: Answers, expected: Answers, seed: int | None = None) -> None:
    """Of a million answers, those that differ."""
    differ = {raw: (found.get(raw), expected.get(raw)) for raw in found.keys() | expected.keys() if found.get(raw) != expected.get(raw)}
    assert not differ, f"seed {seed}: {len(differ)} of {len(expected)} differ (SQL, libphonenumber), among them {dict(list(differ.items())[:20])}"


# ---------------------------------------------------------------- every North American number


def patterns_of_country_code_1() -> set[str]:
    """What libphonenumber's answer for ten digits of country code 1 depends on: which of these match (`_number_type_helper`), ..."""
    kinds = "general_desc fixed_line mobile toll_free premium_rate shared_cost personal_number voip pager uan voicemail".split()
    regions = map(phonenumbers.PhoneMetadata.metadata_for_region, phonenumbers.COUNTRY_CODE_TO_REGION_CODE[1])
    described = [getattr(region, kind) for region in regions for kind in kinds]
    return {kind.national_number_pattern for kind in described if kind and kind.national_number_pattern}


def beginnings_of_country_code_1() -> set[str]:
    """... and which of these match its beginning (`_region_code_for_number_from_list`)."""
    regions = map(phonenumbers.PhoneMetadata.metadata_for_region, phonenumbers.COUNTRY_CODE_TO_REGION_CODE[1])
    return {region.leading_digits for region in regions if region.leading_digits}


def unread_digits(pattern: str) -> int:
    """How many of the last digits may be any for the pattern: all its alternatives end in so many `\\d`, at least."""
    while "(" in pattern:
        pattern = re.sub(r"\(\?:[^()]*\)", "_", pattern)
    return min(int(re.search(r"\\d\{([0-9])\}$", alternative)[1]) for alternative in pattern.split("|"))


def test_libphonenumber_reads_no_more_than_seven_digits_of_a_north_american_number():
    """Why the tests may ask it of seven digits once, whatever the last three are."""
    assert unread_digits(r"246521[0369]\d{3}|246(?:2(?:2[78]|7[0-4])|638)\d{4}") == 3
    assert min(map(unread_digits, patterns_of_country_code_1())) == 3
    assert all(len(beginning) <= 3 for pattern in beginnings_of_country_code_1() for beginning in re.sub(r"\[[0-9]+\]|001", "0", pattern).split("|"))


def test_sql_says_of_every_area_code_and_exchange_what_libphonenumber_says(by_sql: Callable[[list[str]], Answers]):
    """From 200-000 to 999-999: of each one tenth of its numbers, every run another; where they are not all alike, all ten.

    Numbers of which the same patterns match are the same to libphonenumber: it is asked of 200 of each kind. The few exchanges whose
    tenths differ are decided with the numbers that are not plain.
    """
    seed = random.randrange(2**32)
    reads_tenth = sorted(pattern for pattern in patterns_of_country_code_1() if unread_digits(pattern) < 4)
    reads_exchange = sorted(patterns_of_country_code_1() - {*reads_tenth})
    reads_exchange += [f"(?:{beginning})[0-9]*" for beginning in beginnings_of_country_code_1()]

    def matches(number: str, patterns: list[str]) -> str:
        return "concat(" + ", ".join(f"regexp_full_match({number}, '{pattern}')::utinyint" for pattern in patterns) + ")"

    with calls.connect_worker(memory="2GB") as connection:
        connection.execute(f"""
            create temp table exchanges as
            with exchange as (select cast(unnest(range(200000, 1000000)) as varchar) as six)
            select six, dense_rank() over (order by matched) as kind
            from (select six, {matches("six || '0000'", reads_exchange)} as matched from exchange)
        """)
        connection.execute(f"""
            create temp table tenths as
            with tenth as (select six || tenth as seven, kind from exchanges cross join (select unnest(range(10)) as tenth))
            select seven, concat(kind, '-', {matches("seven || '000'", reads_tenth)}) as kind from tenth
        """)
        connection.execute(f"""
            create temp table tried as
            with unlike as (select seven[:6] as six from tenths group by six having min(kind) <> max(kind))
            select seven, kind
            from tenths
            where seven[7]::int = hash(seven[:6], {seed}) % 10 or seven[:6] in (from unlike)
        """)
        [(tried,)] = connection.execute("select count(*) from tried").fetchall()
        kinds = connection.execute(f"select kind, arg_min(seven, hash(seven, {seed}), 200) from tenths group by kind").fetchall()
        asked = {kind: {numbers.classify(f"{seven}{random.randrange(1000):03}")[1] for seven in sevens} for kind, sevens in kinds}
        assert len(asked) > 50 and all(len(classes) == 1 for classes in asked.values()), asked
        connection.execute("create temp table kinds (kind varchar, class varchar)")
        connection.executemany("insert into kinds values (?, ?)", [(kind, *classes) for kind, classes in asked.items()])
        # The expected class travels in a column of the call.
        sent = GOOD_CALL | dict.fromkeys(NUMBERS, "' || seven || '000") | {"signer": "' || class || '"}
        lines = f"select 1 as source_line, '{','.join(sent[column] for column in STANDARD)}' as line from tried join kinds using (kind)"
        query = call_sql.parse_lines(
            DECLARATION, call_sql.choose_layouts(DECLARATION, [STANDARD]), lines=lines, folder=None, holds=frozenset(), usual_offset="Z",
            are_quoted_oddly=False,
        )  # fmt: skip
        [(compared, differ, some, left)] = connection.execute(f"""
            with judged as (
                select
                    calling_raw,
                    calling_class is null and called_class is null as is_left,
                    reject is not null
                    or (calling_class, called_class) is distinct from (signer, signer)
                    or [calling_digits, asserted_digits, called_digits] is distinct from list_value(dialled, dialled, dialled) as is_other
                from (select *, cast(calling_raw as bigint) as dialled from ({query}))
            )
            select
                count(*),
                count(*) filter (where is_other and not is_left),
                (list(calling_raw) filter (where is_other and not is_left))[:20],
                list(calling_raw order by calling_raw) filter (where is_left)
            from judged
        """).fetchall()
        assert (compared, differ, some) == (tried, 0, None) and tried > 800_000
        assert left == [f"{exchange}{tenth}000" for exchange in (246521, 246522, 876606) for tenth in range(10)]
    assert_equal(by_sql(left), {raw: answer(raw) for raw in left})


# ---------------------------------------------------------------- numbers abroad


def numbers_abroad(pick: random.Random, of_each: int) -> Iterator[str]:
    """Of every calling code: what is valid in its countries, the same with a digit changed, left out or put in, and any digits."""
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        known = [phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region) for region in regions]
        examples = [described.example_number for region in known for kind in (*abroad.KINDS, "general_desc") if (described := getattr(region, kind))]
        for _ in range(of_each):
            national = pick.choice([*filter(None, examples), str(pick.randrange(10 ** pick.randint(3, 13)))])
            at = pick.randrange(len(national))
            for tail in (national, national[:at] + str(pick.randrange(10 ** pick.randint(0, 2))) + national[at + pick.randint(0, 1) :]):
                yield f"+{code}{pick.choice(['', '', '', '0', '8'])}{tail}"


def test_what_patterns_decide_of_a_number_abroad_is_what_libphonenumber_says():
    seed = random.randrange(2**32)
    raws = list(dict.fromkeys(numbers_abroad(random.Random(seed), of_each=150)))
    decided = {raw: answer for raw in raws if (answer := abroad.decided(raw))}
    assert_equal(decided, {raw: numbers.classify(raw) for raw in decided}, seed)
    assert len(decided) > 0.5 * len(raws) > 15_000
    assert {class_ for _, class_ in decided.values()} == {"valid_non_us", "invalid"}
    assert {number is None for number, class_ in decided.values() if class_ == "invalid"} == {True, False}


# ---------------------------------------------------------------- generated and damaged numbers

BATCH = 680_000
"""Raws that go into one file."""
PLAIN_FORMS = ["{n}", "1{n}", "+1{n}", "+{n}", "0111{n}"]
SEPARATED_FORMS = [
    "{a}-{b}-{c}", "1-{a}-{b}-{c}", "({a}) {b}-{c}", "+1 ({a}) {b}-{c}", "+1.{a}.{b}.{c}", "1/{a}/{b}{c}", "011 1 {a} {b} {c}",
    " 1{n} ", "'{n}", '"+1{n}"', "{n};222", "{a}", "{a}{b}", "call {a} {b} {c} now", "{n}x{c}", "%22+1{n}%22;tag={c}",
]  # fmt: skip
URI_FORMS = [
    "tel:+1{n}", "tel:{a}-{b}-{c};ext=12", "tel:{c};phone-context=+1{a}{b}", "TEL:1{n}", "<tel:+1{n}>;tag={c}", "tel:", "{n} <tel:{c}>",
    "sip:{n}@192.0.2.1", "sip:+1{n}@gw1.example.com:5060;user=phone", "<sip:1{n}@192.0.2.9:5060>;tag=a{c}b2", "SIP:{a}-{b}-{c}@host",
    "sips:+1{n};tgrp=t1;trunk-context=example.com@192.0.2.1", '"John Doe" <sip:+1{n}@sip.example.com;verstat=TN-Validation-Passed>',
    "'CALLER {c}'<sip:1{n}@4.2.2.2>", "sip:{c}@h <sip:{n}@h>", "sip:{n}", "sip:{n}:5060", "sip:@{n}", "sip:{a}@{b}@{c}",
    "sip:+1{n}@anonymous.invalid", '"Anonymous" <sip:{n}@192.0.2.1>', "sip:anonymous{c}@192.0.2.{b}", "sip:Unavailable@192.0.2.1;x={n}",
    "Restricted;{n}",
]  # fmt: skip
OTHER_FORMS = [
    "9{n}", "91{n}", "9011{n}", "0{n}", "00{n}", "001{n}", "011{n}", "{c}", "{b}{c}", "1{b}{c}", "+{c}", "+{n}{b}", "{n}{c}{n}", "+44{n}", "+1{n}{c}",
    "+49 {a} {b}{c}", "2.{a}{b}E+09", "{a}E+{b}", "\u0662{n}", "{a}\u2011{b}\u2011{c}", "\uff0b1{n}", "{a}\u00a0{b}{c}", "\u2028{n}", "+1{n}\n",
    "{n}\n{c}", "\t{n}", "{n},{c}",
]  # fmt: skip
FORMS = 12 * PLAIN_FORMS + 4 * SEPARATED_FORMS + 4 * URI_FORMS + OTHER_FORMS
"""Of a number n: its area code a, exchange b and last four digits c."""
BITS = [*"0123456789", *"+x;@:<>\"'-()./, ", "", "", "", "1", "00", "011", "  ", "E+", "sip:", "tel:", "\u0660", "\u00a0"]
WORDS = [
    *sorted(numbers.WITHHELD), "ANONYMOUS", "Anonymous@anonymous.invalid", "sip:none@host", "'Private'", '"-"',
    "NULL", "\\N", "null", "nan", "+", "+1", "''",
]  # fmt: skip


def seven_digits(pick: random.Random, count: int) -> list[str]:
    """Beginnings of numbers: a third of them anything, a third an area code in use, a third where the class changes within an area code."""
    with numbers.NANP_CLASSES.open() as file:
        prefixes = [row["prefix"] for row in csv.DictReader(file) if row["prefix"].isdigit()]
    areas, parts = [prefix for prefix in prefixes if len(prefix) == 3], [prefix for prefix in prefixes if len(prefix) > 3]
    beginnings = [f"{pick.randrange(1000):03}" for _ in range(count // 3)] + pick.choices(areas, k=count // 3)
    beginnings += [str(int(prefix) + pick.choice([-1, 0, 0, 1])) for prefix in pick.choices(parts, k=count // 3)]
    return [(beginning + f"{pick.randrange(10**7):07}")[:7] for beginning in beginnings]


def generated(pick: random.Random, count: int) -> list[str]:
    """Distinct raws, a quarter of them with one or two pieces put in, left out or put in the place of a character."""
    sevens, raws = seven_digits(pick, count // 40), [*WORDS, "1" * 300, "+" + "2025550123" * 30]
    for form in FORMS:
        for seven in pick.choices(sevens, k=count // len(FORMS)):
            number = f"{seven}{pick.randrange(1000):03}"
            raws.append(form.format(n=number, a=number[:3], b=number[3:6], c=number[6:]))
    for place in range(0, len(raws), 4):
        for _ in range(pick.randint(1, 2)):
            text = raws[place]
            at = pick.randint(0, len(text))
            raws[place] = text[:at] + pick.choice(BITS) + text[at + pick.randint(0, 1) :]
    return list(dict.fromkeys(raws))


@lru_cache(maxsize=None)
def of_beginning(digits: str) -> tuple[str | None, str]:
    return numbers.classify(digits + "000")


def by_beginning(raw: str) -> tuple[str | None, str]:
    """`classify`, but libphonenumber is asked once of all North American numbers that differ in their last three digits alone."""
    digits, _ = numbers.dialled(raw)
    if digits is None or not PLAIN_NANP.fullmatch(digits):
        return numbers.classify(raw)
    number, class_ = of_beginning(digits[:-3])
    return number[:-3] + digits[-3:], class_


def test_sql_and_libphonenumber_agree_on_generated_and_damaged_numbers(by_sql: Callable[[list[str]], Answers], monkeypatch: pytest.MonkeyPatch):
    """Two hundred thousand raws that SQL decides, others in every run, and those it leaves; TOLLGATE_TEST_NUMBERS=20000000 tries more, TOLLGATE_TEST_SEED those of an earlier run.

    What SQL left to `classify` must have come back from it unchanged; what it decided itself is compared with `by_beginning`,
    and some of it, chosen by chance, with `classify` itself.
    """
    seed = int(os.environ.get("TOLLGATE_TEST_SEED", random.randrange(2**32)))
    print("seed", seed)
    wanted = int(os.environ.get("TOLLGATE_TEST_NUMBERS", 200_000))
    pick, compared, alone = random.Random(seed), 0, 0
    classify = numbers.classify
    while alone < wanted:
        asked: Answers = {}
        monkeypatch.setattr(numbers, "classify", lambda raw: asked.setdefault(raw, classify(raw)))
        raws = generated(pick, BATCH)
        found = by_sql(raws)
        monkeypatch.setattr(numbers, "classify", classify)
        assert_equal(found, {raw: answer(raw, lambda sent: asked[sent] if sent in asked else by_beginning(sent)) for raw in raws}, seed)
        decided = [raw for raw in raws if raw.strip(" ") not in asked]
        some = pick.sample(decided, len(decided) // 50)
        assert_equal({raw: found[raw] for raw in some}, {raw: answer(raw) for raw in some}, seed)
        assert len({class_ for _, class_ in found.values()}) >= 7  # the eighth comes by chance
        compared, alone = compared + len(raws), alone + len(decided)
        of_beginning.cache_clear()
        assert len(decided) > len(raws) * 0.75
    print(f"{compared} raws compared, {alone} of them decided by SQL alone")


# ---------------------------------------------------------------- what hypothesis finds, and what is known

DIGITS = st.text("0123456789", min_size=1, max_size=16)
NANP = st.from_regex(r"[2-9][0-9]{9}", fullmatch=True)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ue000\U0010fffd"), max_size=12)
"""Not what no column of an accepted file can hold: half of a surrogate pair, NUL and what stands for it, a carriage return, `stream.NEVER`."""
NUMBER = st.one_of(
    NANP,
    NANP.map("+1{}".format),
    NANP.map("+{}".format),
    NANP.map("({0:.3}) {0:.3}-{0:.4}".format),
    NANP.map("sip:+1{}@192.0.2.1:5060;user=phone".format),
    DIGITS,
    DIGITS.map("+{}".format),
    DIGITS.map("011{}".format),
    DIGITS.map("{};222".format),
    st.sampled_from(["anonymous", "sip:anonymous@anonymous.invalid", "tel:+442079460018", "+44 20 7946 0018", *WORDS]),
    ANY_TEXT,
)


@st.composite
def damaged_number(draw: st.DrawFn) -> str:
    """A number with up to two characters changed, left out or put in."""
    text = draw(NUMBER)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(BITS)) + text[at + draw(st.integers(0, 1)) :]
    return text


@settings(max_examples=30, deadline=None, phases=[Phase.reuse, Phase.generate])  # what fails is named without making it smaller
@given(raws=st.lists(damaged_number(), min_size=20, max_size=100, unique=True))
def test_sql_and_libphonenumber_agree_on_whatever_hypothesis_finds(by_sql: Callable[[list[str]], Answers], raws: list[str]):
    assert_equal(by_sql(raws), {raw: answer(raw) for raw in raws})


def test_an_asserted_number_that_is_empty_or_spoilt_rejects_no_call(parse: Callable[..., calls.ParsedFile]):
    parsed = parse({"asserted_number": raw} for raw in ("", "NULL", "2.02555E+09", "anonymous", "911", "+12025550123"))
    [piece] = parsed.pieces
    assert not parsed.rejected
    assert duckdb.execute("select asserted_raw, asserted_number from read_parquet($1) order by source_line", [str(piece.path)]).fetchall() == [
        (None, None), (None, None), ("2.02555E+09", None), ("anonymous", None), ("911", None), ("+12025550123", "+12025550123")
    ]  # fmt: skip


def test_libphonenumber_is_asked_once_per_distinct_value_and_not_of_what_sql_decides(
    parse: Callable[..., calls.ParsedFile], monkeypatch: pytest.MonkeyPatch
):
    of_sql = ["2025550123", "1-202-555-0123", "+1 (202) 555-0123", "tel:+12025550123", "<sip:2025550123@host;user=phone>", "+2025550123"]
    of_sql += ["911", "anonymous", "saidpress1"]
    of_patterns = [f"+4420794600{place:02}" for place in range(50)] + [f"+44999946{place:04}" for place in range(50)]
    of_libphonenumber = [f"+44020794600{place:02}" for place in range(50)] + [f"+20{place:08}" for place in range(50)]
    rows = [
        {"call_id": f"{again}-{raw}"} | dict.fromkeys(NUMBERS, raw)
        for again in range(20) for raw in of_sql + of_patterns + of_libphonenumber
    ]  # fmt: skip
    asked = []
    ask = phonenumbers.parse
    monkeypatch.setattr(phonenumbers, "parse", lambda digits, region: asked.append(digits) or ask(digits, region))
    numbers._asked.cache_clear()
    with ThreadPoolExecutor(2) as pool:
        parsed = parse(rows, pool, piece_bytes=50_000)
    assert len({piece.piece for piece in parsed.pieces}) > 4 and sum(piece.rows for piece in parsed.pieces) == len(rows)
    assert sorted(asked) == sorted(of_libphonenumber)


def test_the_shipped_classes_are_as_the_command_writes_them():
    """After an upgrade of the phonenumbers package: `python -m include.ingest.numbers`. That they are right, the test of all tenths tells."""
    with numbers.NANP_CLASSES.open() as file:
        shipped = [(row["prefix"], row["class"]) for row in csv.DictReader(file)]
    assert shipped.pop() == ("phonenumbers", phonenumbers.__version__)
    chosen = {"202", "246", "416", "555", "800", "809", "876"}
    assert [row for row in shipped if row[0][:3] in chosen] == numbers.nanp_prefix_classes(sorted(map(int, chosen)))


@pytest.mark.parametrize(
    ("raw", "number", "class_"),
    [
        ("+12025550123", "+12025550123", "valid_us"),
        ("12025550123", "+12025550123", "valid_us"),
        ("2025550123", "+12025550123", "valid_us"),
        ("(202) 555-0123", "+12025550123", "valid_us"),
        ("+2025550123", "+12025550123", "valid_us"),  # the country code was lost, the + was not
        ("+14165550123", "+14165550123", "valid_non_us"),
        ("011442079460018", "+442079460018", "valid_non_us"),
        ("+442079460018", "+442079460018", "valid_non_us"),
        ("8090286309", "+18090286309", "valid_non_us"),  # a Dominican toll-free number: its exchange begins with 0
        ("8082286309", "+18082286309", "valid_us"),
        ("8080286309", "+18080286309", "invalid"),
        ("sip:+12025550123@anonymous.invalid", None, "anonymous"),
        ("+11115550123", "+11115550123", "invalid"),
        ("911", None, "invalid"),
        ("anonymous", None, "anonymous"),
        ("Restricted", None, "anonymous"),
        ("", None, "missing"),
        ("   ", None, "missing"),
        (None, None, "missing"),
        ("saidpress1", None, "unparseable"),
        ("8005078317;222", "+18005078317", "valid_us"),
    ],
)
def test_single_numbers(raw: str | None, number: str | None, class_: str):
    assert numbers.classify(raw) == (number, class_)


REAL = {
    "'WIRELESS CALLER'<sip:12513001300@4.2.2.2:5060;user=phone>;tag=SDepng302": "+12513001300",
    "<sip:12513001300@4.2.2.2:5060;user=phone>;tag=SDepng302": "+12513001300",
    "'12513001300'<sip:4.2.2.2:5060;user=phone>;tag=SDepng302": None,
    "sip:+15307520014@10.158.130.202:5060;dtg=NBSPUBSIP_ON_SIF93;reg-info=102": "+15307520014",
    "sip:Unavailable@10.158.10.170:5620": None,
    "%22+15307520010%22;tag=59D07E6E-2A6FE7AF": None,
    "sip:service;npdi;rn=+01234567890@ip:port": None,
    "sip:+33123456789;tgrp=grp1;trunk-context=example.com@host": "+33123456789",
    "<sip:+16313840101;verstat=TN-Validation-Passed@msg.pc.t-mobile.com:5060;user=phone>": "+16313840101",
    '"John Doe" <sip:+18889809750@sip.telnyx.com;verstat=TN-Validation-Passed>': "+18889809750",
    "tel:+16313750100;phone-context=INPEER.TMOBILE.COM;npdi;rn=+16315990100": "+16313750100",
}


def test_real_number_fields_never_take_digits_of_hosts_ports_or_tags(by_sql: Callable[[list[str]], Answers]):
    lines = [line.split("\t")[0] for line in SIP_STRINGS.read_text().splitlines() if line and not line.startswith("#")]
    assert set(REAL) <= set(lines)
    assert {raw: numbers.classify(raw)[0] for raw in REAL} == REAL
    assert_equal(by_sql(lines), {raw: answer(raw) for raw in lines})
