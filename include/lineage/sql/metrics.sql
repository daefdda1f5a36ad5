-- Metrics, and where another metric counts what one is a part of, the condition by which it does.
select metrics.*, whole.calls_where as denominator_where
from seeds.metrics
left join lateral (
    select others.calls_where
    from seeds.metrics as others
    where others.kind = 'count' and others.numerator = metrics.denominator and others.calls_where is not null
    limit 1
) as whole on true
where metric = any(%(metrics)s)
