-- The ledger: append-only for every role, serialised, each entry carrying the hash of the one before it.
create schema decisions;

create table decisions.ledger (
    entry_id bigint primary key,
    entry_type text not null check (entry_type in ('recommendation', 'gate', 'review', 'release', 'override')),
    recorded_at timestamptz not null,
    actor text not null,
    service_date date,
    party_kind text check (party_kind in ('customer', 'upstream')),
    party_id text,
    recommendation_id text,
    payload jsonb not null,
    previous_hash text not null,
    hash text not null unique
);
comment on table decisions.ledger is 'Every recommendation, gate block, review, release and override, in the order they were made. Entries are never changed; a correction is a new entry.';
create index on decisions.ledger (party_kind, party_id, service_date);
create index on decisions.ledger (recommendation_id);
-- A recommendation, made again from the same inputs, is the same recommendation; a case is answered once.
create unique index on decisions.ledger (recommendation_id) where entry_type = 'recommendation';
create unique index on decisions.ledger ((payload ->> 'case_id')) where entry_type = 'review';

-- One text per entry, the same on every server: a JSON array, in which nothing can run into its neighbour, with instants
-- as UTC microseconds and jsonb as PostgreSQL prints it.
create function decisions.entry_hash(entry decisions.ledger) returns text
language sql stable
set timezone = 'UTC'
return encode(sha256(convert_to(jsonb_build_array(
    entry.previous_hash,
    entry.entry_id,
    entry.entry_type,
    to_char(entry.recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS.US'),
    entry.actor,
    entry.service_date,
    entry.party_kind,
    entry.party_id,
    entry.recommendation_id,
    entry.payload
)::text, 'UTF8')), 'hex');

-- The only way in. Takes a JSON array of {entry_type, actor, service_date, party_kind, party_id, recommendation_id, payload},
-- appends those not there yet and returns how many that were.
create function decisions.append(entries jsonb, recorded_at timestamptz) returns integer
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

create function decisions.refuse_change() returns trigger
language plpgsql
as $$
begin
    raise exception 'decisions.ledger is append-only: a correction is a new entry';
end
$$;

create trigger ledger_is_append_only before update or delete or truncate on decisions.ledger
for each statement execute function decisions.refuse_change();

-- The owner may insert without `append`, as every owner may; but nothing that breaks the chain.
create function decisions.refuse_broken_link() returns trigger
language plpgsql
as $$
declare
    last decisions.ledger;
begin
    select * into last from decisions.ledger order by entry_id desc limit 1;
    if new.entry_id is distinct from coalesce(last.entry_id, 0) + 1
        or new.previous_hash is distinct from coalesce(last.hash, repeat('0', 64))
        or new.hash is distinct from decisions.entry_hash(new)
    then
        raise exception 'entry % does not follow from the last one: use decisions.append', new.entry_id;
    end if;
    return new;
end
$$;

create trigger ledger_is_a_chain before insert on decisions.ledger
for each row execute function decisions.refuse_broken_link();

-- Also in sessions that call themselves replicas, where triggers otherwise rest.
alter table decisions.ledger
    enable always trigger ledger_is_append_only,
    enable always trigger ledger_is_a_chain;

-- The first entry whose own hash, link or number does not fit; no row means the chain is whole.
create function decisions.first_broken_entry() returns table (entry_id bigint, problem text)
language sql stable
begin atomic
    with linked as (
        select
            ledger.*,
            decisions.entry_hash(ledger) as computed,
            coalesce(lag(ledger.hash) over chain, repeat('0', 64)) as expected_previous,
            row_number() over chain as expected_id
        from decisions.ledger
        window chain as (order by ledger.entry_id)
    )

    select
        linked.entry_id,
        case
            when linked.entry_id <> linked.expected_id then 'an entry before this one is missing'
            when linked.previous_hash <> linked.expected_previous then 'does not follow from the entry before it'
            else 'its content was changed'
        end
    from linked
    where linked.entry_id <> linked.expected_id
        or linked.previous_hash <> linked.expected_previous
        or linked.hash <> linked.computed
    order by linked.entry_id
    limit 1;
end;

revoke all on function decisions.append(jsonb, timestamptz) from public;
