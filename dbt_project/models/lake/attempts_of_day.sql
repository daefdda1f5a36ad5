{#- The day's attempts with their party and everything that is counted of them. Lives only during the run. -#}
{{ config(materialized='table', meta={'publish': false}) }}
{%- set day = service_date() -%}

with day as (

    select date '{{ day }}' as service_date

),

trunks as (

    {{ trunks_in_force('day') }}

),

-- Every step reads of the calls what it needs: a step that others share is held whole, and a large day does not fit into memory.
-- Of the few calls with several route attempts, the last one; every other attempt is the call itself
rerouted as (

    select feed, switch_id, call_id, max(attempt) as last_attempt
    from {{ source('raw_lake', 'calls') }}
    where service_date = date '{{ day }}' and attempt > 1
    group by feed, switch_id, call_id

),

-- Our own outage: an hour of an egress trunk in which a fifth of the attempts fail in the network, of two ingress trunks and more.
failing_routes as (

    select egress_trunk, start_hour
    from (
        select
            egress_trunk,
            start_ms - start_ms % 3600000 as start_hour,
            ingress_trunk,
            count(*) as attempts,
            count(*) filter (where answer_ms is null and sip_code between 500 and 599) as failed
        from {{ source('raw_lake', 'calls') }}
        where service_date = date '{{ day }}' and egress_trunk is not null and ingress_trunk is not null
        group by egress_trunk, start_ms - start_ms % 3600000, ingress_trunk
    ) as routes
    group by egress_trunk, start_hour
    having sum(attempts) >= 50 and sum(failed) >= 0.2 * sum(attempts) and count(*) filter (where failed >= 0.2 * attempts) >= 2

),

-- lists are compared with distinct numbers, not with calls
numbers as (

    select distinct calling_number
    from {{ source('raw_lake', 'calls') }}
    where service_date = date '{{ day }}' and calling_number is not null

),

-- a trunk declared for this switch goes before one declared for all
customer_calls as (

    select distinct coalesce(s.party_id, a.party_id) as party_id, c.calling_number, c.asserted_number
    from {{ source('raw_lake', 'calls') }} as c
    left join trunks as s on s.trunk = c.ingress_trunk and s.switch_id = c.switch_id
    left join trunks as a on a.trunk = c.ingress_trunk and a.switch_id is null
    where c.service_date = date '{{ day }}' and coalesce(s.party_kind, a.party_kind) = 'customer'

),

customer_numbers as (

    select party_id, calling_number from customer_calls where calling_number is not null
    union
    select party_id, asserted_number as calling_number from customer_calls where asserted_number is not null

),

dno as (

    select distinct d.number
    from {{ source('raw_lake', 'reference_dno') }} as d
    inner join ({{ snapshot_in_force('dno', 'day') }}) as s on s.receipt_id = d.receipt_id
    where d.valid_from is null or d.valid_from <= date '{{ day }}'

),

caller_ids as (

    select distinct i.customer_id, i.number
    from {{ source('raw_lake', 'reference_caller_ids') }} as i
    inner join ({{ snapshot_in_force('caller_ids', 'day') }}) as s on s.receipt_id = i.receipt_id
    where {{ valid_on('i', "date '" ~ day ~ "'") }}

),

campaign_numbers as (

    select distinct g.customer_id, g.calling_number as number
    from {{ source('raw_lake', 'reference_campaigns') }} as g
    inner join ({{ snapshot_in_force('campaigns', 'day') }}) as s on s.receipt_id = g.receipt_id
    where {{ valid_on('g', "date '" ~ day ~ "'") }}

),

never_originating as (

    {{ covered_numbers('numbers', 'dno', 'n.calling_number') }}

),

approved as (

    {{ covered_numbers('customer_numbers', 'caller_ids', 'n.party_id, n.calling_number', 'p.customer_id = n.party_id') }}

),

declared as (

    {{ covered_numbers('customer_numbers', 'campaign_numbers', 'n.party_id, n.calling_number', 'p.customer_id = n.party_id') }}

),

attempts as (

    select
        c.*,
        coalesce(s.party_kind, a.party_kind) as party_kind,
        coalesce(s.party_id, a.party_id) as party_id,
        r.last_attempt is null or c.attempt = r.last_attempt as is_final
    from {{ source('raw_lake', 'calls') }} as c
    left join trunks as s on s.trunk = c.ingress_trunk and s.switch_id = c.switch_id
    left join trunks as a on a.trunk = c.ingress_trunk and a.switch_id is null
    left join rerouted as r on r.feed = c.feed and r.switch_id = c.switch_id and r.call_id = c.call_id
    where c.service_date = date '{{ day }}'

)

select
    date '{{ day }}' as service_date,
    a.feed,
    a.switch_id,
    a.ingress_trunk,
    a.party_kind,
    a.party_id,
    a.source_ip,
    a.signer,
    cast((a.start_ms % 86400000 - a.start_ms % 3600000) / 3600000 as integer) as hour,
    a.start_ms - a.start_ms % 1000 as start_second,
    greatest(a.end_ms, a.start_ms) - greatest(a.end_ms, a.start_ms) % 1000 as end_second,
    a.is_final,
    a.is_final and a.answer_ms is not null as answered,
    case when a.is_final and a.answer_ms is not null then a.end_ms - a.answer_ms end as talk_ms,
    a.answer_ms is null and (coalesce(a.sip_code, 0) = 487 or coalesce(a.release_party, '') = 'caller') as abandoned,
    coalesce(a.sip_code, 0) in (403, 603, 607, 608) as rejected,
    -- reached the called side, whatever became of it there (ITU-T E.425)
    a.answer_ms is not null or coalesce(a.sip_code, 0) in (480, 486, 487, 600, 603, 607, 608) as delivered,
    a.answer_ms is null and coalesce(a.sip_code, 0) between 500 and 599 as network_failed,
    o.egress_trunk is not null as in_outage,
    coalesce(a.calling_number, a.calling_raw) as presented_number,
    a.calling_class,
    case when a.calling_class = 'valid_us' then substr(a.calling_number, 3, 3) end as calling_area,
    case when a.calling_class = 'valid_us' then left(a.calling_number, 8) end as calling_block,
    cast(substr(a.called_number, 2) as bigint) as called_number,
    case when a.called_class = 'valid_us' then substr(a.called_number, 3, 3) end as called_area,
    coalesce(a.attestation_sent, a.attestation) as attestation_given,
    a.attestation,
    lower(coalesce(a.verstat, '')) like '%fail%' as failed_verification,
    n.calling_number is not null as never_originating,
    a.party_kind = 'customer' and a.calling_class not in ('anonymous', 'missing') and p.calling_number is null as unapproved,
    -- somebody else's caller ID beside a verified number of the customer's own: a forwarded call looks like this
    a.party_kind = 'customer' and a.calling_class not in ('anonymous', 'missing') and p.calling_number is null
        and q.calling_number is not null as forwarded,
    d.calling_number is not null as declared,
    a.calling_class = 'valid_us' and a.called_class = 'valid_us' and left(a.calling_number, 5) = left(a.called_number, 5) as neighbor,
    -- null where no list judges the code
    not k.assigned or contains(k.available_blocks, substr(a.calling_number, 9, 1)) as unallocated
from attempts as a
left join failing_routes as o on o.egress_trunk = a.egress_trunk and o.start_hour = a.start_ms - a.start_ms % 3600000
left join never_originating as n on n.calling_number = a.calling_number
left join approved as p on p.party_id = a.party_id and p.calling_number = a.calling_number and a.party_kind = 'customer'
left join approved as q on q.party_id = a.party_id and q.calling_number = a.asserted_number and a.party_kind = 'customer'
left join declared as d on d.party_id = a.party_id and d.calling_number = a.calling_number and a.party_kind = 'customer'
left join {{ ref('code_allocation') }} as k on k.code = left(a.calling_number, 8) and a.calling_class = 'valid_us'
