{#- Columns of a risk mart taken from the long form of metrics `m`: counts as bigint, everything else as it is. -#}
{% macro metric_columns(names) -%}
  {%- set counts = [
    'attempts', 'calls', 'answered', 'distinct_calling_numbers', 'peak_cps', 'complaints_matched', 'complaints_own_desk', 'complaints_ftc',
    'complaints_fcc', 'complaints_distinct', 'complainant_areas', 'complaints_spoofed', 'tracebacks_30d', 'dialer_like_cells'
  ] -%}
  {%- for name in names %}
        max(value) filter (where metric = '{{ name }}'){{ '::bigint' if name in counts }} as {{ name }},
  {%- endfor %}
{%- endmacro %}

{#- The shape metrics that customers and upstreams have in common, in the order of the marts' columns. -#}
{% macro shape_metrics() -%}
  {{ return([
    'attempts', 'calls', 'answered', 'asr', 'acd_seconds', 'share_le_6s', 'share_lt_15s', 'share_lt_30s', 'share_lt_60s', 'share_gt_120s',
    'abandoned_share', 'rejected_share', 'distinct_calling_numbers', 'calls_per_calling_number', 'invalid_calling_share', 'unallocated_calling_share',
    'dno_share', 'unapproved_calling_share', 'neighbor_share', 'attest_a_share', 'attest_b_share', 'attest_c_share', 'unsigned_share', 'peak_cps',
  ]) }}
{%- endmacro %}

{#- What customer_complaints_daily counts, in the order of the mart's columns. -#}
{% macro complaint_metrics() -%}
  {{ return([
    'complaints_matched', 'complaints_own_desk', 'complaints_ftc', 'complaints_fcc', 'complaints_distinct', 'complainant_areas',
    'complaints_shared', 'complaints_spoofed',
  ]) }}
{%- endmacro %}
