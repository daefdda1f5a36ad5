"""Numbers of other countries, decided by libphonenumber's own patterns: a tenth of the time that its parser takes.

Only what the parser would take as it stands: no national prefix, no leading zero, nothing that is not a digit. The rest is left to
`numbers.classify`. A test compares the two on numbers of every country.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberDesc

SHORTEST, LONGEST = 7, 15
"""Digits with the calling code: for fewer and for more the parser has rules of its own."""
KINDS = "premium_rate toll_free shared_cost voip personal_number pager uan voicemail fixed_line mobile".split()
"""Of a region's numbers; one that is of none of them is invalid."""


class _Region(NamedTuple):
    begins: re.Pattern | None
    """What tells that a number is the region's, where several have the calling code and its numbers begin alike."""
    valid: re.Pattern


class _Country(NamedTuple):
    national_prefix: re.Pattern | None
    regions: list[_Region]
    lengths: frozenset[int]
    """Of national numbers that are possible, if only locally."""


def decided(international: str) -> tuple[str | None, str] | None:
    """E.164 and class, as `numbers.classify` gives them, of digits with a `+`; null where its parser has to look."""
    if not international.startswith("+") or not SHORTEST <= len(international) - 1 <= LONGEST:
        return None
    if international[1] in "01" or len(international) == 11:
        return None  # North American, perhaps one that lost its country code, or no calling code
    for size in (1, 2, 3):
        if int(international[1 : 1 + size]) in COUNTRY_CODE_TO_REGION_CODE:
            break
    else:
        return None
    code, national = international[1 : 1 + size], international[1 + size :]
    country = _country(int(code))
    if national.startswith("0") or (country.national_prefix and country.national_prefix.match(national)):
        return None
    for region in country.regions:
        if region.begins and not region.begins.match(national):
            continue
        if region.valid.fullmatch(national):
            return international, "valid_non_us"
        if region.begins:
            break  # the number is this region's, and no other's
    return (international if len(national) in country.lengths else None), "invalid"


@lru_cache(maxsize=None)
def _country(code: int) -> _Country:
    regions = COUNTRY_CODE_TO_REGION_CODE[code]
    known = [PhoneMetadata.metadata_for_region_or_calling_code(code, region) for region in regions]
    main = known[0]
    prefix = main.national_prefix_for_parsing
    told_apart = len(known) > 1
    return _Country(
        re.compile(prefix) if prefix else None,
        [_Region(re.compile(region.leading_digits) if told_apart and region.leading_digits else None, _valid(region)) for region in known],
        frozenset((*main.general_desc.possible_length, *main.general_desc.possible_length_local_only)),
    )


def _valid(region: PhoneMetadata) -> re.Pattern:
    """Matches national numbers of the general form that are also of one of the kinds."""
    kinds = filter(None, (_of_kind(getattr(region, kind)) for kind in KINDS))
    return re.compile(f"(?={_of_kind(region.general_desc) or '(?!)'})(?:{'|'.join(kinds) or '(?!)'})")


def _of_kind(described: PhoneNumberDesc | None) -> str | None:
    if described is None or not described.national_number_pattern:
        return None
    lengths = "|".join(rf"[0-9]{{{length}}}" for length in described.possible_length if length > 0)
    if described.possible_length and not lengths:
        return None  # the length -1: there are no numbers of this kind
    return rf"(?=(?:{lengths})\Z)(?:{described.national_number_pattern})\Z" if lengths else rf"(?:{described.national_number_pattern})\Z"
