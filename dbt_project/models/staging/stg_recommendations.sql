select
    entry_id,
    recommendation_id,
    service_date,
    party_kind,
    party_id,
    payload ->> 'recommendation' as recommendation,
    payload ->> 'case_id' as case_id,
    array(select jsonb_array_elements_text(payload -> 'reason_codes')) as reason_codes,
    recorded_at
from {{ source('decisions', 'ledger') }}
where entry_type = 'recommendation'
