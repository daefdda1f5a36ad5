{{ config(materialized='view') }}

with notices as (

    select * from {{ ref('notice_matches') }}

),

-- Was there a hole in our own records where the call should be? The hour around it decides.
gaps as (

    select n.notice_receipt_id, n.notice_source_line
    from notices as n
    cross join lateral generate_series(
        date_trunc('day', n.notice_call_at - interval '1 hour'), date_trunc('day', n.notice_call_at + interval '1 hour'), interval '1 day'
    ) as d (day)
    left join {{ ref('feed_status_daily') }} as f on f.service_date = d.day::date and f.kind = 'cdr'
    where n.match_status = 'none'
    group by n.notice_receipt_id, n.notice_source_line
    having not bool_and(coalesce({{ is_complete('f.status') }}, false))

),

judged as (

    select
        n.*,
        case when g.notice_receipt_id is not null then 'undetermined_data_gap' else n.match_status end as status
    from notices as n
    left join gaps as g on g.notice_receipt_id = n.notice_receipt_id and g.notice_source_line = n.notice_source_line

)

select
    j.service_date,
    j.traceback_id,
    j.requester,
    j.violation_class,
    j.campaign,
    -- instants of the lake are UTC without a zone
    j.received_at at time zone 'UTC' as received_at,
    (j.received_at + interval '24 hours') at time zone 'UTC' as due_at,
    j.status as match_status,
    j.match_window_seconds,
    j.hour_slip,
    j.candidates,
    j.call_id,
    j.call_at at time zone 'UTC' as call_at,
    j.party_kind,
    j.party_id,
    c.path as source_file,
    j.source_line,
    j.receipt_id as source_receipt_id,
    n.path as notice_file,
    j.notice_source_line as notice_line,
    j.notice_receipt_id,
    case j.status
        when 'unique' then coalesce('matched_' || j.party_kind, 'matched_unknown_trunk')
        when 'multiple' then 'ambiguous'
        when 'none' then 'no_record'
        else 'undetermined_data_gap'
    end as state
from judged as j
left join {{ ref('stg_receipts') }} as c on c.receipt_id = j.receipt_id
left join {{ ref('stg_receipts') }} as n on n.receipt_id = j.notice_receipt_id
