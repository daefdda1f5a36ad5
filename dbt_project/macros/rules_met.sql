{#-
  Which rules hold for the rows of `metrics`, a relation in the long form of party_metrics_daily that also says
  calls_are_complete: one row per service_date, party and rule, with the first condition of the first alternative of which
  all conditions are met. What the party did is not judged on a day whose calls are not all there.
-#}
{% macro rules_met(metrics) -%}
  with rules as (

      select * from {{ ref('rule_set') }} where metric is not null

  ),

  traits as (

      select service_date, party_kind, party_id, array_agg(trait) as traits
      from {{ ref('party_traits_daily') }}
      group by service_date, party_kind, party_id

  ),

  applied as (

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
          r.compared_with,
          (case when 'new_customer' = any(t.traits) then coalesce(r.min_sample_new, r.min_sample) else r.min_sample end)::bigint as min_sample,
          coalesce(t.traits && string_to_array(r.exempt_traits, ' '), false) as is_exempt
      from {{ metrics }} as m
      inner join rules as r
          on r.metric = m.metric
          and r.party_kind in (m.party_kind, 'any')
          and r.effective_from <= m.service_date
          and (r.effective_to is null or r.effective_to >= m.service_date)
      left join traits as t
          on t.service_date = m.service_date
          and t.party_kind = m.party_kind
          and t.party_id = m.party_id
      where m.calls_are_complete or r.evidence not in ('behaviour', 'complaint', 'baseline')

  ),

  -- what nearly all parties of the kind have on the day; a handful of them is no measure
  peers as (

      select service_date, party_kind, rule_code, alternative, condition, percentile_cont(threshold) within group (order by value) as limit_of_peers
      from applied
      where compared_with = 'peers' and value is not null and coalesce(denominator, min_sample) >= min_sample
      group by service_date, party_kind, rule_code, alternative, condition, threshold
      having count(*) >= 20

  ),

  compared as (

      select
          a.service_date,
          a.party_kind,
          a.party_id,
          a.rule_code,
          a.alternative,
          a.condition,
          a.tier,
          a.evidence,
          a.metric,
          a.numerator,
          a.denominator,
          a.value,
          a.bound_kind,
          a.bound,
          a.operator,
          l.threshold,
          a.min_sample,
          a.min_sample = 0 or coalesce(a.denominator, 0) >= a.min_sample as has_sample,
          {{ compared('a.bound', 'a.operator', 'l.threshold') }} as bound_holds,
          {{ compared('a.value', 'a.operator', 'l.threshold') }} as value_holds
      from applied as a
      left join peers as p using (service_date, party_kind, rule_code, alternative, condition)
      cross join lateral (select case a.compared_with when 'peers' then p.limit_of_peers else a.threshold end as threshold) as l
      where not a.is_exempt

  ),

  met as (

      select
          *,
          count(*) over (partition by service_date, party_kind, party_id, rule_code, alternative) as met_conditions
      from compared
      where has_sample and bound_holds

  ),

  conditions as (

      select rule_code, alternative, count(*) as conditions from rules group by rule_code, alternative

  ),

  held as (

      select distinct on (m.service_date, m.party_kind, m.party_id, m.rule_code) m.*
      from met as m
      inner join conditions as c
          on c.rule_code = m.rule_code and c.alternative = m.alternative and c.conditions = m.met_conditions
      order by m.service_date, m.party_kind, m.party_id, m.rule_code, m.alternative, m.condition

  ),

  -- a share that is above the limit of a rule of its own, though too few calls say so to be sure
  doubtful as (

      select distinct on (c.service_date, c.party_kind, c.party_id) c.*, s.rule_code as alert_code, s.tier as alert_tier, s.min_sample as alert_min_sample
      from compared as c
      inner join conditions as n on n.rule_code = c.rule_code and n.alternative = c.alternative and n.conditions = 1
      inner join {{ ref('rule_set') }} as s
          on s.rule_code = 'SMALL_N_ALERT'
          and s.effective_from <= c.service_date
          and (s.effective_to is null or s.effective_to >= c.service_date)
      where c.evidence = 'behaviour'
          and c.tier = 'RESTRICT'
          and c.bound_kind <> 'point'
          and c.value_holds
          and not coalesce(c.has_sample and c.bound_holds, false)
          and c.denominator >= s.min_sample
          and not exists (
              select from held as h
              where h.service_date = c.service_date and h.party_kind = c.party_kind and h.party_id = c.party_id and h.rule_code = c.rule_code
          )
      order by c.service_date, c.party_kind, c.party_id, c.rule_code

  )

  select
      service_date, party_kind, party_id, rule_code, tier, evidence, metric, numerator, denominator, value, bound_kind, bound, operator, threshold,
      min_sample
  from held

  union all

  select
      service_date, party_kind, party_id, alert_code, alert_tier, evidence, metric, numerator, denominator, value, 'point', value, operator, threshold,
      alert_min_sample
  from doubtful
{%- endmacro %}

{#- `figure` `operator` `limit`, the operator being a column's text. -#}
{% macro compared(figure, operator, limit) -%}
  case {{ operator }}
              when '>' then {{ figure }} > {{ limit }}
              when '>=' then {{ figure }} >= {{ limit }}
              when '<' then {{ figure }} < {{ limit }}
              when '<=' then {{ figure }} <= {{ limit }}
              when '=' then {{ figure }} = {{ limit }}
          end
{%- endmacro %}
