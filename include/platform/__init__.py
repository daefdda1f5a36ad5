"""Starting, stopping and describing an installation: PostgreSQL, its roles and migrations, Airflow."""

from __future__ import annotations

import time
from collections.abc import Callable


class PlatformError(RuntimeError):
    """Something a person has to change; the message says what, and the command line prints nothing else."""


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Asks again and again; False when it did not get true in time.

    For the end of processes, instead of psutil's waits: where nobody reaps orphans (a container whose first process is
    no init), a process that ended stays a zombie, for which those wait on and on.
    """
    deadline = time.monotonic() + seconds
    while not (done := true()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return done
