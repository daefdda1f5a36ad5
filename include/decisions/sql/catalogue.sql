-- The words of rules and metrics, for sentences that a person reads.
select
    rules.rule_code,
    rules.words as rule_words,
    rules.evidence,
    rules.source,
    metrics.metric,
    metrics.label,
    metrics.unit,
    metrics.numerator_words as numerator,
    metrics.denominator_words as denominator,
    metrics.calls_where
from intermediate.rule_set as rules
left join seeds.metrics as metrics on metrics.metric = rules.metric
where rules.alternative = 1 and rules.condition = 1
