-- Folders of the lake of which rows were deleted at the end of their period, by what the ledger says.
select distinct (deleted.told ->> 'table') || '/service_date=' || (dates.told ->> 'service_date') as folder
from decisions.ledger as entries
cross join jsonb_array_elements(entries.payload -> 'deleted') as deleted (told)
cross join jsonb_array_elements(deleted.told -> 'dates') as dates (told)
where entries.entry_type = 'retention'
