{#- A telephone number without its last four digits; a prefix of numbers, which ends in *, as it is. -#}
{% macro masked(number) -%}
  case when {{ number }} like '%*' then {{ number }} else concat(left({{ number }}, greatest(length({{ number }}) - 4, 0)), 'xxxx') end
{%- endmacro %}

{#-
  A text of somebody's without the last four digits of whatever looks like a telephone number in it: ten digits of the North
  American plan with or without country code, as people write them, or E.164. As include/alerts/alerts.py knows them.
-#}
{% macro without_numbers(text) -%}
  regexp_replace(
    {{ text }},
    '(?<![0-9A-Za-z])((\+?1[ .-]*)?\(?[2-9]\d{2}[ .)-]*[2-9]\d{2}[ .-]*|\+\d{4,11})\d{4}(?![0-9A-Za-z])', '\1xxxx', 'g'
  )
{%- endmacro %}
