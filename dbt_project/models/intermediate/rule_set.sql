{{ config(tags=['judgement'], incremental_strategy='replace_all', indexes=[], grants={'select': ['tollgate_auditor', 'tollgate_recommender']}) }}

{#- The rules of seeds/rules.csv, and the installation's private ones in the place of those with the same code, alternative and condition. -#}
with private as (

    select *
    from jsonb_to_recordset('{{ tojson(run_value("private_rules", [])) | replace("'", "''") }}'::jsonb) as r (
        rule_code text, alternative integer, condition integer, party_kind text, tier text, evidence text, metric text, bound text,
        operator text, threshold double precision, compared_with text, min_sample bigint, min_sample_new bigint, exempt_traits text,
        effective_from date, effective_to date, words text, source text
    )

)

select p.*, true as is_private from private as p

union all

select r.*, false as is_private
from {{ ref('rules') }} as r
where not exists (
    select from private as p where p.rule_code = r.rule_code and p.alternative = r.alternative and p.condition = r.condition
)
