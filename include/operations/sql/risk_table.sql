-- The risk tables of a service date, worst first.
select
    'customer' as party_kind, customer_id as party_id, legal_name, recommendation, carried_recommendation, reason_codes, score,
    attempts, asr, acd_seconds, share_le_6s, complaints_matched, tracebacks_30d, null as rmd_status
from marts.customer_risk_daily
where service_date = %(day)s
union all
select
    'upstream', upstream_id, legal_name, recommendation, carried_recommendation, reason_codes, score,
    attempts, asr, acd_seconds, share_le_6s, null, tracebacks_30d, rmd_status
from marts.upstream_risk_daily
where service_date = %(day)s
order by party_kind, score desc, party_id
