{#-
  dbt's own asks the database whether the table is there already. The documentation is made without one: it has every model
  as it runs day by day, when the table is there.
-#}
{% macro is_incremental() -%}
  {%- if target.name == 'docs' -%}
    {{ return(execute and model.config.materialized == 'incremental') }}
  {%- endif -%}
  {{ return(dbt.is_incremental()) }}
{%- endmacro %}
