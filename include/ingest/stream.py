"""A landing file as a stream of pieces cut at line ends: unpacked, hashed and counted in one pass, memory bounded."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from isal import igzip, isal_zlib
from isal.igzip_lib import IsalError

from include.ingest.receipts import RefusedFile

PIECE_BYTES = 64 * 2**20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NUL = chr(57344)
"""Stands for a NUL byte in text: DuckDB cannot hold one, and the row that has it is rejected by this mark."""
NEVER = chr(0x10FFFD)
"""In no piece's text: DuckDB splits lines by it, so that it never splits one."""
NEVER_EITHER = chr(0x10FFFC)
"""Stands for a delimiter within quotes, while a line is split."""
LONGEST_LINE = 4_000_000
"""Bytes. What is longer is no record but a file without line ends."""
LONGEST_RECORD = 50
"""Lines. A quote that is not closed by then was never meant to be."""
LINES_LOOKED_AT = 2000
NUL_BYTES_MAY_BE = 4096
NUL_SHARE_MAY_BE = 0.001
"""More NUL bytes than both: the file was not written to its end, and what it holds is no data."""
TIMES_ITS_SIZE = 200
UNPACKED_MAY_BE = 2**30
"""Bytes. A file that unpacks to more than this, and to so many times its size, was made to fill a disk."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass
class Piece:
    first_line: int
    """Physical line, 1-based, of the piece's first line."""
    text: bytes | memoryview
    """UTF-8, whole lines."""
    lines: int
    has_quotes: bool
    has_backslashes: bool
    has_nuls: bool
    """Or rather marks for them."""


class LineStream:
    """Iterate over a file's pieces; afterwards `digest`, `lines`, `replaced` and `broken` are final.

    `keep_good_part`: of a packed file that breaks off, give the whole lines before the break and say so in `broken`.
    """

    def __init__(self, path: Path, encoding: str = "utf-8", piece_bytes: int = PIECE_BYTES, keep_good_part: bool = False) -> None:
        self.path, self.encoding, self.piece_bytes, self.keep_good_part = path, encoding, piece_bytes, keep_good_part
        self.lines = 0
        self.replaced = 0
        """Places where the bytes were not text in the declared encoding, replaced."""
        self.broken: str | None = None
        """Why the file could not be read to its end."""
        self._bytes = 0
        self._nuls = 0
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes as they lie in the landing folder."""
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[Piece]:
        size = self.path.stat().st_size
        with self.path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            hashed = _Hashed(raw, self._hash)
            yield from self._pieces(self._source(hashed, packed), size)
            while hashed.read(2**20):
                continue  # bytes behind the packed stream belong to the file's identity
        if self._nuls > max(NUL_BYTES_MAY_BE, NUL_SHARE_MAY_BE * self._bytes):
            raise RefusedFile(f"{self._nuls} of {self._bytes} bytes are NUL, as in a file whose writer was stopped: send it again")

    def _source(self, hashed: _Hashed, packed: bool):
        if not packed:
            return io.BufferedReader(hashed, 2**20)
        return _UpToABreak(hashed) if self.keep_good_part else igzip.GzipFile(fileobj=hashed, mode="rb")

    def _pieces(self, source, size: int) -> Iterator[Piece]:
        rest, block = b"", self._read(source)
        while block:
            if not self._bytes:
                refuse_other_kinds(block)
                block = block.removeprefix(BYTE_ORDER_MARK)
            self._bytes += len(block)
            if self._bytes > UNPACKED_MAY_BE and self._bytes > TIMES_ITS_SIZE * size:
                raise RefusedFile(f"{size} bytes unpack to more than {TIMES_ITS_SIZE} times as many: look at what made the file, and unpack it")
            text = b"".join((rest, block))
            block = self._read(source)
            cut = _end_of_records(text) if block else text.rfind(b"\n") + 1
            rest = text[cut:]
            if cut:
                yield self._piece(text, cut)
            if len(rest) > LONGEST_LINE and len(rest) - rest.rfind(b"\n") > LONGEST_LINE:
                raise RefusedFile(no_line(self.lines + 1 + rest.count(b"\n")))
        if rest and not self.broken:  # a line that breaks off would pass for a shorter one
            yield self._piece(rest + b"\n", len(rest) + 1)

    def _read(self, source) -> bytes:
        """The next bytes; none behind a break."""
        got, count = [], 0
        try:
            # As they come: what is unpacked in the call that meets a break is lost.
            while not self.broken and count < self.piece_bytes and (block := source.read1(self.piece_bytes - count)):
                got.append(block)
                count += len(block)
        except (EOFError, OSError, IsalError) as error:
            if getattr(error, "errno", None) is not None:
                raise  # the disk's, not the file's
            self.broken = f"the file cannot be unpacked to its end ({error}): send it again"
            if not self.keep_good_part:
                raise RefusedFile(self.broken) from error
        return b"".join(got)

    def _piece(self, text: bytes, cut: int) -> Piece:
        """The text up to `cut`, not copied where nothing in it has to change, as is usual."""
        raw: bytes | memoryview = memoryview(text)[:cut]
        nuls = self._nuls
        if not text.isascii() or self.encoding.lower() != "utf-8" or b"\x00" in text or b"\r" in text:
            raw = text = self._cleaned(text[:cut])
        piece = Piece(self.lines + 1, raw, text.count(b"\n", 0, len(raw)), b'"' in text, b"\\" in text, self._nuls > nuls)
        self.lines += piece.lines
        return piece

    def _cleaned(self, raw: bytes) -> bytes:
        """In UTF-8, NUL bytes marked, lines ending in LF."""
        raw = self._as_utf8(raw)
        for mark in (NEVER, NEVER_EITHER):
            raw = raw.replace(mark.encode(), REPLACEMENT.encode())
        if raw.startswith(BYTE_ORDER_MARK):  # in mid-file, where DuckDB would drop it from the first value
            raw = REPLACEMENT.encode() + raw.removeprefix(BYTE_ORDER_MARK)
        self._nuls += raw.count(b"\x00")
        raw = raw.replace(b"\x00", NUL.encode()).replace(b"\r\n", b"\n")
        if b"\r" in raw:
            line = self.lines + 1 + raw.count(b"\n", 0, raw.index(b"\r"))
            raise RefusedFile(
                f"line {line} holds a carriage return that ends no line: write lines that end in LF or CRLF and send the file again"
            )
        return raw

    def _as_utf8(self, raw: bytes) -> bytes:
        try:
            text = raw.decode(self.encoding)
            return raw if self.encoding.lower() == "utf-8" else text.encode()
        except UnicodeDecodeError:
            text = raw.decode(self.encoding, "replace")
            self.replaced += text.count(REPLACEMENT) - raw.count(REPLACEMENT.encode())
            return text.encode()


def _end_of_records(text: bytes) -> int:
    """Where to cut, at a line end where no quoted value is open: behind so many lines with their quotes in pairs that one would be closed.

    Where there is no such place near the end, behind the last line or, where a quote is open by count, before the line that opened it.
    """
    end = start = cut = text.rfind(b"\n") + 1
    paired = 0
    for _ in range(LINES_LOOKED_AT):
        before = text.rfind(b"\n", 0, max(start - 1, 0)) + 1
        if text.count(b'"', before, start) % 2:
            cut, paired = before, 0
        else:
            paired += 1
        if paired == LONGEST_RECORD:
            return cut
        start = before
        if not start:
            break
    return end if text.count(b'"', 0, end) % 2 == 0 else _last_unpaired(text, end)


def _last_unpaired(text: bytes, end: int) -> int:
    start = end
    for _ in range(LONGEST_RECORD):
        before = text.rfind(b"\n", 0, max(start - 1, 0)) + 1
        if text.count(b'"', before, start) % 2:
            return before
        start = before
    return end


def no_line(line: int) -> str:
    return f"line {line} is longer than {LONGEST_LINE} bytes: look for missing line ends and send the file again"


class _UpToABreak:
    """A gzip stream that gives every byte before the place where it breaks off; the usual reader gives none of its last block."""

    def __init__(self, packed: io.RawIOBase) -> None:
        self._packed, self._member, self._rest = packed, isal_zlib.decompressobj(31), b""

    def read1(self, _size: int) -> bytes:
        while True:
            block, self._rest = self._rest or self._packed.read(4096), b""
            if self._member.eof:  # another member, or zeros to fill the file up
                block = block.lstrip(b"\0")
                if not block:
                    return b""
                self._member = isal_zlib.decompressobj(31)
            elif not block:
                raise EOFError("it ends before the end-of-stream marker")
            unpacked = self._member.decompress(block)
            self._rest = self._member.unused_data
            if unpacked:
                return unpacked


class _Hashed(io.RawIOBase):
    """A readable file that hashes what is read from it."""

    def __init__(self, file, hash_) -> None:
        self._file, self._hash = file, hash_

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        count = self._file.readinto(buffer)
        self._hash.update(memoryview(buffer)[:count])
        return count


def refuse_other_kinds(block: bytes) -> None:
    start = block[:512].removeprefix(BYTE_ORDER_MARK).lstrip().lower()
    if block and not block[:512].strip(b"\x00"):
        raise RefusedFile("the file begins with NUL bytes, as one does whose writer was stopped: send it again")
    if block.startswith((b"\xff\xfe", b"\xfe\xff")) or block[:512].count(0) * 4 > len(block[:512]):
        raise RefusedFile("the file is UTF-16: export it as UTF-8")
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise RefusedFile("the file is a web page, not data: the download failed, fetch it again")
    if block.startswith(b"PK\x03\x04"):
        raise RefusedFile("the file is a ZIP archive or a spreadsheet: unpack it, or export it as CSV")
