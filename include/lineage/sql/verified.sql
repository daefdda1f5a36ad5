-- DuckDB: calling and asserted numbers of `attempts` to which the customer has a verified right on a service date.
create or replace temp table verified as
with in_force as (
    select arg_max(receipt_id, (valid_from, arrived_at)) as receipt_id
    from snapshots
    where feed = 'reference/caller_ids' and valid_from <= $day
),

numbers as (
    select calling_number as number from attempts
    union
    select asserted_number as number from attempts
)

select distinct numbers.number
from numbers
join read_parquet($caller_ids) as caller_ids
    on caller_ids.number = numbers.number or starts_with(numbers.number, rtrim(caller_ids.number, '*')) and ends_with(caller_ids.number, '*')
join in_force on in_force.receipt_id = caller_ids.receipt_id
where caller_ids.customer_id = $party_id
    and (caller_ids.valid_from is null or caller_ids.valid_from <= $day)
    and (caller_ids.valid_to is null or caller_ids.valid_to >= $day)
