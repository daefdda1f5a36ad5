{#- What is counted of a party's attempts, the same for customers and upstreams. Bounds are part of the names. -#}
{% macro traffic_counts() -%}
  {%- set counts = [
    ('attempts', 'true'),
    ('calls', 'is_final'),
    ('answered', 'answered'),
    ('le_6s', 'answered and talk_ms <= 6000'),
    ('lt_15s', 'answered and talk_ms < 15000'),
    ('lt_30s', 'answered and talk_ms < 30000'),
    ('lt_60s', 'answered and talk_ms < 60000'),
    ('gt_120s', 'answered and talk_ms > 120000'),
    ('abandoned', 'abandoned'),
    ('rejected', 'rejected'),
    ('invalid_calling', "calling_class in ('invalid', 'unparseable')"),
    ('anonymous_calling', "calling_class in ('anonymous', 'missing')"),
    ('us_caller_id', "calling_class = 'valid_us'"),
    ('allocation_judged', 'unallocated is not null'),
    ('unallocated_calling', 'unallocated'),
    ('dno_calling', 'never_originating'),
    ('unapproved_calling', 'unapproved'),
    ('neighbor', 'neighbor'),
    ('attest_a', "attestation = 'A'"),
    ('attest_b', "attestation = 'B'"),
    ('attest_c', "attestation = 'C'"),
    ('unsigned', 'attestation is null'),
    ('declared_campaign_attempts', 'declared'),
  ] -%}
  {%- for name, condition in counts %}
        cast(count(*) filter (where {{ condition }}) as bigint) as {{ name }},
  {%- endfor %}
        cast(coalesce(sum(talk_ms), 0) as bigint) as talk_ms,
        cast(count(distinct presented_number) as bigint) as distinct_calling_numbers
{%- endmacro %}

{% macro traffic_count_names() -%}
  {{ return([
    'attempts', 'calls', 'answered', 'talk_ms', 'le_6s', 'lt_15s', 'lt_30s', 'lt_60s', 'gt_120s', 'abandoned', 'rejected',
    'distinct_calling_numbers', 'invalid_calling', 'anonymous_calling', 'us_caller_id', 'allocation_judged',
    'unallocated_calling', 'dno_calling', 'unapproved_calling', 'neighbor', 'attest_a', 'attest_b', 'attest_c', 'unsigned',
  ]) }}
{%- endmacro %}

{#- The most attempts of a party that started within one UTC second. -#}
{% macro peak_cps(attempts) -%}
  select party_id, cast(max(in_second) as bigint) as peak_cps
    from (select party_id, start_second, count(*) as in_second from {{ attempts }} group by party_id, start_second) as seconds
    group by party_id
{%- endmacro %}
