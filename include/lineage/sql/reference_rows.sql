-- DuckDB: where the rows of a reference table that fit a condition stand, those of the newest snapshot first.
with snapshots as (
    select receipt_id, max((coalesce(dated_on, cast(arrived_at as date)), arrived_at)) as newest
    from read_parquet($arrivals) as arrivals
    semi join (select receipt_id from read_parquet($receipts) where state <> 'refused') as loaded using (receipt_id)
    where arrivals.feed = $feed and coalesce(dated_on, cast(arrived_at as date)) <= $day
    group by receipt_id
)

select receipt_id, source_line, newest[1] as snapshot_from
from read_parquet($files)
join snapshots using (receipt_id)
where $condition
order by newest desc, source_line
