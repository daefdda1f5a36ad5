select
    entry_id,
    party_kind,
    party_id,
    service_date as released_on,
    (payload ->> 'watch_until')::date as watch_until
from {{ source('decisions', 'ledger') }}
where entry_type = 'release'
