{#-
  Candidates are calls to the notice's called number, from its calling number (presented or asserted) where it gives one;
  a notice without a called number has only the calling number to go by. The narrowest window that holds any candidate
  decides, and is recorded:
    5 s, 60 s, 300 s, then a whole-hour slip of 1 to 12 hours within 60 s (a zone mistaken), then 3600 s;
    where only the date is known: that day in the notice's zone with an hour on each side, then to its end in the
    last zone of the country (Hawaii, six hours behind the east).
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
    where n.call_at is not null

),

calls as (

    select *
    from {{ source('raw_lake', 'calls') }}
    where service_date in (select service_date from reach) and (
        called_number in (select called_number from reach)
        or calling_number in (select calling_number from reach where called_number is null)
        or asserted_number in (select calling_number from reach where called_number is null)
    )

),

attempts as (

    select
        r.receipt_id as notice_receipt_id,
        r.source_line as notice_source_line,
        r.call_precision_seconds,
        coalesce(r.calling_number is null or r.calling_number in (c.calling_number, c.asserted_number), false) as calling_agrees,
        c.start_ms - {{ epoch_milliseconds('r.call_at') }} as offset_ms,
        c.service_date,
        c.feed,
        c.switch_id,
        c.call_id,
        c.attempt,
        c.start_ms,
        c.start_at,
        c.answer_at,
        c.ingress_trunk,
        c.egress_trunk,
        c.attestation,
        c.attestation_sent,
        c.verstat,
        c.signer,
        c.orig_id,
        c.receipt_id,
        c.source_line
    from reach as r
    inner join calls as c
        on c.service_date = r.service_date
        and (c.called_number = r.called_number or (r.called_number is null and r.calling_number in (c.calling_number, c.asserted_number)))

),

-- several route attempts are one call, known by its final attempt
final_attempts as (

    select
        *,
        cast(round(offset_ms / 3600000.0) as integer) as hours,
        row_number() over (
            partition by notice_receipt_id, notice_source_line, calling_agrees, feed, switch_id, call_id
            order by attempt desc, start_ms desc, receipt_id, source_line
        ) as from_last
    from attempts

),

placed as (

    select
        *,
        case
            when call_precision_seconds >= 86400 and offset_ms between -3600000 and 25 * 3600000 then 6
            when call_precision_seconds >= 86400 and offset_ms between -3600000 and 31 * 3600000 then 7
            when call_precision_seconds >= 86400 then null
            -- a notice that gives only the minute cannot be held to seconds
            when abs(offset_ms) <= 5000 and call_precision_seconds < 60 then 1
            when abs(offset_ms) <= 60000 then 2
            when abs(offset_ms) <= 300000 then 3
            when abs(hours) between 1 and 12 and abs(offset_ms - hours * 3600000) <= 60000 then 4
            when abs(offset_ms) <= 3600000 then 5
        end as step
    from final_attempts
    where from_last = 1

),

narrowest as (

    select
        notice_receipt_id,
        notice_source_line,
        min(case when calling_agrees then step end) as step,
        -- calls to that number at about that time, but from another: not the call, and worth a look where none is found
        cast(count(distinct case when not calling_agrees and step <> 4 then concat_ws('|', feed, switch_id, call_id) end) as bigint) as from_others
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
    where p.calling_agrees

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
        case when coalesce(s.is_sure, a.is_sure) then coalesce(s.party_kind, a.party_kind) end as party_kind,
        case when coalesce(s.is_sure, a.is_sure) then coalesce(s.party_id, a.party_id) end as party_id
    from candidates as c
    left join trunks as s on s.service_date = c.service_date and s.trunk = c.ingress_trunk and s.switch_id = c.switch_id
    left join trunks as a on a.service_date = c.service_date and a.trunk = c.ingress_trunk and a.switch_id is null
    where c.candidates = 1

),

-- whose number it is, where we assigned it ourselves
numbers as (

    select distinct calling_number from notices where calling_number is not null

),

call_days as (

    select distinct cast(call_at as date) as service_date from notices where call_at is not null

),

holders as (

    {{ holders_of('numbers', 'call_days') }}

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
    coalesce(n.call_precision_seconds, 1) as call_precision_seconds,
    n.violation_class,
    n.campaign,
    n.downstream_provider,
    case
        when k.candidates = 1 then 'unique'
        when k.candidates > 1 then 'multiple'
        else 'none'
    end as match_status,
    case
        when k.step is null then null
        when n.called_number is null then 'calling'
        when n.calling_number is null then 'called'
        else 'called_and_calling'
    end as match_basis,
    case k.step
        when 1 then 5 when 2 then 60 when 3 then 300 when 4 then 60 when 5 then 3600 when 6 then 26 * 3600 when 7 then 32 * 3600
    end as match_window_seconds,
    case when k.step = 4 then s.hours when k.step is not null then 0 end as hour_slip,
    coalesce(k.candidates, 0) as candidates,
    coalesce(o.from_others, 0) as calls_from_others,
    s.party_kind,
    s.party_id,
    s.service_date as call_service_date,
    s.feed as call_feed,
    s.switch_id,
    s.call_id,
    s.start_at as call_at,
    case when s.call_id is not null then s.answer_at is not null end as answered,
    s.ingress_trunk,
    s.egress_trunk,
    s.attestation,
    s.attestation_sent,
    s.verstat,
    s.signer,
    s.orig_id,
    s.receipt_id,
    s.source_line,
    h.customer_id as calling_number_holder
from notices as n
left join counted as k on k.notice_receipt_id = n.receipt_id and k.notice_source_line = n.source_line
left join single as s on s.notice_receipt_id = n.receipt_id and s.notice_source_line = n.source_line
left join narrowest as o on o.notice_receipt_id = n.receipt_id and o.notice_source_line = n.source_line
left join holders as h on h.number = n.calling_number and h.service_date = cast(n.call_at as date)
