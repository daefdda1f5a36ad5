{{ config(materialized='view', grants={'+select': ['tollgate_notifier']}) }}

select
    service_date,
    feed,
    kind,
    status,
    expected,
    loaded,
    expected_rows,
    loaded_rows,
    reason,
    -- instants of the lake are UTC without a zone
    due_at at time zone 'UTC' as due_at
from {{ ref('feed_status_daily') }}

union all

-- a day whose marts failed their gate: nothing was recommended from them
select
    service_date,
    'marts' as feed,
    'marts' as kind,
    'blocked' as status,
    null as expected,
    null as loaded,
    null as expected_rows,
    null as loaded_rows,
    'nothing is recommended for the day: ' || string_agg(check_name || ': ' || coalesce(remedy, ''), '; ' order by check_name) as reason,
    null as due_at
from {{ ref('stg_gate_blocks') }}
where gate = 'marts'
group by service_date
