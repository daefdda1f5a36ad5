"""How OpenLineage events leave: to a file of the installation always, and by HTTP where an address is set.

Airflow's provider loads `Transport` by name, as `openlineage.transport` configures it. Everything it tells passes `discreet`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from openlineage.client.serde import Serde
from openlineage.client.transport.http import HttpConfig, HttpTransport, TokenProvider
from openlineage.client.transport.transport import Config
from openlineage.client.transport.transport import Transport as BaseTransport

from include.lineage.openlineage import SEE_THE_LOG, Event, append

POST_SECONDS = 2.0
"""How long a server may take to connect, and again to answer."""
ALL_POSTS_SECONDS = 10.0
"""How long the events of one piece of work may take together."""

RUN_FACETS = ("parent", "nominalTime", "processing_engine", "airflow_mappedTask")
JOB_FACETS = ("jobType", "documentation", "ownership", "tags")
AIRFLOW_FACET = {
    "dag": ("dag_id", "start_date"),
    "dagRun": ("dag_id", "run_id", "run_type", "partition_key", "start_date"),
    "taskInstance": ("pool", "try_number", "map_index"),
    "task": ("task_id", "operator_class"),
}
"""What is told of Airflow's facet of a task."""


def discreet(event: Event) -> Event:
    """An event of Airflow's without what people and data say in it.

    A review's subject, body and answer, notes, the configuration of a run, the text of an error: any may hold a telephone
    number or what one person says of another. So it is said what is kept, not what is left out.
    """
    given = event["run"].get("facets", {})
    facets = {name: given[name] for name in RUN_FACETS if name in given}
    if "airflow" in given:
        told = given["airflow"]
        about = {part: {key: told[part][key] for key in keys if key in told[part]} for part, keys in AIRFLOW_FACET.items()}
        facets["airflow"] = {key: told[key] for key in ("_producer", "_schemaURL", "taskUuid")} | about
    if "errorMessage" in given:
        told = given["errorMessage"]
        facets["errorMessage"] = {key: told[key] for key in ("_producer", "_schemaURL", "programmingLanguage")} | {"message": SEE_THE_LOG}
    of_job = event["job"].get("facets", {})
    job = event["job"] | {"facets": {name: of_job[name] for name in JOB_FACETS if name in of_job}}
    return event | {"run": event["run"] | {"facets": facets}, "job": job}


class KeyInFile(TokenProvider):
    """Reads the key when it is used: a new one needs no restart, and it stands in no configuration."""

    def __init__(self, config: dict[str, Any]):
        super().__init__(config)
        self.file = Path(config["file"])

    def get_bearer(self) -> str | None:
        return f"Bearer {self.file.read_text().strip()}" if self.file.is_file() else None


class TransportConfig(Config):
    """As `openlineage.transport` gives it."""

    def __init__(self, folder: Path, url: str, key_file: Path):
        self.folder = folder
        self.url = url
        self.key_file = key_file

    @classmethod
    def from_dict(cls, params: dict[str, Any]) -> TransportConfig:
        return cls(Path(params["folder"]), params["url"], Path(params["key_file"]))


class Transport(BaseTransport):
    """The file first: what a server does not take is not lost."""

    kind = "tollgate"
    config_class = TransportConfig

    def __init__(self, config: TransportConfig):
        self.folder = config.folder
        self.http = _http(config) if config.url else None

    def emit(self, event: Any) -> None:
        """One event of Airflow's. Raises what requests raises where a server does not take it."""
        told = discreet(Serde.to_dict(event))
        append(self.folder, [told])
        if self.http:
            self.http.emit(told)

    def post(self, events: Iterable[Event]) -> None:
        """Events of our own, by HTTP alone. Stops, raising, at the first that is not taken and when it takes too long."""
        until = time.monotonic() + ALL_POSTS_SECONDS
        for event in events:
            if time.monotonic() > until:
                raise TimeoutError(f"the lineage server was too slow: after {ALL_POSTS_SECONDS:g} s the rest is only in the file")
            self.http.emit(event)


def _http(config: TransportConfig) -> HttpTransport:
    # Tried once: the next event is on its way, and the file has them all.
    return HttpTransport(HttpConfig(config.url, timeout=POST_SECONDS, auth=KeyInFile({"file": config.key_file}), retry={"total": 0}))
