-- What a metric is made of, as dbt_project/models/intermediate/party_facts_daily.sql counts it.
select
    (to_jsonb(facts) ->> %(numerator)s)::double precision as numerator,
    (to_jsonb(facts) ->> %(denominator)s)::double precision as denominator
from intermediate.party_facts_daily as facts
where service_date = %(day)s and party_kind = %(party_kind)s and party_id = %(party_id)s
