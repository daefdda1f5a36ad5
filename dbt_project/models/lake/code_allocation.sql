{#-
  Which US central office codes are assigned to a provider, and which thousands blocks of them to nobody, by NANPA's lists in
  force. Codes that the lists do not judge have no row: without a list, in area codes that it does not have, and toll-free ones.
  Lives only during the run.
-#}
{{ config(materialized='table', meta={'publish': false}) }}
{%- set day = service_date() -%}

with day as (

    select date '{{ day }}' as service_date

),

listed as (

    select c.npa, c.nxx, bool_or(c.status is null or lower(c.status) in ('as', 'assigned', 'in service')) as assigned
    from {{ source('raw_lake', 'reference_co_codes') }} as c
    inner join ({{ snapshot_in_force('co_codes', 'day') }}) as s on s.receipt_id = c.receipt_id
    where c.npa not in ('800', '833', '844', '855', '866', '877', '888')
    group by c.npa, c.nxx

),

-- in a contaminated block the code's holder has numbers, and a block that is not listed is the holder's
available as (

    select b.npa, b.nxx, string_agg(b.x, '') as blocks
    from {{ source('raw_lake', 'reference_thousands_blocks') }} as b
    inner join ({{ snapshot_in_force('thousands_blocks', 'day') }}) as s on s.receipt_id = b.receipt_id
    where lower(b.status) in ('av', 'available') and not coalesce(b.contaminated, false)
    group by b.npa, b.nxx

),

codes as (

    select n.npa, cast(e.nxx as {{ dbt.type_string() }}) as nxx
    from (select distinct npa from listed) as n
    cross join (select unnest(range(200, 1000)) as nxx) as e

)

select
    concat('+1', c.npa, c.nxx) as code,
    coalesce(l.assigned, false) as assigned,
    coalesce(a.blocks, '') as available_blocks
from codes as c
left join listed as l on l.npa = c.npa and l.nxx = c.nxx
left join available as a on a.npa = c.npa and a.nxx = c.nxx
