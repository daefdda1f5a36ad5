{#-
  The days on which the call of a complaint may lie: that of the call and a day beside it where the consumer knows the
  time, a week beside it where only the date is known. Whole days and not hours: a zone is often an assumption, and the
  wider the window, the more likely it is that a second user of the number is seen.
-#}
{{ config(materialized='table', meta={'publish': false}) }}

with complaints as (

    select
        *,
        -- nobody complains of a call before it is made: such a date is a mistake, and the day of receipt stands instead
        coalesce(cast(call_at as date) <= service_date, false) as is_dated
    from {{ source('raw_lake', 'complaints') }}
    where service_date in ({{ dates(evidence_days()) }})

),

dated as (

    select
        *,
        case when is_dated then call_at else received_at end as call_or_receipt_at,
        case when is_dated then cast(call_at as date) else service_date end as call_date,
        coalesce(is_dated and call_time_known, false) as is_timed,
        case when is_dated and call_time_known then 1 else 7 end as window_days
    from complaints

)

select
    service_date,
    feed,
    source,
    complaint_id,
    receipt_id,
    source_line,
    call_quality,
    call_or_receipt_at as call_at,
    is_timed as call_time_known,
    call_date,
    window_days,
    cast(call_date - window_days as date) as first_day,
    least(cast(call_date + window_days as date), service_date) as last_day,
    calling_number,
    called_number,
    called_area_code,
    callback_number,
    consumer_state
from dated
