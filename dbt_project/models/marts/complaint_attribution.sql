{{ config(materialized='view') }}

-- that we carried no such call is proven only where every feed of calls brought its day
with coverage as (

    select service_date, bool_and({{ is_complete('status') }}) as is_complete
    from {{ ref('feed_status_daily') }}
    where kind = 'cdr'
    group by service_date

)

select
    m.service_date,
    m.feed,
    m.source,
    m.complaint_id,
    m.match_level,
    m.customer_id,
    m.calls_matched,
    m.weight,
    m.candidates,
    m.area_code_matched,
    m.call_at at time zone 'UTC' as call_at,
    m.call_date,
    m.call_quality,
    m.window_days,
    coalesce(c.is_complete, false) and x.service_date is null as coverage_complete,
    m.calling_number_holder,
    m.calls_to_calling_number,
    m.callback_holder,
    m.callback_calls,
    m.receipt_id,
    m.source_line
from {{ ref('complaint_matches') }} as m
left join coverage as c on c.service_date = m.call_date
-- what was deleted at the end of its period proves nothing of complaints received since
left join {{ ref('stg_deleted_calls') }} as x on x.service_date = m.call_date and (x.deleted_at at time zone 'UTC')::date <= m.service_date
