"""Load whatever lies new in the landing folder: one receipt per file, nothing loaded twice."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg

from include.ingest import calls, declarations, evidence, landing, receipts, reference
from include.ingest.declarations import Declaration
from include.ingest.landing import LandingFile
from include.ingest.receipts import Receipt, RefusedFile
from include.lake import tables
from include.settings import Settings

log = logging.getLogger(__name__)

KINDS = ("cdr", "complaints", "tracebacks", "reference")
LOADERS = {
    "manifest": reference.load_manifest,
    "complaints": evidence.load,
    "tracebacks": evidence.load,
    "reference": reference.load_snapshot,
}


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
    summary = Summary()
    with psycopg.connect(settings.url("loader"), autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(hashtext('ingest'), hashtext(%s))", (kind,))
        files = landing.whole_files(settings.landing, kind)
        again = receipts.take_back(connection, settings.lake, {file.relative for file in files})
        for file in _in_order(files, again):
            if not receipts.taken(connection, file):
                _load_if_there(connection, settings, file, summary)
    return summary


def _in_order(files: Iterable[LandingFile], again: list[str]) -> list[LandingFile]:
    """First what was cut short, as if it had not been; a day is judged by its manifest, so that comes after the files it lists."""
    turn = {path: number for number, path in enumerate(again)}
    return sorted(files, key=lambda file: (turn.get(file.relative, len(turn)), _is_manifest(file)))


def _is_manifest(file: LandingFile) -> bool:
    return file.kind == "cdr" and file.path.name.startswith("manifest-") and file.path.name.endswith((".csv", ".csv.gz"))


def _load_if_there(connection: psycopg.Connection, settings: Settings, file: LandingFile, summary: Summary) -> None:
    """Load one file, unless it was removed, or closed to us, since the folder was listed."""
    try:
        load_file(connection, settings, file, summary)
    except (FileNotFoundError, PermissionError) as error:
        if str(error.filename) != str(file.path):
            raise
        log.error("%s left alone: %s", file.relative, error.strerror)


def load_file(connection: psycopg.Connection, settings: Settings, file: LandingFile, summary: Summary) -> None:
    """Load one file and record its receipt or, where its bytes were loaded before, that they arrived here too."""
    kind = "manifest" if _is_manifest(file) else file.kind
    receipt = Receipt("", file.relative, kind, file.feed, datetime.now(UTC))
    known = None
    try:
        if file.feed == file.kind:
            raise RefusedFile(f"it lies in no feed's folder: put it below {file.kind}/<feed>/")
        declaration = declarations.load("manifest/standard" if kind == "manifest" else file.feed, settings.home)
        if kind == "cdr":
            with calls.scratch_folder(settings.lake) as scratch:
                parsed = calls.parse(file, declaration, Path(scratch))
                receipt.file = parsed.digest
                known = receipts.loaded(connection, receipt.file)
                if known is None:
                    unknown = calls.unknown_columns(declaration, parsed.layout)
                    if unknown:
                        receipt.notes["unknown_columns"] = unknown
                    calls.place(parsed, receipt, settings.lake)
        else:
            receipt.file = landing.sha256(file.path)
            known = receipts.loaded(connection, receipt.file)
            if known is None:
                LOADERS[kind](file, declaration, receipt, settings.lake)
        if known is not None:
            _take_again(connection, settings, file, declaration, receipt, known, summary)
            return
        receipt.check()
    except (RefusedFile, declarations.BadDeclaration) as error:
        receipt.file = receipt.file or landing.sha256(file.path)
        if receipts.loaded(connection, receipt.file) is not None:
            receipts.remember_path(connection, file, receipt.file)
            log.warning("%s: %s. Its bytes were loaded before, in another feed or under an earlier declaration, and stay loaded", file.relative, error)
            return
        receipt = receipt.refuse(str(error))
        log.error("%s refused: %s", file.relative, error)
    told = receipt.date_told(file) if receipt.state != "refused" else None
    if told is not None:
        receipt.rows_by_date.setdefault(told, 0)
    receipts.record(connection, settings.lake, file, receipt)
    summary.receipts.append(receipt)
    log.info("%s: %s, %d of %d rows accepted", receipt.path, receipt.state, receipt.rows_accepted, receipt.rows_read)


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
        evidence.check_readable(file, declaration)
    told = receipt.date_told(file)
    if told is not None:
        receipt.rows_by_date[told] = 0
    receipts.record_again(connection, settings.lake, file, receipt)
    summary.again.append(receipt)
    log.info("%s: the bytes of %s, once more", file.relative, known.path)
