"""Traceback notices: every new file under `landing/tracebacks/` into the lake, by the date it was received."""

from include.pipeline.assets import NOTICES
from include.pipeline.ingest import ingest_dag  # an Airflow dag

ingest_dag("ingest_tracebacks", "tracebacks", NOTICES, doc=__doc__)
