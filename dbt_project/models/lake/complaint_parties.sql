{#-
  Who used the number of a complaint in its window, after the narrowing: the very call, where it came from one customer,
  decides alone; else the calls to the consumer's area code, where there are any; else all of them.
  A match is evidence and no proof: the number may be spoofed.
-#}
{{ config(materialized='table', meta={'publish': false}) }}

with windows as (

    select *, calling_number as number
    from {{ ref('complaint_windows') }}
    where calling_number is not null

),

wanted as (

    {{ numbers_wanted('windows') }}

),

-- route attempts are one call, which belongs to its start
calls as (

    select
        c.feed,
        c.switch_id,
        c.call_id,
        c.ingress_trunk,
        c.calling_number,
        c.called_number,
        min(c.service_date) as service_date,
        min(c.start_at) as start_at
    from {{ source('raw_lake', 'calls') }} as c
    inner join wanted as w on w.service_date = c.service_date and w.number = c.calling_number
    group by c.feed, c.switch_id, c.call_id, c.ingress_trunk, c.calling_number, c.called_number

),

days_of_calls as (

    select distinct service_date from calls

),

trunks as (

    {{ trunks_in_force('days_of_calls') }}

),

-- A trunk that nobody declared, or that two parties have, still carried the call: it counts as a party of its own.
carried as (

    select
        c.service_date,
        c.calling_number,
        c.called_number,
        case when c.called_number like '+1%' then substring(c.called_number, 3, 3) end as area_code,
        c.start_at,
        concat_ws('|', c.feed, c.switch_id, c.call_id) as call_key,
        case when coalesce(s.is_sure, a.is_sure) then coalesce(s.party_kind, a.party_kind) else 'unknown' end as party_kind,
        case when coalesce(s.is_sure, a.is_sure) then coalesce(s.party_id, a.party_id) else coalesce(c.ingress_trunk, '') end as party_id
    from calls as c
    left join trunks as s on s.service_date = c.service_date and s.trunk = c.ingress_trunk and s.switch_id = c.switch_id
    left join trunks as a on a.service_date = c.service_date and a.trunk = c.ingress_trunk and a.switch_id is null

),

-- Counted by day before they meet the complaints, and by area code apart: a number in fashion has a million calls to all
-- area codes, and a thousand complaints.
by_day as (

    select service_date, calling_number, party_kind, party_id, count(distinct call_key) as calls
    from carried
    group by service_date, calling_number, party_kind, party_id

),

by_area as (

    select service_date, calling_number, area_code, party_kind, party_id, count(distinct call_key) as calls
    from carried
    where area_code is not null
    group by service_date, calling_number, area_code, party_kind, party_id

),

in_window as (

    select w.receipt_id, w.source_line, d.party_kind, d.party_id, sum(d.calls) as calls
    from windows as w
    inner join by_day as d on d.calling_number = w.calling_number and d.service_date between w.first_day and w.last_day
    group by w.receipt_id, w.source_line, d.party_kind, d.party_id

),

to_area as (

    select w.receipt_id, w.source_line, d.party_kind, d.party_id, sum(d.calls) as calls
    from windows as w
    inner join by_area as d
        on d.calling_number = w.calling_number
        and d.area_code = w.called_area_code
        and d.service_date between w.first_day and w.last_day
    group by w.receipt_id, w.source_line, d.party_kind, d.party_id

),

-- the very call: calling and called number, within an hour
very_calls as (

    select w.receipt_id, w.source_line, c.party_kind, c.party_id, count(distinct c.call_key) as calls
    from windows as w
    inner join carried as c
        on c.calling_number = w.calling_number
        and c.called_number = w.called_number
        and c.start_at between w.call_at - interval '1' hour and w.call_at + interval '1' hour
        and c.service_date between w.first_day and w.last_day
    where w.call_time_known
    group by w.receipt_id, w.source_line, c.party_kind, c.party_id

),

counted as (

    select
        i.receipt_id,
        i.source_line,
        i.party_kind,
        i.party_id,
        i.calls,
        coalesce(a.calls, 0) as calls_to_area,
        coalesce(v.calls, 0) as very_calls
    from in_window as i
    left join to_area as a
        on a.receipt_id = i.receipt_id and a.source_line = i.source_line and a.party_kind = i.party_kind and a.party_id = i.party_id
    left join very_calls as v
        on v.receipt_id = i.receipt_id and v.source_line = i.source_line and v.party_kind = i.party_kind and v.party_id = i.party_id

),

decided as (

    select
        receipt_id,
        source_line,
        case
            when count(case when very_calls > 0 then 1 end) = 1
                and count(case when very_calls > 0 and party_kind = 'customer' then 1 end) = 1 then 'call'
            when sum(calls_to_area) > 0 then 'area_code'
            else 'number'
        end as decided_by
    from counted
    group by receipt_id, source_line

),

narrowed as (

    select
        c.receipt_id,
        c.source_line,
        d.decided_by,
        c.party_kind,
        c.party_id,
        case d.decided_by when 'call' then c.very_calls when 'area_code' then c.calls_to_area else c.calls end as calls
    from counted as c
    inner join decided as d on d.receipt_id = c.receipt_id and d.source_line = c.source_line

)

select
    w.service_date,
    w.feed,
    w.source,
    w.complaint_id,
    w.receipt_id,
    w.source_line,
    n.decided_by,
    n.party_kind,
    n.party_id,
    cast(n.calls as bigint) as calls
from narrowed as n
inner join windows as w on w.receipt_id = n.receipt_id and w.source_line = n.source_line
where n.calls > 0
