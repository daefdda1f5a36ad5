{{ config(materialized='view') }}

-- Traced calls that were made after somebody was cut off for such calls: the party itself, one that shares an identity with
-- it, or, of an upstream, whoever was traced through it for the same campaign.
with traced as (

    select * from {{ ref('traced_calls') }}

),

links as (

    select party_kind, party_id, linked_party_kind, linked_party_id, string_agg(distinct link_key, ', ' order by link_key) as keys
    from {{ ref('party_links_daily') }}
    group by party_kind, party_id, linked_party_kind, linked_party_id

),

of_identity as (

    select
        t.service_date,
        t.notice_receipt_id,
        t.notice_source_line,
        e.terminated_on,
        'the same party, cut off on ' || e.terminated_on as told,
        e.party_kind as before_kind,
        e.party_id as before_id,
        null::text[] as before_ids
    from traced as t
    inner join {{ ref('stg_terminations') }} as e
        on e.party_kind = t.party_kind and e.party_id = t.party_id and e.terminated_on < t.call_service_date
        and (e.released_on is null or e.released_on > t.call_service_date)

    union all

    select
        t.service_date,
        t.notice_receipt_id,
        t.notice_source_line,
        e.terminated_on,
        'under another name: the same ' || l.keys || ' as ' || e.party_kind || ' ' || e.party_id || ', cut off on ' || e.terminated_on,
        e.party_kind,
        e.party_id,
        null
    from traced as t
    inner join links as l on l.party_kind = t.party_kind and l.party_id = t.party_id
    inner join {{ ref('stg_terminations') }} as e
        on e.party_kind = l.linked_party_kind and e.party_id = l.linked_party_id and e.terminated_on < t.call_service_date
        and (e.released_on is null or e.released_on > t.call_service_date)

),

of_upstream as (

    select
        t.service_date,
        t.notice_receipt_id,
        t.notice_source_line,
        max(s.at at time zone 'UTC')::date as terminated_on,
        'through the same upstream: ' || t.party_id || ' was told of this campaign on ' || max(s.at at time zone 'UTC')::date
            || ' (' || string_agg(distinct o.traceback_id, ', ' order by o.traceback_id) || ')' as told,
        null as before_kind,
        null as before_id,
        array_agg(distinct o.traceback_id order by o.traceback_id) as before_ids
    from traced as t
    inner join traced as o
        on o.party_kind = t.party_kind
        and o.party_id = t.party_id
        and o.traceback_id <> t.traceback_id
        and o.campaign = t.campaign
    inner join {{ ref('stg_transitions') }} as s
        on s.subject = 'traceback'
        and s.subject_id = o.traceback_id
        and s.state in ('upstream_notified', 'caller_terminated')
        and s.at at time zone 'UTC' < t.call_at
    where t.party_kind = 'upstream'
    group by t.service_date, t.notice_receipt_id, t.notice_source_line, t.party_id

)

select
    r.service_date,
    r.notice_receipt_id,
    r.notice_source_line,
    string_agg(distinct r.told, '; ' order by r.told) as recurrence,
    coalesce(array_agg(distinct b.traceback_id order by b.traceback_id) filter (where b.traceback_id is not null), '{}') as recurs_of
from (select * from of_identity union all select * from of_upstream) as r
-- the earlier notices about whoever was cut off
left join traced as b
    on (b.party_kind = r.before_kind and b.party_id = r.before_id and b.call_service_date <= r.terminated_on)
    or b.traceback_id = any(r.before_ids)
group by r.service_date, r.notice_receipt_id, r.notice_source_line
