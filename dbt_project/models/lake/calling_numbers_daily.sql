{#- How often each party presented each number. Stays in the lake: numbers are not for the warehouse, later days look back at them. -#}
{{ config(meta={'publish': false}) }}

select
    date '{{ service_date() }}' as service_date,
    party_kind,
    party_id,
    presented_number as calling_number,
    cast(count(*) as bigint) as attempts
from {{ ref('attempts_of_day') }}
where party_kind in ('customer', 'upstream') and party_id is not null and presented_number is not null
group by party_kind, party_id, presented_number
