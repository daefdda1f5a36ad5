"""PostgreSQL does the work: lines go in by COPY, in two connections, and SQL checks all files at once.

Tables are unlogged and have no index, which spares the peer what a table to live with would cost. The server is the embedded one
with its usual settings; the session has 512 MB to sort and hash in, and a worker for the other core.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
from isal import igzip

from benchmarks import peers
from benchmarks.counts import Counts
from include.settings import Settings

CHECKS = Path(__file__).parents[1] / "sql" / "postgres_checks.sql"
BLOCK_BYTES = 2**20
SESSION = "set work_mem = '512MB'; set synchronous_commit = off; set timezone = 'UTC'"

SCHEMA = r"""
drop schema if exists bench cascade;
create schema bench;
create table bench.files (file integer, name text, sha256 text);
create table bench.receipts (file integer, sha256 text, read bigint, accepted bigint, rejected bigint, duplicate bigint);
create table bench.lines (file integer, line_number bigint, line text) partition by list (file);
create function bench.e164(raw text) returns text language sql immutable parallel safe
return case
    when raw ~ '^\+?1[2-9][0-9]{2}[2-9][0-9]{6}$' then '+1' || right(raw, 10)
    when raw ~ '^[2-9][0-9]{2}[2-9][0-9]{6}$' then '+1' || raw
end;
"""
LINES_OF_A_FILE = """
create sequence bench.line_numbers_{file} cache 1000;
create unlogged table bench.lines_{file} partition of bench.lines (
    file default {file}, line_number default nextval('bench.line_numbers_{file}')
) for values in ({file});
"""


def load(settings: Settings, feed: str) -> Counts:
    """Leaves `bench.calls`, `bench.rejects`, `bench.receipts` and `bench.file_service_dates`."""
    files = peers.files(settings, feed)
    with psycopg.connect(settings.url("owner"), autocommit=True) as connection:
        connection.execute(SCHEMA)
        connection.execute("".join(LINES_OF_A_FILE.format(file=file) for file in range(len(files))))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            digests = list(pool.map(lambda numbered: copy(settings, *numbered), enumerate(files)))
        with connection.cursor() as cursor:
            named = [(number, file.name, digest) for number, (file, digest) in enumerate(zip(files, digests, strict=True))]
            cursor.executemany("insert into bench.files values (%s, %s, %s)", named)
        connection.execute(SESSION)
        connection.execute(CHECKS.read_text(encoding="utf-8"))
        sums = "select sum(read), sum(accepted), sum(rejected), sum(duplicate) from bench.receipts"
        return Counts(*map(int, connection.execute(sums).fetchone()))


def copy(settings: Settings, number: int, file: Path) -> str:
    """Send a file's lines; returns the SHA-256 of its bytes. One column: no CSV line has the delimiter or the quote given here."""
    statement = f"copy bench.lines_{number} (line) from stdin (format csv, delimiter E'\\x01', quote E'\\x02')"
    with psycopg.connect(settings.url("owner"), autocommit=True) as connection, igzip.open(file, "rb") as text:
        connection.execute(SESSION)
        with connection.cursor().copy(statement) as copying:
            while block := text.read(BLOCK_BYTES):
                copying.write(block)
    with file.open("rb") as packed:
        return hashlib.file_digest(packed, "sha256").hexdigest()
