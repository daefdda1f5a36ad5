"""Lines of landing files as they were sent, read again for whoever checks a verdict. Telephone numbers are masked.

Only files that still are what was loaded are read: a line of a file that was changed since proves nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from isal import igzip
from isal.igzip_lib import IsalError

LONGEST = 2_000
"""Characters of a line that are shown."""
HASHED_AT_MOST = 2**27
"""Bytes. A larger file is known again by its size and time of change, as the loader knows it: to hash it takes seconds."""
READ_AT_MOST = 2**30
"""Unpacked bytes that are read in search of a line."""
BLOCK = 2**20

# Telephone numbers as switches, desks and authorities write them: E.164; the North American plan, with whatever stands between;
# E.164 with something between; and other long numbers, as with a prefix or without a plus.
NUMBER = re.compile(
    r"\+\d{7,15}(?!\d)"
    r"|(?<!\d)(?:\+?1[ .-]{0,2})?\(?[2-9]\d{2}[ .)-]{0,2}[2-9]\d{2}[ .-]{0,2}\d{4}(?!\d)"
    r"|(?P<spread>\+(?:[ .()-]{0,2}\d){7,15})"
    r"|(?<!\d)\d{10,}(?!\d)"
)
# Long, but no number of a telephone: seconds since 1970, as in the ids of many switches, and dates with their times.
INSTANT = re.compile(r"1[4-9]\d{8}|20\d{2}[01]\d[0-3]\d[0-2]\d[0-5]\d[0-5]\d")
LAST_FOUR = re.compile(r"\d(?=(?:\D*\d){0,3}\D*$)")
AS_DIALLED = re.compile(r"[-+0-9(). ]{5,}")


def masked(text: str, known: Iterable[str | None] = ()) -> str:
    """The text without the last four digits of whatever looks like a telephone number, and of the `known` numbers, however short."""
    text = NUMBER.sub(_hidden, text)
    for number in {number for number in known if number and AS_DIALLED.fullmatch(number)}:
        text = re.sub(rf"(?<!\d){re.escape(number)}(?!\d)", lambda found: LAST_FOUR.sub("x", found[0]), text)
    return text


def _hidden(found: re.Match[str]) -> str:
    if INSTANT.fullmatch(found[0]):
        return found[0]
    # Where such a number ends nobody can tell: what follows it may have been taken for a part of it.
    return found[0][:7] + re.sub(r"\d", "x", found[0][7:]) if found["spread"] else LAST_FOUR.sub("x", found[0])


@dataclass(frozen=True)
class File:
    """A receipt, and what is found of its file now."""

    receipt: dict[str, Any]
    address: Path
    is_as_loaded: bool
    remark: str
    """By what the file was found to be the one that was loaded, or why no line of it is shown."""
    lines: dict[int, str] = field(default_factory=dict)
    """Those asked for, masked; without the ones that could not be reached."""

    @property
    def path(self) -> str:
        return self.receipt["path"]


def read(landing: Path, receipt: dict[str, Any], numbers: dict[int, tuple[str | None, ...]]) -> File:
    """Lines of a loaded file, which is read once and in blocks; `numbers` are the telephone numbers known to stand in each.

    `receipt` has `file`, its SHA-256, `path`, and `landed`, where these bytes were seen: `path`, `size`, `modified_ns`; `lines`
    where its lines are no lines but the numbers of its records.
    """
    remark = "no longer in the landing folder"
    for landed in receipt["landed"]:
        address = landing / landed["path"]
        opened = _open(landing, address)
        if opened is None:
            continue
        with opened as file:
            if proof := _proof(file, receipt["file"], landed):
                texts = _texts(file, set(numbers)) if numbers and not receipt["lines"] else {}
                return File(receipt, address, True, proof, {line: masked(text, numbers[line]) for line, text in texts.items()})
        remark = "changed since it was loaded: its lines are not shown"
    return File(receipt, landing / receipt["path"], False, remark)


def _open(landing: Path, address: Path) -> BinaryIO | None:
    """A regular file that lies in the landing folder, wherever links lead."""
    path = address.resolve()
    return path.open("rb") if path.is_relative_to(landing.resolve()) and path.is_file() else None


def _proof(file: BinaryIO, digest: str, landed: dict[str, Any]) -> str:
    """By what the file is the one that was loaded; empty where it is not."""
    now = os.fstat(file.fileno())
    if now.st_size <= HASHED_AT_MOST:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        return "unchanged: SHA-256 compared" if found == digest else ""
    unchanged = (now.st_size, now.st_mtime_ns) == (landed.get("size"), landed.get("modified_ns"))
    return "unchanged by size and time of change: too large to hash here" if unchanged else ""


def _texts(file: BinaryIO, wanted: set[int]) -> dict[int, str]:
    """The wanted lines, by their 1-based numbers; those that are not reached are left out."""
    found: dict[int, bytes] = {}
    line = 1
    for block in _blocks(file):
        ends = block.count(b"\n")
        if any(line <= number <= line + ends for number in wanted):
            for number, part in enumerate(block.split(b"\n"), line):
                if number in wanted:
                    found[number] = (found.get(number, b"") + part)[: 4 * LONGEST + 1]
        line += ends
        if line > max(wanted):
            break
    return {number: _cut(text.removesuffix(b"\r").decode("utf-8", "replace")) for number, text in found.items()}


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """What a file holds, unpacked, up to where it breaks off."""
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    source = igzip.GzipFile(fileobj=file, mode="rb") if packed else file
    for _ in range(READ_AT_MOST // BLOCK):
        try:
            block = source.read(BLOCK)
        except (EOFError, OSError, IsalError) as error:
            if getattr(error, "errno", None) is not None:
                raise  # the disk's, not the file's
            return
        if not block:
            return
        yield block


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
