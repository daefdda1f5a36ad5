"""Running dbt: what it is told, what it refuses, and that a failure names its node. A small project uses the real macros."""

from __future__ import annotations

import json
import shutil
from datetime import date

import pyarrow.parquet as pq
import pytest

from include.lake import dbt, tables
from include.settings import Settings
from tests.lineage.openlineage_schema import problems

RUN = {"service_date": "2026-11-20", "evidence_days": ["2026-11-20", "2026-11-21"], "following_days": ["2026-11-20"], "run_at": "2026-11-22T02:00:00+00:00"}

MODELS = {
    "one_day": ("service_date", "select date '2026-11-20' as service_date, 2 as n union all select date '2026-11-20', 1"),
    "two_days": ("evidence_days", "select date '2026-11-21' as service_date, 1 as n"),
    "of_tomorrow": ("service_date", "select date '2026-11-20' as service_date, 1 as n union all select date '2026-11-21', 2"),
    "of_no_day": ("evidence_days", "select cast(null as date) as service_date, 1 as n"),
    "other_type": ("service_date", "select date '2026-11-20' as service_date, 'one' as n"),
}


@pytest.fixture(scope="module")
def project(installation: Settings, tmp_path_factory: pytest.TempPathFactory):
    """A project of a few lake models beside the real macros and profiles; an apostrophe in its lake's path."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("dbt_project.yml", "profiles.yml", "macros"):
        source = dbt.PROJECT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    models = folder / "models" / "lake"
    models.mkdir(parents=True)
    shutil.copy(dbt.PROJECT / "models" / "lake" / "sources.yml", models)
    for name, (days, sql) in MODELS.items():
        (models / f"{name}.sql").write_text(f"{{{{ config(meta={{'days': '{days}', 'publish': true}}) }}}}\n{sql}\n")
        columns = [{"name": "service_date", "data_type": "date"}, {"name": "n", "data_type": "integer"}]
        (models / f"{name}.yml").write_text(json.dumps({"models": [{"name": name, "columns": columns}]}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbt, "PROJECT", folder)
        yield Settings(**{**installation.__dict__, "home": folder / "home", "lake": folder / "it's a lake"})


@pytest.fixture(scope="module")
def failure(project: Settings) -> str:
    """What one run of all the models says, the good ones having been built."""
    tables.create(project.lake)
    older = project.lake / "daily" / "of_tomorrow" / "service_date=2026-11-20"
    older.mkdir(parents=True)
    (older / "part-0.parquet").write_text("built before")
    with pytest.raises(dbt.DbtFailed) as failed:
        dbt.run_dbt(project, "lake", "build", dbt.LAKE_MODELS, RUN)
    return str(failed.value)


def test_a_failing_node_is_named_with_its_reason_and_a_good_one_is_not(failure):
    assert failure.startswith("dbt build --target lake failed:\n")
    assert {name for name in MODELS if f"model.tollgate.{name}: " in failure} == {"of_tomorrow", "of_no_day", "other_type"}


def test_rows_of_days_that_the_run_does_not_build_are_refused(project, failure):
    assert "of_tomorrow has rows of days that this run does not build: 2026-11-21" in failure
    assert "of_no_day has rows of days that this run does not build: null" in failure
    assert (project.lake / "daily/of_tomorrow/service_date=2026-11-20/part-0.parquet").read_text() == "built before"
    assert not (project.lake / "daily/of_no_day").exists()


def test_a_column_of_another_type_breaks_the_contract(project, failure):
    assert "contract" in failure and "data type mismatch" in failure
    assert not (project.lake / "daily/other_type").exists()


def test_each_day_of_the_run_gets_one_file_in_order_though_it_has_no_rows(project, failure):
    def built(path: str) -> list[dict]:
        (file,) = (project.lake / "daily" / path).iterdir()
        assert file.name == "part-0.parquet"
        return pq.read_table(file, partitioning=None).to_pylist()

    assert built("one_day/service_date=2026-11-20") == [{"n": 1}, {"n": 2}]
    assert built("two_days/service_date=2026-11-20") == []
    assert built("two_days/service_date=2026-11-21") == [{"n": 1}]
    assert not (project.lake / "daily/one_day/service_date=2026-11-21").exists()


def test_lineage_tells_what_failed_and_what_did_not_and_leaves_the_reason_to_the_log(project, failure):
    (file,) = (project.home / "openlineage").iterdir()
    told = [json.loads(line) for line in file.open()]
    assert [found for event in told if (found := problems(event))] == []
    ends = {event["job"]["name"]: event for event in told if event["eventType"] != "START"}
    failed = {job for job, event in ends.items() if event["eventType"] == "FAIL"}
    assert failed == {"dbt.lake", "dbt.lake.of_tomorrow", "dbt.lake.of_no_day", "dbt.lake.other_type"}
    assert "of days that this run does not build" not in file.read_text()
    (output,) = ends["dbt.lake.one_day"]["outputs"]
    assert (output["namespace"], output["name"]) == ("file", str(project.lake / "daily/one_day"))
    assert ends["dbt.lake.one_day"]["run"]["facets"]["nominalTime"]["nominalStartTime"] == "2026-11-20T00:00:00+00:00"


def test_a_run_that_says_too_little_fails_instead_of_building_some_day(project, failure):
    with pytest.raises(dbt.DbtFailed, match="TOLLGATE_RUN does not say service_date"):
        dbt.run_dbt(project, "lake", "build", ("--select", "one_day"), {"run_at": RUN["run_at"]})


def test_without_any_result_dbts_own_words_are_the_reason(project, failure):
    with pytest.raises(dbt.DbtFailed, match="No such command 'bild'"):
        dbt.run_dbt(project, "lake", "bild")


def test_an_unknown_target_is_refused_before_anything_runs(installation):
    with pytest.raises(ValueError, match="unknown dbt target 'prod': one of lake, warehouse"):
        dbt.run_dbt(installation, "prod", "build")


def test_the_lake_gets_no_password_and_the_run_as_json(installation):
    told = dbt.environment(installation, "lake", RUN)
    assert json.loads(told["TOLLGATE_RUN"]) == RUN
    assert told["TOLLGATE_LAKE"] == str(installation.lake)
    assert not [name for name in told if "PASSWORD" in name or name.startswith("TOLLGATE_PG")]


def test_the_warehouse_gets_the_transformer_and_its_password(installation):
    installation.secrets.mkdir(parents=True)
    (installation.secrets / "pg_transformer").write_text("a secret\n")
    told = dbt.environment(installation, "warehouse", RUN)
    assert told["TOLLGATE_PG_USER"] == "tollgate_transformer"
    assert told["DBT_ENV_SECRET_TOLLGATE_PG_PASSWORD"] == "a secret"


def test_failures_are_those_nodes_that_did_not_succeed():
    results = [
        {"unique_id": "model.a", "status": "success", "message": "OK"},
        {"unique_id": "test.b", "status": "fail", "message": " Got 2 results \n"},
        {"unique_id": "model.c", "status": "skipped", "message": None},
        {"unique_id": "model.d", "status": "error", "message": None},
        {"unique_id": "test.e", "status": "warn", "message": "Got 1 result"},
    ]
    assert dbt.failures({"results": results}) == ["test.b: Got 2 results", "model.d: error"]
