"""PostgreSQL does the work: each file's lines go in by COPY and are checked by SQL, a connection per core; then duplicates are looked for.

Large tables are unlogged and have no index, which spares the peer what a table to live with would cost. The server is the embedded
one with its usual settings; a session has 512 MB to sort and hash in.
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

SQL = Path(__file__).parents[1] / "sql"
CHECK_FILE, SETTLE = ((SQL / f"postgres_{name}.sql").read_text(encoding="utf-8") for name in ("check_file", "settle"))
BLOCK_BYTES = 2**20
SESSION = "set work_mem = '512MB'; set synchronous_commit = off; set timezone = 'UTC'"

SCHEMA = r"""
drop schema if exists bench cascade;
create schema bench;
create table bench.files (file integer, name text, sha256 text);
create table bench.receipts (file integer, sha256 text, read bigint, accepted bigint, rejected bigint, duplicate bigint);
create table bench.lines (file integer, line_number bigint, line text) partition by list (file);
create unlogged table bench.calls (
    file integer, line_number bigint, content bigint, reason text, call_id text, attempt integer, switch_id text,
    start_at timestamptz, answer_at timestamptz, end_at timestamptz, service_date date, ingress_trunk text, egress_trunk text, source_ip text,
    calling_raw text, calling_number text, asserted_raw text, asserted_number text, called_raw text, called_number text,
    sip_code integer, release_party text, attestation text, verstat text, signer text, orig_id text
);
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
    files = list(enumerate(peers.files(settings, feed)))
    with psycopg.connect(settings.url("owner"), autocommit=True) as connection:
        connection.execute(SESSION)
        connection.execute(SCHEMA)
        connection.execute("".join(LINES_OF_A_FILE.format(file=number) for number, _ in files))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda file: load_file(settings, *file), files))
        connection.execute(SETTLE)
        sums = "select sum(read), sum(accepted), sum(rejected), sum(duplicate) from bench.receipts"
        return Counts(*map(int, connection.execute(sums).fetchone()))


def load_file(settings: Settings, number: int, file: Path) -> None:
    """Send a file's lines as one column, for no CSV line has the delimiter or the quote given here, and check them."""
    copy = f"copy bench.lines_{number} (line) from stdin (format csv, delimiter E'\\x01', quote E'\\x02')"
    with psycopg.connect(settings.url("owner"), autocommit=True) as connection, file.open("rb") as packed:
        connection.execute(SESSION)
        digest = hashlib.file_digest(packed, "sha256").hexdigest()
        packed.seek(0)
        with igzip.open(packed, "rb") as text, connection.cursor().copy(copy) as copying:
            while block := text.read(BLOCK_BYTES):
                copying.write(block)
        connection.execute(CHECK_FILE.replace("bench.lines_of_file", f"bench.lines_{number}"))
        connection.execute("insert into bench.files values (%s, %s, %s)", (number, file.name, digest))
