{#-
  One Parquet file per model and day: <lake>/daily/<model>/service_date=D/part-0.parquet.
  The run's days are written anew, each file appearing whole or not at all (a day without rows is a file without
  rows); other days are left alone. `lake.<model>` is then a view over all days.
  Config: meta.days names the days of the run that the model rebuilds, `service_date` or `evidence_days`.
-#}
{% materialization lake_daily, adapter='duckdb' -%}
  {%- set target_relation = this.incorporate(type='view') -%}
  {%- set built = make_temp_relation(this) -%}
  {%- set folder = env_var('TOLLGATE_LAKE') ~ '/daily/' ~ this.identifier -%}
  {%- set days = evidence_days() if config.get('meta', {}).get('days') == 'evidence_days' else [service_date()] -%}

  {{ run_hooks(pre_hooks) }}

  {% do get_assert_columns_equivalent(sql) %}
  {% call statement('build') -%}
    create or replace temp table {{ built.identifier }} as ({{ sql }})
  {%- endcall %}

  {%- set strangers = run_query(
    "select distinct service_date from " ~ built.identifier ~
    " where service_date is null or service_date not in (" ~ dates(days) ~ ") order by 1 limit 5"
  ) -%}
  {%- if strangers.rows | length > 0 -%}
    {{ exceptions.raise_compiler_error(
      this.identifier ~ " has rows of days that this run does not build: " ~ (strangers.columns[0].values() | join(', '))
    ) }}
  {%- endif -%}

  {% for day in days %}
    {%- set partition = folder ~ '/service_date=' ~ day -%}
    {% do run_query("select make_folder('" ~ partition ~ "')") %}
    {% do run_query(
      "copy (select * exclude (service_date) from " ~ built.identifier ~ " where service_date = date '" ~ day ~
      "' order by all) to '" ~ partition ~ "/.part-0.unfinished' (format parquet, compression zstd)"
    ) %}
    {% do run_query("select replace_file('" ~ partition ~ "/.part-0.unfinished', '" ~ partition ~ "/part-0.parquet')") %}
  {% endfor %}

  {% call statement('main') -%}
    drop table {{ built.identifier }};
    create or replace view {{ target_relation }} as
    select {{ model.columns.keys() | join(', ') }}
    from read_parquet('{{ folder }}/service_date=*/*.parquet', hive_partitioning = true, hive_types = {'service_date': date})
  {%- endcall %}

  {{ run_hooks(post_hooks) }}
  {% do adapter.commit() %}
  {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
