{{ config(tags=['judgement']) }}

{%- set tiers = "array['SUSPEND', 'RESTRICT', 'MONITOR', 'NO_ACTION']" -%}

with statuses as (

    select
        p.service_date,
        p.party_kind,
        p.party_id,
        s.data_status,
        s.data_reasons,
        {{ may_be_judged('s.calls_status') }} as calls_are_complete,
        h.reasons as held_complaints
    from {{ ref('party_daily') }} as p
    inner join {{ ref('days_to_build') }} as d using (service_date)
    inner join {{ ref('party_data_status_daily') }} as s using (service_date, party_kind, party_id)
    -- whom consumers complained about within a week must not look clean because no complaint could be read
    left join {{ ref('held_evidence_daily') }} as h
        on h.service_date = p.service_date
        and h.party_kind = p.party_kind
        and h.evidence = 'complaint'
        and exists (
            select from {{ ref('rule_hits_daily') }} as before
            where before.service_date between p.service_date - 7 and p.service_date - 1
                and before.party_kind = p.party_kind
                and before.party_id = p.party_id
                and before.evidence = 'complaint'
        )

),

parties as (

    select
        service_date,
        party_kind,
        party_id,
        case when held_complaints is not null and {{ may_be_judged('data_status') }} then 'partial' else data_status end as data_status,
        data_reasons || coalesce(held_complaints, '{}') as data_reasons,
        {{ may_be_judged('data_status') }} and held_complaints is null as is_complete,
        calls_are_complete
    from statuses

),

-- Two keys: what a party did suspends it only beside evidence of another kind, whatever tier its rule asks for.
hits as (

    select
        h.*,
        case
            when h.tier = 'SUSPEND' and not {{ may_suspend_alone('h.evidence') }}
                and not bool_or({{ may_suspend_alone('h.evidence') }} or h.evidence = 'complaint') over (
                    partition by h.service_date, h.party_kind, h.party_id
                )
            then 'RESTRICT'
            else h.tier
        end as tier_in_force
    from {{ ref('rule_hits_daily') }} as h
    inner join {{ ref('days_to_build') }} as d using (service_date)

),

-- rank 1 is the strictest tier; HOLD is no tier but the absence of a verdict
hits_of_party as (

    select
        service_date,
        party_kind,
        party_id,
        min(array_position({{ tiers }}, tier_in_force)) as strictest,
        min(array_position({{ tiers }}, tier_in_force)) filter (where {{ may_suspend_alone('evidence') }}) as strictest_evidence,
        array_agg(rule_code order by array_position({{ tiers }}, tier_in_force), rule_code)
            filter (where tier in ('SUSPEND', 'RESTRICT', 'MONITOR')) as against,
        array_agg(rule_code order by array_position({{ tiers }}, tier_in_force), rule_code)
            filter (where {{ may_suspend_alone('evidence') }}) as evidence,
        array_agg(rule_code order by rule_code) filter (where tier = 'NO_ACTION') as baseline
    from hits
    group by service_date, party_kind, party_id

),

judged as (

    select
        p.*,
        h.strictest_evidence,
        coalesce(h.against, '{}') as against,
        case
            when p.is_complete then coalesce(({{ tiers }})[h.strictest], 'NO_ACTION')
            -- all calls are there and only the registry could not be asked: what was seen stands, nobody is clean
            when p.calls_are_complete and h.strictest <= 2 then ({{ tiers }})[h.strictest]
            when h.strictest_evidence = 1 then 'SUSPEND'
            else 'HOLD'
        end as recommendation,
        case
            when p.is_complete then coalesce(h.against, h.baseline, array['CLEAN'])
            when p.calls_are_complete and h.strictest <= 2 then h.against || 'DATA_INCOMPLETE'::text
            when h.strictest_evidence = 1 then h.evidence || 'DATA_INCOMPLETE'::text
            else array['DATA_INCOMPLETE'] || coalesce(h.evidence, '{}')
        end as reason_codes
    from parties as p
    left join hits_of_party as h using (service_date, party_kind, party_id)

),

-- A stretch is a complete day and the incomplete ones after it. Stretch 0 goes on from before the days built.
stretches as (

    select
        *,
        count(*) filter (where is_complete) over (
            partition by party_kind, party_id order by service_date
        ) as stretch,
        case recommendation
            when 'HOLD' then strictest_evidence
            else array_position({{ tiers }}, recommendation)
        end as strictness
    from judged

),

before as (

    {% if is_incremental() -%}
    select distinct on (party_kind, party_id) party_kind, party_id, carried_recommendation
    from {{ this }}
    where service_date < date '{{ service_date() }}'
    order by party_kind, party_id, service_date desc
    {%- else -%}
    select null::text as party_kind, null::text as party_id, null::text as carried_recommendation where false
    {%- endif %}

),

carried as (

    select
        s.*,
        -- what was known before holds on, and can only get stricter
        least(
            min(s.strictness) over (partition by s.party_kind, s.party_id, s.stretch order by s.service_date),
            case when s.stretch = 0 then array_position({{ tiers }}, b.carried_recommendation) end
        ) as carried_rank
    from stretches as s
    left join before as b using (party_kind, party_id)

),

-- for ordering only: the tier decides, every further reason adds 5, 19 at most
scored as (

    select
        c.*,
        case recommendation
            when 'SUSPEND' then 80 when 'RESTRICT' then 60 when 'HOLD' then 40 when 'MONITOR' then 20 else 0
        end as points_of_tier,
        (
            select coalesce(array_agg(r.rule_code || ' +' || least(5, 19 - 5 * (r.n - 1)) order by r.n), '{}')
            from unnest(c.against) with ordinality as r (rule_code, n)
            where r.n <= 4
        ) as contributions
    from carried as c

)

select
    service_date,
    party_kind,
    party_id,
    data_status,
    data_reasons,
    recommendation,
    ({{ tiers }})[carried_rank] as carried_recommendation,
    reason_codes,
    points_of_tier + least(19, 5 * cardinality(against)) as score,
    array[recommendation || ' ' || points_of_tier] || contributions as score_parts
from scored
