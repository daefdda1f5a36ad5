{#-
  Which rules hold for the rows of `metrics`, a relation in the long form of party_metrics_daily that also says
  calls_are_complete: one row per service_date, party and rule, with the first condition of the first alternative of which
  all conditions are met. What the party did is not judged on a day whose calls are not all there.
-#}
{% macro rules_met(metrics) -%}
  with rules as (

      select * from {{ ref('rules') }} where metric is not null

  ),

  compared as (

      select
          m.service_date,
          m.party_kind,
          m.party_id,
          r.rule_code,
          r.alternative,
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
          r.threshold::double precision as threshold,
          r.min_sample::bigint as min_sample
      from {{ metrics }} as m
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
          and (m.calls_are_complete or r.evidence not in ('behaviour', 'baseline'))

  ),

  met as (

      select
          *,
          count(*) over (partition by service_date, party_kind, party_id, rule_code, alternative) as met_conditions
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

  conditions as (

      select rule_code, alternative, count(*) as conditions from rules group by rule_code, alternative

  )

  select distinct on (m.service_date, m.party_kind, m.party_id, m.rule_code) m.*
  from met as m
  inner join conditions as c
      on c.rule_code = m.rule_code and c.alternative = m.alternative and c.conditions = m.met_conditions
  order by m.service_date, m.party_kind, m.party_id, m.rule_code, m.alternative, m.condition
{%- endmacro %}
