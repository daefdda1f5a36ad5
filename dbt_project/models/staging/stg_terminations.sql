-- Somebody may be cut off for several cases on one day.
select distinct party_kind, party_id, restrained_on as terminated_on, released_on
from {{ ref('stg_restraints') }}
where state in ('suspended', 'terminated')
