select concat('U', n) as upstream_id, concat('Upstream ', n) as legal_name, 'US' as country, date '2024-01-01' as onboarded_on from range(60) as r (n)
