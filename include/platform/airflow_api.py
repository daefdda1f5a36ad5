"""A small client of Airflow's REST API: what the command line and the tests need of it.

REST instead of Airflow's command line: 0.05 to 0.5 s a call instead of many seconds.
"""

from __future__ import annotations

from typing import Any

import httpx

from include.platform import airflow
from include.settings import Settings

FINISHED = ("success", "failed")

ANSWER_SECONDS = 120
"""How long Airflow may take to answer. Usually a fraction of a second; half a minute where the machine has more to do than it can."""


class AirflowApi:
    """Calls as `user` (one of `airflow.users`). Answers are Airflow's JSON, as dicts.

    Errors: httpx.ConnectError where nothing listens, httpx.HTTPStatusError with Airflow's own words for a refusal.
    """

    def __init__(self, settings: Settings, user: str = "engineer"):
        self.settings = settings
        self.user = user
        # trust_env: no proxy between us and our own machine.
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{settings.airflow_port}", timeout=ANSWER_SECONDS, trust_env=False)

    def __enter__(self) -> AirflowApi:
        return self

    def __exit__(self, *_) -> None:
        self.http.close()

    def call(self, method: str, path: str, **arguments: Any) -> dict:
        """One call, with a token fetched first, and again when it has expired."""
        if "Authorization" not in self.http.headers:
            self.log_in()
        answer = self.http.request(method, path, **arguments)
        if answer.status_code == 401:
            self.log_in()
            answer = self.http.request(method, path, **arguments)
        if answer.is_error:
            raise httpx.HTTPStatusError(
                f"{method} {path}: {answer.status_code} {answer.text[:2000]}", request=answer.request, response=answer
            )
        return answer.json() if answer.content else {}

    def log_in(self) -> None:
        login = {"username": self.user, "password": airflow.password(self.settings, self.user)}
        answer = self.http.post("/auth/token", json=login)
        answer.raise_for_status()
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def every(self, path: str, collection: str, **parameters: Any) -> list[dict]:
        """All items of a collection, page by page."""
        found: list[dict] = []
        while True:
            page = self.call("GET", path, params=parameters | {"limit": 100, "offset": len(found)})
            found += page[collection]
            if not page[collection] or len(found) >= page["total_entries"]:
                return found

    def trigger(self, dag_id: str, partition_key: str | None, run_id: str, conf: dict | None = None) -> dict:
        """Starts a run for a key (None for a DAG without partitions). A run of that id that exists is returned as it is."""
        body = {"logical_date": None, "dag_run_id": run_id, "conf": conf or {}}
        if partition_key is not None:
            body["partition_key"] = partition_key
        try:
            return self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != 409:
                raise
            return self.run(dag_id, run_id)

    def run(self, dag_id: str, run_id: str) -> dict:
        return self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")

    def runs(self, dag_id: str, partition_key: str | None = None) -> list[dict]:
        """The runs of a DAG, oldest first; only those of a key where one is given."""
        parameters = {"order_by": "id"} | ({"partition_key_pattern": partition_key} if partition_key else {})
        found = self.every(f"/api/v2/dags/{dag_id}/dagRuns", "dag_runs", **parameters)
        # The pattern matches substrings.
        return [run for run in found if partition_key in (None, run["partition_key"])]

    def unfinished(self, dag_id: str) -> list[dict]:
        """The runs of a DAG that wait or go on."""
        return self.every(f"/api/v2/dags/{dag_id}/dagRuns", "dag_runs", state=["queued", "running"])

    def task_instances(self, dag_id: str, run_id: str) -> list[dict]:
        return self.every(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances")

    def emit(self, asset_name: str, partition_key: str, extra: dict | None = None) -> dict:
        """Posts an event of an asset for a key, as if a task had produced it. Errors: LookupError for an unknown asset."""
        found = self.every("/api/v2/assets", "assets", name_pattern=asset_name)
        ids = [asset["id"] for asset in found if asset["name"] == asset_name]
        if not ids:
            raise LookupError(f"Airflow knows no asset {asset_name!r}")
        return self.call(
            "POST", "/api/v2/assets/events", json={"asset_id": ids[0], "partition_key": partition_key, "extra": extra or {}}
        )

    def pending_reviews(self) -> list[dict]:
        """Questions to a person that wait for an answer; `task_instance` in each says for which DAG, run, task and item."""
        path = "/api/v2/dags/~/dagRuns/~/hitlDetails"
        return self.every(path, "hitl_details", response_received=False, state="awaiting_input")

    def answer_review(self, detail: dict, option: str, comment: str = "", as_user: str = "compliance", **fields: str) -> dict:
        """Answers one of `pending_reviews` as a login. `comment` goes into the form's field of that name, as do other `fields`: all it has.

        Wait until a question is some 4 s old: Airflow 3.3 fails a task that is answered while it is being parked.
        """
        asked = detail["task_instance"]
        path = (
            f"/api/v2/dags/{asked['dag_id']}/dagRuns/{asked['dag_run_id']}"
            f"/taskInstances/{asked['task_id']}/{asked['map_index']}/hitlDetails"
        )
        with AirflowApi(self.settings, as_user) as person:
            return person.call("PATCH", path, json={"chosen_options": [option], "params_input": {"comment": comment, **fields}})

    def health(self) -> dict[str, str]:
        """Airflow's own view of its parts: name -> `healthy` or what else; empty where the API server does not answer."""
        try:
            answer = self.http.get("/api/v2/monitor/health", timeout=5)
        except httpx.HTTPError:
            return {}
        if answer.is_error:
            return {}
        return {name: part["status"] or "not started" for name, part in answer.json().items() if part}

    def healthy(self) -> bool:
        """True when the metadata database, scheduler, triggerer and DAG processor all are."""
        parts = self.health()
        return len(parts) >= 4 and set(parts.values()) == {"healthy"}

    def dag_errors(self) -> dict[str, str]:
        """DAG files that do not load: file name -> stack trace."""
        return {error["filename"]: error["stack_trace"] for error in self.every("/api/v2/importErrors", "import_errors")}
