{%- set day = service_date() -%}

with begun as (

    select distinct feed, switch_id, call_id
    from {{ source('raw_lake', 'open_records') }}
    where service_date = date '{{ day }}'

),

-- of a call over midnight another attempt may stand on a neighbouring date
finished as (

    select distinct feed, switch_id, call_id
    from {{ source('raw_lake', 'calls') }}
    where service_date >= date '{{ day }}' - 1 and service_date <= date '{{ day }}' + 1

)

select
    date '{{ day }}' as service_date,
    b.feed,
    b.switch_id,
    cast(count(*) as bigint) as begun,
    cast(count(*) filter (where f.call_id is null) as bigint) as unfinished
from begun as b
left join finished as f on f.feed = b.feed and f.switch_id = b.switch_id and f.call_id = b.call_id
group by b.feed, b.switch_id
