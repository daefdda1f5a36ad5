{#-
  dbt's own makes a view under another name, renames it and drops the old one with all views upon it: whoever reads these in
  the meantime finds none, and two that drop the same wait for each other. Here a view is replaced where it stands, and made
  anew only where its columns changed otherwise than by new ones at the end.
-#}
{% materialization view, adapter='postgres' -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='view') -%}

  {{ run_hooks(pre_hooks) }}

  {% if existing is not none and not (existing.is_view and keeps_its_columns(existing)) -%}
    {% do adapter.drop_relation(existing) %}
  {%- endif %}
  {% call statement('main') -%}
    {{ get_assert_columns_equivalent(sql) }}
    create or replace view {{ target_relation }} as (
      {{ sql }}
    );
  {%- endcall %}

  {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing, full_refresh_mode=True)) %}
  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks) }}
  {% do adapter.commit() %}
  {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{#- Whether the columns of `existing` are, in name, type and order, the first of the model's contract. -#}
{% macro keeps_its_columns(existing) -%}
  {%- set declared = model['columns'].values() | list -%}
  {%- set columns = adapter.get_columns_in_relation(existing) -%}
  {%- for column in columns -%}
    {%- if loop.index0 >= declared | length or column.name != declared[loop.index0]['name'] or column.data_type != declared[loop.index0]['data_type'] -%}
      {{ return(false) }}
    {%- endif -%}
  {%- endfor -%}
  {{ return(true) }}
{%- endmacro %}
