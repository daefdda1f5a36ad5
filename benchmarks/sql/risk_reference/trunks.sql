select concat('c', n) as trunk, 'customer' as party_kind, concat('C', n) as party_id from range(500) as r (n)
union all
select concat('u', n // 4, '-', n % 4), 'upstream', concat('U', n // 4) from range(240) as r (n)
