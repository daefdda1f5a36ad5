-- of what was deleted of a date at several times, the first counts
select
    (dates.told ->> 'service_date')::date as service_date,
    min(entries.recorded_at) as deleted_at
from {{ source('decisions', 'ledger') }} as entries
cross join jsonb_array_elements(entries.payload -> 'deleted') as deleted (told)
cross join jsonb_array_elements(deleted.told -> 'dates') as dates (told)
where entries.entry_type = 'retention' and deleted.told ->> 'table' = 'calls'
group by 1
