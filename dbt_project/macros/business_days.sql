{#- The first business day from `day` on: Monday to Friday, no federal holiday. -#}
{% macro business_day_from(day) -%}
  (
    select min(g.day)::date
    from generate_series({{ day }}::timestamp, {{ day }}::timestamp + interval '10 days', interval '1 day') as g (day)
    where extract(isodow from g.day) < 6
      and not exists (select from {{ ref('holidays') }} as h where h.observed_on = g.day::date)
  )
{%- endmacro %}

{#- The zone of the office that answers requesters: TOLLGATE_OFFICE_ZONE. -#}
{% macro office_zone() -%}
  '{{ env_var("TOLLGATE_OFFICE_ZONE", "UTC") }}'
{%- endmacro %}
