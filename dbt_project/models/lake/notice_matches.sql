{#-
  Candidates are calls to the notice's called number (and from its calling number, presented or asserted, where it
  gives one). The narrowest window that holds any candidate decides, and is recorded:
  5 s, 60 s, 300 s, then a whole-hour slip of 1 to 12 hours within 60 s (a zone mistaken), then 3600 s.
-#}
{{ config(meta={'days': 'evidence_days', 'publish': true}) }}

with notices as (

    select *
    from {{ source('raw_lake', 'notices') }}
    where service_date in ({{ dates(evidence_days()) }})

),

reach as (

    select
        n.receipt_id,
        n.source_line,
        n.called_number,
        n.calling_number,
        n.call_at,
        coalesce(n.call_precision_seconds, 1) as call_precision_seconds,
        cast(cast(n.call_at as date) + o.days as date) as service_date
    from notices as n
    cross join (select -1 as days union all select 0 union all select 1) as o
    where n.called_number is not null and n.call_at is not null

),

attempts as (

    select
        r.receipt_id as notice_receipt_id,
        r.source_line as notice_source_line,
        r.call_precision_seconds,
        c.start_ms - {{ epoch_milliseconds('r.call_at') }} as offset_ms,
        c.service_date,
        c.feed,
        c.switch_id,
        c.call_id,
        c.attempt,
        c.start_at,
        c.ingress_trunk,
        c.receipt_id,
        c.source_line,
        -- several route attempts are one call, known by its final attempt
        row_number() over (
            partition by r.receipt_id, r.source_line, c.feed, c.switch_id, c.call_id
            order by c.attempt desc, c.start_ms desc, c.receipt_id, c.source_line
        ) as from_last
    from reach as r
    inner join {{ source('raw_lake', 'calls') }} as c
        on c.service_date = r.service_date
        and c.called_number = r.called_number
        and (r.calling_number is null or r.calling_number = c.calling_number or r.calling_number = c.asserted_number)

),

slips as (

    select *, cast(round(offset_ms / 3600000.0) as integer) as hours
    from attempts
    where from_last = 1

),

placed as (

    select
        *,
        case
            -- a notice that gives only the minute cannot be held to seconds
            when abs(offset_ms) <= 5000 and call_precision_seconds < 60 then 1
            when abs(offset_ms) <= 60000 then 2
            when abs(offset_ms) <= 300000 then 3
            when abs(hours) between 1 and 12 and abs(offset_ms - hours * 3600000) <= 60000 then 4
            when abs(offset_ms) <= 3600000 then 5
        end as step
    from slips

),

narrowest as (

    select
        notice_receipt_id,
        notice_source_line,
        min(step) as step
    from placed
    where step is not null
    group by notice_receipt_id, notice_source_line

),

candidates as (

    select p.*, count(*) over (partition by p.notice_receipt_id, p.notice_source_line) as candidates
    from placed as p
    inner join narrowest as n
        on n.notice_receipt_id = p.notice_receipt_id
        and n.notice_source_line = p.notice_source_line
        and n.step = p.step

),

days_of_calls as (

    select distinct service_date from candidates

),

trunks as (

    {{ trunks_in_force('days_of_calls') }}

),

-- never silently the first of several: only a single candidate names a call and its party
single as (

    select
        c.*,
        coalesce(s.party_kind, a.party_kind) as party_kind,
        coalesce(s.party_id, a.party_id) as party_id
    from candidates as c
    left join trunks as s on s.service_date = c.service_date and s.trunk = c.ingress_trunk and s.switch_id = c.switch_id
    left join trunks as a on a.service_date = c.service_date and a.trunk = c.ingress_trunk and a.switch_id is null
    where c.candidates = 1

),

counted as (

    select
        notice_receipt_id,
        notice_source_line,
        max(step) as step,
        cast(count(*) as bigint) as candidates
    from candidates
    group by notice_receipt_id, notice_source_line

)

select
    n.service_date,
    n.feed,
    n.traceback_id,
    n.receipt_id as notice_receipt_id,
    n.source_line as notice_source_line,
    n.requester,
    n.received_at,
    n.call_at as notice_call_at,
    n.violation_class,
    n.campaign,
    case
        when k.candidates = 1 then 'unique'
        when k.candidates > 1 then 'multiple'
        else 'none'
    end as match_status,
    case k.step when 1 then 5 when 2 then 60 when 3 then 300 when 4 then 60 when 5 then 3600 end as match_window_seconds,
    case when k.step = 4 then s.hours when k.step is not null then 0 end as hour_slip,
    coalesce(k.candidates, 0) as candidates,
    s.party_kind,
    s.party_id,
    s.service_date as call_service_date,
    s.feed as call_feed,
    s.switch_id,
    s.call_id,
    s.start_at as call_at,
    s.receipt_id,
    s.source_line
from notices as n
left join counted as k on k.notice_receipt_id = n.receipt_id and k.notice_source_line = n.source_line
left join single as s on s.notice_receipt_id = n.receipt_id and s.notice_source_line = n.source_line
