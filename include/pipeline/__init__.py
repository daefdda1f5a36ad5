"""What the DAG files share: assets, schedules, and the shape of an ingest DAG. Logic stands in `include/stages.py`."""
