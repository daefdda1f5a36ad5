"""No role reads a full telephone number of a call, a complaint or a notice in the warehouse, but through the door for it."""

from __future__ import annotations

import re

import duckdb
import psycopg
import pytest
from processed_world import ProcessedWorld
from psycopg import sql

from include.settings import ROLES

WITH_NUMBERS = {
    "calls": ("calling_number", "asserted_number", "called_number"),
    "complaints": ("calling_number", "called_number", "callback_number"),
    "notices": ("calling_number", "called_number"),
}
TEN_DIGITS = re.compile(r"(?<![0-9A-Za-z])(?:\+?1[ .-]*)?\(?(\d{3})[ .)-]*(\d{3})[ .-]*(\d{4})(?![0-9A-Za-z])")


def numbers_of(world: ProcessedWorld) -> set[str]:
    """The last ten digits of every number in the world's files, as the lake has them."""
    found: set[str] = set()
    for table, columns in WITH_NUMBERS.items():
        for column in columns:
            files = str(world.settings.lake / table / "*" / "*.parquet")
            rows = duckdb.sql(f"select distinct right({column}, 10) from read_parquet($files) where {column} is not null", params={"files": files}).fetchall()
            found |= {number for (number,) in rows}
    return found


def seen(world: ProcessedWorld, role: str, numbers: set[str]) -> dict[str, str]:
    """Columns in which a role reads one of the numbers, each with one."""
    found = {}
    with psycopg.connect(world.settings.url(role)) as connection:
        columns = connection.execute(
            """
            select table_schema, table_name, column_name
            from information_schema.columns
            where table_schema not in ('pg_catalog', 'information_schema')
                and has_schema_privilege(table_schema, 'usage')
                and has_column_privilege(quote_ident(table_schema) || '.' || quote_ident(table_name), column_name, 'select')
            """
        ).fetchall()
        assert columns
        for schema, table, column in columns:
            texts = connection.execute(sql.SQL("select distinct {0}::text from {1}.{2} where {0} is not null").format(*map(sql.Identifier, (column, schema, table))))
            for (text,) in texts:
                found |= {f"{schema}.{table}.{column}": text for match in TEN_DIGITS.findall(text) if "".join(match) in numbers}
    return found


@pytest.mark.parametrize("role", [role for role in ROLES if role != "owner"])
def test_no_role_reads_a_full_number(processed_world: ProcessedWorld, role: str):
    numbers = numbers_of(processed_world)
    assert len(numbers) > 10_000
    assert seen(processed_world, role, numbers) == {}


def test_the_owner_sees_what_the_others_must_not(processed_world: ProcessedWorld):
    """So the search finds numbers where there are some."""
    assert "ops.rejected_rows.raw" in seen(processed_world, "owner", numbers_of(processed_world))


def test_numbers_that_requesters_write_into_a_campaign_are_masked(own_world: ProcessedWorld):
    number = min(number for number in numbers_of(own_world) if re.fullmatch(r"[2-9]..[2-9]......", number))
    written = [f"call back {number}", f"+1{number}, at once", f"({number[:3]}) {number[3:6]}-{number[6:]}", "+442079460958"]
    for text in written:
        own_world.damage(f"update lake.notice_matches set campaign = '{text}'")
        with psycopg.connect(own_world.settings.url("bi_reader")) as connection:
            (campaign,) = connection.execute("select distinct campaign from marts.traceback_worklist").fetchone()
        assert campaign == text.replace(number[6:], "xxxx").replace("0958", "xxxx")
