{#-
  The same name on every target, so that a lake model and its published table are one relation in the graph. Only a trial of
  other rules judges in a schema of its own.
-#}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {%- if target.name == 'trial' and 'judgement' in node.tags -%}
    trial
  {%- else -%}
    {{ (custom_schema_name or target.schema) | trim }}
  {%- endif -%}
{%- endmacro %}
