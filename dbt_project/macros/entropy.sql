{#-
  Entropy of the counts in column `counts`, times their sum, in millionths of a bit: divided by the sum it is the entropy per
  attempt. Every term is rounded before it is summed, so that the order in which an engine adds them cannot show.
-#}
{% macro entropy_microbits(counts) -%}
  cast(round(sum({{ counts }}) * log2(sum({{ counts }})) * 1000000) - sum(cast(round({{ counts }} * log2({{ counts }}) * 1000000) as bigint)) as bigint)
{%- endmacro %}
