"""Telephone numbers: from what was sent to E.164 and a class.

`classify` is the authority: it asks libphonenumber. The vectorised path (`include/ingest/call_sql.py`) decides
only plain North American numbers, by `nanp_classes.csv`, which holds what libphonenumber says of every
area code, and of the exchanges that differ from the rest of their area code. `python -m include.ingest.numbers`
writes that file anew, as it must be after an upgrade of the phonenumbers package; a test compares the two.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from functools import lru_cache
from pathlib import Path

import phonenumbers

CLASSES = ("valid_us", "valid_non_us", "invalid", "anonymous", "missing", "unparseable")
NANP_CLASSES = Path(__file__).with_name("nanp_classes.csv")

WITHHELD = {"anonymous", "restricted", "unavailable", "unknown", "private", "blocked", "withheld", "none", "-"}
URI = re.compile(r"(?:sips?:(?P<user>[^@>]*)@|tel:(?P<tel>[^>]*)|sips?:)", re.IGNORECASE)
SEPARATORS = re.compile(r"[\s().\-/]")
PLAIN = re.compile(r"\+?[0-9]+")


@lru_cache(maxsize=200_000)
def classify(raw: str | None) -> tuple[str | None, str]:
    """E.164 (null where there is none) and one of `CLASSES` for a number as sent.

    Takes national, E.164 and 011-prefixed notations, SIP and tel URIs and name-addrs. Only the user part of a
    URI counts, up to its first `;`: digits of hosts, ports and tags never become a number. `+` before ten
    national digits is a NANP number whose country code was lost, not a foreign one. An invalid number keeps
    its E.164 form where its length is possible, so that lists of invalid numbers can name it.
    """
    text = (raw or "").strip()
    if not text:
        return None, "missing"
    uri = URI.search(text)
    user = (uri["user"] or uri["tel"] or "" if uri else text).split(";")[0].strip().strip("\"'<>")
    if user.lower() in WITHHELD or "anonymous" in text.lower():
        return None, "anonymous"
    digits = SEPARATORS.sub("", user)
    if not PLAIN.fullmatch(digits):
        return None, "unparseable"
    if digits.startswith("+") and len(digits) == 11 and digits[1] in "23456789" and _nanp_is_valid(digits[1:]):
        digits = digits[1:]
    if digits.startswith("011") and len(digits) > 11:
        digits = "+" + digits[3:]
    try:
        parsed = phonenumbers.parse(digits, "US")
    except phonenumbers.NumberParseException:
        return None, "unparseable"
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if phonenumbers.is_valid_number(parsed):
        return e164, "valid_us" if phonenumbers.region_code_for_number(parsed) == "US" else "valid_non_us"
    return (e164 if phonenumbers.is_possible_number(parsed) else None), "invalid"


def _nanp_is_valid(national: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.parse("+1" + national, None))


def nanp_prefix_classes() -> list[tuple[str, str]]:
    """(prefix, class) for every area code 200 to 999, and for those of its exchanges that are of another class.

    libphonenumber's patterns for country code 1 look at no more than area code and exchange.
    """
    prefixes = []
    for area_code in range(200, 1000):
        exchanges = {exchange: classify(f"+1{area_code}{exchange}0000")[1] for exchange in range(200, 1000)}
        usual, _ = Counter(exchanges.values()).most_common(1)[0]
        prefixes.append((str(area_code), usual))
        prefixes += [(f"{area_code}{exchange}", class_) for exchange, class_ in exchanges.items() if class_ != usual]
    return prefixes


def write_nanp_classes() -> None:
    with NANP_CLASSES.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["prefix", "class"])
        rows.writerows(nanp_prefix_classes())


if __name__ == "__main__":
    write_nanp_classes()
