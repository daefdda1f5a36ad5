select
    entry_id,
    payload ->> 'subject' as subject,
    payload ->> 'subject_id' as subject_id,
    payload ->> 'from' as from_state,
    payload ->> 'to' as state,
    (payload ->> 'at')::timestamptz as at,
    payload ->> 'comment' as comment,
    service_date,
    party_kind,
    party_id,
    actor,
    recorded_at
from {{ source('decisions', 'ledger') }}
where entry_type = 'transition'
