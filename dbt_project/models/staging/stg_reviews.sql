select
    entry_id,
    payload ->> 'case_id' as case_id,
    payload ->> 'decision' as decision,
    payload ->> 'comment' as comment,
    actor as reviewer,
    recorded_at
from {{ source('decisions', 'ledger') }}
where entry_type = 'review'
