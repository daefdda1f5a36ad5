{#-
  Bounds of the 95 % Wilson score interval of a share (z = 1.959964); null where the denominator is 0.
  Rules compare a bound and not the point, so that a handful of calls cannot fire them.
  (`greatest` and `least` pass nulls over, so the case has to say it.)
-#}
{% macro wilson_bound(numerator, denominator, sign) -%}
  {%- set z = '1.959964' -%}
  {%- set n = 'cast(' ~ denominator ~ ' as double precision)' -%}
  {%- set p = '(cast(' ~ numerator ~ ' as double precision) / nullif(' ~ n ~ ', 0))' -%}
  ({{ p }} + {{ z }} * {{ z }} / (2 * nullif({{ n }}, 0)) {{ sign }} {{ z }} * sqrt({{ p }} * (1 - {{ p }}) / nullif({{ n }}, 0) + {{ z }} * {{ z }} / (4 * nullif({{ n }}, 0) * nullif({{ n }}, 0)))) / (1 + {{ z }} * {{ z }} / nullif({{ n }}, 0))
{%- endmacro %}

{% macro wilson_lower(numerator, denominator) -%}
  case when {{ denominator }} > 0 then greatest(0, {{ wilson_bound(numerator, denominator, '-') }}) end
{%- endmacro %}

{% macro wilson_upper(numerator, denominator) -%}
  case when {{ denominator }} > 0 then least(1, {{ wilson_bound(numerator, denominator, '+') }}) end
{%- endmacro %}

{#- A share as a float, null where there is nothing to divide by. -#}
{% macro share(numerator, denominator) -%}
  cast({{ numerator }} as double precision) / nullif({{ denominator }}, 0)
{%- endmacro %}
