-- A person may let a failed check pass for one date. What the gate then records says which feeds that was for, and by which entries.
alter table ops.gate_results
    add column overridden text[] not null default '{}',
    add column overrides bigint[] not null default '{}';
comment on column ops.gate_results.affected is 'Feeds that the offending rows name; empty where they name none.';
comment on column ops.gate_results.overridden is 'Of the affected feeds those that an override lets pass. A check whose others are held is blocked.';
comment on column ops.gate_results.overrides is 'Entries of decisions.ledger that were in force for this check when the gate ran.';

-- Whoever appends it: no override without a date, a check, a name, a reason and an end.
alter table decisions.ledger add constraint override_is_signed check (
    entry_type <> 'override'
    or (
        service_date is not null
        and actor ~ '\S'
        and payload ?& array['gate', 'check', 'feeds', 'until']
        and coalesce(payload ->> 'reason' ~ '\S', false)
    )
);

-- Asked for by every run of a gate.
create index on decisions.ledger (service_date) where entry_type = 'override';
