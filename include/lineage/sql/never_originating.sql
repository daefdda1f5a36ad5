-- DuckDB: calling numbers of `attempts` that the do-not-originate list in force on a service date covers.
create or replace temp table never_originating as
with in_force as (
    select arg_max(receipt_id, (valid_from, arrived_at)) as receipt_id
    from snapshots
    where feed = 'reference/dno' and valid_from <= $day
)

select distinct attempts.calling_number
from attempts
join read_parquet($dno) as dno
    on dno.number = attempts.calling_number or starts_with(attempts.calling_number, rtrim(dno.number, '*')) and ends_with(dno.number, '*')
join in_force on in_force.receipt_id = dno.receipt_id
where dno.valid_from is null or dno.valid_from <= $day
