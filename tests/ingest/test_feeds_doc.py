"""docs/feeds.md says what the code does: every key, every feed, and the worked example."""

from __future__ import annotations

import re
import subprocess
import textwrap
from datetime import datetime
from pathlib import Path

from include.ingest import declarations
from include.settings import REPOSITORY
from tests.ingest.desk import Desk
from tests.ingest.switch_files import SAMPLES

DOC = (Path(__file__).parents[2] / "docs" / "feeds.md").read_text()


def first_cells(heading: str) -> list[str]:
    """The first cell of each row of the tables whose heading begins so, without its backticks."""
    tables = re.findall(rf"^\| {heading}[^\n]*\n\|[-|]+\n((?:\|.*\n)+)", DOC, re.MULTILINE)
    return [row.split("|")[1].strip().strip("`") for table in tables for row in table.splitlines()]


def code(language: str, heading: str) -> str:
    """The first block of code of a language below a heading."""
    [found] = re.findall(rf"^## {heading}\n.*?^( *)```{language}\n(.*?)^\1```", DOC, re.MULTILINE | re.DOTALL)[:1]
    return textwrap.dedent(found[1])


def test_every_key_is_described_and_every_key_described_exists():
    known = [
        *declarations.TOP_KEYS,
        *(f"format.{key}" for key in declarations.FORMAT_KEYS),
        *(f"times.{key}" for key in declarations.TIMES_KEYS),
        *(f"delivery.{key}" for key in declarations.DELIVERY_KEYS),
        *(f"fields.<column>.{key}" for key in declarations.FIELD_KEYS),
    ]
    assert sorted(first_cells("key")) == sorted(known)


def test_every_built_in_feed_is_described_and_no_other():
    shipped = [path.relative_to(declarations.BUILT_IN).with_suffix("").as_posix() for path in declarations.BUILT_IN.glob("*/*.yaml")]
    assert sorted(first_cells("feed")) == sorted(shipped)


def test_the_columns_that_a_row_needs_are_those_of_the_code():
    [table] = re.findall(r"^\| kind \| columns \|\n\|[-|]+\n((?:\|.*\n)+)", DOC, re.MULTILINE)
    told = {cells[0]: tuple(cells[1:]) for cells in (re.findall("`([^`]+)`", row) for row in table.splitlines())}
    assert told == declarations.NEEDED


def test_the_worked_example_works(desk: Desk):
    desk.declare("cdr/acme-sbc", code("yaml", "Add a feed"))
    receipt = desk.load_one("cdr/acme-sbc/nyc1/2026-11-16.csv", code("csv", "Add a feed"))
    assert (receipt.state, receipt.notes, receipt.rejected) == ("loaded", {}, [])
    columns = "call_id, switch_id, start_at, answer_at, ingress_trunk, calling_number, called_number, sip_code, attestation"
    first, second = desk.rows("calls", columns, "call_id")
    assert tuple(first.values()) == (
        "77", "nyc1", datetime(2026, 11, 16, 15), datetime(2026, 11, 16, 15, 0, 5), "tg-acme", "+12025550123", "+12125550188", 200, "A",
    )  # fmt: skip
    assert (second["answer_at"], second["sip_code"], second["attestation"]) == (None, 486, None)
    manifest = desk.load_one("cdr/acme-sbc/manifest-2026-11-16.csv", code("csv", "When a day is complete"))
    assert (manifest.kind, manifest.rows_accepted) == ("manifest", 1)


def test_every_parser_is_described_and_no_other():
    assert sorted(first_cells("parser")) == sorted(path.stem for path in declarations.PARSERS.glob("*.sql"))


def test_the_samples_of_complaints_give_what_the_page_says(desk: Desk):
    rows = re.findall(r"^\| `([^`]+)` \| `(complaints/[^`]+)` \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", DOC, re.MULTILINE)
    assert {feed for _, feed, *_ in rows} == {"complaints/fcc", "complaints/ftc_api", "complaints/ftc_csv"}
    for name, feed, *counts in rows:
        [sample] = [path for path in (SAMPLES / name, REPOSITORY / "include/demo/real" / name) if path.exists()]
        receipt = desk.load_one(f"{feed}/{name}", sample.read_bytes())
        assert [receipt.rows_read, receipt.rows_accepted, len(receipt.rejected), receipt.rows_duplicate] == [int(count) for count in counts], name


def test_the_samples_of_complaints_are_counted_by_hand_as_the_page_says():
    folder = REPOSITORY
    commands = code("sh", "Built-in feeds").splitlines()
    for command in commands:
        if command.startswith("cd "):
            folder = folder / command.removeprefix("cd ")
            continue
        command, _, said = command.partition(" # ")
        counted = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=True).stdout
        assert int(counted) == int(said.partition(":")[0]), command
    assert len(commands) > 10


def test_the_samples_give_what_the_page_says(desk: Desk):
    rows = re.findall(r"^\| `([^`]+)` \| `(cdr/[^`]+)` \|[^|]*\| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", DOC, re.MULTILINE)
    feeds = {feed for _, feed, *_ in rows}
    shipped = {f"cdr/{path.stem}" for path in (declarations.BUILT_IN / "cdr").glob("*.yaml")}
    assert feeds == shipped - {"cdr/standard", "cdr/acme_csv"}  # Tollgate's own, and one of which only the layouts are public
    for name, feed, *counts in rows:
        desk.put(f"{feed}/{name}", (SAMPLES / name).read_bytes())
    desk.load()
    desk.check_books()
    books = desk.receipts()
    for name, feed, *counts in rows:
        book = books[f"{feed}/{name}"]
        assert [book[f"rows_{what}"] for what in ("read", "accepted", "rejected", "duplicate")] == [int(count) for count in counts], name
        unverified = not declarations.load(feed, desk.settings.home).verified
        assert ("unverified" in book["notes"]) == unverified


def test_real_reference_files_give_what_a_shell_counts_in_them(desk: Desk):
    repository = Path(__file__).parents[2]
    rows = re.findall(r"^\| `([^`]+)` \| `(reference/[^`]+)` \| `(.+)` \| (\d+) \| (\d+) \| (\d+) \|$", DOC, re.MULTILINE)
    assert {feed for _, feed, *_ in rows} == {"reference/rmd", "reference/nanp", "reference/form499"}
    for file, feed, counted_by, *counts in rows:
        command = counted_by.replace("\\|", "|").replace("FILE", file)
        counted = subprocess.run(command, shell=True, cwd=repository, capture_output=True, text=True, check=True).stdout
        receipt = desk.load_one(f"{feed}/2026-11-16{Path(file).suffix}", (repository / file).read_bytes())
        found = [int(counted), receipt.rows_accepted, len(receipt.rejected)]
        assert found == [int(count) for count in counts], file
        assert receipt.rows_read == int(counted)
