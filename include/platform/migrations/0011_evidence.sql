-- What the ledger proves beside itself: receipts and gate results are digested into it, so that a change of one is told by `make verify`.
alter table decisions.ledger drop constraint ledger_entry_type_check;
alter table decisions.ledger add constraint ledger_entry_type_check check (entry_type in (
    'recommendation', 'gate', 'review', 'release', 'override', 'transition', 'escalation', 'receipts', 'action', 'acknowledgement'
));
comment on table decisions.ledger is 'Every recommendation, gate, review, release, override, change of state of a notice, escalation, ordered action and its acknowledgement, and the digests of receipts, in the order they were made. Entries are never changed; a correction is a new entry.';

-- An action is ordered once, and acknowledged once.
create unique index on decisions.ledger ((payload ->> 'action_id')) where entry_type = 'action';
create unique index on decisions.ledger ((payload ->> 'action_id')) where entry_type = 'acknowledgement';

-- As before; what an entry repeats is what the unique indexes say.
create or replace function decisions.append(entries jsonb, recorded_at timestamptz) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    item jsonb;
    last decisions.ledger;
    entry decisions.ledger;
    appended integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('decisions.ledger'));
    select entry_id, hash into last.entry_id, last.hash from decisions.ledger order by entry_id desc limit 1;
    if not found then
        last.entry_id := 0;
        last.hash := repeat('0', 64);
    end if;
    for item in select value from jsonb_array_elements(entries) with ordinality order by ordinality loop
        entry.entry_id := last.entry_id + 1;
        entry.previous_hash := last.hash;
        entry.entry_type := item ->> 'entry_type';
        entry.recorded_at := append.recorded_at;
        entry.actor := item ->> 'actor';
        entry.service_date := (item ->> 'service_date')::date;
        entry.party_kind := item ->> 'party_kind';
        entry.party_id := item ->> 'party_id';
        entry.recommendation_id := item ->> 'recommendation_id';
        entry.payload := item -> 'payload';
        entry.hash := decisions.entry_hash(entry);
        insert into decisions.ledger select (entry).* on conflict do nothing;
        if found then
            last := entry;
            appended := appended + 1;
        end if;
    end loop;
    return appended;
end
$$;

-- A receipt in all that it says, its dates and its rejected rows with it; not the rows as they were sent, which are kept for a while only.
create function ops.receipt_digest(receipt ops.file_receipts) returns text
language sql stable
return encode(sha256(convert_to(jsonb_build_array(
    receipt.file,
    receipt.path,
    receipt.kind,
    receipt.feed,
    receipt.rows_read,
    receipt.rows_accepted,
    receipt.rows_rejected,
    receipt.rows_duplicate,
    receipt.state,
    receipt.reason,
    receipt.notes,
    to_char(receipt.loaded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
    (
        select jsonb_agg(jsonb_build_array(dates.service_date, dates.rows) order by dates.service_date)
        from ops.file_service_dates as dates
        -- bytes that arrive again under another path speak for its date too, with no row
        where dates.file = receipt.file and dates.rows > 0
    ),
    (
        select encode(sha256(string_agg(
            sha256(convert_to(jsonb_build_array(rejected.line, rejected.field, rejected.reason)::text, 'UTF8')), ''::bytea order by rejected.line
        )), 'hex')
        from ops.rejected_rows as rejected
        where rejected.file = receipt.file
    )
)::text, 'UTF8')), 'hex');

-- What a run of a gate recorded of a date.
create function ops.gate_digest(run text, gate text, service_date date) returns text
language sql stable
return (
    select encode(sha256(convert_to(jsonb_agg(jsonb_build_array(
        results."check", results.suite, results.outcome, results.severity, results.observed, results.expected, results.remedy,
        results.affected, results.overridden, results.overrides, to_char(results.recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')
    ) order by results."check" collate "C")::text, 'UTF8')), 'hex')
    from ops.gate_results as results
    where results.run = gate_digest.run and results.gate = gate_digest.gate and results.service_date = gate_digest.service_date
);

-- Whoever loads has the receipts digested that no entry digests yet: of one transaction that ends late, the next finds them.
create function decisions.append_receipts(actor text, recorded_at timestamptz) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    since timestamptz;
    digests jsonb;
begin
    perform pg_advisory_xact_lock(hashtext('decisions.ledger'));
    select max(ledger.recorded_at) - interval '1 day' into since from decisions.ledger where ledger.entry_type = 'receipts';
    select jsonb_object_agg(receipts.file, ops.receipt_digest(receipts)) into digests
    from ops.file_receipts as receipts
    where receipts.state <> 'refused'
        and receipts.loaded_at > coalesce(since, '-infinity')
        and receipts.file not in (
            select jsonb_object_keys(ledger.payload -> 'receipts')
            from decisions.ledger
            where ledger.entry_type = 'receipts' and ledger.recorded_at >= since
        );
    if digests is null then
        return 0;
    end if;
    return decisions.append(
        jsonb_build_array(jsonb_build_object('entry_type', 'receipts', 'actor', actor, 'payload', jsonb_build_object('receipts', digests))),
        recorded_at
    );
end
$$;

-- Whoever runs a gate has what it recorded of a date digested, with the outcome, and what failed where it blocks.
create function decisions.append_gate(run text, gate text, service_date date, recorded_at timestamptz) returns integer
language sql security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select decisions.append(
        jsonb_agg(jsonb_build_object(
            'entry_type', 'gate',
            'actor', append_gate.gate,
            'service_date', append_gate.service_date,
            'payload', jsonb_build_object(
                'gate', append_gate.gate,
                'run', append_gate.run,
                'outcome', found.outcome,
                'failed', found.failed,
                'checks', found.checks,
                'digest', ops.gate_digest(append_gate.run, append_gate.gate, append_gate.service_date)
            )
        )),
        append_gate.recorded_at
    )
    from (
        select
            case
                when bool_or(results.outcome = 'blocked') then 'blocked'
                when bool_or(results.outcome = 'overridden') then 'overridden'
                when bool_or(results.outcome <> 'passed') then 'passed_with_warnings'
                else 'passed'
            end as outcome,
            coalesce(
                jsonb_agg(jsonb_build_object('check', results."check", 'observed', left(results.observed, 500)) order by results."check")
                    filter (where results.outcome = 'blocked'),
                '[]'
            ) as failed,
            count(*) as checks
        from ops.gate_results as results
        where results.run = append_gate.run and results.gate = append_gate.gate and results.service_date = append_gate.service_date
    ) as found;
end;

revoke all on function decisions.append_receipts(text, timestamptz), decisions.append_gate(text, text, date, timestamptz) from public;
grant usage on schema decisions to tollgate_loader;
grant execute on function decisions.append_receipts(text, timestamptz) to tollgate_loader;
grant execute on function decisions.append_gate(text, text, date, timestamptz) to tollgate_transformer, tollgate_recommender;

-- Asked for by every load and by `make verify`.
create index on decisions.ledger (recorded_at) where entry_type = 'receipts';
