select
    entry_id,
    payload ->> 'case_id' as case_id,
    recorded_at
from {{ source('decisions', 'ledger') }}
where entry_type = 'escalation'
