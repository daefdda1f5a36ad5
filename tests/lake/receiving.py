"""What tests of the lake do at an installation: a file arrives and is loaded."""

from __future__ import annotations

import os

from include.ingest import load
from include.settings import Settings
from tests.ingest.desk import LONG_AGO


def receive(settings: Settings, path: str, content: str) -> None:
    """Put a file, already whole, into the landing folder and load what lies there of its kind."""
    file = settings.landing / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    os.utime(file, (LONG_AGO, LONG_AGO))
    load.load_new_files(settings, path.split("/")[0])
