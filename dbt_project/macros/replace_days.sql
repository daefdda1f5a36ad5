{#-
  Incremental strategy `replace_days`: every day from the run's service date on is written anew, earlier days stay.
  Later days are included because verdicts carry forward. A plain range delete: no join against the new rows.
-#}
{% macro get_incremental_replace_days_sql(arg_dict) -%}
  {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
  delete from {{ arg_dict['target_relation'] }} where service_date >= date '{{ service_date() }}';
  insert into {{ arg_dict['target_relation'] }} ({{ columns }})
  select {{ columns }} from {{ arg_dict['temp_relation'] }};
{%- endmacro %}

{#- Incremental strategy `replace_all`: the same table filled anew, so that views upon it stay. -#}
{% macro get_incremental_replace_all_sql(arg_dict) -%}
  {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
  delete from {{ arg_dict['target_relation'] }};
  insert into {{ arg_dict['target_relation'] }} ({{ columns }})
  select {{ columns }} from {{ arg_dict['temp_relation'] }};
{%- endmacro %}
