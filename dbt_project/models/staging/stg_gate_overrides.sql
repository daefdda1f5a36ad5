select
    r.service_date,
    r.gate,
    r.check_name,
    e.entry_id,
    array(select jsonb_array_elements_text(e.payload -> 'feeds') intersect select unnest(r.affected) order by 1) as feeds,
    e.actor as overridden_by,
    e.payload ->> 'reason' as reason,
    (e.payload ->> 'until')::timestamptz as until,
    r.check_name || ' failed and is overridden by ' || e.actor || coalesce(' and ' || (e.payload ->> 'second'), '')
        || to_char((e.payload ->> 'until')::timestamptz at time zone 'UTC', '" until "YYYY-MM-DD HH24:MI" UTC: "')
        || (e.payload ->> 'reason') as told
from {{ ref('stg_gate_results') }} as r
inner join {{ source('decisions', 'ledger') }} as e on e.entry_id = any(r.overrides)
