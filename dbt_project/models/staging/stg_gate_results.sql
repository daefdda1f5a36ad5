-- The newest run of each gate on a service date speaks.
with latest as (

    select distinct on (service_date, gate) service_date, gate, run
    from {{ source('ops', 'gate_results') }}
    order by service_date, gate, recorded_at desc, run desc

)

select r.service_date, r.gate, r."check" as check_name, r.outcome, r.affected, r.overridden, r.overrides, r.remedy
from {{ source('ops', 'gate_results') }} as r
inner join latest as l on l.service_date = r.service_date and l.gate = r.gate and l.run = r.run
