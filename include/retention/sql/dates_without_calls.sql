-- Dates whose calls were deleted at the end of their period, with the first entry that says so.
select (dates.told ->> 'service_date')::date as service_date, min(entries.entry_id) as entry_id
from decisions.ledger as entries
cross join jsonb_array_elements(entries.payload -> 'deleted') as deleted (told)
cross join jsonb_array_elements(deleted.told -> 'dates') as dates (told)
where entries.entry_type = 'retention' and deleted.told ->> 'table' = 'calls'
group by 1
