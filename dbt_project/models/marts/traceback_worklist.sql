{{ config(materialized='view', grants={'+select': ['tollgate_notifier']}) }}

with notices as (

    select * from {{ ref('notice_matches') }}

),

-- Was there a hole in our own records where the call should be? The hours around it decide, of a date alone the day. What was
-- deleted at the end of its period is a hole for notices received since.
gaps as (

    select n.notice_receipt_id, n.notice_source_line
    from notices as n
    cross join lateral generate_series(
        date_trunc('day', n.notice_call_at - interval '1 hour'),
        date_trunc('day', n.notice_call_at + case when n.call_precision_seconds >= 86400 then interval '25 hours' else interval '1 hour' end),
        interval '1 day'
    ) as d (day)
    left join {{ ref('feed_status_daily') }} as f on f.service_date = d.day::date and f.kind = 'cdr'
    left join {{ ref('stg_deleted_calls') }} as x on x.service_date = d.day::date and x.deleted_at at time zone 'UTC' <= n.received_at
    where n.match_status = 'none'
    group by n.notice_receipt_id, n.notice_source_line
    having not bool_and(coalesce({{ is_complete('f.status') }}, false) and x.service_date is null)

),

-- what a person did about a notice, and when it became overdue
steps as (

    select
        subject_id as traceback_id,
        (array_agg(state order by entry_id desc) filter (where state not in ('received', 'clock_running', 'searching', 'overdue')))[1] as last_state,
        min(at) filter (where state = 'overdue') as overdue_since,
        min(at) filter (where state like 'responded\_%') as responded_at,
        (array_agg(actor order by entry_id) filter (where state like 'responded\_%'))[1] as responder,
        bool_or(state like 'responded\_%') as is_answered
    from {{ ref('stg_transitions') }}
    where subject = 'traceback'
    group by subject_id

),

parties as (

    select distinct on (party_kind, party_id) party_kind, party_id, legal_name, country, role, onboarded_on
    from {{ ref('party_daily') }}
    order by party_kind, party_id, service_date desc

),

registry as (

    select distinct on (upstream_id) upstream_id, frn, rmd_number
    from {{ ref('upstream_registry_daily') }}
    order by upstream_id, service_date desc

),

judged as (

    select
        n.*,
        case when g.notice_receipt_id is not null then 'undetermined_data_gap' else n.match_status end as status,
        case
            when n.party_kind = 'customer' then 'originating'
            when n.party_kind = 'upstream' and p.country <> 'US' then 'gateway'
            when n.party_kind = 'upstream' then 'intermediate'
        end as our_role,
        p.legal_name,
        p.country,
        r.frn,
        r.rmd_number
    from notices as n
    left join gaps as g on g.notice_receipt_id = n.notice_receipt_id and g.notice_source_line = n.notice_source_line
    left join parties as p on p.party_kind = n.party_kind and p.party_id = n.party_id
    left join registry as r on n.party_kind = 'upstream' and r.upstream_id = n.party_id

),

drafted as (

    select
        *,
        case status
            when 'unique' then coalesce('matched_' || party_kind, 'matched_unknown_trunk')
            when 'multiple' then 'ambiguous'
            when 'none' then 'no_record'
            else 'undetermined_data_gap'
        end as search_state,
        concat_ws(
            E'\n',
            'Traceback ' || traceback_id || ', call of '
                || to_char(notice_call_at, case when call_precision_seconds >= 86400 then 'YYYY-MM-DD' else 'YYYY-MM-DD HH24:MI:SS "UTC"' end)
                || ' as you give it.',
            case
                when status = 'unique' and match_basis = 'calling'
                then 'You gave no called number. We carried one call from that number at that time, and cannot tell whether it is yours; it came from '
                    || coalesce(legal_name, party_id, 'a trunk whose owner we are still establishing') || '. Please send the called number.'
                when status = 'unique' and party_kind = 'customer'
                then 'The call was originated by our customer ' || coalesce(legal_name, party_id) || ', ' || party_id || coalesce(', ' || country, '') || '.'
                when status = 'unique' and party_kind = 'upstream'
                then 'The call was handed to us directly by ' || coalesce(legal_name, party_id) || coalesce(', ' || country, '') || coalesce(', FRN ' || frn, '')
                    || coalesce(', ' || rmd_number, '') || '. We are ' || case our_role when 'gateway' then 'the gateway' else 'an intermediate' end || ' provider.'
                when status = 'unique' then 'The call came to us on a trunk whose owner we are still establishing.'
                when status = 'multiple' then candidates || ' of our calls fit what you give. Please send the seconds of the call''s time, its zone and the calling number.'
                when status = 'none' and call_precision_seconds >= 86400
                then 'We have no record of this call. Our records of that day are complete; we searched by the numbers you give, to the day''s end in every zone of the country.'
                when status = 'none'
                then 'We have no record of this call. Our records of those hours are complete; we searched by the numbers you give, an hour either way, and at whole-hour differences of zone in what we have of the hours around.'
                else 'We cannot answer yet: our own records of those hours are not complete.'
            end,
            case
                when status = 'unique'
                then 'Our record: call ' || call_id || ', started ' || to_char(call_at, 'YYYY-MM-DD HH24:MI:SS "UTC"')
                    || case when answered then ', answered' else ', not answered' end || '.'
            end,
            case
                when status = 'unique' and hour_slip <> 0 then 'Your time differs from it by ' || hour_slip || ' hours.'
            end,
            case
                when status = 'unique'
                then 'Attestation received: ' || coalesce(attestation, 'none, unsigned')
                    || coalesce(', signed by ' || signer, '') || coalesce(', verification ' || verstat, '') || coalesce(', origid ' || orig_id, '')
                    || '. Attestation sent: ' || coalesce(attestation_sent, 'not recorded by our switch') || '.'
            end
        ) as answer_draft
    from judged

)

select
    j.service_date,
    j.traceback_id,
    j.requester,
    j.violation_class,
    {{ without_numbers('j.campaign') }} as campaign,
    t.received_at,
    t.due_at,
    t.clock_started_at,
    t.legal_due_at,
    j.status as match_status,
    j.match_basis,
    v.traceback_id is not null as is_proof,
    j.match_window_seconds,
    j.hour_slip,
    j.candidates,
    j.calls_from_others,
    j.call_id,
    -- instants of the lake are UTC without a zone
    j.call_at at time zone 'UTC' as call_at,
    j.party_kind,
    j.party_id,
    j.calling_number_holder,
    j.our_role,
    j.attestation,
    j.attestation_sent,
    j.signer,
    c.path as source_file,
    j.source_line,
    j.receipt_id as source_receipt_id,
    n.path as notice_file,
    j.notice_source_line as notice_line,
    j.notice_receipt_id,
    j.search_state,
    -- a search done again changes the state until somebody has answered
    case when s.is_answered then s.last_state else j.search_state end as state,
    s.responded_at,
    s.responder,
    extract(epoch from s.responded_at - t.received_at)::double precision / 3600 as elapsed_hours,
    s.overdue_since,
    r.recurrence,
    coalesce(r.recurs_of, '{}') as recurs_of,
    j.answer_draft
from drafted as j
inner join {{ ref('traceback_clocks') }} as t on t.notice_receipt_id = j.notice_receipt_id and t.notice_source_line = j.notice_source_line
left join {{ ref('traced_calls') }} as v on v.notice_receipt_id = j.notice_receipt_id and v.notice_source_line = j.notice_source_line
left join {{ ref('traceback_recurrences') }} as r on r.notice_receipt_id = j.notice_receipt_id and r.notice_source_line = j.notice_source_line
left join steps as s on s.traceback_id = j.traceback_id
left join {{ ref('stg_receipts') }} as c on c.receipt_id = j.receipt_id
left join {{ ref('stg_receipts') }} as n on n.receipt_id = j.notice_receipt_id
