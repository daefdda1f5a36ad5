{#-
  The lake's tables as views named raw_lake.<table>, made at the start of every lake run (the DuckDB database
  itself lives in memory only). Receipts and arrivals, of which each file brings one and every model asks, are read once into
  tables: thousands of small files take seconds each time. A row counts once its receipt stands as loaded or partial; a call that a newer
  file replaced is left out, once that file's own receipt stands. On PostgreSQL there is nothing to do.
  Where the run says `known_at`, what was loaded or arrived after that instant is left out, of every table alike: the lake
  as it was known then. Snapshots are kept for ever, and those of an earlier release may lack columns: they are null there.
-#}
{% macro create_raw_lake() -%}
  {{ return(adapter.dispatch('create_raw_lake')()) }}
{%- endmacro %}

{% macro default__create_raw_lake() -%}
{%- endmacro %}

{% macro duckdb__create_raw_lake() -%}
  {%- if execute -%}
  {%- set lake = env_var('TOLLGATE_LAKE') | replace("'", "''") -%}
  create schema if not exists raw_lake;
  {%- set known_at = "timestamptz '" ~ run_value('known_at', 'infinity') ~ "' at time zone 'UTC'" %}
  create or replace table raw_lake.receipts as
    select * from read_parquet('{{ lake }}/receipts/*.parquet') where loaded_at <= {{ known_at }};
  {% for table in ['superseded', 'deliveries'] %}
  create or replace view raw_lake.{{ table }} as
    select * from read_parquet('{{ lake }}/{{ table }}/*.parquet');
  {% endfor %}
  {% for name in lake_tables() %}
  create or replace {{ 'table' if name == 'arrivals' else 'view' }} raw_lake.{{ name | replace('/', '_') }} as
    select t.*
    {%- if name == 'calls' %},
      -- as numbers, arithmetic on them means the same on every engine
      epoch_ms(t.start_at) as start_ms, epoch_ms(t.answer_at) as answer_ms, epoch_ms(t.end_at) as end_ms
    {%- endif %}
    {%- if name in ['calls', 'complaints', 'notices'] %}
    from read_parquet({{ files_by_date(lake ~ '/' ~ name) }}, hive_partitioning = true, hive_types = {'service_date': date}) as t
    {%- else %}
    from read_parquet('{{ lake }}/{{ name }}/*.parquet', hive_partitioning = false, union_by_name = true) as t
    {%- endif %}
    where exists (
      select 1 from raw_lake.receipts as r
      where r.receipt_id = t.receipt_id and r.state in ('loaded', 'partial')
    )
    {%- if name == 'arrivals' %}
    and t.arrived_at <= {{ known_at }}
    {%- endif %}
    {%- if name == 'calls' %}
    -- calls that go on, and records of no call, are kept and not counted
    and t.record_kind in ('stop', 'attempt')
    and not exists (
      select 1 from raw_lake.superseded as s
      where s.receipt_id = t.receipt_id and s.source_line = t.source_line
      and exists (
        select 1 from raw_lake.receipts as r
        where r.receipt_id = s.by_receipt_id and r.state in ('loaded', 'partial')
      )
    )
    {%- endif %};
  {% endfor %}
  create or replace view raw_lake.open_records as
    select t.service_date, t.feed, t.switch_id, t.call_id, t.record_kind
    from read_parquet({{ files_by_date(lake ~ '/calls') }}, hive_partitioning = true, hive_types = {'service_date': date}) as t
    where t.record_kind in ('start', 'interim')
      and exists (
        select 1 from raw_lake.receipts as r
        where r.receipt_id = t.receipt_id and r.state in ('loaded', 'partial')
      );
  {%- endif -%}
{%- endmacro %}

{#-
  The files of a dated table, as a list for `read_parquet`. Last the one that only carries the columns: DuckDB judges the
  size of all by the first and, taking a lake for empty, would hold every call in memory to look for a few among them.
-#}
{% macro files_by_date(folder) -%}
  {%- set dates_with_rows = folder ~ '/service_date=2*/*.parquet' -%}
  {%- set found = run_query("select count(*) from glob('" ~ dates_with_rows ~ "')").columns[0].values()[0] -%}
  [{{ "'" ~ dates_with_rows ~ "', " if found }}'{{ folder }}/service_date=1970-01-01/*.parquet']
{%- endmacro %}

{#-
  All days of a lake model that were ever built, to look back from one day at those before. The model must be built before
  (`ref` it), and a model that looks back must be built again for the days after a day that changes: meta.days.
-#}
{% macro earlier_days(model) -%}
  {%- set built = ref(model) -%}
  (select * from read_parquet('{{ env_var('TOLLGATE_LAKE') | replace("'", "''") }}/daily/{{ built.identifier }}/service_date=*/part-0.parquet', hive_partitioning = true, hive_types = {'service_date': date}))
{%- endmacro %}

{#- Tables whose rows count only with their receipt, by their folder in the lake. -#}
{% macro lake_tables() -%}
  {{ return([
    'calls', 'complaints', 'notices', 'manifests', 'arrivals',
    'reference/customers', 'reference/upstreams', 'reference/trunks', 'reference/caller_ids', 'reference/campaigns',
    'reference/dno', 'reference/enforcement_notices', 'reference/upstream_answers', 'reference/rmd', 'reference/form499',
    'reference/nanp', 'reference/co_codes', 'reference/thousands_blocks',
  ]) }}
{%- endmacro %}
