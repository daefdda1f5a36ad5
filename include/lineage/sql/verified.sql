-- DuckDB: calling and asserted numbers of `attempts` to which the customer has a verified right on the service date.
with in_force as (
    -- the newest of that date or before; before the first snapshot, the first
    select receipt_id
    from snapshots
    where feed = 'reference/caller_ids'
    order by case when valid_from <= $day then valid_from end desc nulls last, valid_from, arrived_at desc, receipt_id
    limit 1
),

listed as (
    select distinct number
    from read_parquet($caller_ids, union_by_name = true)
    semi join in_force using (receipt_id)
    where customer_id = $party_id
        and (valid_from is null or valid_from <= $day)
        and (valid_to is null or valid_to >= $day)
),

numbers as (
    select calling_number as number from attempts where calling_number is not null
    union
    select asserted_number as number from attempts where asserted_number is not null
)

select number
from numbers
semi join listed using (number)
union
select numbers.number
from numbers
cross join (select distinct length(number) - 1 as digits from listed where number like '%*') as prefixes
semi join listed on listed.number = left(numbers.number, prefixes.digits) || '*'
