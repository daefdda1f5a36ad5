-- Suspensions that a person approved, and callers that a person says were cut off after a traceback.
select party_kind, party_id, suspended_on as terminated_on
from {{ ref('stg_suspensions') }}

union

select party_kind, party_id, (at at time zone 'UTC')::date as terminated_on
from {{ ref('stg_transitions') }}
where state = 'caller_terminated' and party_id is not null
