"""Every switch's records with bytes knocked out of them: whatever a feed's parser makes of a file, each record is accepted or rejected."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from isal import igzip

from benchmarks.calls import World, write
from benchmarks.layouts import LAYOUTS
from include.ingest import calls, declarations
from include.ingest.landing import LandingFile, sha256
from include.ingest.receipts import RefusedFile

BYTES = [b"\0", b"\r\n", b"\n", b'"', b"'", b",", b";", b"|", b"\\", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\x01", b"", b"{", b"}", b"[", b"<", b"&", b"=", b"%s", b"$day", b"-", b"9" * 40]
PLACES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from(BYTES)), min_size=1, max_size=6)
"""Where, as a share of the file, what is put in the place of a byte."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A file of forty calls of each feed."""
    folder = tmp_path_factory.mktemp("whole")
    for feed in LAYOUTS:
        write(World(calls=40, feed=feed), folder)
    return {feed: igzip.decompress(next((folder / feed).rglob("*.gz")).read_bytes()) for feed in LAYOUTS}


def parsed(path: Path, feed: str, scratch: Path) -> tuple[int, list[int], list[int]]:
    """(records read, lines of rejected records, lines of accepted ones)."""
    scratch.mkdir(exist_ok=True)
    for left in scratch.iterdir():
        left.unlink()
    stat = path.stat()
    file = LandingFile(path, f"{feed}/{path.name}", "cdr", feed, stat.st_size, stat.st_mtime_ns)
    found = calls.parse(file, declarations.load(feed, path.parent), scratch)
    assert found.digest == sha256(path)
    pieces = [str(piece.path) for piece in found.pieces]
    with duckdb.connect() as connection:
        rows = connection.execute("select source_line from read_parquet($1)", [pieces]).fetchall() if pieces else []
    return found.rows_read, [row.line for row in found.rejected], [line for (line,) in rows]


def accounts_for_every_record(content: bytes, feed: str, folder: Path, places: list[tuple[float, bytes]], cut: float | None) -> None:
    for place, put in places:
        at = int(place * len(content))
        content = content[:at] + put + content[at + 1 :]
    path = folder / "a.csv"
    path.write_bytes(content if cut is None else content[: int(cut * len(content))])
    try:
        read, rejected, accepted = parsed(path, feed, folder / "scratch")
    except RefusedFile as refused:
        assert len(str(refused)) > 20
        return
    assert len({*rejected, *accepted}) == len(rejected) + len(accepted) == read


FUZZ = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


@pytest.mark.parametrize("feed", LAYOUTS)
@settings(max_examples=4, **FUZZ)
@given(places=PLACES, cut=st.one_of(st.none(), st.floats(0, 1)))
def test_every_record_of_a_damaged_file_is_accounted_for(whole: dict[str, bytes], tmp_path: Path, feed: str, places: list, cut: float | None):
    accounts_for_every_record(whole[feed], feed, tmp_path, places, cut)


@pytest.mark.faults
@pytest.mark.parametrize("feed", LAYOUTS)
@settings(max_examples=30, **FUZZ)
@given(places=PLACES, cut=st.one_of(st.none(), st.floats(0, 1)))
def test_and_of_many_more_damaged_files(whole: dict[str, bytes], tmp_path: Path, feed: str, places: list, cut: float | None):
    accounts_for_every_record(whole[feed], feed, tmp_path, places, cut)
