select cast(npa as varchar) as npa, cast(nxx as varchar) as nxx, cast(x as varchar) as x, 'AV' as status, hash(npa, nxx, x) % 4 = 0 as contaminated
from range(201, 901) as a (npa)
cross join range(200, 1000) as b (nxx)
cross join range(10) as c (x)
where hash(npa, nxx) % 3 > 0 and hash(x, nxx, npa) % 8 = 0
