"""OpenLineage events: they keep to the standard, reach a server without holding anything up, and repeat nothing that people said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from airflow.providers.openlineage.plugins.facets import AirflowRunFacet
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, RunEvent, RunState
from openlineage.client.event_v2 import Run as AirflowRun
from openlineage.client.facet_v2 import error_message_run, parent_run, source_code_job
from openlineage.client.serde import Serde

from include.ingest.receipts import Receipt, RejectedRow
from include.lake import tables
from include.lake.publish import Model
from include.lineage import openlineage, openlineage_transport
from include.lineage.openlineage_transport import discreet
from include.settings import Settings, load
from tests.alerts.receivers import Webhook, serving
from tests.lineage.openlineage_schema import classes, problems

STARTED = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
NUMBER = "+12025550143"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"TOLLGATE_HOME": str(tmp_path)})


@pytest.fixture
def server() -> Iterator[Webhook]:
    with serving(Webhook()) as listening:
        listening.status = 201
        yield listening


def listened_to(settings: Settings, server: Webhook) -> Settings:
    return Settings(**settings.__dict__ | {"openlineage_url": f"http://127.0.0.1:{server.server_address[1]}"})


def receipt(path: str, kind: str = "cdr", feed: str = "cdr/standard", **counts: int) -> Receipt:
    return Receipt(path.encode().hex().ljust(64, "0"), path, kind, feed, STARTED, **counts)


def told(settings: Settings) -> list[dict]:
    events = [json.loads(line) for file in sorted((settings.home / "openlineage").iterdir()) for line in file.open()]
    assert [found for event in events if (found := problems(event))] == []
    return events


# What is told.


def test_a_load_is_told_by_table_with_each_file_its_hash_and_its_rows(settings: Settings):
    calls = receipt("cdr/standard/a.csv", rows_read=10, rows_accepted=7, rows_duplicate=2)
    calls.rejected.append(RejectedRow(3, "called", "not a number", NUMBER))
    openlineage.loaded(settings, [calls, receipt("reference/rmd/r.csv", "reference", "reference/rmd", rows_read=1, rows_accepted=1)], STARTED)
    begun, ended, *others = told(settings)
    assert (begun["eventType"], ended["eventType"], begun["run"]["runId"]) == ("START", "COMPLETE", ended["run"]["runId"])
    assert {event["job"]["name"] for event in others} == {"load.reference/rmd"}
    (read,), (written,) = ended["inputs"], ended["outputs"]
    assert read["name"] == str(settings.landing / "cdr/standard/a.csv")
    assert read["facets"]["version"]["datasetVersion"] == calls.file
    counts = {key: value for key, value in read["inputFacets"]["tollgate_receipt"].items() if key.startswith("rows")}
    assert counts == {"rowsRead": 10, "rowsAccepted": 7, "rowsRejected": 1, "rowsDuplicate": 2}
    assert (written["name"], written["outputFacets"]["outputStatistics"]["rowCount"]) == (str(settings.lake / "calls"), 7)
    assert {field["name"] for field in written["facets"]["schema"]["fields"]} == set(tables.schema("calls").names)
    assert NUMBER not in json.dumps(ended)


def test_a_load_of_many_files_is_told_in_several_runs(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(openlineage, "FILES_OF_A_RUN", 2)
    openlineage.loaded(settings, [receipt(f"cdr/standard/{n}.csv", rows_read=1, rows_accepted=1) for n in range(5)], STARTED)
    ends = [event for event in told(settings) if event["eventType"] == "COMPLETE"]
    assert [len(event["inputs"]) for event in ends] == [2, 2, 1]
    assert len({event["run"]["runId"] for event in ends}) == 3


def test_a_publication_links_a_lake_table_and_its_copy_column_by_column(settings: Settings):
    model = Model("party_daily", "", {"service_date": ("date", ""), "party_id": ("text", "")}, "service_date")
    openlineage.published(settings, [model], {"party_daily": 12}, {"service_date": "2026-11-20"}, STARTED)
    _, ended = told(settings)
    (output,) = ended["outputs"]
    assert (output["namespace"], output["name"]) == ("postgres://127.0.0.1:55432", "tollgate.lake.party_daily")
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 12
    (made_of,) = output["facets"]["columnLineage"]["fields"]["party_id"]["inputFields"]
    assert made_of == {"namespace": "file", "name": str(settings.lake / "daily/party_daily"), "field": "party_id"}


def test_each_month_has_a_file_that_only_its_owner_reads(settings: Settings):
    openlineage.loaded(settings, [receipt("cdr/standard/a.csv")], STARTED)
    files = sorted((settings.home / "openlineage").iterdir())
    this_month = f"events-{datetime.now(UTC):%Y-%m}.jsonl"
    assert [file.name for file in files] == sorted({"events-2026-11.jsonl", this_month})
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_versions_of_the_standard_facets_are_those_of_the_client():
    for name, version in openlineage.VERSIONS.items():
        assert f"https://openlineage.io/spec/facets/{version}/{name}.json#/$defs/{name}" in classes()


# What is not told.


def test_of_a_review_the_task_and_the_date_are_told_and_no_word():
    said = f"{NUMBER} calls from a clinic"
    facet = AirflowRunFacet(
        dag={"dag_id": "review_recommendations", "start_date": "2026-11-20T00:00:00+00:00", "description": said},
        dagRun={"dag_id": "review_recommendations", "run_id": "r", "partition_key": "2026-11-20", "conf": {"why": said}, "note": said},
        taskInstance={"pool": "default_pool", "try_number": 1, "map_index": 4, "rendered_map_index": said},
        task={"task_id": "case.decide", "hitl_summary": {"subject": said, "params": {"comment": {"value": said}}}},
        taskUuid="7f5f5a5e-0000-7000-8000-000000000000",
    )  # fmt: skip
    event = RunEvent(
        eventTime=STARTED.isoformat(),
        eventType=RunState.FAIL,
        producer="urn:airflow",
        run=AirflowRun(
            "7f5f5a5e-0000-7000-8000-000000000000",
            {
                "airflow": facet,
                "hitl": facet,
                "errorMessage": error_message_run.ErrorMessageRunFacet(said, "python", stackTrace=said),
                "parent": parent_run.ParentRunFacet(parent_run.Run("7f5f5a5e-0000-7000-8000-000000000001"), parent_run.Job("tollgate", "review")),
            },
        ),
        job=Job("tollgate", "review.decide", {"sourceCode": source_code_job.SourceCodeJobFacet("python", said)}),
    )
    kept = discreet(Serde.to_dict(event))
    assert said not in json.dumps(kept) and NUMBER not in json.dumps(kept)
    assert kept["run"]["facets"].keys() == {"airflow", "errorMessage", "parent"}
    assert kept["run"]["facets"]["airflow"]["dagRun"]["partition_key"] == "2026-11-20"
    assert problems(kept) == []


# Where it goes.


def test_a_server_gets_every_event_with_the_key_that_lies_in_its_file(settings: Settings, server: Webhook):
    settings.secrets.mkdir(parents=True)
    (settings.secrets / openlineage.API_KEY).write_text("hush\n")
    openlineage.loaded(listened_to(settings, server), [receipt("cdr/standard/a.csv")], STARTED)
    assert [json.loads(body) for _, body in server.posts] == told(settings)
    assert {headers["Authorization"] for headers, _ in server.posts} == {"Bearer hush"}


def test_airflow_loads_the_transport_by_its_configuration_which_holds_no_key(settings: Settings, server: Webhook):
    settings.secrets.mkdir(parents=True)
    (settings.secrets / openlineage.API_KEY).write_text("hush")
    configuration = openlineage.transport(listened_to(settings, server))
    assert "hush" not in json.dumps(configuration)
    OpenLineageClient(config={"transport": configuration}).emit(
        RunEvent(
            eventTime=STARTED.isoformat(), eventType=RunState.START, producer="urn:airflow",
            run=AirflowRun("7f5f5a5e-0000-7000-8000-000000000000"), job=Job("tollgate", "ingest_cdr.load"),
        )
    )  # fmt: skip
    assert [json.loads(body) for _, body in server.posts] == told(settings)


def test_without_a_server_nothing_is_sent(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("something was sent"))
    openlineage.loaded(settings, [receipt("cdr/standard/a.csv")], STARTED)
    assert len(told(settings)) == 2


def test_a_server_that_refuses_costs_a_warning_and_no_event_in_the_file(settings: Settings, server: Webhook, caplog: pytest.LogCaptureFixture):
    server.status = 503
    openlineage.loaded(listened_to(settings, server), [receipt("cdr/standard/a.csv")], STARTED)
    assert len(told(settings)) == 2
    assert "lineage was not told, or not all of it" in caplog.text and "503" in caplog.text


def test_a_server_that_does_not_answer_is_left_after_one_event(settings: Settings, server: Webhook, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(openlineage_transport, "POST_SECONDS", 0.1)
    server.answers.clear()
    try:
        openlineage.loaded(listened_to(settings, server), [receipt(f"{kind}/standard/a.csv", kind) for kind in ("cdr", "complaints")], STARTED)
    finally:
        server.answers.set()
    assert len(told(settings)) == 4 and len(server.posts) <= 1


def test_a_folder_that_cannot_be_written_costs_a_warning(settings: Settings, caplog: pytest.LogCaptureFixture):
    (settings.home / "openlineage").write_text("a file")
    openlineage.loaded(settings, [receipt("cdr/standard/a.csv")], STARTED)
    assert "lineage was not told" in caplog.text
