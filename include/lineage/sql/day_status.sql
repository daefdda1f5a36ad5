-- Why the day of a party is not complete.
select data_reasons from marts.customer_risk_daily where service_date = %(day)s and customer_id = %(party_id)s and %(party_kind)s = 'customer'
union all
select data_reasons from marts.upstream_risk_daily where service_date = %(day)s and upstream_id = %(party_id)s and %(party_kind)s = 'upstream'
