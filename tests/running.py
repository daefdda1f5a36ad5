"""What tests of running programs share: installations beside the first, waiting, and looking at processes."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from include.platform import postgres
from include.settings import Settings, load
from tests.conftest import free_port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def another(home: Path, **given: str) -> Settings:
    """An installation of its own in `home`; `given` are settings by their names."""
    defaults = {"TOLLGATE_WAREHOUSE_URL": "", "TOLLGATE_PG_PORT": str(free_port()), "TOLLGATE_AIRFLOW_PORT": str(free_port())}
    return load({"TOLLGATE_HOME": str(home), "TOLLGATE_LANDING": "", "TOLLGATE_LAKE": "", **defaults, **given})


def processes_of(settings: Settings) -> list[str]:
    """Every living process, ourselves apart, that names this installation: in its command line or its environment."""
    signs = (str(settings.home), postgres.cluster_name(settings))
    found = []
    for process in psutil.process_iter():
        told = ""
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            told = " ".join(process.cmdline())
            # Of other users' processes only the command line is to be seen.
            told += "\n" + process.environ().get("TOLLGATE_HOME", "")
        if process.pid != os.getpid() and any(sign in told for sign in signs):
            found.append(f"{process.pid} {told}")
    return found


def eventually(answer: Callable[[], Any], what: str, seconds: float = 120) -> Any:
    """The first true answer, asked for again and again; AssertionError says `what` did not happen in time."""
    deadline = time.monotonic() + seconds
    while not (given := answer()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)
    return given
