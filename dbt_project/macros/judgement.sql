{#- Whether a data status says that everything is there: only then does silence prove anything, and a day tell what is usual. -#}
{% macro is_complete(status) -%}
  {{ status }} in ('complete', 'no_traffic_confirmed')
{%- endmacro %}

{#- Whether a data status lets behaviour be judged: everything is there, or a person let a failed check pass. -#}
{% macro may_be_judged(status) -%}
  ({{ is_complete(status) }} or {{ status }} = 'overridden')
{%- endmacro %}

{#- Whether a rule's kind of evidence may recommend a suspension without another kind beside it. -#}
{% macro may_suspend_alone(evidence) -%}
  {{ evidence }} in ('legal', 'registry', 'role', 'traceback', 'decision')
{%- endmacro %}
