{{ config(materialized='view', grants={'+select': ['tollgate_notifier']}) }}

select
    service_date,
    feed,
    kind,
    -- all of it is there; that a person let a failed check pass is told by the reason
    case status when 'overridden' then 'complete' else status end as status,
    expected,
    loaded,
    expected_rows,
    loaded_rows,
    reason,
    affected_switches,
    -- instants of the lake are UTC without a zone
    due_at at time zone 'UTC' as due_at
from {{ ref('feed_status_daily') }}

union all

-- a day whose marts failed their gate: nothing was recommended from them, unless a person let them pass
select
    service_date,
    'marts' as feed,
    'marts' as kind,
    case when bool_or(is_block) then 'blocked' else 'complete' end as status,
    null as expected,
    null as loaded,
    null as expected_rows,
    null as loaded_rows,
    {% set reason -%}
    concat_ws(
        '; ',
        'nothing is recommended for the day: ' || string_agg(told, '; ' order by told) filter (where is_block),
        string_agg(told, '; ' order by told) filter (where not is_block)
    )
    {%- endset %}
    {{- without_numbers(reason) }} as reason,
    null as affected_switches,
    null as due_at
from (
    select service_date, true as is_block, check_name || ': ' || coalesce(remedy, '') as told
    from {{ ref('stg_gate_blocks') }}
    where gate = 'marts'
    union all
    select service_date, false, told
    from {{ ref('stg_gate_overrides') }}
    where gate = 'marts'
) as found
group by service_date
