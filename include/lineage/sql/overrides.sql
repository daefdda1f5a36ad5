-- Who let what pass in the newest runs of the gates before a recommendation was made.
select entry_id, results.gate, results."check", actor as by, payload ->> 'reason' as reason, (payload ->> 'until')::timestamptz as until,
    array(select jsonb_array_elements_text(payload -> 'feeds') intersect select unnest(results.affected) order by 1) as feeds
from ops.gate_results as results
join decisions.ledger on entry_id = any(results.overrides)
where results.service_date = %(day)s
    and (results.gate, results.run) in (
        select distinct on (gate) gate, run
        from ops.gate_results
        where service_date = %(day)s and recorded_at <= %(recorded_at)s
        order by gate, recorded_at desc
    )
order by entry_id
