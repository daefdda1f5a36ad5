-- What the gates had found by an instant, of the dates that a build looks at.
select distinct on (run, gate, service_date, "check") *
from (select * from ops.gate_results union all select * from ops.gate_results_replaced) as results
where recorded_at <= {until} and service_date >= {first}
order by run, gate, service_date, "check", recorded_at desc
