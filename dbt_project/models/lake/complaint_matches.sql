{{ config(meta={'days': 'evidence_days', 'publish': true}) }}

with complaints as (

    select
        service_date,
        feed,
        complaint_id,
        receipt_id,
        source_line,
        calling_number,
        called_number,
        call_time_known,
        coalesce(call_at, received_at) as call_at,
        cast(coalesce(call_at, received_at) as date) as call_date
    from {{ source('raw_lake', 'complaints') }}
    where service_date in ({{ dates(evidence_days()) }})

),

-- the call's date is the consumer's, so the days around it count too
reach as (

    select distinct k.calling_number, k.call_date, cast(k.call_date + o.days as date) as service_date
    from complaints as k
    cross join (select -1 as days union all select 0 union all select 1) as o
    where k.calling_number is not null

),

wanted as (

    select distinct calling_number, service_date from reach

),

calls as (

    select c.service_date, c.feed, c.switch_id, c.call_id, c.ingress_trunk, c.calling_number, c.called_number, c.start_at
    from {{ source('raw_lake', 'calls') }} as c
    inner join wanted as w on w.service_date = c.service_date and w.calling_number = c.calling_number

),

days_of_calls as (

    select distinct service_date from calls

),

trunks as (

    {{ trunks_in_force('days_of_calls') }}

),

-- A trunk that nobody declared still carried the call: it counts as a party of its own.
carried as (

    select
        c.service_date,
        c.calling_number,
        c.called_number,
        c.start_at,
        concat_ws('|', c.feed, c.switch_id, c.call_id) as call_key,
        coalesce(s.party_kind, a.party_kind, 'unknown') as party_kind,
        coalesce(s.party_id, a.party_id, c.ingress_trunk, '') as party_id
    from calls as c
    left join trunks as s on s.service_date = c.service_date and s.trunk = c.ingress_trunk and s.switch_id = c.switch_id
    left join trunks as a on a.service_date = c.service_date and a.trunk = c.ingress_trunk and a.switch_id is null

),

by_number as (

    select
        r.calling_number,
        r.call_date,
        count(distinct concat_ws('|', c.party_kind, c.party_id)) as parties,
        count(distinct case when c.party_kind = 'customer' then c.party_id end) as customers,
        max(case when c.party_kind = 'customer' then c.party_id end) as customer_id,
        count(distinct c.call_key) as calls
    from reach as r
    inner join carried as c on c.service_date = r.service_date and c.calling_number = r.calling_number
    group by r.calling_number, r.call_date

),

-- the very call: calling and called number, within an hour
by_call as (

    select
        k.receipt_id,
        k.source_line,
        count(distinct concat_ws('|', c.party_kind, c.party_id)) as parties,
        count(distinct case when c.party_kind = 'customer' then c.party_id end) as customers,
        max(case when c.party_kind = 'customer' then c.party_id end) as customer_id,
        count(distinct c.call_key) as calls
    from complaints as k
    inner join carried as c
        on c.calling_number = k.calling_number
        and c.called_number = k.called_number
        and c.start_at between k.call_at - interval '1' hour and k.call_at + interval '1' hour
    where k.call_time_known
    group by k.receipt_id, k.source_line

),

-- whose number it is, where we assigned it ourselves
numbers as (

    select distinct calling_number from complaints where calling_number is not null

),

call_days as (

    select distinct call_date as service_date from complaints

),

assigned as (

    select receipt_id, customer_id, number, valid_from, valid_to
    from {{ source('raw_lake', 'reference_caller_ids') }}
    where assigned_by_us

),

assigned_numbers as (

    {{ covered_numbers('numbers', 'assigned', 'n.calling_number, p.number') }}

),

holders as (

    select s.service_date as call_date, n.calling_number, min(i.customer_id) as customer_id
    from assigned_numbers as n
    inner join assigned as i on i.number = n.number
    inner join ({{ snapshot_in_force('caller_ids', 'call_days') }}) as s on s.receipt_id = i.receipt_id
    where {{ valid_on('i', 's.service_date') }}
    group by s.service_date, n.calling_number

),

levelled as (

    select
        k.*,
        case
            when c.parties = 1 and c.customers = 1 then '1'
            when n.parties = 1 and n.customers = 1 then '2'
            when n.parties > 1 and n.customers >= 1 then '3'
            when n.parties is null and h.customer_id is not null then 'V'
            else 'U'
        end as match_level,
        c.customer_id as customer_of_call,
        n.customer_id as customer_of_number,
        h.customer_id as holder,
        c.calls as calls_of_call,
        n.calls as calls_of_number
    from complaints as k
    left join by_call as c on c.receipt_id = k.receipt_id and c.source_line = k.source_line
    left join by_number as n on n.calling_number = k.calling_number and n.call_date = k.call_date
    left join holders as h on h.calling_number = k.calling_number and h.call_date = k.call_date

)

select
    service_date,
    feed,
    complaint_id,
    receipt_id,
    source_line,
    call_at,
    match_level,
    case match_level
        when '1' then customer_of_call
        when '2' then customer_of_number
        when 'V' then holder
    end as customer_id,
    cast(coalesce(case when match_level = '1' then calls_of_call else calls_of_number end, 0) as bigint) as calls_matched
from levelled
