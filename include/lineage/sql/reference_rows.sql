-- DuckDB: where the rows of a reference table that fit a condition stand, those of the newest snapshot first.
select receipt_id, source_line, snapshot_from
from read_parquet($files)
where snapshot_from <= $day and ($condition)
order by snapshot_from desc, loaded_at desc, source_line
