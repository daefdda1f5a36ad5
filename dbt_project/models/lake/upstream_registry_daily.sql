{%- set day = service_date() -%}

with day as (

    select date '{{ day }}' as service_date

),

in_force as (

    {{ snapshot_in_force('rmd', 'day') }}

),

upstreams as (

    select
        u.upstream_id,
        nullif(trim(u.rmd_number), '') as rmd_number,
        lpad(nullif(trim(u.frn), ''), 10, '0') as frn,
        row_number() over (partition by u.upstream_id order by u.source_line desc) as newest_line
    from {{ source('raw_lake', 'reference_upstreams') }} as u
    inner join ({{ snapshot_in_force('upstreams', 'day') }}) as s on s.receipt_id = u.receipt_id
    where u.upstream_id is not null

),

filings as (

    select
        r.rmd_number,
        lpad(nullif(trim(r.frn), ''), 10, '0') as frn,
        r.business_name,
        r.last_updated,
        r.last_recertified,
        i.receipt_id is not null as is_in_force
    from {{ source('raw_lake', 'reference_rmd') }} as r
    left join in_force as i on i.receipt_id = r.receipt_id
    -- a filing that was there before and is not now was removed; later snapshots say nothing about this day
    where i.receipt_id is not null
        or r.receipt_id in (
            select receipt_id from ({{ snapshots_of('rmd') }}) as s where s.snapshot_from < (select max(snapshot_from) from in_force)
        )

),

matched as (

    select u.upstream_id, f.business_name, f.last_updated, f.last_recertified, f.is_in_force
    from upstreams as u
    inner join filings as f on f.rmd_number = u.rmd_number
    union all
    select u.upstream_id, f.business_name, f.last_updated, f.last_recertified, f.is_in_force
    from upstreams as u
    inner join filings as f on f.frn = u.frn

),

found as (

    select
        upstream_id,
        bool_or(is_in_force) as is_listed,
        max(case when is_in_force then business_name end) as business_name,
        max(case when is_in_force then last_updated end) as last_updated,
        max(case when is_in_force then last_recertified end) as last_recertified
    from matched
    group by upstream_id

)

select
    date '{{ day }}' as service_date,
    u.upstream_id,
    case
        when not exists (select 1 from in_force) then 'unknown'
        when u.rmd_number is null and u.frn is null then 'unknown'
        when f.is_listed then 'listed'
        when f.upstream_id is not null then 'removed'
        else 'absent'
    end as rmd_status,
    u.rmd_number,
    u.frn,
    f.business_name,
    (select max(snapshot_from) from in_force) as rmd_snapshot_from,
    f.last_updated,
    f.last_recertified
from upstreams as u
left join found as f on f.upstream_id = u.upstream_id
where u.newest_line = 1
