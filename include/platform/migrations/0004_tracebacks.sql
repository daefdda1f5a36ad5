-- What happens to a notice is in the ledger too: each change of its state is an entry of its own.
alter table decisions.ledger drop constraint ledger_entry_type_check;
alter table decisions.ledger add constraint ledger_entry_type_check
    check (entry_type in ('recommendation', 'gate', 'review', 'release', 'override', 'transition'));
comment on table decisions.ledger is 'Every recommendation, gate block, review, release, override and change of state of a notice, in the order they were made. Entries are never changed; a correction is a new entry.';
create unique index on decisions.ledger ((payload ->> 'transition_id')) where entry_type = 'transition';
create index on decisions.ledger ((payload ->> 'subject_id'), entry_id) where entry_type = 'transition';

-- As before, and a transition is appended once.
create or replace function decisions.append(entries jsonb, recorded_at timestamptz) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    item jsonb;
    entry decisions.ledger;
    appended integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('decisions.ledger'));
    select entry_id, hash into entry.entry_id, entry.hash from decisions.ledger order by entry_id desc limit 1;
    if not found then
        entry.entry_id := 0;
        entry.hash := repeat('0', 64);
    end if;
    for item in select value from jsonb_array_elements(entries) with ordinality order by ordinality loop
        continue when item ->> 'entry_type' = 'recommendation' and exists (
            select from decisions.ledger
            where entry_type = 'recommendation' and recommendation_id = item ->> 'recommendation_id'
        );
        continue when item ->> 'entry_type' = 'review' and exists (
            select from decisions.ledger
            where entry_type = 'review' and payload ->> 'case_id' = item -> 'payload' ->> 'case_id'
        );
        continue when item ->> 'entry_type' = 'transition' and exists (
            select from decisions.ledger
            where entry_type = 'transition' and payload ->> 'transition_id' = item -> 'payload' ->> 'transition_id'
        );
        entry.entry_id := entry.entry_id + 1;
        entry.previous_hash := entry.hash;
        entry.entry_type := item ->> 'entry_type';
        entry.recorded_at := append.recorded_at;
        entry.actor := item ->> 'actor';
        entry.service_date := (item ->> 'service_date')::date;
        entry.party_kind := item ->> 'party_kind';
        entry.party_id := item ->> 'party_id';
        entry.recommendation_id := item ->> 'recommendation_id';
        entry.payload := item -> 'payload';
        entry.hash := decisions.entry_hash(entry);
        insert into decisions.ledger select (entry).*;
        appended := appended + 1;
    end loop;
    return appended;
end
$$;

-- When a date was first built: what arrived later is news, and is acted on at once.
alter table ops.processed_days add column first_processed_at timestamptz;
update ops.processed_days set first_processed_at = processed_at;
alter table ops.processed_days alter column first_processed_at set default now(), alter column first_processed_at set not null;
