-- What each metric is called and made of.
select metric, label, unit, numerator_words as numerator, denominator_words as denominator, calls_where
from seeds.metrics
