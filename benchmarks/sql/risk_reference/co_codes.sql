-- two codes in three are assigned
select cast(npa as varchar) as npa, cast(nxx as varchar) as nxx, if(hash(npa, nxx) % 3 > 0, 'AS', 'VC') as status
from range(201, 901) as a (npa)
cross join range(200, 1000) as x (nxx)
