-- The rules of the rule set that judged, and whether all of it hashes to what its version says (see the model ruleset).
with judged as (
    select
        *,
        row(
            rule_code, alternative, condition, party_kind, tier, evidence, metric, bound, operator, threshold, compared_with, min_sample,
            min_sample_new, exempt_traits, effective_from, effective_to, words, source, is_private
        )::text as as_hashed
    from intermediate.rule_sets
    where ruleset_version = %(version)s
),

hashed as (
    select
        encode(sha256(convert_to(string_agg(as_hashed, E'\n' order by rule_code, alternative, condition), 'UTF8')), 'hex') as sha256,
        left(md5(string_agg(as_hashed, E'\n' order by rule_code, alternative, condition)), 8) = split_part(%(version)s, '+', 2) as is_unchanged
    from judged
)

select judged.*, hashed.sha256, hashed.is_unchanged
from judged
cross join hashed
order by rule_code, alternative, condition
