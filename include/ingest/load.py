"""Load whatever lies new in the landing folder: one receipt per file, nothing loaded twice."""

from __future__ import annotations

import logging
import shutil
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import psycopg

from include.ingest import calls, declarations, evidence, landing, receipts, reference, repeats
from include.ingest.calls import ParsedFile
from include.ingest.declarations import Declaration
from include.ingest.landing import LandingFile
from include.ingest.receipts import Receipt, RefusedFile
from include.lake import tables
from include.lineage import openlineage
from include.lineage.raw_lines import masked
from include.settings import Settings
from include.text import visible

log = logging.getLogger(__name__)

KINDS = ("cdr", "complaints", "tracebacks", "reference")
LOADERS = {
    "manifest": reference.load_manifest,
    "complaints": evidence.load,
    "tracebacks": evidence.load,
    "reference": reference.load_snapshot,
}

BATCH_FILES = 256
BATCH_BYTES = 2**30


@dataclass
class Summary:
    """What one run over a landing folder did."""

    receipts: list[Receipt] = field(default_factory=list)
    again: list[Receipt] = field(default_factory=list)
    """Of bytes that were loaded before and arrived under another path: what their receipt is for that path."""

    @property
    def dates(self) -> list[date]:
        """Service dates that got rows, or that a file now speaks of without bringing any."""
        return sorted({day for receipt in (*self.receipts, *self.again) for day in receipt.rows_by_date})

    def describe(self) -> str:
        read, accepted, rejected, duplicate = (
            sum(counts) for counts in zip((0, 0, 0, 0), *(
                (receipt.rows_read, receipt.rows_accepted, len(receipt.rejected), receipt.rows_duplicate) for receipt in self.receipts
            ), strict=True)
        )  # fmt: skip
        refused = [receipt for receipt in self.receipts if receipt.state == "refused"]
        text = f"{len(self.receipts)} new files: {read} rows read = {accepted} accepted + {rejected} rejected + {duplicate} duplicate"
        return text + "".join(f"\n  refused {receipt.path}: {receipt.reason}" for receipt in refused)


def load_new_files(settings: Settings, kind: str) -> Summary:
    """Load every whole file of one kind that was not loaded before.

    Loads of one kind take turns: two runs at once would otherwise not see each other's rows when looking for duplicates.
    """
    tables.create(settings.lake)
    summary, started = Summary(), datetime.now(UTC)
    with psycopg.connect(settings.url("loader"), autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(hashtext('ingest'), hashtext(%s))", (kind,))
        files = landing.whole_files(settings.landing, kind)
        again = receipts.take_back(connection, settings.lake, kind, {file.relative for file in files})
        new = [file for file in _in_order(files, again) if not receipts.taken(connection, file)]
        for batch in _batches([file for file in new if kind == "cdr" and not _is_manifest(file)]):
            _load_calls(connection, settings, batch, summary)
        for file in new:
            if kind != "cdr" or _is_manifest(file):
                _load_if_there(connection, settings, file, summary)
    openlineage.loaded(settings, [*summary.receipts, *summary.again], started)
    return summary


def _batches(files: list[LandingFile]) -> Iterator[list[LandingFile]]:
    """Neighbours that are placed together: so many that looking for duplicates costs little for each, so few that scratch space is bounded."""
    batch: list[LandingFile] = []
    for file in files:
        if batch and (len(batch) == BATCH_FILES or sum(other.size for other in batch) + file.size > BATCH_BYTES):
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch


def _in_order(files: Iterable[LandingFile], again: list[str]) -> list[LandingFile]:
    """First what was cut short, as if it had not been; a day is judged by its manifest, so that comes after the files it lists."""
    turn = {path: number for number, path in enumerate(again)}
    return sorted(files, key=lambda file: (turn.get(file.relative, len(turn)), _is_manifest(file)))


def _is_manifest(file: LandingFile) -> bool:
    return file.kind == "cdr" and file.path.name.startswith("manifest-") and file.path.name.endswith((".csv", ".csv.gz"))


def _load_if_there(connection: psycopg.Connection, settings: Settings, file: LandingFile, summary: Summary) -> None:
    """Load one file, unless it was removed, or closed to us, since the folder was listed."""
    with _if_there(file):
        load_file(connection, settings, file, summary)


@contextmanager
def _if_there(file: LandingFile) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, PermissionError) as error:
        if str(error.filename) != str(file.path):
            raise
        log.error("%s left alone: %s", file.relative, error.strerror)


def load_file(connection: psycopg.Connection, settings: Settings, file: LandingFile, summary: Summary) -> None:
    """Load one file of a small feed and record its receipt or, where its bytes were loaded before, that they arrived here too."""
    receipt = _receipt(file)
    try:
        declaration = _declaration(settings, file)
        receipt.file = landing.sha256(file.path)
        known = receipts.loaded(connection, receipt.file)
        if known is not None:
            _take_again(connection, settings, file, declaration, receipt, known, summary)
            return
        with _whatever_it_holds(file):
            LOADERS[receipt.kind](file, declaration, receipt, settings.lake)
        receipt.check()
    except (RefusedFile, declarations.BadDeclaration) as error:
        _refuse(connection, settings, file, receipt, error, summary)
        return
    _record(connection, settings, file, receipt, summary)


@contextmanager
def _whatever_it_holds(file: LandingFile) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, LookupError, ArithmeticError, duckdb.DataError) as error:
        raise _refused_unforeseen(file, error) from error


def _refused_unforeseen(file: LandingFile, error: Exception) -> RefusedFile:
    """One value that no check foresaw must not stop every other file. What is told of it holds no telephone number."""
    said = masked(f"{type(error).__name__}: {error}".splitlines()[0])[:300]
    log.error("%s: %s\n%s", file.relative, visible(said), "".join(traceback.format_tb(error.__traceback__)))
    return RefusedFile(f"a value or the declaration cannot be computed with ({said}): mend it, or send us the message")


def _receipt(file: LandingFile) -> Receipt:
    return Receipt("", file.relative, "manifest" if _is_manifest(file) else file.kind, file.feed, datetime.now(UTC))


def _declaration(settings: Settings, file: LandingFile) -> Declaration:
    if file.feed == file.kind:
        raise RefusedFile(f"it lies in no feed's folder: put it below {file.kind}/<feed>/")
    return declarations.load(_feed_of(file), settings.home)


def _feed_of(file: LandingFile) -> str:
    return "manifest/standard" if _is_manifest(file) else file.feed


def _record(connection: psycopg.Connection, settings: Settings, file: LandingFile, receipt: Receipt, summary: Summary) -> None:
    if receipt.state != "refused" and not declarations.load(_feed_of(file), settings.home).verified:
        receipt.notes["unverified"] = "the feed's layout was never read from a real file: compare some rows with what the switch shows"
    told = receipt.date_told(file) if receipt.state != "refused" else None
    if told is not None:
        receipt.rows_by_date.setdefault(told, 0)
    receipts.record(connection, settings.lake, file, receipt)
    summary.receipts.append(receipt)
    log.info("%s: %s, %d of %d rows accepted", receipt.path, receipt.state, receipt.rows_accepted, receipt.rows_read)


def _refuse(
    connection: psycopg.Connection, settings: Settings, file: LandingFile, receipt: Receipt, error: Exception, summary: Summary
) -> None:
    receipt.file = receipt.file or landing.sha256(file.path)
    if receipts.loaded(connection, receipt.file) is not None:
        receipts.remember_path(connection, file, receipt.file)
        log.warning("%s: %s. Its bytes were loaded before, in another feed or under an earlier declaration, and stay loaded", file.relative, visible(str(error)))
        return
    log.error("%s refused: %s", file.relative, visible(str(error)))
    _record(connection, settings, file, receipt.refuse(str(error)), summary)


@dataclass
class _CallFile:
    """A file of calls on its way into the lake."""

    file: LandingFile
    receipt: Receipt
    declaration: Declaration | None = None
    parsed: ParsedFile | None = None
    error: Exception | None = None


def _load_calls(connection: psycopg.Connection, settings: Settings, files: list[LandingFile], summary: Summary) -> None:
    """Load files of calls: parsed side by side, placed together, recorded one by one in their order."""
    scratch = settings.lake / ".scratch"
    shutil.rmtree(scratch, ignore_errors=True)  # whatever a load that was killed left: loads take turns
    scratch.mkdir()
    with ThreadPoolExecutor(calls.WORKERS) as readers, ThreadPoolExecutor(calls.WORKERS) as workers:
        hashed = list(readers.map(_hashed, files))
        known = receipts.settled_among(connection, {one.receipt.file for one in hashed if one.error is None})
        parsing = [
            readers.submit(_parse, settings, one, one.receipt.file in known, scratch / str(number), workers) for number, one in enumerate(hashed)
        ]
        wait(parsing)
        parsed = [future.result() for future in parsing]
    together: dict[str, _CallFile] = {}
    for one in parsed:
        if one.receipt.file in together:  # the same bytes twice: by the second time they are known
            _place_and_record(connection, settings, together, summary)
        together[one.receipt.file or one.file.relative] = one
    _place_and_record(connection, settings, together, summary)
    shutil.rmtree(scratch)


def _hashed(file: LandingFile) -> _CallFile:
    one = _CallFile(file, _receipt(file))
    try:
        one.receipt.file = landing.sha256(file.path)
    except OSError as error:
        one.error = error
    return one


def _parse(settings: Settings, one: _CallFile, is_known: bool, scratch: Path, workers: Executor) -> _CallFile:
    """Parse a file into `scratch`, unless its bytes were loaded before. What is wrong with it is told when its turn comes."""
    try:
        if one.error is None:
            one.declaration = _declaration(settings, one.file)
            if not is_known:
                scratch.mkdir()
                one.parsed = calls.parse(one.file, one.declaration, scratch, one.receipt.file, pool=workers)
    except (RefusedFile, declarations.BadDeclaration, OSError) as error:
        one.error = error
    except (duckdb.DataError, duckdb.ProgrammingError) as error:
        one.error = _refused_unforeseen(one.file, error)
    return one


def _place_and_record(connection: psycopg.Connection, settings: Settings, together: dict[str, _CallFile], summary: Summary) -> None:
    """Commit files that were parsed, and say what became of those that could not be; empties `together`."""
    known = receipts.settled_among(connection, {one.receipt.file for one in together.values()})
    for one in together.values():
        if one.receipt.file in known:
            one.parsed = None  # loaded since it was parsed: its rows stand in the lake
        elif one.parsed is not None and one.parsed.digest != one.receipt.file:
            one.error = FileNotFoundError(0, "it changed while it was read", str(one.file.path))
    repeats.place([repeats.Arrival(one.receipt, one.parsed) for one in together.values() if one.parsed and not one.error], settings.lake, connection)
    for one in together.values():
        with _if_there(one.file):
            _settle(connection, settings, one, summary)
    together.clear()


def _settle(connection: psycopg.Connection, settings: Settings, one: _CallFile, summary: Summary) -> None:
    try:
        if one.error is not None:
            raise one.error
        if one.parsed is None:
            known = receipts.loaded(connection, one.receipt.file)
            _take_again(connection, settings, one.file, one.declaration, one.receipt, known, summary)
            return
        one.receipt.check()
    except (RefusedFile, declarations.BadDeclaration) as error:
        _refuse(connection, settings, one.file, one.receipt, error, summary)
        return
    _record(connection, settings, one.file, one.receipt, summary)


def _take_again(
    connection: psycopg.Connection, settings: Settings, file: LandingFile, declaration: Declaration, receipt: Receipt, known: Receipt, summary: Summary
) -> None:
    """Bytes that were loaded before say something new by arriving here. RefusedFile where they make no sense here."""
    if receipts.lies_there_already(connection, file, receipt.file):
        receipts.remember_path(connection, file, receipt.file)
        return
    if receipt.kind != known.kind or (receipt.kind in ("cdr", "reference") and receipt.feed != known.feed):
        raise RefusedFile(f"it was loaded as {known.path}")
    receipt.rows_read, receipt.rows_accepted, receipt.rows_duplicate = known.rows_read, known.rows_accepted, known.rows_duplicate
    if receipt.kind == "reference":
        reference.check_size(file, declaration, receipt, settings.lake)
    elif receipt.kind in evidence.EVIDENCE and receipt.feed != known.feed:
        with _whatever_it_holds(file):
            evidence.check_readable(file, declaration)
    told = receipt.date_told(file)
    if told is not None:
        receipt.rows_by_date[told] = 0
    receipts.record_again(connection, settings.lake, file, receipt)
    summary.again.append(receipt)
    log.info("%s: the bytes of %s, once more", file.relative, known.path)
