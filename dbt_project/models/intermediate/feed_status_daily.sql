-- the days to build, and the 28 days before each, which it is compared with
with deliveries as (

    select *
    from {{ ref('feed_delivery_daily') }} as f
    where exists (
        select from {{ ref('days_to_build') }} as d where f.service_date between d.service_date - 28 and d.service_date
    )

),

-- Failed checks of arriving data, feed by feed: those that block and those that a person let pass all the same. One that names no
-- feed, or could not be evaluated, is about every feed of calls; one that names a switch (feed@switch) is about that one.
failed as (

    select
        f.service_date,
        f.feed,
        c.check_name,
        c.told,
        c.entry_id,
        r.switch_id
    from deliveries as f
    inner join (
        select service_date, gate, check_name, affected as reaches, null as told, null as entry_id from {{ ref('stg_gate_blocks') }}
        union all
        select service_date, gate, check_name, feeds, told, entry_id from {{ ref('stg_gate_overrides') }}
    ) as c on c.service_date = f.service_date and c.gate = 'arriving_data'
    cross join lateral (
        select nullif(substr(reach, length(f.feed) + 2), '') as switch_id
        from unnest(c.reaches) as reaches (reach)
        where reach = f.feed or starts_with(reach, f.feed || '@')
        union all
        select null where c.reaches = '{}' and f.kind = 'cdr'
    ) as r

),

failures as (

    select
        service_date,
        feed,
        string_agg(what, ', ' order by what) filter (where told is null) as checks,
        string_agg(told, '; ' order by check_name, entry_id) as overridden
    from (
        select
            service_date,
            feed,
            check_name,
            entry_id,
            told,
            check_name || coalesce(' (' || string_agg(switch_id, ', ' order by switch_id) || ')', '') as what
        from failed
        group by service_date, feed, check_name, entry_id, told
    ) as by_check
    group by service_date, feed

),

-- calls of a switch by hour and, where the hour is null, of its whole day
traffic as (

    select service_date, feed, switch_id, hour, sum(calls) as calls
    from {{ ref('switch_coverage_hourly') }} as c
    where exists (
        select from {{ ref('days_to_build') }} as d where c.service_date between d.service_date - 28 and d.service_date
    )
    group by grouping sets ((service_date, feed, switch_id, hour), (service_date, feed, switch_id))

),

silent_declared as (

    select distinct f.service_date, f.feed, s.switch_id
    from deliveries as f
    cross join lateral unnest(f.declared_switches) as s (switch_id)
    where not exists (
        select from traffic as t where t.service_date = f.service_date and t.feed = f.feed and t.switch_id = s.switch_id
    )

),

silent_declared_switches as (

    select service_date, feed, string_agg(switch_id, ', ' order by switch_id) as silent
    from silent_declared
    group by service_date, feed

),

-- Days on which a feed that follows the federal calendar publishes no file. What was filed then comes with the file of the next
-- working day, and re-opens the day.
rests as (

    select f.service_date, f.feed
    from deliveries as f
    left join {{ ref('holidays') }} as h on h.observed_on = f.service_date
    where f.calendar = 'us_federal' and (h.observed_on is not null or extract(isodow from f.service_date) > 5)

),

-- what can be said of a day without looking at others
arrived as (

    select
        f.*,
        c.checks,
        c.overridden,
        s.silent as silent_declared,
        r.feed is not null and f.loaded_files = 0 as rests,
        case
            when c.checks is not null then 'blocked'
            when r.feed is not null and f.loaded_files = 0 then 'complete'
            when f.kind <> 'cdr' and f.loaded_files < f.expected_files then 'missing'
            when f.kind <> 'cdr' then 'complete'
            when f.has_manifest and f.loaded_files = f.expected_files and f.expected_rows = 0 then 'no_traffic_confirmed'
            when f.has_manifest and f.loaded_files = f.expected_files then 'complete'
            when f.has_manifest and f.loaded_files = 0 and f.loaded_rows = 0 then 'missing'
            when f.has_manifest then 'partial'
            when f.broken_files is not null then 'partial'
            when f.loaded_files = 0 and f.loaded_rows = 0 then 'missing'
            when f.loaded_files < f.expected_files or f.loaded_rows = 0 or s.feed is not null then 'partial'
            else 'complete'
        end as own_status
    from deliveries as f
    left join failures as c on c.service_date = f.service_date and c.feed = f.feed
    left join silent_declared_switches as s on s.service_date = f.service_date and s.feed = f.feed
    left join rests as r on r.service_date = f.service_date and r.feed = f.feed

),

-- Days that can tell what is usual. Not those that are known to lack calls, or blocked, or overridden; but those with an hour that was empty
-- against its habit: when it stays empty, that has become usual and must not be an alarm for ever.
whole_days as (

    (
        select service_date, feed from traffic
        union
        select service_date, feed from arrived where own_status = 'no_traffic_confirmed'
    )
    except
    select service_date, feed from arrived where not {{ is_complete('own_status') }} or overridden is not null

),

-- Each day is compared with all of the last 28, and with the same weekdays among them, for traffic that rests on weekends.
compared as (

    select d.service_date, w.feed, w.service_date as seen_on, '' as weekday, 3 as least_days
    from {{ ref('days_to_build') }} as d
    inner join whole_days as w on w.service_date >= d.service_date - 28 and w.service_date < d.service_date
    union all
    select d.service_date, w.feed, w.service_date, to_char(d.service_date, ' "on "FMDay"s"'), 2
    from {{ ref('days_to_build') }} as d
    inner join whole_days as w on w.service_date in (d.service_date - 7, d.service_date - 14, d.service_date - 21, d.service_date - 28)

),

comparisons as (

    select service_date, feed, weekday, count(*) as days
    from compared
    group by service_date, feed, weekday
    having count(*) >= max(least_days)

),

-- Where every day of a comparison had calls enough: 20 in an hour, since hours are many and calls come in clumps, or 5 in a
-- day. Of calls that come independently, two days with 5 and then one with none happen at most once in 390 times.
usual as (

    select c.service_date, c.feed, c.weekday, t.switch_id, t.hour
    from compared as c
    inner join comparisons as n on n.service_date = c.service_date and n.feed = c.feed and n.weekday = c.weekday
    inner join traffic as t on t.service_date = c.seen_on and t.feed = c.feed
    where t.calls >= case when t.hour is null then 5 else 20 end
    group by c.service_date, c.feed, c.weekday, t.switch_id, t.hour, n.days
    having count(*) = n.days

),

-- the same hours an hour later or earlier: a clock was changed, which moves the edges of a business day in UTC
moved as (

    select u.service_date, u.feed, u.weekday, u.switch_id
    from usual as u
    cross join (values (1), (23)) as shift (hours)
    left join traffic as t
        on t.service_date = u.service_date
        and t.feed = u.feed
        and t.switch_id = u.switch_id
        and t.hour = (u.hour + shift.hours) % 24
    where u.hour is not null
    group by u.service_date, u.feed, u.weekday, u.switch_id, shift.hours
    having bool_and(coalesce(t.calls >= 20, false))

),

-- Usual and without a call now. Of a switch that is silent all day, that is said and not each hour; the comparison with all
-- days says more than that with the weekday.
silent as (

    select
        u.service_date,
        u.feed,
        u.switch_id,
        u.hour is null as all_day,
        concat(u.switch_id, ' ' || lpad(u.hour::text, 2, '0') || 'h', min(u.weekday)) as what
    from usual as u
    left join traffic as d
        on d.service_date = u.service_date and d.feed = u.feed and d.switch_id = u.switch_id and d.hour is null
    left join traffic as h
        on h.service_date = u.service_date and h.feed = u.feed and h.switch_id = u.switch_id and h.hour = u.hour
    left join moved as m
        on m.service_date = u.service_date and m.feed = u.feed and m.switch_id = u.switch_id and m.weekday = u.weekday
    where case
        when u.hour is null then d.feed is null
        else d.feed is not null and h.feed is null and m.feed is null
    end
    group by u.service_date, u.feed, u.switch_id, u.hour

),

unusual as (

    select
        service_date,
        feed,
        left(string_agg(what, ', ' order by what) filter (where all_day), 400) as silent_switches,
        left(string_agg(what, ', ' order by what) filter (where not all_day), 400) as silent_hours
    from silent
    group by service_date, feed

),

-- The switches of whose calls something is missing or in doubt; null where it may be any.
affected as (

    select
        service_date,
        feed,
        case when bool_and(switch_id is not null) then array_agg(distinct switch_id order by switch_id) end as switches
    from (
        select service_date, feed, switch_id from failed
        union all
        select i.service_date, i.feed, s.switch_id
        from {{ ref('incomplete_files_daily') }} as i
        left join lateral unnest(i.switches) as s (switch_id) on true
        union all
        select service_date, feed, switch_id from silent_declared
        union all
        select service_date, feed, switch_id from silent
    ) as found
    group by service_date, feed

),

judged as (

    select
        a.*,
        s.switches,
        u.silent_switches,
        u.silent_hours,
        case
            when a.kind = 'cdr' and not a.has_manifest and a.own_status = 'complete' and u.feed is not null then 'partial'
            when a.overridden is not null and {{ is_complete('a.own_status') }} then 'overridden'
            else a.own_status
        end as status
    from arrived as a
    inner join {{ ref('days_to_build') }} as d on d.service_date = a.service_date
    left join unusual as u on u.service_date = a.service_date and u.feed = a.feed
    left join affected as s on s.service_date = a.service_date and s.feed = a.feed

),

told as (

    select
        *,
        case when status in ('partial', 'blocked', 'overridden') and loaded_rows > 0 then switches end as affected_switches,
        case
            when status = 'blocked' then 'arriving data failed: ' || checks
            when kind = 'cdr' and has_manifest and status = 'missing' then 'none of the ' || expected_files || ' files of the manifest is loaded'
            when kind = 'cdr' and has_manifest and status = 'partial' then loaded_files || ' of ' || expected_files || ' files of the manifest are loaded; not: ' || coalesce(missing, '')
            when kind = 'cdr' and has_manifest then 'all ' || expected_files || ' files of the manifest are loaded, ' || expected_rows || ' rows'
            when kind = 'cdr' and status = 'missing' and has_declared_files then 'none of the ' || expected_files || ' declared files has arrived'
            when kind = 'cdr' and status = 'missing' then 'no calls of this day have arrived'
            when kind = 'cdr' and status = 'partial' then concat_ws(
                '; ',
                'broken off, to be sent again whole: ' || broken_files,
                case when has_declared_files and loaded_files < expected_files then loaded_files || ' of ' || expected_files || ' declared files have arrived' end,
                case
                    when has_declared_files and loaded_files >= expected_files and loaded_rows = 0
                    then 'all ' || expected_files || ' declared files have arrived without a call: only a manifest confirms that there was no traffic'
                end,
                'no calls of declared switches: ' || silent_declared,
                'no calls of switches that are never silent: ' || silent_switches,
                'no calls in hours that are never empty: ' || silent_hours
            )
            when kind = 'cdr' and has_declared_files then 'no manifest; all ' || expected_files || ' declared files have arrived with ' || loaded_rows || ' rows and no usual hour is empty'
            when kind = 'cdr' then 'no manifest; ' || loaded_files || ' files brought ' || loaded_rows || ' rows and no usual hour is empty'
            when kind = 'reference' and status = 'missing' then 'no snapshot has arrived'
            when kind = 'reference' and snapshot_from > service_date then 'the first snapshot, of ' || snapshot_from || ', is used for the days before it'
            when kind = 'reference' then 'snapshot of ' || snapshot_from || ', ' || loaded_rows || ' rows'
            when rests then 'no file is published on weekends and federal holidays'
            when status = 'missing' then 'no file of this day has arrived: a quiet day and a feed that is down look alike'
            else loaded_files || ' files brought ' || loaded_rows || ' rows'
        end as reason
    from judged

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
    -- names of files and the words of people may hold anything
    {% set reason -%}
    concat_ws(
        '; ', reason, case when status in ('partial', 'missing') then to_char(due_at, '"due "YYYY-MM-DD HH24:MI" UTC"') end, overridden,
        'only parties on ' || array_to_string(affected_switches, ', ') || case status when 'overridden' then ' are concerned' else ' are held' end
    )
    {%- endset %}
    {{- without_numbers(reason) }} as reason,
    declared_switches,
    affected_switches,
    due_at
from told
