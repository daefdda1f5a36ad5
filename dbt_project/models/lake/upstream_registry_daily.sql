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
        u.legal_name,
        row_number() over (partition by u.upstream_id order by u.source_line desc) as newest_line
    from {{ source('raw_lake', 'reference_upstreams') }} as u
    inner join ({{ snapshot_in_force('upstreams', 'day') }}) as s on s.receipt_id = u.receipt_id
    where u.upstream_id is not null

),

-- The snapshots up to the one in force, one per date: that which arrived last. Later ones say nothing about this day.
snapshots as (

    select s.receipt_id, s.snapshot_from
    from (
        select
            receipt_id,
            snapshot_from,
            row_number() over (partition by snapshot_from order by arrived_at desc, receipt_id) as preference
        from ({{ snapshots_of('rmd') }}) as arrived
    ) as s
    inner join in_force as i on s.snapshot_from <= i.snapshot_from
    where s.preference = 1

),

filings as (

    select
        s.snapshot_from,
        s.snapshot_from = i.snapshot_from as is_in_force,
        r.rmd_number,
        lpad(nullif(trim(r.frn), ''), 10, '0') as frn,
        r.other_frns,
        r.business_name,
        r.last_updated,
        r.last_recertified
    from {{ source('raw_lake', 'reference_rmd') }} as r
    inner join snapshots as s on s.receipt_id = r.receipt_id
    cross join in_force as i

),

-- a filing covers further registration numbers, written as a list
covered as (

    select distinct snapshot_from, rmd_number, lpad(frn, 10, '0') as frn
    from (select snapshot_from, rmd_number, unnest(regexp_extract_all(other_frns, '[0-9]{4,10}')) as frn from filings) as written

),

by_frn as (

    select u.upstream_id, 'frn' as matched_by, f.snapshot_from, f.rmd_number
    from upstreams as u
    inner join filings as f on f.frn = u.frn
    union all
    select u.upstream_id, 'other_frn' as matched_by, c.snapshot_from, c.rmd_number
    from upstreams as u
    inner join covered as c on c.frn = u.frn

),

by_number as (

    select u.upstream_id, 'rmd_number' as matched_by, f.snapshot_from, f.rmd_number
    from upstreams as u
    inner join filings as f on f.rmd_number = u.rmd_number

),

-- The registration number decides wherever a filing, now or earlier, has it; only else does our RMD number. A filing in force
-- goes before earlier ones.
matched as (

    select
        m.*,
        row_number() over (
            partition by m.upstream_id
            order by m.snapshot_from desc, case m.matched_by when 'frn' then 1 when 'other_frn' then 2 else 3 end, m.rmd_number
        ) as preference
    from (
        select * from by_frn
        union all
        select * from by_number where upstream_id not in (select upstream_id from by_frn)
    ) as m

),

found as (

    select m.upstream_id, m.matched_by, m.snapshot_from as last_listed_on, f.is_in_force, f.business_name, f.last_updated, f.last_recertified
    from matched as m
    inner join filings as f on f.snapshot_from = m.snapshot_from and f.rmd_number = m.rmd_number
    where m.preference = 1

),

disagreeing as (

    select distinct n.upstream_id
    from by_number as n
    where exists (select 1 from by_frn as f where f.upstream_id = n.upstream_id)
        and not exists (select 1 from by_frn as f where f.upstream_id = n.upstream_id and f.rmd_number = n.rmd_number)

),

suggestions as (

    select u.upstream_id, min(f.rmd_number) as rmd_number
    from upstreams as u
    inner join filings as f on {{ plain_name('f.business_name') }} = {{ plain_name('u.legal_name') }}
    where f.is_in_force
    group by u.upstream_id

)

select
    date '{{ day }}' as service_date,
    u.upstream_id,
    case
        when not exists (select 1 from in_force) then 'unknown'
        when u.rmd_number is null and u.frn is null then 'unknown'
        when f.is_in_force then 'listed'
        when f.upstream_id is not null then 'removed'
        else 'absent'
    end as rmd_status,
    u.rmd_number,
    u.frn,
    f.matched_by,
    d.upstream_id is not null as ids_disagree,
    case when f.upstream_id is null then n.rmd_number end as suggested_rmd_number,
    case when f.is_in_force then f.business_name end as business_name,
    (select max(snapshot_from) from in_force) as rmd_snapshot_from,
    f.last_listed_on,
    (select min(s.snapshot_from) from snapshots as s where s.snapshot_from > f.last_listed_on) as removed_on,
    case when f.is_in_force then f.last_updated end as last_updated,
    case when f.is_in_force then f.last_recertified end as last_recertified
from upstreams as u
left join found as f on f.upstream_id = u.upstream_id
left join disagreeing as d on d.upstream_id = u.upstream_id
left join suggestions as n on n.upstream_id = u.upstream_id
where u.newest_line = 1
