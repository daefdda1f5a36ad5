-- DuckDB: calling numbers of `attempts` that the do-not-originate list in force on a service date covers.
create or replace temp table never_originating as
with snapshot as (
    select arg_max(receipt_id, (coalesce(dated_on, cast(arrived_at as date)), arrived_at)) as receipt_id
    from read_parquet($arrivals) as arrivals
    semi join (select receipt_id from read_parquet($receipts) where state <> 'refused') as loaded using (receipt_id)
    where arrivals.feed = $feed and coalesce(dated_on, cast(arrived_at as date)) <= $day
)

select distinct attempts.calling_number
from attempts
join read_parquet($dno) as dno
    on dno.number = attempts.calling_number or starts_with(attempts.calling_number, rtrim(dno.number, '*')) and ends_with(dno.number, '*')
join snapshot on snapshot.receipt_id = dno.receipt_id
where dno.valid_from is null or dno.valid_from <= $day
