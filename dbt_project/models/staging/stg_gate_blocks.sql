{{ config(grants={'select': ['tollgate_auditor', 'tollgate_notifier']}) }}

-- What the newest run of each gate blocked, by service date. An override takes a new result for the same check.
with latest as (

    select distinct on (service_date, gate) service_date, gate, run
    from {{ source('ops', 'gate_results') }}
    order by service_date, gate, recorded_at desc, run desc

)

select r.service_date, r.gate, r."check" as check_name, r.affected, r.remedy
from {{ source('ops', 'gate_results') }} as r
inner join latest as l on l.service_date = r.service_date and l.gate = r.gate and l.run = r.run
where r.outcome = 'blocked'
