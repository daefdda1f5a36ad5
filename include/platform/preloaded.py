"""A component of Airflow's with the libraries of its tasks imported: `python -m include.platform.preloaded scheduler [option ...]`.

The scheduler forks its workers, and these a process for each task; the DAG processor forks one for each reading of a file and
each callback. What is imported before is imported once, where every such process would take a second or more for it. Libraries
alone: the project's own code is read anew by each of them, so that a change needs no restart.
"""

from __future__ import annotations

import importlib
import logging
import sys

LIBRARIES = (
    "adbc_driver_postgresql.dbapi", "airflow.providers.openlineage.plugins.listener", "airflow.providers.standard.operators.hitl",
    "duckdb", "great_expectations", "great_expectations.expectations", "httpx", "isal.igzip", "jinja2", "numpy", "pandas", "phonenumbers",
    "psycopg", "psycopg.types.json", "pyarrow.compute", "pyarrow.dataset", "pyarrow.parquet", "yaml",
)  # fmt: skip


def load() -> None:
    logging.getLogger("great_expectations").setLevel(logging.ERROR)  # it tells at length how it is built
    for library in LIBRARIES:
        importlib.import_module(library)


if __name__ == "__main__":
    from airflow.__main__ import main

    load()
    sys.argv[0] = "airflow"
    main()
