"""dbt-duckdb plugin: the two file operations that the lake's day-replacing materialization needs and SQL has not."""

from __future__ import annotations

import os
from pathlib import Path

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection


def make_folder(path: str) -> str:
    """Create a folder and its parents; it may exist already."""
    Path(path).mkdir(parents=True, exist_ok=True)
    return path


def replace_file(unfinished: str, finished: str) -> str:
    """Put a finished file in place in one step, over any older one."""
    os.replace(unfinished, finished)
    return finished


class Plugin(BasePlugin):
    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        for function in (make_folder, replace_file):
            conn.create_function(function.__name__, function, side_effects=True)
