-- What was loaded, what was rejected and why, which days were built, what the gates said.
create schema ops;

create table ops.file_receipts (
    file text primary key check (file ~ '^[0-9a-f]{64}$'),
    path text not null,
    kind text not null check (kind in ('cdr', 'manifest', 'complaints', 'tracebacks', 'reference')),
    feed text not null,
    rows_read bigint not null,
    rows_accepted bigint not null,
    rows_rejected bigint not null,
    rows_duplicate bigint not null,
    state text not null check (state in ('loaded', 'partial', 'refused')),
    reason text,
    notes jsonb not null default '{}',
    loaded_at timestamptz not null,
    constraint receipt_adds_up check (rows_read = rows_accepted + rows_rejected + rows_duplicate)
);
comment on table ops.file_receipts is 'One row per landing file ever taken, by its SHA-256. A refused file loaded nothing; its reason says why.';
comment on column ops.file_receipts.path is 'Relative to the landing folder, as first seen.';
comment on column ops.file_receipts.rows_read is 'Data rows in the file, headers not counted: accepted + rejected + duplicate.';
comment on column ops.file_receipts.notes is 'Unknown columns, replaced bytes and other things worth knowing about the file.';

create function ops.refuse_receipt_change() returns trigger
language plpgsql
as $$
begin
    raise exception 'the receipt of % is final: only a refused file is taken again', old.path;
end
$$;

create trigger loaded_receipt_is_final before update on ops.file_receipts
for each row when (old.state <> 'refused') execute function ops.refuse_receipt_change();

create table ops.file_service_dates (
    file text not null references ops.file_receipts,
    service_date date not null,
    rows bigint not null,
    primary key (file, service_date)
);
comment on table ops.file_service_dates is 'Accepted rows of a file by UTC service date.';
create index on ops.file_service_dates (service_date);

create table ops.rejected_rows (
    file text not null references ops.file_receipts,
    line integer not null,
    field text not null,
    reason text not null,
    raw text not null check (length(raw) <= 2000),
    primary key (file, line)
);
comment on table ops.rejected_rows is 'Rows that were not accepted: physical line (1-based, headers counted), first offending field, why, and the row as sent.';

create table ops.processed_days (
    service_date date primary key,
    processed_at timestamptz not null,
    run text not null
);
comment on table ops.processed_days is 'Service dates whose risk marts were built, and by which run last.';

create table ops.gate_results (
    run text not null,
    gate text not null check (gate in ('arriving_data', 'marts')),
    "check" text not null,
    suite text not null,
    service_date date not null,
    outcome text not null check (outcome in ('passed', 'passed_with_warnings', 'blocked', 'overridden')),
    severity text not null check (severity in ('critical', 'warning', 'info')),
    observed text,
    expected text,
    affected text[] not null default '{}',
    remedy text,
    recorded_at timestamptz not null,
    -- a run of a day checks the later days that were built with it too
    primary key (run, gate, service_date, "check")
);
comment on table ops.gate_results is 'What each check of each gate found in each run. Blocked stays blocked until the data or an override change it.';
create index on ops.gate_results (service_date, gate);

create table ops.review_requests (
    case_id text primary key,
    service_date date not null,
    dag_run_id text not null,
    requested_at timestamptz not null
);
comment on table ops.review_requests is 'Cases put before a person, so that a case is asked once.';

create table ops.landing_files (
    path text primary key,
    size bigint not null,
    modified_ns bigint not null,
    file text not null references ops.file_receipts
);
comment on table ops.landing_files is 'Landing paths already looked at, with size and modification time, so that a file is hashed once and not on every run.';
