{{ config(tags=['judgement'], incremental_strategy='replace_all', indexes=[]) }}

select
    '{{ run_value("ruleset", var("ruleset")) }}' || case when bool_or(is_private) then 'p' else '' end
        || '+' || left(md5(string_agg(r::text, E'\n' order by rule_code, alternative, condition)), 8) as ruleset_version
from {{ ref('rule_set') }} as r
