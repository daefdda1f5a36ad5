"""The landing folder: which files lie there, which are whole, and what they are called by.

Files are read, never changed, moved or deleted. A file's identity is the SHA-256 of its bytes as they lie there.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from include.text import visible

log = logging.getLogger(__name__)

DATE_IN_NAME = re.compile(r"(?<![0-9])(20[0-9]{2})-?([01][0-9])-?([0-3][0-9])(?![0-9])")

SETTLED_SECONDS = 5.0
"""A file not written to for this long is whole; a younger one is looked at twice."""


@dataclass(frozen=True)
class LandingFile:
    """A file below `landing/<kind>/<feed>/`."""

    path: Path
    relative: str
    """Relative to the landing folder, with forward slashes."""
    kind: str
    feed: str
    """`<kind>/<feed folder>`, as in `ops.file_receipts`; `<kind>` alone for a file that lies in no feed's folder."""
    size: int
    modified_ns: int

    @property
    def folder_below_feed(self) -> str | None:
        """First folder below the feed's, where a feed sorts its files by switch; null where there is none."""
        parts = self.relative.split("/")[2:-1]
        return parts[0] if parts else None

    @property
    def dated_on(self) -> date | None:
        """The date in the file's name, or else in the nearest folder's; reference data is dated by its name alone."""
        names = self.relative.split("/")
        looked_at = names[-1:] if self.kind == "reference" else reversed(names)
        return next(filter(None, map(date_in_name, looked_at)), None)


def date_in_name(name: str) -> date | None:
    """The first YYYY-MM-DD or YYYYMMDD in a name that is a date."""
    for found in DATE_IN_NAME.finditer(name):
        try:
            return date(*map(int, found.groups()))
        except ValueError:
            continue
    return None


def whole_files(landing: Path, kind: str, settle: float = SETTLED_SECONDS) -> list[LandingFile]:
    """The files of one kind whose size is stable, ordered by path.

    Hidden files, files still being written (`.tmp`, `.part`), and links that lead out of the landing folder are left alone.
    """
    first = listed(landing, kind)
    young = [file for file in first if time.time() - file.modified_ns / 1e9 < settle]
    if not young:
        return first
    time.sleep(min(1.0, settle))
    again = {(file.path, file.size, file.modified_ns) for file in listed(landing, kind)}
    return [file for file in first if (file.path, file.size, file.modified_ns) in again]


def listed(landing: Path, kind: str) -> list[LandingFile]:
    root = landing.resolve()
    found = []
    for path in sorted((root / kind).glob("**/*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if hidden or path.suffix in {".tmp", ".part"} or not path.is_file() or not path.resolve().is_relative_to(root):
            continue
        relative = path.relative_to(root).as_posix()
        try:
            stat = path.stat()
            relative.encode()
        except FileNotFoundError:
            continue  # removed since the folder was listed
        except UnicodeEncodeError:
            log.error("%r left alone: its name is not UTF-8, rename it", relative)
            continue
        if not relative.isprintable():
            log.error("%s left alone: its name has characters that cannot be seen, rename it", visible(relative))
            continue
        feed = "/".join(relative.split("/")[:-1][:2])
        found.append(LandingFile(path, relative, kind, feed, stat.st_size, stat.st_mtime_ns))
    return found


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
