"""OpenLineage events of what Airflow cannot see into: the loads of landing files, dbt's runs, the publication of daily tables.

Airflow tells its own tasks (`include/platform/airflow.py`, `include/lineage/openlineage_transport.py`); these runs have the task in
which they go on as their parent. Where the columns of a table come from stands in the events of the model that fills it. The
datasets are chained by name: a landing file and a table of the lake by their paths (`file`), a table of the warehouse by
`postgres://host:port` and its full name.

What is told is told after the work was done. A failure to tell it is a warning in the log, and nothing else.
"""

from __future__ import annotations

import csv
import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

from include.settings import Settings

if TYPE_CHECKING:  # both tell here what they did
    from include.ingest.receipts import Receipt
    from include.lake.publish import Model

log = logging.getLogger(__name__)

NAMESPACE = "tollgate"
"""Of all jobs, Airflow's too."""
PRODUCER = "urn:tollgate"

API_KEY = "openlineage_api_key"
"""The secret that is sent to the server as a bearer token, where its file is there."""

FILES_OF_A_RUN = 500
"""A load of more files is told as several runs, so that no event grows beyond what a server takes."""

Event = dict[str, Any]
Facet = dict[str, Any]

VERSIONS = {
    "ColumnLineageDatasetFacet": "1-2-0",
    "DataQualityAssertionsDatasetFacet": "1-1-0",
    "DatasetVersionDatasetFacet": "1-0-1",
    "ErrorMessageRunFacet": "1-0-1",
    "InputStatisticsInputDatasetFacet": "1-0-0",
    "JobTypeJobFacet": "2-0-4",
    "NominalTimeRunFacet": "1-0-1",
    "OutputStatisticsOutputDatasetFacet": "1-0-2",
    "ParentRunFacet": "1-2-0",
    "ProcessingEngineRunFacet": "1-1-1",
    "SchemaDatasetFacet": "1-2-0",
}
"""Of the standard facets used here."""

SEE_THE_LOG = "The log says why: what data and people said is not repeated here."


@dataclass(frozen=True)
class Run:
    """Something that ran: one START and one COMPLETE or FAIL."""

    job: str
    job_type: tuple[str, str]
    """Whose job it is and what that calls it, as in DBT, MODEL."""
    started: datetime
    ended: datetime
    failed: bool = False

    @property
    def run_id(self) -> str:
        """The same whenever the same run is told."""
        return str(uuid5(NAMESPACE_OID, f"{NAMESPACE} {self.job} {self.started.isoformat()}"))

    def events(self, inputs: Iterable[Facet] = (), outputs: Iterable[Facet] = (), **run_facets: Facet | None) -> Iterator[Event]:
        """`inputs`, `outputs`: datasets with their facets, told at the end; `run_facets`: by name, left out where null."""
        integration, kind = self.job_type
        facets = {name: given for name, given in run_facets.items() if given is not None}
        ends_with = {"errorMessage": facet("ErrorMessageRunFacet", message=SEE_THE_LOG, programmingLanguage="sql")} if self.failed else {}
        job = {
            "namespace": NAMESPACE,
            "name": self.job,
            "facets": {"jobType": facet("JobTypeJobFacet", processingType="BATCH", integration=integration, jobType=kind)},
        }
        for kind_of_event, at, more, reads, writes in (
            ("START", self.started, {}, (), ()),
            ("FAIL" if self.failed else "COMPLETE", self.ended, ends_with, inputs, outputs),
        ):
            yield {
                "eventType": kind_of_event,
                "eventTime": at.astimezone(UTC).isoformat(),
                "producer": PRODUCER,
                "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
                "run": {"runId": self.run_id, "facets": facets | more},
                "job": job,
                "inputs": list(reads),
                "outputs": list(writes),
            }

    def as_parent(self, parent: Facet | None) -> Facet:
        """The parent facet of runs within this one. `parent` is its own, null where it stands alone."""
        itself = {"run": {"runId": self.run_id}, "job": {"namespace": NAMESPACE, "name": self.job}}
        return facet("ParentRunFacet", **itself, root=parent["root"] if parent else itself)


def facet(name: str, /, **fields: Any) -> Facet:
    url = f"https://openlineage.io/spec/facets/{VERSIONS[name]}/{name}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": url, **fields}


def loaded(settings: Settings, receipts: Iterable[Receipt], started: datetime) -> None:
    """Tells a load of landing files, from their receipts (`include/ingest/receipts.py`)."""
    tell(settings, _load_events(settings, receipts, started, datetime.now(UTC)))


def dbt_ran(settings: Settings, target: str, folder: Path, run: dict, started: datetime, failed: bool) -> None:
    """Tells a run of dbt: of each model and of its tests. `folder` holds what it left; `run` as in `include/lake/dbt.py`."""
    tell(settings, _dbt_events(settings, target, folder, run, Run(f"dbt.{target}", ("DBT", "JOB"), started, datetime.now(UTC), failed)))


def published(settings: Settings, models: Iterable[Model], rows: dict[str, int], run: dict, started: datetime) -> None:
    """Tells the publication of lake models (`include/lake/publish.py`), of each the rows sent."""
    tell(settings, _publish_events(settings, models, rows, run, started, datetime.now(UTC)))


def tell(settings: Settings, events: Iterable[Event]) -> None:
    """Appends events to this installation's file, and posts them where an address is set. Never an error, and never long."""
    try:
        told = list(events)
        append(folder_of(settings), told)
        if settings.openlineage_url:
            from include.lineage.openlineage_transport import Transport, TransportConfig  # takes a third of a second

            Transport(TransportConfig.from_dict(transport(settings))).post(told)
    except Exception:  # whatever it is, the work that is told of has succeeded or failed without it
        log.warning("lineage was not told, or not all of it", exc_info=True)


def folder_of(settings: Settings) -> Path:
    return settings.home / "openlineage"


def transport(settings: Settings) -> dict[str, str]:
    """How events leave, as OpenLineage's client is configured: see `include/lineage/openlineage_transport.py`."""
    return {
        "type": "include.lineage.openlineage_transport.Transport",
        "folder": str(folder_of(settings)),
        "url": settings.openlineage_url,
        "key_file": str(settings.secrets / API_KEY),
    }


def append(folder: Path, events: Iterable[Event]) -> None:
    """Adds lines to the file of each event's month, UTC. One write per event: processes that write at once do not mix theirs."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for month, of_month in groupby(events, key=lambda event: f"{datetime.fromisoformat(event['eventTime']).astimezone(UTC):%Y-%m}"):
        file = os.open(folder / f"events-{month}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            for event in of_month:
                os.write(file, json.dumps(event, sort_keys=True).encode() + b"\n")
        finally:
            os.close(file)


def airflow_task() -> Facet | None:
    """The parent facet of what runs in an Airflow task, as Airflow's own events name that; null outside of one."""
    airflow = sys.modules.get("airflow.sdk")
    if airflow is None:
        return None
    try:
        task = airflow.get_current_context()["ti"]
    except RuntimeError:
        return None
    from airflow.providers.openlineage.plugins import macros

    return facet(
        "ParentRunFacet",
        run={"runId": macros.lineage_run_id(task)},
        job={"namespace": NAMESPACE, "name": macros.lineage_job_name(task)},
        root={"run": {"runId": macros.lineage_root_run_id(task)}, "job": {"namespace": NAMESPACE, "name": macros.lineage_root_job_name(task)}},
    )


def nominal_time(run: dict) -> Facet | None:
    """The service date that a run is about, from its first instant to the next date's; null where it is about none."""
    if "service_date" not in run:
        return None
    day = datetime.combine(date.fromisoformat(run["service_date"]), datetime.min.time(), UTC)
    return facet("NominalTimeRunFacet", nominalStartTime=day.isoformat(), nominalEndTime=(day + timedelta(days=1)).isoformat())


def in_lake(settings: Settings, table: str) -> Facet:
    return {"namespace": "file", "name": str(settings.lake / table)}


def in_warehouse(settings: Settings, relation: str) -> Facet:
    return {"namespace": f"postgres://{settings.pg_host}:{settings.pg_server_port}", "name": f"{settings.database}.{relation}"}


def schema_facet(columns: Iterable[tuple[str, str]]) -> Facet:
    """Of (name, type)."""
    return facet("SchemaDatasetFacet", fields=[{"name": name, "type": data_type} for name, data_type in columns])


def rows_written(rows: int) -> Facet:
    return {"outputStatistics": facet("OutputStatisticsOutputDatasetFacet", rowCount=rows)}


def _load_events(settings: Settings, receipts: Iterable[Receipt], started: datetime, ended: datetime) -> Iterator[Event]:
    from include.lake import tables  # Arrow: the transport of every task's events comes with this module, and waits for no such thing

    parent = airflow_task()
    for table, of_table in groupby(sorted(receipts, key=_table), key=_table):
        files = list(of_table)
        for first in range(0, len(files), FILES_OF_A_RUN):
            part = files[first : first + FILES_OF_A_RUN]
            run = Run(f"load.{table}", ("TOLLGATE", "LOAD"), started + timedelta(microseconds=first), ended)  # its own instant, its own id
            types = [(field.name, str(field.type)) for field in tables.schema(table)]
            output = in_lake(settings, table) | {
                "facets": {"schema": schema_facet(types)},
                "outputFacets": rows_written(sum(receipt.rows_accepted for receipt in part)),
            }
            yield from run.events([_landing_file(settings, receipt) for receipt in part], [output], parent=parent)


def _table(receipt: Receipt) -> str:
    """The lake's table that a landing file's rows go to."""
    folders = {"cdr": "calls", "manifest": "manifests", "complaints": "complaints", "tracebacks": "notices"}
    return folders.get(receipt.kind) or receipt.feed


def _landing_file(settings: Settings, receipt: Receipt) -> Facet:
    counts = {
        "rowsRead": receipt.rows_read,
        "rowsAccepted": receipt.rows_accepted,
        "rowsRejected": len(receipt.rejected),
        "rowsDuplicate": receipt.rows_duplicate,
    }
    told = {
        "_producer": PRODUCER,
        "_schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/InputDatasetFacet",
        "sha256": receipt.file,
        "feed": receipt.feed,
        "state": receipt.state,
        **counts,
    }
    return {
        "namespace": "file",
        "name": str(settings.landing / receipt.path),
        "facets": {"version": facet("DatasetVersionDatasetFacet", datasetVersion=receipt.file)},
        "inputFacets": {"inputStatistics": facet("InputStatisticsInputDatasetFacet", rowCount=receipt.rows_read), "tollgate_receipt": told},
    }


def _publish_events(
    settings: Settings, models: Iterable[Model], rows: dict[str, int], run: dict, started: datetime, ended: datetime
) -> Iterator[Event]:
    parent, day = airflow_task(), nominal_time(run)
    for model in models:
        source = in_lake(settings, f"daily/{model.name}")
        columns = {column: {"inputFields": [source | {"field": column}]} for column in model.columns}
        output = in_warehouse(settings, model.relation) | {
            "facets": {
                "schema": schema_facet((name, data_type) for name, (data_type, _) in model.columns.items()),
                "columnLineage": facet("ColumnLineageDatasetFacet", fields=columns),
            },
            "outputFacets": rows_written(rows[model.name]),
        }
        yield from Run(f"publish.{model.name}", ("TOLLGATE", "PUBLISH"), started, ended).events([source], [output], parent=parent, nominalTime=day)


def _dbt_events(settings: Settings, target: str, folder: Path, run: dict, whole: Run) -> Iterator[Event]:
    task, day = airflow_task(), nominal_time(run)
    results = folder / "run_results.json"
    yield from whole.events(parent=task, nominalTime=day)
    if not results.exists():
        return
    report = json.loads(results.read_text())
    graph = Graph(settings, target, json.loads((folder / "manifest.json").read_text()))
    facets = {
        "parent": whole.as_parent(task),
        "nominalTime": day,
        "processing_engine": facet("ProcessingEngineRunFacet", version=report["metadata"]["dbt_version"], name="dbt"),
    }
    ran = [result for result in report["results"] if result["timing"] and result["unique_id"] in graph.nodes]
    for result in ran:
        node = graph.nodes[result["unique_id"]]
        if node["resource_type"] in ("model", "seed"):
            job = f"{whole.job}.{node['name']}"
            model = Run(job, ("DBT", node["resource_type"].upper()), *_times(result), failed=result["status"] != "success")
            yield from model.events(*graph.inputs_and_output(node, result.get("compiled_code") or ""), **facets)
    tests: dict[str, list[dict]] = {}
    for result in ran:
        if tested := graph.tested(result["unique_id"]):
            tests.setdefault(tested, []).append(result)
    for tested, found in tests.items():
        begun, done = zip(*map(_times, found), strict=True)
        failed = any(result["status"] in ("fail", "error") for result in found)
        check = Run(f"{whole.job}.{graph.nodes[tested]['name']}.tests", ("DBT", "TEST"), min(begun), max(done), failed)
        yield from check.events([graph.dataset(tested) | {"inputFacets": {"dataQualityAssertions": graph.assertions(found)}}], **facets)


def _times(result: dict) -> tuple[datetime, datetime]:
    """When a node of dbt's was begun and done."""
    instants = [datetime.fromisoformat(step[name]) for step in result["timing"] for name in ("started_at", "completed_at") if step[name]]
    return min(instants), max(instants)


class Graph:
    """What a manifest of dbt's knows: its nodes as datasets, and where their columns come from."""

    def __init__(self, settings: Settings, target: str, manifest: dict):
        self.settings = settings
        self.in_lake = target == "lake"
        self.nodes: dict[str, dict] = manifest["nodes"] | manifest["sources"]
        relations = {key: node for key, node in self.nodes.items() if node["resource_type"] in ("model", "seed", "source")}
        self.by_table = {f"{node['schema']}.{node.get('identifier') or node['alias']}": key for key, node in relations.items()}

    @cached_property
    def tables(self) -> Any:
        """What stars in the models' SQL stand for."""
        from include.lineage.columns import known_tables

        return known_tables({table: self.nodes[key]["columns"] for table, key in self.by_table.items()}, "duckdb" if self.in_lake else "postgres")

    @cached_property
    def metrics(self) -> Any:
        """The facts that each metric is made of: the catalogue's, which is a seed."""
        from include.lineage.columns import of_metrics

        (catalogue,) = (node for node in self.nodes.values() if node["resource_type"] == "seed" and node["name"] == "metrics")
        with Path(catalogue["root_path"], catalogue["original_file_path"]).open(encoding="utf-8", newline="") as file:
            return of_metrics(csv.DictReader(file))

    def dataset(self, key: str) -> Facet:
        node = self.nodes[key]
        schema, name = node["schema"], node.get("identifier") or node["alias"]
        if not self.in_lake:
            return in_warehouse(self.settings, f"{schema}.{name}")
        if schema == "raw_lake":  # views of the lake's own tables; one is of a part of the calls
            return in_lake(self.settings, "calls" if name == "open_records" else name.replace("reference_", "reference/"))
        if node["config"]["materialized"] == "lake_daily":
            return in_lake(self.settings, f"daily/{name}")
        return {"namespace": "duckdb", "name": f"{schema}.{name}"}  # in memory, and gone when dbt ends

    def inputs_and_output(self, node: dict, sql: str) -> tuple[list[Facet], list[Facet]]:
        lineage = self.column_lineage(node, sql) if node["resource_type"] == "model" else {}
        read = {(dataset["namespace"], dataset["name"]) for dataset in map(self.dataset, self._upstream(node))}
        facets = {}
        if node["columns"]:
            facets["schema"] = schema_facet((name, column["data_type"] or "unknown") for name, column in node["columns"].items())
        if lineage:
            facets["columnLineage"] = facet("ColumnLineageDatasetFacet", fields=lineage)
        inputs = [{"namespace": namespace, "name": name} for namespace, name in sorted(read)]
        return inputs, [self.dataset(node["unique_id"]) | {"facets": facets}]

    def _upstream(self, node: dict) -> list[str]:
        return [key for key in node.get("depends_on", {}).get("nodes", []) if key in self.nodes]

    def column_lineage(self, node: dict, sql: str) -> dict[str, Facet]:
        """The fields of a model's columnLineage facet. A column that rests on no other, a constant or a count of rows, is not among them."""
        from include.lineage.columns import ROWS, by_metric, of_query

        try:
            found = by_metric(of_query(f"{node['schema']}.{node['alias']}", sql, self.tables), self.metrics)
        except Exception:  # of SQL that is read here alone, a parser may raise anything: the other models are told
            log.warning("the columns of %s are not told: its SQL could not be read", node["name"], exc_info=True)
            return {}
        fields = {
            column.name: [
                self.dataset(self.by_table[parent.table]) | {"field": parent.name}
                for parent in sorted(set().union(*(self.metrics.get(parent, {parent}) for parent in parents)))
                if parent.table in self.by_table and parent.name != ROWS
            ]
            for column, parents in found.items()
            if column.name != ROWS
        }
        return {column: {"inputFields": inputs} for column, inputs in fields.items() if inputs}

    def tested(self, key: str) -> str:
        """The model that a test looks at, the first of several; empty for what is no test."""
        node = self.nodes[key]
        if node["resource_type"] != "test":
            return ""
        return node.get("attached_node") or next(iter(self._upstream(node)), "")

    def assertions(self, results: Iterable[dict]) -> Facet:
        told = []
        for result in results:
            node = self.nodes[result["unique_id"]]
            about = {"column": node["column_name"]} if node.get("column_name") else {}
            told.append({
                "assertion": (node.get("test_metadata") or {}).get("name") or "custom_sql",
                "name": node["name"],
                "success": result["status"] == "pass",
                "severity": node["config"]["severity"].lower(),
                **about,
            })  # fmt: skip
        return facet("DataQualityAssertionsDatasetFacet", assertions=told)
