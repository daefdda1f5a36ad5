"""Call detail records: every new file under `landing/cdr/`, and the manifests beside them, into the lake's calls.

Runs at midnight UTC for the day that ended. Loads whatever lies new, whichever dates it holds: rows land in the
partition of their own service date, and dates already processed are re-opened.
"""

from include.pipeline.assets import CALLS
from include.pipeline.ingest import ingest_dag  # an Airflow dag

ingest_dag("ingest_cdr", "cdr", CALLS, doc=__doc__)
