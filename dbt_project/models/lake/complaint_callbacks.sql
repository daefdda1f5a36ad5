{#-
  Calls of ours to the numbers that a complaint reports: what the consumer writes down as the caller may be a number to
  call back, as the call-back number is. Who calls it is a victim, not a suspect.
-#}
{{ config(materialized='table', meta={'publish': false}) }}

with windows as (

    select receipt_id, source_line, call_date, first_day, last_day, 'calling' as role, calling_number as number
    from {{ ref('complaint_windows') }}
    where calling_number is not null
    union all
    select receipt_id, source_line, call_date, first_day, last_day, 'callback' as role, callback_number as number
    from {{ ref('complaint_windows') }}
    where callback_number is not null

),

wanted as (

    {{ numbers_wanted('windows') }}

),

calls as (

    select c.called_number, c.feed, c.switch_id, c.call_id, min(c.service_date) as service_date
    from {{ source('raw_lake', 'calls') }} as c
    inner join wanted as w on w.service_date = c.service_date and w.number = c.called_number
    group by c.called_number, c.feed, c.switch_id, c.call_id

),

by_day as (

    select service_date, called_number, count(*) as calls from calls group by service_date, called_number

)

select
    w.receipt_id,
    w.source_line,
    cast(sum(case when w.role = 'calling' then d.calls else 0 end) as bigint) as calls_to_calling_number,
    cast(sum(case when w.role = 'callback' then d.calls else 0 end) as bigint) as callback_calls
from windows as w
inner join by_day as d on d.called_number = w.number and d.service_date between w.first_day and w.last_day
group by w.receipt_id, w.source_line
