-- DuckDB: calling numbers of `attempts` that the do-not-originate list in force on the service date covers.
with in_force as (
    -- the newest of that date or before; before the first snapshot, the first
    select receipt_id
    from snapshots
    where feed = 'reference/dno'
    order by case when valid_from <= $day then valid_from end desc nulls last, valid_from, arrived_at desc, receipt_id
    limit 1
),

listed as (
    select distinct number
    from read_parquet($dno, union_by_name = true)
    semi join in_force using (receipt_id)
    where valid_from is null or valid_from <= $day
),

numbers as (
    select distinct calling_number from attempts where calling_number is not null
)

select calling_number
from numbers
semi join listed on listed.number = numbers.calling_number
union
select calling_number
from numbers
cross join (select distinct length(number) - 1 as digits from listed where number like '%*') as prefixes
semi join listed on listed.number = left(numbers.calling_number, prefixes.digits) || '*'
