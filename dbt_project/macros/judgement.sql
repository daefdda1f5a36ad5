{#- Whether a data status lets a day be judged. -#}
{% macro is_complete(status) -%}
  {{ status }} in ('complete', 'no_traffic_confirmed')
{%- endmacro %}

{#- Whether a rule's kind of evidence may recommend a suspension without another kind beside it. -#}
{% macro may_suspend_alone(evidence) -%}
  {{ evidence }} in ('legal', 'registry', 'role', 'traceback', 'decision')
{%- endmacro %}
