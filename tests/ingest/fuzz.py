"""Coverage-guided fuzzing of the parsers that are written in Python: `python -m tests.ingest.fuzz <target> [libFuzzer option ...]`.

Calls are parsed by SQL, which no coverage guides: tests/ingest/test_fuzzed_switches.py. A finding is written to `crash-…` in the
current folder, and tried again by naming that file.
"""

from __future__ import annotations

import logging
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["include.ingest"]):
    from include.ingest import declarations, evidence, records, xml_rows
    from include.ingest.landing import LandingFile
    from include.ingest.numbers import classify, classify_written
from include.ingest.receipts import RefusedFile
from include.lake import tables

SMALL_FEEDS = sorted(declarations.names(Path("/nonexistent"), ("complaints", "tracebacks", "reference", "manifest")))
PLUS_AND_DIGITS = re.compile(r"\+[1-9][0-9]+")
SAMPLES = Path(__file__).parent / "samples"
FOLDER = Path(tempfile.mkdtemp(prefix="tollgate-fuzz-"))


def small_feeds(data: bytes) -> None:
    """The first byte names the feed: whatever the rest is, the file is refused in words, or each of its rows accounted for."""
    feed = SMALL_FEEDS[data[0] % len(SMALL_FEEDS)] if data else SMALL_FEEDS[0]
    kind, _, name = feed.partition("/")
    path = FOLDER / "file-2026-11-16"
    path.write_bytes(data[1:])
    declaration = declarations.load(feed, FOLDER)
    of_evidence = evidence.EVIDENCE.get(kind)
    columns = tables.DATED[of_evidence[0]] if of_evidence else tables.MANIFESTS if kind == "manifest" else tables.REFERENCE[name]
    try:
        parsed = records.read(LandingFile(path, f"{feed}/{path.name}", kind, feed, len(data), 0), declaration, columns)
    except RefusedFile as refused:
        assert len(str(refused)) > 20
        return
    assert parsed.rows_read >= len(parsed.rows) + len(parsed.rejected) == len({*parsed.rows[records.LINE], *(row.line for row in parsed.rejected)})
    if of_evidence and len(parsed.rows):
        of_evidence[2](parsed, declaration)


def xml(data: bytes) -> None:
    try:
        for line, texts, _ in xml_rows.read(data, "Filer"):
            assert line > 0 and all(texts.values())
    except RefusedFile as refused:
        assert len(str(refused)) > 20


def declaration(data: bytes) -> None:
    """A feed's YAML is good, or what is wrong with it is said with its path."""
    path = FOLDER / "own.yaml"
    path.write_bytes(data)
    try:
        declarations.parse("cdr", "own", path)
    except declarations.BadDeclaration as bad:
        assert str(path) in str(bad)


def number(data: bytes) -> None:
    raw = data.decode("utf-8", "replace")
    for number, class_ in (classify(raw), classify_written(raw)):
        assert class_ and (number is None or PLUS_AND_DIGITS.fullmatch(number)), (raw, number, class_)


def _samples() -> Iterator[bytes]:
    """Real files, cut short, each as one of each small feed."""
    for sample in sorted(SAMPLES.iterdir()):
        yield from (bytes([number]) + sample.read_bytes()[:3_000] for number in range(len(SMALL_FEEDS)))


TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], Iterable[bytes]]]] = {
    "small_feeds": (small_feeds, _samples),
    "xml": (xml, lambda: [(SAMPLES / "form499_filer.xml").read_bytes()]),
    "declaration": (declaration, lambda: [path.read_bytes() for path in sorted(declarations.BUILT_IN.glob("*/*.yaml"))]),
    "number": (number, lambda: (SAMPLES / "number_fields.txt").read_bytes().splitlines()),
}
"""What is fuzzed, and what it begins with."""


def main() -> None:
    logging.disable(logging.CRITICAL)
    target, seeds = TARGETS[sys.argv.pop(1)]
    if all(argument.startswith("-") for argument in sys.argv[1:]):
        corpus = FOLDER / "corpus"
        corpus.mkdir()
        for count, seed in enumerate(seeds()):
            (corpus / str(count)).write_bytes(seed)
        sys.argv.append(str(corpus))
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
