"""Quotes and backslashes: a line is split as its writer meant it, by either way of looking at it, or it is rejected."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from include.ingest import call_sql, calls, declarations, stream
from tests.ingest.desk import GOOD_CALL, STANDARD

DECLARATION = declarations.parse("cdr", "standard", declarations.BUILT_IN / "cdr" / "standard.yaml")
FREE = ("egress_trunk", "source_ip", "verstat", "signer", "orig_id")
"""Columns that may hold any text."""
VALUE = st.text('ab",\\ ;\u00e9', max_size=6)
ROWS = st.lists(st.lists(VALUE, min_size=len(FREE), max_size=len(FREE)), min_size=1, max_size=20)
HOW = {"strict": {}, "backslash": {"quoting": csv.QUOTE_NONE, "escapechar": "\\", "quotechar": None}}


@pytest.fixture(scope="module")
def connection():
    with calls.connect_worker() as connection:
        yield connection


def written(values: list[str], quotes: str, quoting: int = csv.QUOTE_MINIMAL) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="", **({"quoting": quoting} | HOW[quotes])).writerow(values)
    return out.getvalue()


def read(connection, lines: list[str], quotes: str, oddly: bool) -> list[tuple]:
    """The free columns of each line, or why it is rejected."""
    connection.register("lines", pa.table({"source_line": pa.array(range(len(lines)), pa.int64()), "line": lines}))
    query = call_sql.parse_lines(
        replace(DECLARATION, quotes=quotes), call_sql.choose_layouts(DECLARATION, [STANDARD]), lines="select source_line, line from lines",
        folder=None, holds=frozenset(stream.LOOKED_FOR), usual_offset="Z", are_quoted_oddly=oddly,
    )  # fmt: skip
    found = connection.execute(f"select reject, {', '.join(FREE)} from ({query}) order by source_line").fetchall()
    return [tuple(free) if reject is None else (reject["field"], reject["reason"]) for reject, *free in found]


def kept(value: str) -> str | None:
    value = value.strip(" ")
    return None if value in DECLARATION.nulls else value


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, quotes=st.sampled_from(["strict", "backslash"]), quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), oddly=st.booleans())
@example(rows=[['"', '""', '","', ",", '",'], ['a","b', '"a"', ' "', '" "', "\\"]], quotes="strict", quoting=csv.QUOTE_ALL, oddly=True)
@example(rows=[['"', '""', '","', ",", '",'], ['a","b', '"a"', ' "', '" "', "\\"]], quotes="strict", quoting=csv.QUOTE_ALL, oddly=False)
@example(rows=[["\\", "\\,", ",\\", "\\\\", "\\\\,"]], quotes="backslash", quoting=csv.QUOTE_MINIMAL, oddly=False)
def test_what_a_csv_writer_wrote_is_read_as_it_was_meant(connection, rows: list[list[str]], quotes: str, quoting: int, oddly: bool):
    sent = [list((GOOD_CALL | dict(zip(FREE, row, strict=True))).values()) for row in rows]
    assert list(GOOD_CALL) == STANDARD
    found = read(connection, [written(values, quotes, quoting) for values in sent], quotes, oddly)
    assert found == [tuple(map(kept, row)) for row in rows]


@settings(max_examples=60, deadline=None)
@given(tails=st.lists(st.text('a",\\ \u00e9', max_size=14), min_size=1, max_size=30))
@example(tails=['x"y"', '"x"y', 'x"y', '"x" ', '"x', '"x"""y', 'x""y', '"', '""', '"""', '"x,"",y"', ',"', '",'])
def test_both_ways_of_looking_at_quotes_say_the_same_of_any_line(connection, tails: list[str]):
    good = written(list(GOOD_CALL.values()), "strict").rpartition(",")[0]
    lines = [f"{good},{tail}" for tail in tails] + [f"{tail},{good}" for tail in tails]
    assert read(connection, lines, "strict", oddly=True) == read(connection, lines, "strict", oddly=False)


@settings(max_examples=40, deadline=None)
@given(tails=st.lists(st.text('a",', max_size=10), min_size=1, max_size=30))
def test_a_line_that_a_strict_reader_refuses_is_rejected(connection, tails: list[str]):
    good = written(list(GOOD_CALL.values()), "strict").rpartition(",")[0]
    for tail, found in zip(tails, read(connection, [f"{good},{tail}" for tail in tails], "strict", oddly=False), strict=True):
        try:
            [fields] = csv.reader([f"{good},{tail}"], strict=True)
        except csv.Error:
            assert found == ("line", "quotes do not pair")
            continue
        if found != ("line", "quotes do not pair"):  # csv takes quotes within a value that is not quoted for part of it
            assert len(fields) != len(STANDARD) or found[-1] == kept(fields[-1])
