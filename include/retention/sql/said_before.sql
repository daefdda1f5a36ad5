-- Every file of these dates whose deletion the ledger says, with how many rows of it.
select
    deleted.told ->> 'table' as table_name,
    (dates.told ->> 'service_date')::date as service_date,
    files.name,
    files.rows::integer as rows
from decisions.ledger as entries
cross join jsonb_array_elements(entries.payload -> 'deleted') as deleted (told)
cross join jsonb_array_elements(deleted.told -> 'dates') as dates (told)
cross join jsonb_each_text(dates.told -> 'files') as files (name, rows)
where entries.entry_type = 'retention'
    and (dates.told ->> 'service_date')::date = any(%(days)s)
