with rules as (

    select * from {{ ref('rules') }} where metric is not null

),

conditions as (

    select rule_code, count(*) as conditions from rules group by rule_code

),

metrics as (

    select
        m.*,
        {{ is_complete('s.calls_status') }} as calls_are_complete
    from {{ ref('party_metrics_daily') }} as m
    inner join {{ ref('days_to_build') }} as d using (service_date)
    inner join {{ ref('party_data_status_daily') }} as s using (service_date, party_kind, party_id)

),

compared as (

    select
        m.service_date,
        m.party_kind,
        m.party_id,
        r.rule_code,
        r.condition,
        r.tier,
        r.evidence,
        m.metric,
        m.numerator,
        m.denominator,
        m.value,
        r.bound as bound_kind,
        case r.bound when 'lower' then m.lower_bound when 'upper' then m.upper_bound else m.value end as bound,
        r.operator,
        r.threshold,
        r.min_sample
    from metrics as m
    inner join rules as r
        on r.metric = m.metric
        and r.party_kind in (m.party_kind, 'any')
        and r.effective_from <= m.service_date
        and (r.effective_to is null or r.effective_to >= m.service_date)
    left join {{ ref('party_traits_daily') }} as t
        on t.service_date = m.service_date
        and t.party_kind = m.party_kind
        and t.party_id = m.party_id
        and t.trait = r.exempt_trait
    where t.trait is null
        -- what the party did is not judged on a day whose calls are not all there
        and (m.calls_are_complete or r.evidence not in ('behaviour', 'baseline'))

),

met as (

    select *
    from compared
    where (min_sample = 0 or coalesce(denominator, 0) >= min_sample)
        and case operator
            when '>' then bound > threshold
            when '>=' then bound >= threshold
            when '<' then bound < threshold
            when '<=' then bound <= threshold
            when '=' then bound = threshold
        end

),

-- every condition of a rule must hold; the first one is shown
hits as (

    select m.*, count(*) over (partition by m.service_date, m.party_kind, m.party_id, m.rule_code) as met_conditions
    from met as m

)

select
    h.service_date,
    h.party_kind,
    h.party_id,
    h.rule_code,
    h.tier,
    h.evidence,
    h.metric,
    h.numerator,
    h.denominator,
    h.value,
    h.bound,
    h.bound_kind,
    h.operator,
    h.threshold::double precision as threshold,
    h.min_sample::bigint as min_sample,
    v.ruleset_version
from hits as h
inner join conditions as c on c.rule_code = h.rule_code and c.conditions = h.met_conditions
cross join {{ ref('ruleset') }} as v
where h.condition = 1
