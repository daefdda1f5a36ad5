{#- Looks back a week, so that a day built late is seen by the days after it: they are built again with it. -#}
{{ config(meta={'days': 'following_days'}) }}

with days as (

    select service_date from {{ days_relation(following_days()) }} as d

),

numbers as (

    select * from {{ earlier_days('calling_numbers_daily') }}

),

of_day as (

    select n.* from numbers as n inner join days using (service_date)

),

known as (

    select distinct d.service_date, n.party_kind, n.party_id, n.calling_number
    from days as d
    inner join numbers as n on n.service_date between d.service_date - 7 and d.service_date - 1

),

known_days as (

    select d.service_date, n.party_kind, n.party_id, count(distinct n.service_date) as days
    from days as d
    inner join numbers as n on n.service_date between d.service_date - 7 and d.service_date - 1
    group by d.service_date, n.party_kind, n.party_id

)

select
    t.service_date,
    t.party_kind,
    t.party_id,
    cast(count(*) as bigint) as numbers,
    cast(count(*) filter (where k.calling_number is null) as bigint) as new_numbers,
    cast(coalesce(max(d.days), 0) as bigint) as days_looked_back
from of_day as t
left join known as k using (service_date, party_kind, party_id, calling_number)
left join known_days as d using (service_date, party_kind, party_id)
group by t.service_date, t.party_kind, t.party_id
