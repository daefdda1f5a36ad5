-- What every build of a date was made from, so that what followed from it can be made again from the same.
create table ops.builds (
    build_id bigint generated always as identity primary key,
    stage text not null check (stage in ('lake', 'notices', 'marts')),
    run jsonb not null,
    known_at timestamptz not null,
    ledger_head bigint not null,
    models text not null,
    deliveries jsonb,
    files jsonb,
    ended_at timestamptz,
    ledger_head_at_end bigint,
    ruleset_version text
);
comment on table ops.builds is 'One row per build of lake tables, notices or marts, written as it begins and completed as it ends. One without an end broke off, or goes on.';
comment on column ops.builds.run is 'What dbt was told: dbt_project/macros/run_days.sql. Private rules are not repeated here: intermediate.rule_sets has them.';
comment on column ops.builds.known_at is 'What was loaded or arrived after this instant was left out.';
comment on column ops.builds.ledger_head is 'The last entry of decisions.ledger as the build began.';
comment on column ops.builds.models is 'SHA-256 of the models and queries that it was built with; the rules are not among them.';
comment on column ops.builds.deliveries is 'Of the lake: what the feeds were declared to deliver.';
comment on column ops.builds.files is 'Of the lake: SHA-256 of every file of calls, complaints and notices of the service date, by its place in the lake.';
comment on column ops.builds.ledger_head_at_end is 'The same as it ended: what was appended in between, some of its tables may know of and others not.';
comment on column ops.builds.ruleset_version is 'Of marts: the rules that judged.';
grant select on ops.builds to tollgate_recommender;
grant select, insert on ops.builds to tollgate_transformer;
grant update (ended_at, ledger_head_at_end, ruleset_version, files) on ops.builds to tollgate_transformer;
-- Whoever loads re-opens what was built, or is being built, without it.
grant select on ops.builds to tollgate_loader;

-- What a recommendation keeps of the record, so that nobody changes it afterwards unseen: all builds that had ended with this one.
create function ops.builds_digest(last bigint) returns text
language sql stable
set timezone = 'UTC'
return (
    select encode(sha256(convert_to(coalesce(jsonb_agg(to_jsonb(builds) order by builds.build_id), '[]')::text, 'UTF8')), 'hex')
    from ops.builds
    where builds.ended_at <= (select one.ended_at from ops.builds as one where one.build_id = last)
);

-- A run of a gate that is repeated takes the place of its results; what they were before has led to verdicts.
create table ops.gate_results_replaced (like ops.gate_results including comments);
comment on table ops.gate_results_replaced is 'Results of a gate that the same run replaced later, as they were.';
create index on ops.gate_results_replaced (service_date);

create function ops.keep_replaced_gate_result() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into ops.gate_results_replaced select old.*;
    return new;
end
$$;

create trigger replaced_result_is_kept before update on ops.gate_results
for each row execute function ops.keep_replaced_gate_result();

-- An audit is an entry too. Whatever types the ledger knows by now, it keeps.
do $$
declare
    known text[] := array(
        select types.quoted[1]
        from pg_constraint, regexp_matches(pg_get_constraintdef(oid), '''([a-z_]+)''', 'g') as types (quoted)
        where conrelid = 'decisions.ledger'::regclass and conname = 'ledger_entry_type_check'
    );
begin
    alter table decisions.ledger drop constraint ledger_entry_type_check;
    execute format('alter table decisions.ledger add constraint ledger_entry_type_check check (entry_type = any (%L::text[]))', known || 'audit'::text);
end
$$;
create unique index on decisions.ledger ((payload ->> 'run')) where entry_type = 'audit';
