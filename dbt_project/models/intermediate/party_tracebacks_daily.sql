with days as (

    select service_date, service_date as reference_date from {{ ref('days_to_build') }}

)

select
    service_date,
    party_kind,
    party_id,
    tracebacks_30d,
    tracebacks_originated_30d,
    tracebacks_30d_linked,
    tracebacks_after_termination_30d,
    linked_party_ids
from ({{ tracebacks_of('days') }}) as tracebacks
