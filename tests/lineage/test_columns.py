"""Which columns a column is made of: small queries whose answer can be seen, and what a declaration says of a file's fields."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.ingest import declarations
from include.lake import tables
from include.lineage.columns import DECLARED, FACTS, FILE, FOLDER, METRICS, ROWS, Column, Lineage, Query, joined, known_tables, of_feed, of_query

KNOWN = {
    "lake.calls": ("party", "answered", "talk_ms", "day"),
    "lake.parties": ("party", "name", "since"),
    METRICS: ("party", "metric", "value"),
    FACTS: ("party", "attempts", "answered"),
    "seeds.metrics": ("metric", "numerator", "denominator"),
}
RAW = {f"raw_lake.{table.replace('/', '_')}": tables.schema(table).names for table in (*tables.DATED, *tables.UNDATED)}
RAW["raw_lake.calls"] = [*RAW["raw_lake.calls"], "start_ms", "answer_ms", "end_ms", "service_date"]
RAW["raw_lake.complaints"] = [*RAW["raw_lake.complaints"], "service_date"]
RAW["raw_lake.notices"] = [*RAW["raw_lake.notices"], "service_date"]
RAW["raw_lake.open_records"] = ["service_date", "feed", "switch_id", "call_id", "record_kind"]


def found(sql: str, dialect: str = "postgres") -> dict[str, set[str]]:
    """Each column of a query as `x.y`, and what it comes from as `table.column`, without the schema."""
    parents = of_query("marts.x", sql, known_tables(KNOWN, dialect))
    return {column.name: {f"{parent.table.split('.')[1]}.{parent.name}" for parent in of} for column, of in parents.items()}


def feed(name: str) -> declarations.Declaration:
    return declarations.load(name, Path("nowhere"))


@pytest.mark.parametrize("dialect", ["postgres", "duckdb"])
def test_a_column_comes_from_the_columns_in_its_expression_through_every_step(dialect: str):
    told = found("with c as (select party, talk_ms / 1000 as seconds from lake.calls) select c.party, max(seconds) as longest from c group by 1", dialect)
    assert told["party"] == {"calls.party"}
    assert told["longest"] == {"calls.talk_ms"}


def test_a_star_and_a_union_bring_the_columns_of_their_places():
    told = found("select * from (select party, name from lake.parties union all select party, answered::text from lake.calls) as u")
    assert told["name"] == {"parties.name", "calls.answered"}


def test_a_count_comes_from_the_rows_and_from_what_filters_joins_and_groups_them():
    told = found("select p.name, count(*) as calls from lake.calls as c join lake.parties as p on p.party = c.party where c.day > p.since group by p.name")
    assert told["calls"] == {
        "calls.(rows)", "parties.(rows)", "calls.party", "parties.party", "calls.day", "parties.since", "parties.name",
    }  # fmt: skip
    assert told[ROWS] == told["calls"]


def test_what_asks_whether_a_row_was_found_comes_from_the_rows_of_the_join():
    told = found("select c.party is not null as called from lake.parties as p left join (select party from lake.calls where answered) c on c.party = p.party")
    assert told["called"] == {"calls.party", "calls.answered", "calls.(rows)"}


def test_a_sub_query_counts_with_what_it_looks_at_outside():
    told = found("select p.name, (select max(c.talk_ms) from lake.calls as c where c.party = p.party) as longest from lake.parties as p")
    assert told["longest"] == {"calls.talk_ms", "calls.party", "parties.party"}


def test_a_column_of_an_unnested_list_or_a_lateral_comes_from_the_list():
    told = found(
        "select x.each, l.twice from lake.parties as p cross join lateral unnest(array[p.name]) as x (each) cross join lateral (select p.since as twice) as l"
    )
    assert told["each"] == {"parties.name"}
    assert told["twice"] == {"parties.since"}


def test_a_model_that_looks_back_reads_the_files_of_a_model():
    told = found("select v.party from (select * from read_parquet('$lake/daily/parties/service_date=*/part-0.parquet')) as v", "duckdb")
    assert told == {"party": {"parties.party"}, ROWS: {"parties.(rows)"}}


def test_a_filtered_aggregate_comes_from_its_condition_too():
    assert found("select max(since) filter (where c.answered) as since from lake.calls as c inner join lake.parties using (party)")["since"] == {
        "parties.since", "calls.answered",
    }  # fmt: skip


def test_what_a_set_is_ordered_by_is_no_column_of_its_table():
    told = found("select array(select unnest(name) except select unnest(since) order by 1) as others from lake.parties")
    assert told["others"] == {"parties.name", "parties.since"}


def test_a_table_of_which_nothing_is_known_has_the_columns_that_are_asked_of_it():
    assert found("select p as v from lake.unheard_of")["v"] == {"unheard_of.p"}


def test_a_query_that_reads_itself_ends():
    told = found("with recursive n as (select party, since from lake.parties union all select n.party, n.since from n) select * from n")
    assert told["since"] == {"parties.since"}


def test_a_column_picked_from_the_long_table_comes_from_the_facts_of_its_metric():
    queries = [
        Query(METRICS, "postgres", f"select f.party, m.metric, (to_jsonb(f) ->> m.numerator)::float as value from {FACTS} as f cross join seeds.metrics as m"),
        Query("marts.risk", "postgres", f"select party, max(value) filter (where metric = 'asr') as asr, max(value) as most from {METRICS} group by party"),
    ]
    metrics = [{"metric": "asr", "numerator": "answered", "denominator": "attempts"}, {"metric": "attempts", "numerator": "attempts", "denominator": ""}]
    lineage = joined(queries, KNOWN, metrics, [])
    assert lineage.parents[Column("marts.risk", "asr")] == {Column(METRICS, "asr")}
    assert lineage.ancestors(Column("marts.risk", "asr")) == {Column(METRICS, "asr"), Column(FACTS, "answered"), Column(FACTS, "attempts")}
    assert {Column(METRICS, "asr"), Column(METRICS, "attempts")} <= lineage.parents[Column(METRICS, "value")]
    assert lineage.parents[Column(METRICS, "party")] == {Column(FACTS, "party")}, "what stands beside a metric is not made of all of them"
    assert Column("marts.risk", "most") in lineage.children[Column(METRICS, "value")]


def test_both_directions_agree_and_a_circle_ends():
    a, b, c = (Column("t", name) for name in "abc")
    lineage = Lineage({a: frozenset([b]), b: frozenset([a, c])})
    assert lineage.children == {b: {a}, a: {b}, c: {b}}
    assert lineage.ancestors(a) == {a, b, c}


def test_a_feeds_fields_fill_the_columns_that_its_declaration_makes_of_them():
    asterisk = of_feed(feed("cdr/asterisk"), RAW)

    def fields(column: str, table: str = "raw_lake.calls") -> set[str]:
        return {field.name for field in asterisk.get(Column(table, column), ())}

    assert fields("answer_ms") == {"answer"}
    assert fields("call_id") == {"linkedid", "uniqueid"}
    assert fields("calling_class") == {"src"}
    assert fields("switch_id") == {FOLDER, DECLARED}
    assert fields("source_line") == {FILE}
    assert fields("verstat") == set(), "Asterisk says nothing of it"
    assert fields("state", "raw_lake.receipts") == {FILE}


def test_a_complaint_without_an_id_is_told_by_all_that_it_says():
    of_file = {field.name for field in of_feed(feed("complaints/ftc_csv"), RAW)[Column("raw_lake.complaints", "complaint_id")]}
    assert {"Company_Phone_Number", "Created_Date", "Consumer_City"} <= of_file


@pytest.mark.parametrize("name", declarations.names(Path("nowhere")))
def test_every_field_that_a_feed_takes_goes_somewhere_and_every_column_that_it_declares_is_filled(name: str):
    declaration = feed(name)
    filled = of_feed(declaration, RAW)
    for column in declaration.fields:
        taken = {Column(name, field) for field in declaration.fields[column].sources}
        assert any(taken <= fields for fields in filled.values()) or column == "record_kind", f"{name} {column}"


def test_every_column_of_the_lake_is_filled_by_some_feed():
    filled = {column for name in declarations.names(Path("nowhere")) for column in of_feed(feed(name), RAW)}
    missing = {f"{table}.{name}" for table, names in RAW.items() for name in names if Column(table, name) not in filled}
    assert missing <= {"raw_lake.calls.record_kind"} | {f"raw_lake.deliveries.{name}" for name in RAW["raw_lake.deliveries"]}
