select concat('C', n) as customer_id, concat('Customer ', n) as legal_name, 'enterprise' as customer_type, 'US' as country, date '2024-01-01' as onboarded_on
from range(500) as r (n)
