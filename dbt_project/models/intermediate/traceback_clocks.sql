{{ config(materialized='view') }}

{#- Business hours are 8:00 to 17:30 on business days, in the zone of the office that answers. -#}
with notices as (

    select
        service_date,
        notice_receipt_id,
        notice_source_line,
        received_at at time zone 'UTC' as received_at,
        -- the office's wall clock
        received_at at time zone 'UTC' at time zone {{ office_zone() }} as received_local
    from {{ ref('notice_matches') }}

),

dated as (

    select
        *,
        {{ business_day_from("received_local::date") }} = received_local::date as on_business_day,
        {{ business_day_from("case when received_local::time >= time '17:30' then received_local::date + 1 else received_local::date end") }} as next_open
    from notices

),

started as (

    select
        *,
        case
            when on_business_day and received_local::time >= time '08:00' and received_local::time < time '17:30' then received_local
            else next_open + time '08:00'
        end as started_local
    from dated

)

select
    service_date,
    notice_receipt_id,
    notice_source_line,
    received_at,
    received_at + interval '24 hours' as due_at,
    started_local at time zone {{ office_zone() }} as clock_started_at,
    -- a period that would end on a day off ends at the same time of the next business day
    ({{ business_day_from("(started_local + interval '1 day')::date") }} + started_local::time) at time zone {{ office_zone() }} as legal_due_at
from started
