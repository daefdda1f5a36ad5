"""Numbers: the SQL path and libphonenumber say the same of whatever a switch may write."""

from __future__ import annotations

import csv
from pathlib import Path

import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.ingest import calls, numbers

SIP_STRINGS = Path(__file__).parent / "samples" / "number_fields.txt"
"""Number fields as they stand in public bug reports and vendors' documents."""

DIGITS = st.text("0123456789", min_size=1, max_size=16)
NANP = st.from_regex(r"[2-9][0-9]{9}", fullmatch=True)
NUMBER = st.one_of(
    NANP,
    NANP.map("1{}".format),
    NANP.map("+1{}".format),
    NANP.map("+{}".format),
    NANP.map("({0:.3}) {0:.3}-{0:.4}".format),
    NANP.map("sip:+1{}@192.0.2.1:5060;user=phone".format),
    DIGITS,
    DIGITS.map("+{}".format),
    DIGITS.map("011{}".format),
    DIGITS.map("{};222".format),
    st.sampled_from(["anonymous", "Restricted", "sip:anonymous@anonymous.invalid", "-", "tel:+442079460018", "+44 20 7946 0018", "911", "+", "''"]),
    st.text(max_size=12),
)


@st.composite
def damaged_number(draw: st.DrawFn) -> str:
    """A number with up to two characters changed, left out or put in."""
    text = draw(NUMBER)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(["", " ", "+", "1", "0", "x", ";", "@", "\u0660", "'", "-"])) + text[at + draw(st.integers(0, 1)) :]
    return text


def by_sql(raws: list[str]) -> dict[str, tuple[str | None, str]]:
    """What the path of the call records makes of them, in one query."""
    with calls.connect(threads=1) as connection:
        connection.register("given_rows", pa.table({"calling_raw": pa.array(raws, pa.string())}))
        connection.execute(
            "create temp table parsed as select calling_raw, null::varchar as asserted_raw, null::varchar as called_raw, null as reject from given_rows"
        )
        calls._classify_numbers(connection)
        return {raw: (number, class_) for raw, number, class_ in connection.execute("select raw, number, class from numbers").fetchall()}


@settings(max_examples=12, deadline=None)
@given(raws=st.lists(damaged_number(), min_size=100, max_size=200, unique=True))
def test_the_vectorised_path_agrees_with_libphonenumber(raws: list[str]):
    assert by_sql(raws) == {raw: numbers.classify(raw) for raw in raws}


def test_they_agree_on_every_exchange_that_differs_and_on_its_neighbours():
    with numbers.NANP_CLASSES.open() as file:
        prefixes = [row["prefix"] for row in csv.DictReader(file) if row["prefix"].isdigit()]
    near = {str(int(prefix) + step) for prefix in prefixes if len(prefix) > 3 for step in (-1, 0, 1)}
    raws = sorted({prefix.ljust(10, last) for prefix in [*prefixes, *near] for last in "09"})
    raws = [raw for raw in raws if len(raw.rstrip("0")) > 6] + raws[::3]
    assert len(raws) > 5_000
    assert by_sql(raws) == {raw: numbers.classify(raw) for raw in raws}


def test_the_shipped_classes_are_libphonenumbers():
    """After an upgrade of the phonenumbers package: `python -m include.ingest.numbers`.

    All of them take too long for a test: those area codes that are of one class are tried one in twelve.
    """
    with numbers.NANP_CLASSES.open() as file:
        shipped = [(row["prefix"], row["class"]) for row in csv.DictReader(file)]
    assert shipped.pop() == ("phonenumbers", phonenumbers.__version__)
    parted = sorted({prefix[:3] for prefix, _ in shipped if len(prefix) > 3})
    assert len(parted) == 24
    chosen = {*parted[::3], "246", "876", *(str(code) for code in range(200, 1000, 12))}
    expected = numbers.nanp_prefix_classes(sorted(map(int, chosen)))
    assert [row for row in shipped if row[0][:3] in chosen] == expected


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


def test_real_number_fields_never_take_digits_of_hosts_ports_or_tags():
    lines = [line.split("\t")[0] for line in SIP_STRINGS.read_text().splitlines() if line and not line.startswith("#")]
    assert set(REAL) <= set(lines)
    assert {raw: numbers.classify(raw)[0] for raw in REAL} == REAL
    assert by_sql(lines) == {raw: numbers.classify(raw) for raw in lines}
