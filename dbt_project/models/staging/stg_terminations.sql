-- Suspensions that a person approved, until their release, and customers that a person says were cut off after a traceback.
select party_kind, party_id, suspended_on as terminated_on, released_on
from {{ ref('stg_suspensions') }}

union

-- whoever is cut off behind an upstream is its customer, not the upstream
select party_kind, party_id, (at at time zone 'UTC')::date as terminated_on, null::date as released_on
from {{ ref('stg_transitions') }}
where state = 'caller_terminated' and party_kind = 'customer'
