{#-
  What this run is about, from the environment variable TOLLGATE_RUN (JSON, set by include/lake/dbt.py):
    service_date   'YYYY-MM-DD', the UTC day being built
    evidence_days  ['YYYY-MM-DD', ...], the days of receipt whose complaints and notices are matched again
    following_days ['YYYY-MM-DD', ...], the service date and the processed dates within a week after it
    run_at         ISO 8601 instant of the run; models never ask the clock
    private_rules  [{column: value}, ...], optional: rules that stand in the place of published ones
    known_at       ISO 8601 instant, optional: what became known later is left out
    rule_set, ruleset  [{column: value}, ...] and the declared version, optional: the rules of then, in the place of all others
  Read only while executing: dbt parses the whole project anew whenever its own --vars change, and these
  change every day.
-#}
{% macro run_value(name, default=none) -%}
  {%- if not execute -%}
    {{ return('1970-01-01') }}
  {%- endif -%}
  {%- set run = fromjson(env_var('TOLLGATE_RUN', '{}')) -%}
  {%- if name not in run and default is none -%}
    {{ exceptions.raise_compiler_error("TOLLGATE_RUN does not say " ~ name ~ "; run dbt through include/lake/dbt.py") }}
  {%- endif -%}
  {{ return(run.get(name, default)) }}
{%- endmacro %}

{% macro private_rules() -%}
  {{ return(run_value('private_rules', [])) }}
{%- endmacro %}

{% macro service_date() -%}
  {{ return(run_value('service_date')) }}
{%- endmacro %}

{#- The days that the run says under a name: service_date, evidence_days or following_days. -#}
{% macro run_days(name) -%}
  {%- set days = run_value(name) -%}
  {{ return([days] if days is string else days) }}
{%- endmacro %}

{% macro evidence_days() -%}
  {{ return(run_days('evidence_days')) }}
{%- endmacro %}

{% macro following_days() -%}
  {{ return(run_days('following_days')) }}
{%- endmacro %}

{#- The days as a list for `in (...)`. -#}
{% macro dates(days) -%}
  {% for day in days %}date '{{ day }}'{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{#- The days as a one-column relation `service_date`, to be selected from. -#}
{% macro days_relation(days) -%}
  ({% for day in days %}select date '{{ day }}' as service_date{{ ' union all ' if not loop.last }}{% endfor %})
{%- endmacro %}
