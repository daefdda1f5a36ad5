-- What a lost file would have brought is told from files of the same shape: of three days and more in the four weeks before.
with deliveries as (

    select *
    from {{ ref('feed_delivery_daily') }}
    inner join {{ ref('days_to_build') }} using (service_date)
    where kind = 'cdr'

),

files as (

    select
        s.service_date,
        s.feed,
        s.switch_id,
        s.file,
        ops.file_shape(r.path) as shape
    from {{ ref('switch_files_daily') }} as s
    inner join {{ ref('stg_receipts') }} as r on r.receipt_id = s.file
    where exists (
        select from {{ ref('days_to_build') }} as d where s.service_date between d.service_date - 28 and d.service_date
    )

),

-- A manifest may give a name alone: then the files of every folder are meant.
named as (

    select
        f.service_date,
        f.feed,
        n.path,
        case
            when count(distinct w.service_date) filter (where w.service_date < f.service_date) >= 3
            then array_agg(distinct w.switch_id order by w.switch_id)
        end as switches
    from deliveries as f
    cross join lateral unnest(f.incomplete_files) as n (path)
    left join files as w
        on w.feed = f.feed
        and w.service_date between f.service_date - 28 and f.service_date
        and (w.shape = ops.file_shape(n.path) or right(w.shape, length(ops.file_shape(n.path)) + 1) = '/' || ops.file_shape(n.path))
    group by f.service_date, f.feed, n.path

),

-- Of files that nobody lists, only the number is known: those are short that came on every day before and came less often now.
short as (

    select service_date, feed, expected_files - loaded_files as files
    from deliveries
    where not has_manifest and has_declared_files and loaded_files between 1 and expected_files - 1

),

days_of_shape as (

    select f.service_date, f.feed, w.shape, w.service_date as seen_on, count(distinct w.file) as files
    from short as f
    inner join files as w on w.feed = f.feed and w.service_date between f.service_date - 28 and f.service_date
    group by f.service_date, f.feed, w.shape, w.service_date

),

days_of_feed as (

    select service_date, feed, count(distinct seen_on) as days
    from days_of_shape
    where seen_on < service_date
    group by service_date, feed
    having count(distinct seen_on) >= 3

),

short_shapes as (

    select
        u.service_date,
        u.feed,
        u.shape,
        min(u.files) filter (where u.seen_on < u.service_date) - coalesce(max(u.files) filter (where u.seen_on = u.service_date), 0) as files
    from days_of_shape as u
    inner join days_of_feed as d using (service_date, feed)
    group by u.service_date, u.feed, u.shape, d.days
    having count(*) filter (where u.seen_on < u.service_date) = d.days

),

unnamed as (

    select
        s.service_date,
        s.feed,
        s.shape as path,
        s.files,
        array(
            select distinct w.switch_id
            from files as w
            where w.feed = s.feed and w.shape = s.shape and w.service_date between s.service_date - 28 and s.service_date
            order by 1
        ) as switches
    from short_shapes as s
    where s.files > 0

)

select service_date, feed, path, switches from named

union all

select service_date, feed, path, switches from unnamed

union all

-- more are short than can be told
select s.service_date, s.feed, '' as path, null as switches
from short as s
left join unnamed as u using (service_date, feed)
group by s.service_date, s.feed, s.files
having s.files > coalesce(sum(u.files), 0)
