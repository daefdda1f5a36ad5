-- Telephone numbers are read through one door that remembers who asked, and are kept for as long as their period says.

-- What is deleted is said in the ledger, so that a deletion is told from a loss.
do $$
declare
    allowed text;
begin
    select substr(pg_get_constraintdef(oid), length('CHECK ') + 1) into strict allowed
    from pg_constraint
    where conname = 'ledger_entry_type_check' and conrelid = 'decisions.ledger'::regclass;
    alter table decisions.ledger drop constraint ledger_entry_type_check;
    execute format(
        'alter table decisions.ledger add constraint ledger_entry_type_check check (%s or entry_type = %L)', allowed, 'retention'
    );
end
$$;
create index on decisions.ledger (entry_id) where entry_type = 'retention';

-- Rejected rows as they were sent are the only full numbers in the warehouse. Plain selects see the rest of them.
revoke select on ops.rejected_rows from tollgate_loader, tollgate_transformer, tollgate_recommender, tollgate_auditor;
grant select (file, line, field, reason) on ops.rejected_rows
to tollgate_loader, tollgate_transformer, tollgate_recommender, tollgate_auditor;

create table ops.number_reads (
    read_id bigint generated always as identity primary key,
    reader text not null,
    asked_at timestamptz not null,
    file text not null check (file ~ '^[0-9a-f]{64}$'),
    reason text not null check (reason ~ '\S'),
    asked_in xid8 not null
);
comment on table ops.number_reads is 'Who asked to read the rejected rows of a file with the telephone numbers in them, when and why. Never changed.';
comment on column ops.number_reads.reader is 'The role that was logged in, whatever it has set itself to since.';
comment on column ops.number_reads.asked_in is 'The transaction that asked. It cannot read: what it asked could still be rolled back.';

create function ops.refuse_read_change() returns trigger
language plpgsql
as $$
begin
    raise exception 'ops.number_reads is append-only: a read was asked for, or it was not';
end
$$;

create trigger reads_are_append_only before update or delete or truncate on ops.number_reads
for each statement execute function ops.refuse_read_change();
alter table ops.number_reads enable always trigger reads_are_append_only;

-- Asking and reading are two transactions, so that no read is without its row.
create function ops.ask_for_numbers(file text, reason text) returns bigint
language sql security definer
set search_path = pg_catalog, pg_temp
begin atomic
    insert into ops.number_reads (reader, asked_at, file, reason, asked_in)
    values (session_user, clock_timestamp(), ask_for_numbers.file, ask_for_numbers.reason, pg_current_xact_id())
    returning number_reads.read_id;
end;

create function ops.read_numbers(read_id bigint) returns setof ops.rejected_rows
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select rejected.*
    from ops.number_reads as reads
    join ops.rejected_rows as rejected using (file)
    where reads.read_id = read_numbers.read_id
        and reads.reader = session_user
        and reads.asked_in is distinct from pg_current_xact_id_if_assigned()
        and reads.asked_at > clock_timestamp() - interval '1 hour'
    order by rejected.line;
    if not found then
        raise exception 'nothing to read: ask with ops.ask_for_numbers, commit, and read within the hour'
            using errcode = 'insufficient_privilege';
    end if;
end
$$;

revoke all on function ops.ask_for_numbers(text, text), ops.read_numbers(bigint) from public;
grant execute on function ops.ask_for_numbers(text, text), ops.read_numbers(bigint) to tollgate_auditor;

-- The end of a row's period takes the row as it was sent and leaves that there was one: receipts add up as before.
create function ops.forget_rejected_rows(loaded_before timestamptz) returns table (file text, rows bigint)
language sql security definer
set search_path = pg_catalog, pg_temp
begin atomic
    with forgotten as (
        update ops.rejected_rows as rejected set raw = ''
        from ops.file_receipts as receipts
        where receipts.file = rejected.file
            and receipts.loaded_at < forget_rejected_rows.loaded_before
            and rejected.raw <> ''
        returning rejected.file
    )

    select forgotten.file, count(*) from forgotten group by forgotten.file;
end;

revoke all on function ops.forget_rejected_rows(timestamptz) from public;
grant execute on function ops.forget_rejected_rows(timestamptz) to tollgate_recommender;
