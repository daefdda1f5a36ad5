"""A landing file as a stream of pieces cut at line ends: unpacked, hashed and counted in one pass, memory bounded."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from isal import igzip
from isal.igzip_lib import IsalError

from include.ingest.receipts import RefusedFile

PIECE_BYTES = 64 * 2**20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NUL_MARK = chr(57344).encode()
"""Stands for a NUL byte in text: DuckDB cannot hold one, and the row that has it is rejected by this mark."""
NEVER = chr(0x10FFFD)
"""In no piece's text: DuckDB splits lines by it, so that it never splits one."""
LONGEST_LINE = 4_000_000
"""Bytes. What is longer is no record but a file without line ends."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass
class Piece:
    first_line: int
    """Physical line, 1-based, of the piece's first line."""
    text: bytes
    """UTF-8, whole lines."""
    lines: int


class LineStream:
    """Iterate over a file's pieces; afterwards `digest`, `lines` and `replaced` are final."""

    def __init__(self, path: Path, encoding: str = "utf-8", piece_bytes: int = PIECE_BYTES) -> None:
        self.path, self.encoding, self.piece_bytes = path, encoding, piece_bytes
        self.lines = 0
        self.replaced = 0
        """Places where the bytes were not text in the declared encoding, replaced."""
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes as they lie in the landing folder."""
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[Piece]:
        with self.path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            hashed = _Hashed(raw, self._hash)
            yield from self._pieces(_Unpacked(hashed) if packed else hashed)
            while hashed.read(2**20):
                continue  # bytes behind the packed stream belong to the file's identity

    def _pieces(self, source) -> Iterator[Piece]:
        rest = b""
        first = True
        while block := source.read(self.piece_bytes):
            if first:
                refuse_other_kinds(block)
                block = block.removeprefix(BYTE_ORDER_MARK)
                first = False
            cut = block.rfind(b"\n") + 1
            if cut:
                yield self._piece(rest + block[:cut])
                rest = block[cut:]
            else:
                rest += block
            if len(rest) > LONGEST_LINE:
                raise RefusedFile(no_line(self.lines + 1))
        if rest:
            yield self._piece(rest + b"\n")

    def _piece(self, raw: bytes) -> Piece:
        try:
            text = raw.decode(self.encoding)
            if self.encoding.lower() != "utf-8":
                raw = text.encode()
        except UnicodeDecodeError:
            text = raw.decode(self.encoding, "replace")
            self.replaced += text.count(REPLACEMENT) - raw.count(REPLACEMENT.encode())
            raw = text.encode()
        raw = raw.replace(b"\x00", NUL_MARK).replace(NEVER.encode(), REPLACEMENT.encode())
        if b"\r" in raw:
            raw = raw.replace(b"\r\n", b"\n")
            if b"\r" in raw:
                line = self.lines + 1 + raw.count(b"\n", 0, raw.index(b"\r"))
                raise RefusedFile(
                    f"line {line} holds a carriage return that ends no line: write lines that end in LF or CRLF and send the file again"
                )
        piece = Piece(self.lines + 1, raw, raw.count(b"\n"))
        self.lines += piece.lines
        return piece


def no_line(line: int) -> str:
    return f"line {line} is longer than {LONGEST_LINE} bytes: look for missing line ends and send the file again"


class _Unpacked:
    """A gzip stream that says what to do where it is damaged."""

    def __init__(self, packed: _Hashed) -> None:
        self._file = igzip.GzipFile(fileobj=packed, mode="rb")

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except (EOFError, OSError, IsalError) as error:
            raise RefusedFile(f"the file cannot be unpacked to its end ({error}): send it again") from error


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
