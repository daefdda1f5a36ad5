"""Telephone numbers of the demo world: plausible NANP numbers over area codes that are really in service.

Numbers are held as integers of their E.164 digits (12125551234) while calls are generated, 0 = withheld.
Exchanges are split so that nobody's number is another's by accident: 230-289 are blocks assigned to our
customers, 557 stands on the do-not-originate list, 300-899 without N11 and 555-559 is everybody else.
"""

from __future__ import annotations

import csv
import gzip
from functools import cache
from pathlib import Path

import numpy as np

REAL = Path(__file__).with_name("real")
OTHERS = np.array([nxx for nxx in range(300, 900) if nxx % 100 != 11 and not 555 <= nxx <= 559])
UNASSIGNED_NPA = 237
"""An area code that is not in service: emergency centres really do send such numbers."""

FICTIONAL_LONDON = 442_079_460_000
"""The first of the 1,000 London numbers that the regulator keeps for fiction."""

Numbers = np.ndarray  # int64


@cache
def area_codes(country: str) -> np.ndarray:
    """Geographic area codes in service in `US` (50 states and DC) or `CANADA`, from the bundled NANPA report."""
    with gzip.open(REAL / "npa_report_2020-03-04.csv.gz", "rt", encoding="utf-8", newline="") as report:
        next(report)  # "File Date,…" stands above the header
        rows = [
            row
            for row in csv.DictReader(report)
            if row["IN_SERVICE"] == "Y" and row["USE"] == "G" and row["COUNTRY"] == country
        ]
    # States have two letters, territories ("GU" apart) are written out; both have codes of their own.
    states = [row for row in rows if country != "US" or (len(row["LOCATION"]) == 2 and row["LOCATION"] not in ("GU", "AS"))]
    return np.array(sorted(int(row["NPA_ID"]) for row in states if row["LOCATION"] not in ("CNMI", "USVI")))


def nanp(npa: Numbers, nxx: Numbers, line: Numbers) -> Numbers:
    return 10_000_000_000 + npa * 10_000_000 + nxx * 10_000 + line


def anywhere(rng: np.random.Generator, n: int, country: str = "US") -> Numbers:
    """`n` random numbers of a country's area codes."""
    return nanp(rng.choice(area_codes(country), n), rng.choice(OTHERS, n), rng.integers(0, 10_000, n))


def around(rng: np.random.Generator, n: int, npa: int) -> Numbers:
    """`n` random numbers of one area code."""
    return nanp(np.full(n, npa), rng.choice(OTHERS, n), rng.integers(0, 10_000, n))


def block(npa: int, position: int) -> int:
    """The first of the 100 numbers assigned to the customer at `position` (0-3599)."""
    return int(nanp(np.int64(npa), np.int64(230 + position % 60), np.int64(position // 60 * 100)))


def do_not_originate(rng: np.random.Generator) -> Numbers:
    """Numbers that must never call: inbound-only lines, all in exchange 557."""
    return np.unique(nanp(rng.choice(area_codes("US"), 60), np.full(60, 557), rng.integers(0, 10_000, 60)))


def impossible(rng: np.random.Generator, n: int) -> Numbers:
    """`n` caller IDs that the numbering plan rules out: area codes beginning with 0 or 1, or codes of services like 911."""
    npa = np.where(rng.random(n) < 0.7, rng.integers(0, 200, n), rng.choice([211, 411, 911], n))
    return nanp(npa, rng.choice(OTHERS, n), rng.integers(0, 10_000, n))


def foreign(rng: np.random.Generator, n: int) -> Numbers:
    """`n` called numbers abroad."""
    return FICTIONAL_LONDON + rng.integers(0, 1_000, n)
