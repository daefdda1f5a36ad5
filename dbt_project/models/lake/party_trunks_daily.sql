{%- set day = service_date() -%}

with day as (

    select date '{{ day }}' as service_date

)

select
    service_date,
    party_kind,
    party_id,
    trunk,
    coalesce(switch_id, '') as switch_id
from ({{ trunks_in_force('day') }}) as trunks
where party_kind in ('customer', 'upstream')
