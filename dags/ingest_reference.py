"""Reference data: every new snapshot under `landing/reference/`, kept beside the older ones, valid from its date on."""

from include.pipeline.assets import REFERENCE
from include.pipeline.ingest import ingest_dag  # an Airflow dag

ingest_dag("ingest_reference", "reference", REFERENCE, doc=__doc__)
