{#-
  One Parquet file per model and day: <lake>/daily/<model>/service_date=D/part-0.parquet.
  The run's days are written anew, each file appearing whole or not at all (a day without rows is a file without
  rows); other days are left alone. Within the run, `lake.<model>` is a table of exactly the run's days, so that the
  tests of a day cost the same however many days lie in the lake.
  Config: meta.days names the days of the run that the model rebuilds, as macros/run_days.sql has them.
-#}
{% materialization lake_daily, adapter='duckdb' -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set folder = env_var('TOLLGATE_LAKE') | replace("'", "''") ~ '/daily/' ~ this.identifier -%}
  {%- set days = run_days(config.get('meta', {}).get('days', 'service_date')) -%}

  {{ run_hooks(pre_hooks) }}

  {% do get_assert_columns_equivalent(sql) %}
  {% call statement('main') -%}
    create or replace table {{ target_relation }} as ({{ sql }})
  {%- endcall %}

  {%- set strangers = run_query(
    "select distinct coalesce(cast(service_date as varchar), 'null') as service_date from " ~ target_relation ~
    " where service_date is null or service_date not in (" ~ dates(days) ~ ") order by 1 limit 5"
  ) -%}
  {%- if strangers.rows | length > 0 -%}
    {{ exceptions.raise_compiler_error(
      this.identifier ~ " has rows of days that this run does not build: " ~ (strangers.columns[0].values() | join(', '))
    ) }}
  {%- endif -%}

  {% for day in days %}
    {%- set partition = folder ~ '/service_date=' ~ day -%}
    {#- notices may be matched while a day is built: each run has a file of its own until it is whole -#}
    {%- set unfinished = partition ~ '/.' ~ invocation_id ~ '.unfinished' %}
    {% do run_query("select make_folder('" ~ partition ~ "')") %}
    {% do run_query(
      "copy (select * exclude (service_date) from " ~ target_relation ~ " where service_date = date '" ~ day ~
      "' order by all) to '" ~ unfinished ~ "' (format parquet, compression zstd)"
    ) %}
    {% do run_query(
      "select replace_file('" ~ unfinished ~ "', '" ~ partition ~ "/part-0.parquet')"
    ) %}
  {% endfor %}

  {{ run_hooks(post_hooks) }}
  {% do adapter.commit() %}
  {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
