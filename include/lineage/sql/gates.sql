-- What the gates found before a recommendation was made: the newest run of each gate until then.
select gate, run, count(*) as checks, count(*) filter (where outcome <> 'passed') as remarks,
    string_agg("check" || ' ' || outcome, ', ' order by "check") filter (where outcome <> 'passed') as not_passed
from ops.gate_results
where service_date = %(day)s
    and (gate, run) in (
        select distinct on (gate) gate, run
        from ops.gate_results
        where service_date = %(day)s and recorded_at <= %(recorded_at)s
        order by gate, recorded_at desc
    )
group by gate, run
order by gate
