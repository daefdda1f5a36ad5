"""The lake models, their data tests and their unit tests, all of them in one run on a lake without a row."""

from __future__ import annotations

from collections import Counter

import pytest

from include.lake import dbt, publish, tables

AN_EMPTY_DAY = {"service_date": "2026-11-20", "evidence_days": ["2026-11-20"], "following_days": ["2026-11-20"], "run_at": "2026-11-21T02:00:00+00:00"}


@pytest.fixture(scope="module")
def whole_build(installation):
    """Every lake model, data test and unit test, once, on a lake without a row."""
    tables.create(installation.lake)
    return dbt.run_dbt(installation, "lake", "build", dbt.LAKE_MODELS, AN_EMPTY_DAY)


@pytest.fixture
def models(installation, whole_build):
    nodes = dbt.manifest(installation, "lake")["nodes"].values()
    return {node["name"]: node for node in nodes if node["resource_type"] == "model" and "lake" in node["tags"]}


def test_all_models_and_their_tests_succeed_on_an_empty_lake(whole_build, models):
    statuses = Counter((result["unique_id"].split(".")[0], result["status"]) for result in whole_build["results"])
    assert {status for _, status in statuses} == {"success", "pass"}
    assert statuses["model", "success"] == len(models)
    assert statuses["unit_test", "pass"] > 0


def test_every_lake_model_has_unit_tests(installation, whole_build, models):
    tested = {test["model"] for test in dbt.manifest(installation, "lake")["unit_tests"].values()}
    assert models.keys() <= tested


def test_every_lake_model_and_column_is_described_and_its_type_can_travel(models):
    for name, node in models.items():
        assert node["description"], name
        for column in node["columns"].values():
            assert column["description"] and column["data_type"] in publish.ARROW_TYPES, f"{name}.{column['name']}"
