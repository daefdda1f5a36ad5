{#-
  Each day of the windows of `windows` (complaint_windows, or numbers of it) with a number to be looked up:
  number, service_date. Joined with calls on both, so that only the files of these days are read.
-#}
{% macro numbers_wanted(windows) -%}
  select distinct w.number, cast(w.call_date + o.days as date) as service_date
  from {{ windows }} as w
  cross join (
    {%- for days in range(-7, 8) %}
    select {{ days }} as days{{ ' union all' if not loop.last }}
    {%- endfor %}
  ) as o
  where w.number is not null and cast(w.call_date + o.days as date) between w.first_day and w.last_day
{%- endmacro %}
