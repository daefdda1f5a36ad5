{#- The same name on every target, so that a lake model and its published table are one relation in the graph. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
