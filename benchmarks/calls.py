"""Made-up call records in landing files: any number of them, the same every time, as a mid-size provider's switch writes them.

Per 1,000 attempts: 600 answered, 50 second attempts; of both numbers 10 abroad and 10 invalid, 5 callers withheld;
1 damaged row, which is to be rejected, and 1 exact duplicate, in the same file or at the beginning of the next. They come over
3,000 trunks from 200,000 callers to hardly ever the same number twice, in the order of time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from string import Template

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from isal import igzip

from benchmarks.counts import NOTHING, Counts
from benchmarks.layouts import LAYOUTS

SQL = Path(__file__).with_name("sql")
FIRST_DAY = date(2026, 11, 16)
"""New York's: it ends at 05:00 UTC of the next."""
MIDNIGHT = "2026-11-16 05:00:00"
SWITCH = "nyc1"
TRUNKS, CALLERS, SEED = 3_000, 200_000, 7
BLOCK_CALLS = 500_000
"""So many are in memory at once, some 150 MB."""
LONG_AGO = 1_780_000_000
"""When the files were last written to, in epoch seconds: the ingest looks twice at files that are only just there."""


@dataclass(frozen=True)
class World:
    """Landing files of one feed; duplicates come on top of `calls`, and damaged rows are among them."""

    calls: int
    files: int = 1
    days: int = 1
    feed: str = "cdr/standard"

    @property
    def calls_per_file(self) -> int:
        if self.calls % self.files:
            raise ValueError(f"{self.calls} calls do not fill {self.files} files evenly")
        return self.calls // self.files

    @property
    def name(self) -> str:
        return f"{self.feed.replace('/', '-')}-{self.calls}-calls-{self.files}-files-{self.days}-days"


def make(world: World, folder: Path) -> Counts:
    """Write a world's files to `folder/landing` and return what is to become of their rows. Files made the same way before stay."""
    told = folder / "counts.json"
    if not told.exists() or json.loads(told.read_text())["made_by"] != made_by(world):
        shutil.rmtree(folder, ignore_errors=True)
        counts = write(world, folder / "landing")
        told.write_text(json.dumps({"made_by": made_by(world), "counts": asdict(counts)}))
    return Counts(**json.loads(told.read_text())["counts"])


def made_by(world: World) -> str:
    """Changes with whatever the files depend on: this code, its SQL, the layout, DuckDB's hash()."""
    sources = [Path(__file__), SQL / "draws.sql", SQL / "made_calls.sql"]
    parts = [duckdb.__version__, repr(LAYOUTS[world.feed]), *(source.read_text(encoding="utf-8") for source in sources)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def write(world: World, landing: Path) -> Counts:
    """Write the files below `landing`, one after the other."""
    layout = LAYOUTS[world.feed]
    total = NOTHING
    for file, pieces in groupby(_pieces(world), key=lambda piece: piece[0]):
        finished = path(world, landing, file)
        finished.parent.mkdir(parents=True, exist_ok=True)
        with igzip.GzipFile(finished, "wb", mtime=LONG_AGO) as packed:
            packed.write(layout.head.encode())
            for _, records, counts in pieces:
                packed.write(records)
                total += counts
            packed.write(layout.foot.encode())
        os.utime(finished, (LONG_AGO, LONG_AGO))
    return total


def path(world: World, landing: Path, file: int) -> Path:
    """Where a world's file number `file` lies, named by the day it begins in."""
    day = FIRST_DAY + timedelta(days=file * world.days // world.files)
    return landing / world.feed / SWITCH / f"{SWITCH}-{day}-{file:05d}.csv.gz"


def _pieces(world: World) -> Iterator[tuple[int, memoryview, Counts]]:
    """(file, some of its records as they stand in it, what becomes of them), in the order of the files."""
    with duckdb.connect() as connection:
        connection.execute(_template("draws").substitute(seed=SEED, trunks=TRUNKS, callers=CALLERS))
        for first, last in blocks(world):
            rows = connection.sql(_records(world, first, last)).to_arrow_table().combine_chunks()
            begin = 0
            ends = pc.run_end_encode(rows["file"].chunk(0))
            for file, end in zip(ends.values.to_pylist(), ends.run_ends.to_pylist(), strict=True):
                yield file, _text(rows["record"].chunk(0), begin, end), _counts(rows.slice(begin, end - begin))
                begin = end


def blocks(world: World) -> Iterator[tuple[int, int]]:
    """The attempts [first, last) that are made together: those of several whole files, or some of one file's."""
    whole = max(BLOCK_CALLS // world.calls_per_file, 1) * world.calls_per_file
    for begin in range(0, world.calls, whole):
        end = min(begin + whole, world.calls)
        for first in range(begin, end, BLOCK_CALLS):
            yield first, min(first + BLOCK_CALLS, end)


def _records(world: World, first: int, last: int) -> str:
    """The query for a block: file, copy, damage and record of each of its rows, in the order of the files."""
    each = world.calls_per_file
    first_begun, next_begun = -(-first // each), -(-last // each)  # the files that begin within the block
    made = _template("made_calls").substitute(
        first=first, last=last, late_first=max(first_begun - 1, 0) * each, late_last=(next_begun - 1) * each if next_begun > first_begun else 0,
        calls=world.calls, files=world.files, calls_per_file=each, milliseconds=world.days * 86_400_000, midnight=MIDNIGHT,
        switch=SWITCH, trunks=TRUNKS, callers=CALLERS,
    )  # fmt: skip
    return f"""
        with made as ({made}),

        written as (select *, {LAYOUTS[world.feed].record} as record from made)

        select file, copy, damage, case when damage = 'cut' then left(record, length(record) // 2) || chr(10) else record end as record
        from written
        order by file, n
    """


def _template(name: str) -> Template:
    return Template((SQL / f"{name}.sql").read_text(encoding="utf-8"))


def _counts(rows: pa.Table) -> Counts:
    rejected = rows.num_rows - rows["damage"].null_count
    duplicate = pc.sum(pc.not_equal(rows["copy"], "first")).as_py()
    return Counts(rows.num_rows, rows.num_rows - rejected - duplicate, rejected, duplicate)


def _text(records: pa.StringArray, begin: int, end: int) -> memoryview:
    """The records [begin, end): Arrow keeps the texts of a column one behind the other, as a file does."""
    _, offsets, text = records.buffers()
    at = np.frombuffer(offsets, np.int32)
    return memoryview(text)[at[begin] : at[end]]
