{#-
  Data test of a model's grain: no two rows share the key `columns`, and neither they nor `complete` are ever null.
  One statement says all of it, where a not_null test per column would cost one each.
-#}
{% test one_row_per(model, columns, complete=[]) -%}
  select {{ columns | join(', ') }}, count(*) as rows_of_key
  from {{ model }}
  group by {{ columns | join(', ') }}
  having count(*) > 1
  {%- for column in columns %} or {{ column }} is null{% endfor %}
  {%- for column in complete %} or count(*) <> count({{ column }}){% endfor %}
{%- endtest %}

{#- Data test: joining parties and lists to the day's attempts neither lost nor doubled one. -#}
{% test every_attempt_once(model) -%}
  select recorded, counted
  from (select count(*) as recorded from {{ source('raw_lake', 'calls') }} where service_date = date '{{ service_date() }}') as r
  cross join (select count(*) as counted from {{ model }}) as c
  where recorded <> counted
{%- endtest %}
