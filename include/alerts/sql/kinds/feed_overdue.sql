-- A feed that has not brought what it owes for one of the last 28 processed dates. A feed that says nothing of when it is due
-- has six hours. Complaints and tracebacks owe nothing unless they say so: a quiet day and a feed that is down look alike.
with owed as (
    select
        -- a snapshot is owed once and not for every date
        case when kind = 'reference' then feed else feed || ' ' || service_date end as subject,
        service_date,
        feed,
        kind,
        reason,
        coalesce(due_at, (service_date + 1)::timestamp at time zone 'UTC' + interval '6 hours') as due_at
    from marts.data_status_daily
    where status in ('missing', 'partial')
        and service_date > (select max(service_date) from ops.processed_days) - 28
        and (kind in ('cdr', 'reference') or due_at is not null)
)

select distinct on (subject)
    subject,
    case when kind = 'cdr' then 'critical' else 'warning' end as severity,
    due_at as since,
    'Feed ' || feed || ' is overdue for ' || service_date || ': ' || reason || '. '
        || case kind
            when 'cdr' then 'Parties on its switches are on HOLD. Put the missing files into the landing folder: the next ingest opens the date again.'
            when 'reference' then 'Put a snapshot into the landing folder.'
            else 'Ask its sender, and put the file into the landing folder.'
        end as message
from owed
where due_at < %(now)s
order by subject, service_date
