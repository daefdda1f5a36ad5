-- Feeds of calls whose files of the date have columns that no file of the seven days before had: a figure that jumps with them
-- may say more about the switch's export than about a party. A column that is renamed is an unknown one too.
with days as (

    select service_date from {{ ref('days_to_build') }}

),

files as (

    select s.service_date, r.feed, r.unknown_columns
    from {{ source('ops', 'file_service_dates') }} as s
    inner join {{ ref('stg_receipts') }} as r on r.receipt_id = s.file
    -- bytes that only arrived again under its date brought nothing, and nobody remembers when
    where r.kind = 'cdr' and s.rows > 0 and r.loaded_at <= '{{ run_value("known_at", "infinity") }}'

),

of_day as (

    select distinct d.service_date, f.feed, c.unknown_column
    from days as d
    inner join files as f using (service_date)
    cross join lateral unnest(f.unknown_columns) as c (unknown_column)

),

before as (

    select distinct d.service_date, f.feed, c.unknown_column
    from days as d
    inner join files as f on f.service_date between d.service_date - 7 and d.service_date - 1
    left join lateral unnest(f.unknown_columns) as c (unknown_column) on true

)

select o.service_date, o.feed, array_agg(o.unknown_column order by o.unknown_column) as new_columns
from of_day as o
where exists (select from before as b where b.service_date = o.service_date and b.feed = o.feed)
    and not exists (
        select from before as b where b.service_date = o.service_date and b.feed = o.feed and b.unknown_column = o.unknown_column
    )
group by o.service_date, o.feed
