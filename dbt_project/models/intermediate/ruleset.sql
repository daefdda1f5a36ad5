{{ config(materialized='table', indexes=[], full_refresh=none) }}

select
    '{{ var("ruleset") }}+' || left(md5(string_agg(r::text, E'\n' order by rule_code, alternative, condition)), 8) as ruleset_version
from {{ ref('rules') }} as r
