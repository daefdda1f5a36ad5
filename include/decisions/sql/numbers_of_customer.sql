-- DuckDB: numbers and prefixes to which a customer had a verified right on a service date, by the snapshot in force.
with snapshots as (

    select receipt_id, coalesce(dated_on, cast(arrived_at as date)) as valid_from, arrived_at
    from read_parquet($arrivals)
    semi join (select receipt_id from read_parquet($receipts) where state <> 'refused') as loaded using (receipt_id)
    where feed = 'reference/caller_ids'

),

in_force as (

    select arg_max(receipt_id, (valid_from, arrived_at)) as receipt_id
    from snapshots
    where valid_from <= $day

)

select distinct caller_ids.number
from read_parquet($caller_ids) as caller_ids
join in_force using (receipt_id)
where caller_ids.customer_id = $customer_id
    and (caller_ids.valid_from is null or caller_ids.valid_from <= $day)
    and (caller_ids.valid_to is null or caller_ids.valid_to >= $day)
order by caller_ids.number
