"""Telephone numbers: from what was sent to E.164 and a class.

`classify` is the authority: it asks libphonenumber. The vectorised path decides plain North American numbers
(`sql/parse_lines.sql`) and, once per distinct value, whatever can be told from the text alone (`sql/undecided_numbers.sql`,
which reads a text as `dialled` does). It knows the classes from `nanp_classes.csv`, which holds what libphonenumber says of
every area code, and of the exchanges (or tenths of one) that differ from the rest of their area code. Of what is left, most are
numbers abroad, which `abroad.py` decides by libphonenumber's patterns.
`python -m include.ingest.numbers` writes that file anew, as it must be after an upgrade of the phonenumbers package; a test
compares the two.
"""

from __future__ import annotations

import csv
import re
import threading
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import phonenumbers

from include.ingest import abroad

CLASSES = ("valid_us", "valid_non_us", "invalid", "anonymous", "missing", "unparseable")
"""Of numbers in calls; those in complaints may be `placeholder` besides."""
NANP_CLASSES = Path(__file__).with_name("nanp_classes.csv")

WITHHELD = {"anonymous", "restricted", "unavailable", "unknown", "private", "blocked", "withheld", "none", "-"}
URI = re.compile(r"(?i)sips?:(?P<user>[^@>]*)@|tel:(?P<tel>[^>]*)|sips?:")
SEPARATORS = re.compile(r"[\s().\-/]")
PLAIN = re.compile(r"\+?[0-9]+")
PLACEHOLDER = re.compile(r"(?:\+?1)?(?:([0-9])\1{9}|1234567890|0123456789)")
"""What people type who must fill in a number and have none."""
WITH_EXTENSION = re.compile(r"(?P<number>[^;]+);[0-9]{1,6}")


_asking = threading.Lock()
"""Whoever wants to know what another thread is asking waits for its answer; two could not ask at the same time anyway."""


def classify(raw: str | None) -> tuple[str | None, str]:
    """E.164 (null where there is none) and one of `CLASSES` for a number as sent.

    `+` before ten national digits is a NANP number whose country code was lost, not a foreign one. An invalid number keeps
    its E.164 form where its length is possible, so that lists of invalid numbers can name it.
    """
    digits, class_ = dialled(raw)
    if digits is None:
        return None, class_
    with _asking:
        return _asked(digits)


def classify_written(raw: str | None) -> tuple[str | None, str]:
    """As `classify`, of a number that a person wrote into a form: a placeholder is none, and only `number;extension` is split."""
    text = (raw or "").strip()
    if PLACEHOLDER.fullmatch(SEPARATORS.sub("", text)):
        return None, "placeholder"
    extended = WITH_EXTENSION.fullmatch(text)
    if ";" in text and not extended and not URI.search(text):
        return None, "unparseable"
    return classify(extended["number"] if extended else text)


def decide(raw: str | None) -> tuple[str | None, str]:
    """What `classify` says, of a number abroad by its patterns alone where they decide it."""
    digits, _ = dialled(raw)
    found = abroad.decided(_international(digits)) if digits else None
    return found or classify(raw)


def dialled(raw: str | None) -> tuple[str | None, str | None]:
    """The digits of a number as sent, perhaps with a `+` before them; where there are none, the class of what was sent instead.

    Takes national, E.164 and 011-prefixed notations, SIP and tel URIs and name-addrs. Only the user part of a
    URI counts, up to its first `;`: digits of hosts, ports and tags never become a number.
    """
    text = (raw or "").strip()
    if not text:
        return None, "missing"
    uri = URI.search(text)
    user = (uri["user"] or uri["tel"] or "" if uri else text).split(";")[0].strip().strip("\"'<>")
    if user.lower() in WITHHELD or "anonymous" in text.lower():
        return None, "anonymous"
    digits = SEPARATORS.sub("", user)
    return (digits, None) if PLAIN.fullmatch(digits) else (None, "unparseable")


@lru_cache(maxsize=200_000)
def _asked(digits: str) -> tuple[str | None, str]:
    """What libphonenumber says of digits."""
    if digits.startswith("+") and len(digits) == 11 and digits[1] in "23456789" and _nanp_is_valid(digits[1:]):
        digits = digits[1:]
    try:
        parsed = phonenumbers.parse(_international(digits), "US")
    except phonenumbers.NumberParseException:
        return None, "unparseable"
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if phonenumbers.is_valid_number(parsed):
        is_us = parsed.country_code == 1 and phonenumbers.region_code_for_number(parsed) == "US"
        return e164, "valid_us" if is_us else "valid_non_us"
    return (e164 if phonenumbers.is_possible_number(parsed) else None), "invalid"


def _international(digits: str) -> str:
    """With `+` where the prefix to dial abroad stands before them."""
    return "+" + digits[3:] if digits.startswith("011") and len(digits) > 11 else digits


def _nanp_is_valid(national: str) -> bool:
    return _nanp_class(national) != "invalid"


def _nanp_class(national: str) -> str:
    """As `classify` of +1 and these ten digits, without parsing them."""
    number = phonenumbers.PhoneNumber(country_code=1, national_number=int(national))
    region = phonenumbers.region_code_for_number(number)
    if region is None or not phonenumbers.is_valid_number_for_region(number, region):
        return "invalid"
    return "valid_us" if region == "US" else "valid_non_us"


def nanp_prefix_classes(area_codes: Iterable[int] = range(200, 1000)) -> list[tuple[str, str]]:
    """(prefix, class) for every area code, and for those parts of it that are of another class. Takes half a minute for all.

    libphonenumber's patterns for country code 1 look at area code and exchange; in area codes that are only partly in
    use they look one digit further (Barbados 246-521, Jamaica 876-606). An exchange that begins with 0 or 1 is invalid where it
    is not listed; listed are the Dominican toll-free ones.
    """
    prefixes = []
    for area_code in area_codes:
        exchanges = {f"{exchange:03}": _nanp_class(f"{area_code}{exchange:03}0000") for exchange in range(1000)}
        usual, _ = Counter(class_ for exchange, class_ in exchanges.items() if exchange >= "200").most_common(1)[0]
        expected = {exchange: usual if exchange >= "200" else "invalid" for exchange in exchanges}
        prefixes.append((str(area_code), usual))
        if exchanges == expected:
            continue
        for exchange in exchanges:
            tenths = {tenth: _nanp_class(f"{area_code}{exchange}{tenth}000") for tenth in range(10)}
            mostly, _ = Counter(tenths.values()).most_common(1)[0]
            prefixes += [(f"{area_code}{exchange}", mostly)] if mostly != expected[exchange] else []
            prefixes += [(f"{area_code}{exchange}{tenth}", class_) for tenth, class_ in tenths.items() if class_ != mostly]
    return prefixes


def write_nanp_classes() -> None:
    with NANP_CLASSES.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["prefix", "class"])
        rows.writerows(nanp_prefix_classes())
        rows.writerow(["phonenumbers", phonenumbers.__version__])  # whose classes these are; no number begins so


if __name__ == "__main__":
    write_nanp_classes()
