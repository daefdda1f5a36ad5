{#- Columns of a risk mart taken from the long form of metrics `m`: counts as bigint, everything else as it is. -#}
{% macro metric_columns(names) -%}
  {%- set counts = [
    'attempts', 'calls', 'answered', 'hours_active', 'peak_cps', 'peak_hour_attempts', 'peak_concurrent', 'distinct_calling_numbers',
    'distinct_called_numbers', 'most_to_one_number', 'called_areas', 'improper_attestations', 'judged_cells', 'dialer_like_cells', 'age_days',
    'complaints_matched', 'complaints_level_1', 'complaints_level_2', 'complaints_own_desk', 'complaints_ftc', 'complaints_fcc', 'complaints_distinct',
    'complainant_areas', 'complaints_spoofed', 'tracebacks_1d', 'tracebacks_30d', 'tracebacks_90d', 'tracebacks_365d', 'tracebacks_30d_linked',
    'traceback_campaigns_repeated_30d', 'tracebacks_open', 'tracebacks_overdue', 'traceback_answers_asked_30d', 'traceback_answers_overdue',
    'end_customers_terminated_30d',
  ] -%}
  {%- for name in names %}
        max(value) filter (where metric = '{{ name }}'){{ '::bigint' if name in counts }} as {{ name }},
  {%- endfor %}
{%- endmacro %}

{#- The metrics that customers and upstreams have in common, in the order of the marts' columns. -#}
{% macro common_metrics() -%}
  {{ return([
    'attempts', 'calls', 'answered', 'minutes', 'hours_active', 'peak_cps', 'peak_hour_attempts', 'peak_concurrent', 'attempts_z', 'asr', 'ner',
    'network_failed_share', 'own_outage_share', 'acd_seconds', 'median_talk_seconds', 'share_le_6s', 'share_lt_15s', 'share_lt_30s', 'share_lt_60s',
    'share_gt_120s', 'zero_talk_share', 'abandoned_share', 'rejected_share', 'distinct_calling_numbers', 'calls_per_calling_number',
    'calling_number_entropy', 'new_calling_number_share', 'invalid_calling_share', 'unallocated_calling_share', 'dno_share', 'unapproved_calling_share',
    'anonymous_calling_share', 'foreign_calling_share', 'toll_free_calling_share', 'neighbor_share', 'neighbor_likely_share', 'neighbor_excess_share',
    'distinct_called_numbers', 'attempts_per_called_number', 'most_to_one_number', 'sequential_share', 'called_areas', 'called_area_entropy',
    'attest_a_share', 'attest_b_share', 'attest_c_share', 'unsigned_share', 'failed_verification_share', 'age_days', 'tracebacks_1d', 'tracebacks_30d',
    'tracebacks_90d', 'tracebacks_365d', 'tracebacks_30d_linked', 'traceback_campaigns_repeated_30d', 'tracebacks_open', 'tracebacks_overdue',
  ]) }}
{%- endmacro %}

{% macro customer_metrics() -%}
  {{ return(common_metrics() + [
    'peak_cps_of_limit', 'peak_concurrent_of_limit', 'forwarded_calling_share', 'improper_attestations',
  ] + complaint_metrics() + ['complaints_per_million']) }}
{%- endmacro %}

{% macro upstream_metrics() -%}
  {{ return(common_metrics() + [
    'us_caller_id_foreign_share', 'judged_cells', 'dialer_like_cells', 'dialer_like_minutes_share', 'worst_cell_share_lt_30s', 'other_signer_share',
    'traceback_answers_asked_30d', 'traceback_answers_in_24h_share', 'traceback_answers_overdue', 'traceback_answer_hours_median',
    'end_customers_terminated_30d',
  ]) }}
{%- endmacro %}

{#- What customer_complaints_daily counts, in the order of the mart's columns. -#}
{% macro complaint_metrics() -%}
  {{ return([
    'complaints_matched', 'complaints_level_1', 'complaints_level_2', 'complaints_own_desk', 'complaints_ftc', 'complaints_fcc', 'complaints_distinct',
    'complainant_areas', 'complaints_shared', 'complaints_spoofed',
  ]) }}
{%- endmacro %}
