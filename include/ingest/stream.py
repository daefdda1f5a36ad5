"""A landing file as a stream of pieces cut at line ends: unpacked, hashed and counted in one pass, memory bounded."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from isal import igzip, isal_zlib

from include.ingest.receipts import RefusedFile

PIECE_BYTES = 64 * 2**20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NUL_MARK = chr(57344).encode()
"""Stands for a NUL byte in text: DuckDB cannot hold one, and the row that has it is rejected by this mark."""
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
        """Bytes that are not text in the declared encoding, replaced."""
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
            source = igzip.GzipFile(fileobj=hashed, mode="rb") if packed else hashed
            try:
                yield from self._pieces(source)
            except (EOFError, OSError, isal_zlib.IsalError) as error:
                raise RefusedFile(f"the file cannot be unpacked to its end ({error}): send it again") from error
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
        if rest:
            yield self._piece(rest + b"\n")

    def _piece(self, raw: bytes) -> Piece:
        raw = raw.replace(b"\x00", NUL_MARK)
        try:
            if self.encoding.lower() != "utf-8":
                raw = raw.decode(self.encoding).encode()
            else:
                raw.decode()
        except UnicodeDecodeError:
            text = raw.decode(self.encoding, "replace")
            self.replaced += text.count(REPLACEMENT)
            raw = text.encode()
        piece = Piece(self.lines + 1, raw, raw.count(b"\n"))
        self.lines += piece.lines
        return piece


class _Hashed(io.RawIOBase):
    """A readable file that hashes what is read from it."""

    def __init__(self, file, hash_) -> None:
        self._file, self._hash = file, hash_

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        size = self._file.readinto(buffer)
        self._hash.update(memoryview(buffer)[:size])
        return size


def refuse_other_kinds(block: bytes) -> None:
    start = block[:512].lstrip(BYTE_ORDER_MARK).lstrip().lower()
    if block.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RefusedFile("the file is UTF-16: export it as UTF-8")
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise RefusedFile("the file is a web page, not data: the download failed, fetch it again")
