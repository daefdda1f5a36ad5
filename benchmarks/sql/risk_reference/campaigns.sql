-- every tenth customer declared its first ten numbers
select
    concat('C', n) as customer_id,
    'reminders' as campaign,
    'notification' as purpose,
    concat('+1', 201 + n * 7 % 700, 200 + n * 13 % 800, '000', line) as calling_number
from range(0, 500, 10) as r (n)
cross join range(10) as l (line)
