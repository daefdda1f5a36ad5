"""Whether one part of a deployment works, for its container's health check: `python -m include.platform.probe <part>`.

Airflow's own checks start its whole command line, some ten seconds of a processor each time; these take a moment.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.request
from collections.abc import Mapping

PARTS = ("api-server", "scheduler", "dag-processor", "triggerer", "worker")


def works(part: str, environ: Mapping[str, str]) -> bool:
    """One of `PARTS`, seen from a container with this environment. Errors: OSError where nobody answers."""
    if part not in PARTS:
        raise ValueError(f"unknown part {part!r}: one of {', '.join(PARTS)}")
    if part == "worker":
        return worker_answers(environ["AIRFLOW__CELERY__BROKER_URL"])
    health = airflow_health(environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"])
    # The API server answered; the others are known by their heartbeats.
    return health["metadatabase" if part == "api-server" else part.replace("-", "_")]["status"] == "healthy"


def airflow_health(execution_api: str) -> dict[str, dict]:
    """Airflow's report on its parts, from the API server that the components talk to."""
    url = execution_api.rstrip("/").removesuffix("/execution") + "/api/v2/monitor/health"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url, timeout=10) as answer:
        return json.load(answer)


def worker_answers(broker: str) -> bool:
    """Whether the worker of this host takes messages from the queue."""
    from celery import Celery  # only a deployment with workers has it

    return bool(Celery(broker=broker).control.ping(destination=[f"celery@{socket.gethostname()}"], timeout=8))


if __name__ == "__main__":
    sys.exit(not works(sys.argv[1], os.environ))
