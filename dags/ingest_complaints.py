"""Consumer complaints: every new file under `landing/complaints/` into the lake, by the date it was received."""

from include.pipeline.assets import COMPLAINTS
from include.pipeline.ingest import ingest_dag  # an Airflow dag

ingest_dag("ingest_complaints", "complaints", COMPLAINTS, doc=__doc__)
