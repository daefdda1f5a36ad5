{{ config(meta={'days': 'evidence_days', 'publish': true}) }}

with windows as (

    select * from {{ ref('complaint_windows') }}

),

parties as (

    select
        receipt_id,
        source_line,
        max(decided_by) as decided_by,
        count(*) as parties,
        count(case when party_kind = 'customer' then 1 end) as customers,
        max(case when party_kind = 'customer' then party_id end) as customer_id,
        sum(calls) as calls
    from {{ ref('complaint_parties') }}
    group by receipt_id, source_line

),

-- whose numbers they are, where we assigned them ourselves
numbers as (

    select calling_number from windows where calling_number is not null
    union
    select callback_number from windows where callback_number is not null

),

call_days as (

    select distinct call_date as service_date from windows

),

holders as (

    {{ holders_of('numbers', 'call_days') }}

),

levelled as (

    select
        w.*,
        case
            when p.decided_by = 'call' then '1'
            when p.parties = 1 and p.customers = 1 then '2'
            when p.parties > 1 and p.customers >= 1 then '3'
            when p.parties is null and h.customer_id is not null then 'V'
            else 'U'
        end as match_level,
        coalesce(w.called_area_code, case when w.called_number like '+1%' then substring(w.called_number, 3, 3) end) as area_code,
        p.decided_by,
        p.customer_id as only_customer,
        coalesce(p.customers, 0) as candidates,
        coalesce(p.calls, 0) as calls,
        h.customer_id as calling_number_holder,
        b.customer_id as callback_holder
    from windows as w
    left join parties as p on p.receipt_id = w.receipt_id and p.source_line = w.source_line
    left join holders as h on h.number = w.calling_number and h.service_date = w.call_date
    left join holders as b on b.number = w.callback_number and b.service_date = w.call_date

)

select
    l.service_date,
    l.feed,
    l.source,
    l.complaint_id,
    l.receipt_id,
    l.source_line,
    l.call_at,
    l.call_date,
    l.call_quality,
    l.window_days,
    l.match_level,
    case
        when l.match_level in ('1', '2') then l.only_customer
        when l.match_level = 'V' then l.calling_number_holder
    end as customer_id,
    cast(l.calls as bigint) as calls_matched,
    case when l.match_level in ('1', '2') then cast(1 as double precision) end as weight,
    cast(l.candidates as bigint) as candidates,
    -- of level 1 the very number is known; without calls there is nothing to narrow
    case when l.called_area_code is not null and l.decided_by <> 'call' then l.decided_by = 'area_code' end as area_code_matched,
    coalesce(l.area_code, l.consumer_state) as complainant_area,
    -- one reporter can file one number many times
    md5(
        concat_ws('|', l.calling_number, coalesce(l.called_number, l.called_area_code, l.consumer_state, ''), date_trunc('hour', l.call_at))
    ) as report_key,
    l.calling_number_holder,
    case when l.calling_number is not null then coalesce(k.calls_to_calling_number, 0) end as calls_to_calling_number,
    l.callback_holder,
    case when l.callback_number is not null then coalesce(k.callback_calls, 0) end as callback_calls
from levelled as l
left join {{ ref('complaint_callbacks') }} as k on k.receipt_id = l.receipt_id and k.source_line = l.source_line
