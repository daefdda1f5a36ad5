{#- Epoch milliseconds (bigint) of a UTC timestamp. -#}
{% macro epoch_milliseconds(instant) -%}
  {{ return(adapter.dispatch('epoch_milliseconds')(instant)) }}
{%- endmacro %}

{% macro default__epoch_milliseconds(instant) -%}
  cast(extract(epoch from {{ instant }}) * 1000 as bigint)
{%- endmacro %}

{% macro duckdb__epoch_milliseconds(instant) -%}
  epoch_ms({{ instant }})
{%- endmacro %}
