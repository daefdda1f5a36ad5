{#- A company's name without case, punctuation and legal form, for suggestions only: registries spell names differently. -#}
{% macro plain_name(name) -%}
  nullif(trim(regexp_replace(
    regexp_replace(lower({{ name }}), '[^a-z0-9]+', ' ', 'g'), '( (llc|inc|incorporated|corp|corporation|co|company|ltd|limited|lp|l l c))+ ?$', ''
  )), '')
{%- endmacro %}
