{#- Overrides dbt's own: data tests with `where: days_built` look at the days that the run writes, not at all of history. -#}
{% macro get_where_subquery(relation) -%}
  {%- set where = config.get('where') -%}
  {%- if where == 'days_built' -%}
    {%- set where = "service_date >= date '" ~ service_date() ~ "'" -%}
  {%- endif -%}
  {%- if where -%}
    (select * from {{ relation }} where {{ where }}) as rows_tested
  {%- else -%}
    {{ relation }}
  {%- endif -%}
{%- endmacro %}
