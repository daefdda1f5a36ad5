with deliveries as (

    select f.*
    from {{ ref('feed_delivery_daily') }} as f
    inner join {{ ref('days_to_build') }} as d using (service_date)

),

-- Hours of a switch without one call today, of which every delivered day of the last 28 (at least 3) had 20 or more.
recent_hours as (

    select d.service_date, c.feed, c.switch_id, c.hour, c.service_date as seen_on, c.calls
    from {{ ref('days_to_build') }} as d
    inner join {{ ref('switch_coverage_hourly') }} as c
        on c.service_date >= d.service_date - 28 and c.service_date < d.service_date

),

delivered_days as (

    select service_date, feed, count(distinct seen_on) as days from recent_hours group by service_date, feed

),

busy_hours as (

    select t.service_date, t.feed, t.switch_id, t.hour
    from recent_hours as t
    inner join delivered_days as d on d.service_date = t.service_date and d.feed = t.feed
    where d.days >= 3
    group by t.service_date, t.feed, t.switch_id, t.hour, d.days
    having count(*) filter (where t.calls >= 20) = d.days

),

silent_hours as (

    select
        b.service_date,
        b.feed,
        count(*) as hours,
        string_agg(b.switch_id || ' ' || lpad(b.hour::text, 2, '0') || 'h', ', ' order by b.switch_id, b.hour) as which
    from busy_hours as b
    left join {{ ref('switch_coverage_hourly') }} as c
        on c.service_date = b.service_date and c.feed = b.feed and c.switch_id = b.switch_id and c.hour = b.hour
    where c.hour is null
    group by b.service_date, b.feed

),

-- a check that names no feed, or could not be evaluated, blocks every feed of calls
blocks as (

    select f.service_date, f.feed, string_agg(b.check_name, ', ' order by b.check_name) as checks
    from deliveries as f
    inner join {{ ref('stg_gate_blocks') }} as b
        on b.service_date = f.service_date
        and b.gate = 'arriving_data'
        and (f.feed = any(b.affected) or (b.affected = '{}' and f.kind = 'cdr'))
    group by f.service_date, f.feed

),

judged as (

    select
        f.*,
        b.checks,
        s.which as silent_hours,
        case
            when b.feed is not null then 'blocked'
            when f.kind = 'cdr' and f.has_manifest and f.loaded_files = f.expected_files and f.expected_rows = 0 then 'no_traffic_confirmed'
            when f.kind = 'cdr' and f.has_manifest and f.loaded_files = f.expected_files then 'complete'
            when f.kind = 'cdr' and f.has_manifest and f.loaded_files = 0 and f.loaded_rows = 0 then 'missing'
            when f.kind = 'cdr' and f.has_manifest then 'partial'
            when f.loaded_files < f.expected_files then 'missing'
            when f.kind = 'cdr' and s.feed is not null then 'partial'
            else 'complete'
        end as status
    from deliveries as f
    left join blocks as b on b.service_date = f.service_date and b.feed = f.feed
    left join silent_hours as s on s.service_date = f.service_date and s.feed = f.feed

)

select
    service_date,
    kind,
    feed,
    status,
    expected_files as expected,
    loaded_files as loaded,
    expected_rows,
    loaded_rows,
    case
        when status = 'blocked' then 'arriving data failed: ' || checks
        when kind = 'cdr' and has_manifest and status = 'missing' then 'none of the ' || expected_files || ' files of the manifest is loaded'
        when kind = 'cdr' and has_manifest and status = 'partial' then loaded_files || ' of ' || expected_files || ' files of the manifest are loaded; not: ' || coalesce(missing, '')
        when kind = 'cdr' and has_manifest then 'all ' || expected_files || ' files of the manifest are loaded, ' || expected_rows || ' rows'
        when kind = 'cdr' and status = 'missing' then 'no calls of this day have arrived'
        when kind = 'cdr' and status = 'partial' then 'no calls in hours that are never empty: ' || left(silent_hours, 400)
        when kind = 'cdr' then 'no manifest; ' || loaded_files || ' files brought ' || loaded_rows || ' rows and no usual hour is empty'
        when kind = 'reference' and status = 'missing' then 'no snapshot has arrived'
        when kind = 'reference' and snapshot_from > service_date then 'the first snapshot, of ' || snapshot_from || ', is used for the days before it'
        when kind = 'reference' then 'snapshot of ' || snapshot_from || ', ' || loaded_rows || ' rows'
        when status = 'missing' then 'no file of this day has arrived: a quiet day and a feed that is down look alike'
        else loaded_files || ' files brought ' || loaded_rows || ' rows'
    end as reason
from judged
