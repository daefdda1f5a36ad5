select r.rule_code, r.metric
from {{ ref('rule_set') }} as r
left join {{ ref('metrics') }} as m on m.metric = r.metric
where r.metric is not null and m.metric is null
