-- DuckDB: where the rows of a reference table that fit a condition stand, those of the newest snapshot first.
with arrived as (
    select receipt_id, max((valid_from, arrived_at)) as newest
    from snapshots
    where feed = $feed and valid_from <= $day
    group by receipt_id
)

select receipt_id, source_line, newest[1] as snapshot_from
from read_parquet($files, union_by_name = true)
join arrived using (receipt_id)
where $condition
order by newest desc, source_line
