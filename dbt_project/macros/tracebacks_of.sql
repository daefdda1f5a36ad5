{#-
  What notices say of every party, on each day of `days`: service_date, on which the last 30 days of notices are looked back
  upon, and reference_date, the processed day whose parties and links are taken.
-#}
{% macro tracebacks_of(days) -%}
  with traced as (

      select d.service_date, n.party_kind, n.party_id, n.call_service_date, n.traced_call, n.is_grave
      from {{ days }} as d
      inner join {{ ref('traced_calls') }} as n
          on n.service_date between d.service_date - 29 and d.service_date

  ),

  parties as (

      select d.service_date, d.reference_date, p.party_kind, p.party_id
      from {{ days }} as d
      inner join {{ ref('party_daily') }} as p on p.service_date = d.reference_date

  ),

  -- the party itself, and whoever it is linked with
  kin as (

      select service_date, party_kind, party_id, party_kind as kin_kind, party_id as kin_id from parties
      union
      select p.service_date, p.party_kind, p.party_id, l.linked_party_kind, l.linked_party_id
      from parties as p
      inner join {{ ref('party_links_daily') }} as l
          on l.service_date = p.reference_date and l.party_kind = p.party_kind and l.party_id = p.party_id

  ),

  -- calls that the party or its kin made while one of them was cut off
  in_spite as (

      select c.service_date, c.party_kind, c.party_id, count(distinct t.traced_call) as calls
      from kin as c
      inner join traced as t on t.service_date = c.service_date and t.party_kind = c.kin_kind and t.party_id = c.kin_id
      inner join kin as k on k.service_date = c.service_date and k.party_kind = c.party_kind and k.party_id = c.party_id
      inner join {{ ref('stg_terminations') }} as e
          on e.party_kind = k.kin_kind
          and e.party_id = k.kin_id
          and e.terminated_on < t.call_service_date
          and (e.released_on is null or e.released_on > t.call_service_date)
      group by c.service_date, c.party_kind, c.party_id

  )

  select
      k.service_date,
      k.party_kind,
      k.party_id,
      count(distinct t.traced_call) filter (where k.kin_kind = k.party_kind and k.kin_id = k.party_id) as tracebacks_30d,
      count(distinct t.traced_call) filter (where k.kin_kind = k.party_kind and k.kin_id = k.party_id and t.is_grave) as tracebacks_originated_30d,
      count(distinct t.traced_call) as tracebacks_30d_linked,
      coalesce(max(s.calls), 0) as tracebacks_after_termination_30d,
      coalesce(
          array_agg(distinct k.kin_id order by k.kin_id) filter (where k.kin_kind <> k.party_kind or k.kin_id <> k.party_id),
          '{}'
      ) as linked_party_ids
  from kin as k
  left join traced as t on t.service_date = k.service_date and t.party_kind = k.kin_kind and t.party_id = k.kin_id
  left join in_spite as s on s.service_date = k.service_date and s.party_kind = k.party_kind and s.party_id = k.party_id
  group by k.service_date, k.party_kind, k.party_id
{%- endmacro %}
