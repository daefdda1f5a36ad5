select party_kind, party_id, restrained_on as suspended_on, released_on, case_id as recommendation_id
from {{ ref('stg_restraints') }}
where state = 'suspended'
