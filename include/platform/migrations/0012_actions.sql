-- What was ordered to be done about a party, whether the order was delivered, and who acknowledged it. Orders and
-- acknowledgements are entries of the ledger; only the deliveries stand beside it.
create table ops.action_deliveries (
    action_id text not null,
    channel text not null check (channel in ('file', 'webhook')),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    delivered_at timestamptz not null,
    primary key (action_id, channel)
);
comment on table ops.action_deliveries is 'By which channels an order was delivered, and when. An order is delivered at least once.';
comment on column ops.action_deliveries.sha256 is 'Of the order as it was delivered: the bytes of its JSON file.';

create view decisions.actions as
select
    ordered.payload ->> 'action_id' as action_id,
    ordered.payload ->> 'case_id' as case_id,
    ordered.party_kind,
    ordered.party_id,
    ordered.payload ->> 'legal_name' as legal_name,
    ordered.payload ->> 'action' as action,
    array(select jsonb_array_elements_text(ordered.payload -> 'trunks')) as trunks,
    array(select jsonb_array_elements_text(ordered.payload -> 'linked_party_ids')) as linked_party_ids,
    ordered.payload ->> 'until' as until,
    ordered.service_date,
    ordered.recorded_at as ordered_at,
    ordered.actor as ordered_by,
    (
        select coalesce(jsonb_object_agg(deliveries.channel, deliveries.delivered_at), '{}')
        from ops.action_deliveries as deliveries
        where deliveries.action_id = ordered.payload ->> 'action_id'
    ) as delivered,
    acknowledged.recorded_at as acknowledged_at,
    acknowledged.actor as acknowledged_by,
    acknowledged.payload ->> 'note' as note
from decisions.ledger as ordered
left join decisions.ledger as acknowledged
    on acknowledged.entry_type = 'acknowledgement' and acknowledged.payload ->> 'action_id' = ordered.payload ->> 'action_id'
where ordered.entry_type = 'action';
comment on view decisions.actions is 'The outbox: one row per ordered action on a whole party. Orders recommend to those who operate the switches; nothing here touches one.';

grant select, insert on ops.action_deliveries to tollgate_recommender;
grant select on decisions.actions to tollgate_recommender, tollgate_notifier, tollgate_auditor;
grant select on ops.action_deliveries to tollgate_notifier;
