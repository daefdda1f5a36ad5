-- Results of gates that are not what the ledger digested: changed, removed, or put in beside the gate.
with digested as (

    select distinct on (run, gate, service_date)
        payload ->> 'run' as run,
        payload ->> 'gate' as gate,
        service_date,
        payload ->> 'digest' as digest,
        entry_id
    from decisions.ledger
    where entry_type = 'gate' and payload ? 'digest'
    order by run, gate, service_date, entry_id desc

),

-- results of before the first digest are an earlier version's, which made none
first as (

    select min(recorded_at) as recorded_at
    from decisions.ledger
    where entry_type = 'gate' and payload ? 'digest'

),

present as (

    select run, gate, service_date, max(recorded_at) as recorded_at, ops.gate_digest(run, gate, service_date) as digest
    from ops.gate_results
    group by run, gate, service_date

)

select
    'gate ' || gate || ' of ' || service_date || ', run ' || run || ': '
        || case
            when present.digest is null then 'its results were removed; ledger entry ' || digested.entry_id || ' has them'
            when digested.digest is null then 'no entry of the ledger has its results'
            else 'its results were changed since ledger entry ' || digested.entry_id
        end as problem
from digested
full join present using (run, gate, service_date)
cross join first
where present.digest is distinct from digested.digest
    and (digested.digest is not null or present.recorded_at >= first.recorded_at)
order by service_date, gate, run
