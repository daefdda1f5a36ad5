-- 10,000 single numbers and 100 blocks of ten thousand
select concat('+1', 201 + hash(n, 'area') % 700, 2000000 + hash(n, 'line') % 8000000) as number, 'unassigned' as category, 'itg' as source
from range(10000) as r (n)
union all
select concat('+1', 201 + hash(n, 'area') % 700, 200 + hash(n, 'block') % 800, '*'), 'unassigned', 'itg' from range(100) as r (n)
