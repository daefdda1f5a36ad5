{{ config(materialized='view') }}

-- What counts against a party: a single call that was found by its called number, on a trunk whose owner is known. A call
-- found by its calling number alone is a lead: whoever owns a number that was spoofed calls from it too.
select
    service_date,
    traceback_id,
    notice_receipt_id,
    notice_source_line,
    received_at,
    -- a campaign's script variants (-P1, -P2) are one campaign
    regexp_replace(campaign, '-P[0-9]+.*$', '') as campaign,
    coalesce(violation_class in ('fraud', 'prerecorded', 'live_scam'), false) as is_grave,
    party_kind,
    party_id,
    call_at,
    call_service_date,
    -- several notices about one call are one traced call
    concat_ws('|', call_feed, switch_id, call_id) as traced_call
from {{ ref('notice_matches') }}
where match_status = 'unique' and party_id is not null and match_basis is distinct from 'calling'
