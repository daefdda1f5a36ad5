{{ config(incremental_strategy='append', indexes=[]) }}

-- Every rule set that ever judged, so that a verdict of long ago can be explained with the rules of its day.
select v.ruleset_version, r.*
from {{ ref('rule_set') }} as r
cross join {{ ref('ruleset') }} as v
{% if is_incremental() -%}
where v.ruleset_version not in (select ruleset_version from {{ this }})
{%- endif %}
