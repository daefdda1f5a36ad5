-- Overrides of a gate's checks on a date that are in force at an instant: from their entry until their end.
select
    entry_id,
    payload ->> 'check' as "check",
    array(select jsonb_array_elements_text(payload -> 'feeds')) as feeds,
    actor as by,
    payload ->> 'reason' as reason,
    (payload ->> 'until')::timestamptz as until
from decisions.ledger
where entry_type = 'override'
    and service_date = %(day)s
    and payload ->> 'gate' = %(gate)s
    and recorded_at <= %(at)s
    and (payload ->> 'until')::timestamptz > %(at)s
order by entry_id
