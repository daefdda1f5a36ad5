{{ config(tags=['judgement'], incremental_strategy='replace_all', indexes=[], grants={'select': ['tollgate_auditor', 'tollgate_recommender']}) }}

{#-
  The rules of seeds/rules.csv, and the installation's private ones in the place of those with the same code, alternative and condition.
  A date that is judged again as it once was is judged by the rules of then, which the run gives whole.
-#}
{%- set of_then = run_value('rule_set', []) -%}
with given as (

    select r.*
    from jsonb_array_elements('{{ tojson(of_then or private_rules()) | replace("'", "''") }}'::jsonb) as g (rule)
    cross join lateral jsonb_to_record('{"is_private": true}'::jsonb || g.rule) as r (
        rule_code text, alternative integer, condition integer, party_kind text, tier text, evidence text, metric text, bound text,
        operator text, threshold double precision, compared_with text, min_sample bigint, min_sample_new bigint, exempt_traits text,
        effective_from date, effective_to date, words text, source text, is_private boolean
    )

)

select * from given

union all

select r.*, false as is_private
from {{ ref('rules') }} as r
where {{ 'false' if of_then else 'true' }}
    and not exists (
        select from given as p where p.rule_code = r.rule_code and p.alternative = r.alternative and p.condition = r.condition
    )
