{#-
  Whether the thousands blocks of the day's US calling numbers are assigned to a provider. Only what NANPA's lists judge has a
  row: without a list, for area codes that it does not have, and for toll-free numbers, nobody knows. Lives only during the run.
-#}
{{ config(materialized='table', meta={'publish': false}) }}
{%- set day = service_date() -%}

with day as (

    select date '{{ day }}' as service_date

),

codes as (

    select
        concat('+1', c.npa) as area,
        concat('+1', c.npa, c.nxx) as code,
        bool_or(c.status is null or lower(c.status) in ('as', 'assigned', 'in service')) as assigned
    from {{ source('raw_lake', 'reference_co_codes') }} as c
    inner join ({{ snapshot_in_force('co_codes', 'day') }}) as s on s.receipt_id = c.receipt_id
    group by c.npa, c.nxx

),

-- numbers of a block that nobody has; in a contaminated one the code's holder has some, and a block not listed is the holder's
available as (

    select distinct concat('+1', b.npa, b.nxx, b.x) as block
    from {{ source('raw_lake', 'reference_thousands_blocks') }} as b
    inner join ({{ snapshot_in_force('thousands_blocks', 'day') }}) as s on s.receipt_id = b.receipt_id
    where lower(b.status) in ('av', 'available') and not coalesce(b.contaminated, false)

),

presented as (

    select distinct left(calling_number, 9) as block
    from {{ source('raw_lake', 'calls') }}
    where service_date = date '{{ day }}' and calling_class = 'valid_us'

)

select
    p.block,
    not coalesce(c.assigned, false) or a.block is not null as unallocated
from presented as p
inner join (select distinct area from codes) as n on n.area = left(p.block, 5)
left join codes as c on c.code = left(p.block, 8)
left join available as a on a.block = p.block
where substr(p.block, 3, 3) not in ('800', '833', '844', '855', '866', '877', '888')
