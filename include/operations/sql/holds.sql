-- Who is on HOLD on a service date, by the reasons.
select array_agg(party_id order by party_id) as party_ids, data_reasons
from (
    select customer_id as party_id, data_reasons from marts.customer_risk_daily
    where service_date = %(day)s and recommendation = 'HOLD'
    union all
    select upstream_id, data_reasons from marts.upstream_risk_daily
    where service_date = %(day)s and recommendation = 'HOLD'
) as held
group by data_reasons
order by data_reasons
