{{ config(grants={'select': ['tollgate_auditor', 'tollgate_notifier']}) }}

-- A check that an override lets pass for some of its feeds blocks the others.
select
    service_date,
    gate,
    check_name,
    array(select unnest(affected) except select unnest(overridden) order by 1) as affected,
    remedy
from {{ ref('stg_gate_results') }}
where outcome = 'blocked'
