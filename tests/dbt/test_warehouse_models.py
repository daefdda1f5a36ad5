"""The warehouse models, their data tests and their unit tests, all of them in one run on a day without a row."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

import psycopg
import pytest

from include.lake import build, dbt

AN_EMPTY_DAY = {"service_date": "2026-11-20", "evidence_days": ["2026-11-20"], "following_days": ["2026-11-20"], "run_at": "2026-11-21T02:00:00+00:00"}

VERDICT = "legal_name data_status recommendation carried_recommendation reason_codes score"
SHAPE = """
    attempts calls answered asr acd_seconds share_le_6s share_lt_15s share_lt_30s share_lt_60s share_gt_120s abandoned_share rejected_share
    distinct_calling_numbers calls_per_calling_number invalid_calling_share unallocated_calling_share dno_share
    unapproved_calling_share neighbor_share
    attest_a_share attest_b_share attest_c_share unsigned_share peak_cps
"""
CONTRACT = {
    "customer_risk_daily": f"""
        service_date customer_id {VERDICT} {SHAPE} complaints_matched complaints_per_million tracebacks_30d ruleset_version
    """,
    "upstream_risk_daily": f"""
        service_date upstream_id {VERDICT} {SHAPE} rmd_status us_caller_id_foreign_share dialer_like_cells worst_cell_share_lt_30s
        tracebacks_30d ruleset_version
    """,
    "rule_hits_daily": """
        service_date party_kind party_id rule_code tier metric numerator denominator value bound operator threshold min_sample
        ruleset_version
    """,
    "recommendations": "party_kind party_id recommendation_id service_date recommendation reason_codes status",
    "traceback_worklist": """
        traceback_id received_at due_at match_status match_window_seconds call_id party_kind party_id source_file source_line state
    """,
    "traceback_hits": "service_date party_kind party_id rule_code tier",
    "legal_notice_worklist": "notice_id kind party_kind party_id received_at mitigate_by report_by",
    "complaint_attribution": "complaint_id match_level customer_id calls_matched",
    "data_status_daily": "service_date feed status expected loaded reason",
}
"""What users script against: columns that each mart must have under these names."""

CLOCK = r"\b(now|today|current_(date|time|timestamp)|local(time|timestamp)|(clock|statement|transaction)_timestamp|timeofday)\b"


@pytest.fixture(scope="module")
def whole_build(warehouse):
    """An empty day, built and published as a task does it; then every warehouse model, data test and unit test, once."""
    day = date.fromisoformat(AN_EMPTY_DAY["service_date"])
    build.build_lake(warehouse, day, processed=[])
    build.build_marts(warehouse, day, processed=[])  # unit tests look up the columns of the models they stand in for
    return dbt.run_dbt(warehouse, "warehouse", "build", dbt.WAREHOUSE_MODELS, AN_EMPTY_DAY)


@pytest.fixture
def models(warehouse, whole_build):
    nodes = dbt.manifest(warehouse, "warehouse")["nodes"].values()
    return {node["name"]: node for node in nodes if node["resource_type"] == "model" and "lake" not in node["tags"]}


def rows(settings, role, query):
    with psycopg.connect(settings.url(role)) as connection:
        return connection.execute(query).fetchall()


def test_all_models_and_their_tests_succeed_on_an_empty_day(whole_build, models):
    statuses = Counter((result["unique_id"].split(".")[0], result["status"]) for result in whole_build["results"])
    assert {status for _, status in statuses} == {"success", "pass"}
    assert statuses["model", "success"] == len(models)
    assert statuses["test", "pass"] >= len(models) - 1  # the grain of each; `ruleset` has one row by its nature
    assert statuses["unit_test", "pass"] > 0


def test_an_empty_day_says_of_every_feed_that_it_is_missing(warehouse, whole_build):
    found = rows(warehouse, "bi_reader", "select service_date::text, kind, status from marts.data_status_daily group by 1, 2, 3 order by 2")
    assert found == [(AN_EMPTY_DAY["service_date"], kind, "missing") for kind in ("cdr", "complaints", "reference", "tracebacks")]


def test_every_model_that_decides_something_has_unit_tests(warehouse, models):
    tested = {test["model"] for test in dbt.manifest(warehouse, "warehouse")["unit_tests"].values()}
    # these take over columns or rows of others as they are
    assert models.keys() - tested == {"stg_receipts", "stg_reviews", "stg_transitions", "ruleset", "rule_sets", "holidays"}


def test_marts_have_the_columns_of_the_contract(warehouse, whole_build):
    found: dict[str, set[str]] = {}
    for table, column in rows(
        warehouse, "bi_reader", "select table_name, column_name from information_schema.columns where table_schema = 'marts'"
    ):
        found.setdefault(table, set()).add(column)
    assert found.keys() == CONTRACT.keys()
    for table, columns in CONTRACT.items():
        assert set(columns.split()) <= found[table], table


def test_every_mart_and_column_is_described_in_the_database(warehouse, whole_build):
    undescribed = rows(
        warehouse,
        "bi_reader",
        """
        select c.relname, a.attname
        from pg_class as c
        join pg_attribute as a on a.attrelid = c.oid and a.attnum >= 0 and not a.attisdropped
        where c.relnamespace = 'marts'::regnamespace and c.relkind in ('r', 'v') and col_description(c.oid, a.attnum) is null
        union all
        select c.relname, 'the table itself'
        from pg_class as c
        where c.relnamespace = 'marts'::regnamespace and c.relkind in ('r', 'v') and obj_description(c.oid) is null
        """,
    )
    assert undescribed == []


def test_every_model_and_column_is_described_in_the_manifest(models):
    for name, node in models.items():
        assert node["description"], name
        for column in node["columns"].values():
            assert column["description"] and column["data_type"], f"{name}.{column['name']}"


def test_bi_reader_reads_every_mart_and_nothing_else(warehouse, models):
    marts = {name for name, node in models.items() if node["schema"] == "marts"}
    for name in marts:
        rows(warehouse, "bi_reader", f"select * from marts.{name}")
    touchable = rows(
        warehouse,
        "bi_reader",
        """
        select oid::regclass::text, has_table_privilege(oid, 'insert, update, delete, truncate, references, trigger')
        from pg_class
        where relkind in ('r', 'v', 'm', 'f', 'p')
            and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
            and has_schema_privilege(relnamespace, 'usage')
            and (
                has_any_column_privilege(oid, 'select, insert, update, references')
                or has_table_privilege(oid, 'delete, truncate, trigger')
            )
        """,
    )
    assert set(touchable) == {(f"marts.{name}", False) for name in marts}


def test_no_model_reads_the_clock(warehouse, whole_build):
    for target in ("lake", "warehouse"):  # a trial judges with the models of the warehouse
        nodes = dbt.manifest(warehouse, target)["nodes"].values()
        compiled = {node["name"]: node["compiled_code"] for node in nodes if node.get("compiled_code")}
        assert len(compiled) > 10  # each target compiles its own side
        for name, sql in compiled.items():
            assert not re.search(CLOCK, re.sub(r"--.*", "", sql), re.IGNORECASE), name


def test_a_mart_gains_a_column_of_its_model_also_an_array(warehouse, whole_build):
    type_of_column = """
        select format_type(atttypid, atttypmod) from pg_attribute
        where attrelid = 'marts.customer_risk_daily'::regclass and attname = 'reason_codes'
    """
    assert rows(warehouse, "bi_reader", type_of_column) == [("text[]",)]
    with psycopg.connect(warehouse.url("transformer")) as connection:  # as an older version of the model would have left it
        connection.execute("alter table marts.customer_risk_daily drop column reason_codes")
    dbt.run_dbt(warehouse, "warehouse", "run", ("--select", "customer_risk_daily"), AN_EMPTY_DAY)
    assert rows(warehouse, "bi_reader", type_of_column) == [("text[]",)]
