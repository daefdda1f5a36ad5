"""A landing file as a stream of pieces cut at line ends: unpacked, hashed and counted in one pass, memory bounded."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from isal import igzip, isal_zlib
from isal.igzip_lib import IsalError

from include.ingest.receipts import RefusedFile

PIECE_BYTES = 64 * 2**20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NUL = chr(57344)
"""Stands for a NUL byte in text: DuckDB cannot hold one, and the row that has it is rejected by this mark."""
LOOKED_FOR = ('"', "\\", NUL)
"""What makes it slower to read a line."""
NEVER, NEVER_EITHER = chr(0x10FFFD), chr(0x10FFFC)
"""In no piece's text: what stands for something else while a line is split."""
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
BUFFERS_AT_MOST = 8
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
LINE_FEED = 10
BLOCK_BYTES = 2**18
"""What stays in the processor's cache until the next step is done with it."""


def refuse_bomb(size: int, unpacked: int, may_be: int) -> None:
    """RefusedFile once `size` bytes have unpacked to more than `may_be` bytes and to more than anybody's data do."""
    if unpacked > may_be and unpacked > TIMES_ITS_SIZE * size:
        raise RefusedFile(f"{size} bytes unpack to more than {TIMES_ITS_SIZE} times as many: look at what made the file, and unpack it")


@dataclass
class Piece:
    first_line: int
    """Physical line, 1-based, of the piece's first line."""
    text: bytes | bytearray
    """UTF-8. What stands behind the last of `ends` is none of the piece."""
    ends: np.ndarray
    """Where the lines' LF are."""
    holds: frozenset[str]
    """Which of `LOOKED_FOR` stand in the text."""

    @property
    def beginning(self) -> bytes:
        """Its first lines, as far as a line may be long."""
        return bytes(memoryview(self.text)[: min(self.ends[-1] + 1, LONGEST_LINE)])

    def lines(self, header_lines: int) -> pa.Table:
        """`source_line` and `line`, without the file's `header_lines`. The lines are not copied: they stand in `text`."""
        skipped = max(header_lines - self.first_line + 1, 0)
        numbers = np.arange(self.first_line, self.first_line + len(self.ends))
        return pa.table({"source_line": numbers, "line": _views(self.text, self.ends)}).slice(skipped)

    def give_back(self) -> None:
        """Nobody reads the piece any more: its memory may be filled again."""
        _give_back(self.text)


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
        rest, is_last = b"", False
        while not is_last:
            text = self._read(source, rest)
            is_last = len(text) < len(rest) + self.piece_bytes
            if not self._bytes:
                refuse_other_kinds(text)
                del text[: len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0]
            self._bytes += len(text) - len(rest)
            refuse_bomb(size, self._bytes, UNPACKED_MAY_BE)
            cut = text.rfind(b"\n") + 1 if is_last else _end_of_records(text)
            rest = text[cut:]
            if cut:
                yield self._piece(text, cut)
            if len(rest) > LONGEST_LINE and len(rest) - rest.rfind(b"\n") > LONGEST_LINE:
                raise RefusedFile(no_line(self.lines + 1 + rest.count(b"\n")))
        if rest and not self.broken:  # a line that breaks off would pass for a shorter one
            yield self._piece(rest + b"\n", len(rest) + 1)

    def _read(self, source, rest: bytes) -> bytearray:
        """`rest`, and a piece's bytes behind it; fewer where the file ends or breaks off."""
        text, filled, full = _take_buffer(), len(rest), len(rest) + self.piece_bytes
        text[:filled] = rest
        try:
            # As they come: what is unpacked in the call that meets a break is lost.
            while filled < full and (block := source.read1(min(full - filled, BLOCK_BYTES))):
                text[filled : filled + len(block)] = block
                filled += len(block)
        except (EOFError, OSError, IsalError) as error:
            if getattr(error, "errno", None) is not None:
                raise  # the disk's, not the file's
            self.broken = f"the file cannot be unpacked to its end ({error}): send it again"
            if not self.keep_good_part:
                raise RefusedFile(self.broken) from error
        del text[filled:]
        return text

    def _piece(self, text: bytes | bytearray, cut: int) -> Piece:
        """The text up to `cut`, not copied where nothing in it has to change, as is usual."""
        if not text.isascii() or self.encoding.lower() != "utf-8" or b"\x00" in text or b"\r" in text:
            buffer, text = text, self._cleaned(text[:cut])
            _give_back(buffer)
            cut = len(text)
        raw = np.frombuffer(text, np.uint8, cut)
        blocks = range(0, cut, BLOCK_BYTES)
        ends = np.concatenate([begin + np.flatnonzero(raw[begin : begin + BLOCK_BYTES] == LINE_FEED) for begin in blocks])
        lengths = np.diff(ends, prepend=-1)
        longest = int(lengths.argmax())
        if lengths[longest] > LONGEST_LINE:
            raise RefusedFile(no_line(self.lines + 1 + longest))
        # Marks for NUL are looked for where they can be.
        holds = {character for character in LOOKED_FOR if (len(character.encode()) == 1 or not text.isascii()) and character.encode() in text}
        piece = Piece(self.lines + 1, text, ends, frozenset(holds))
        self.lines += len(ends)
        return piece

    def _cleaned(self, raw: bytes) -> bytes:
        """In UTF-8, NUL bytes marked, lines ending in LF."""
        raw = self._as_utf8(raw)
        for mark in (NEVER, NEVER_EITHER):
            raw = raw.replace(mark.encode(), REPLACEMENT.encode())
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


_buffers: list[bytearray] = []
"""Of pieces that are done with: to get as much memory anew, the system takes longer than to unpack into it."""


def _take_buffer() -> bytearray:
    try:
        return _buffers.pop()
    except IndexError:
        return bytearray()


def _give_back(text: bytes | bytearray) -> None:
    if isinstance(text, bytearray) and len(_buffers) < BUFFERS_AT_MOST:
        _buffers.append(text)


def _views(text: bytes | bytearray, ends: np.ndarray) -> pa.Array:
    """The lines of a text as Arrow's string views: each its length and, where it is longer than 12 bytes, its first four and its place."""
    begins = np.empty_like(ends)
    begins[0], begins[1:] = 0, ends[:-1] + 1
    lengths = ends - begins
    raw = np.frombuffer(text, np.uint8)
    views = np.zeros((len(ends), 16), np.uint8)
    fields = views.view(np.int32)
    fields[:, 0], fields[:, 3] = lengths, begins
    for place in range(4):
        views[:, 4 + place] = raw[np.minimum(begins + place, ends)]
    [short] = np.nonzero(lengths <= 12)
    views[short, 4:] = 0
    for place in range(12):
        lines = short[lengths[short] > place]
        views[lines, 4 + place] = raw[begins[lines] + place]
    return pa.Array.from_buffers(pa.string_view(), len(ends), [None, pa.py_buffer(views), pa.py_buffer(text)])


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
