-- of three customers one gave the whole block it calls from, one each of its numbers, and one nothing
select concat('C', n) as customer_id, concat('+1', 201 + n * 7 % 700, 200 + n * 13 % 800, '*') as number, true as assigned_by_us
from range(0, 500, 3) as r (n)
union all
select concat('C', n), concat('+1', 201 + n * 7 % 700, 200 + n * 13 % 800, right(concat('000', line), 4)), true
from range(1, 500, 3) as r (n)
cross join range(5020) as l (line)
where line < 20 + n * 37 % 5000
