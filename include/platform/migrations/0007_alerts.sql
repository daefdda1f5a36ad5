-- What people were alerted to, and by which channel each was told: once, as long as it lasts.
create table ops.alerts (
    alert_id bigint generated always as identity primary key,
    kind text not null,
    subject text not null,
    severity text not null check (severity in ('critical', 'warning')),
    since timestamptz not null,
    message text not null,
    raised_at timestamptz not null,
    ended_at timestamptz
);
comment on table ops.alerts is 'One row per alert. It is open until what it is about is over; what comes again after that is a new alert.';
comment on column ops.alerts.kind is 'The file in include/alerts/sql/kinds that finds it; failed_task and late_run are told by Airflow.';
comment on column ops.alerts.subject is 'What it is about, within its kind.';
comment on column ops.alerts.since is 'Since when it is so.';
comment on column ops.alerts.message is 'One line for a person, with what to do.';
-- Of two that see the same at once, one raises it.
create unique index on ops.alerts (kind, subject) where ended_at is null;

create table ops.alert_deliveries (
    alert_id bigint not null references ops.alerts,
    channel text not null check (channel in ('log', 'email', 'webhook')),
    delivered_at timestamptz not null,
    primary key (alert_id, channel)
);
comment on table ops.alert_deliveries is 'By which channels an alert was told, and when.';

-- The notifier finds what is to be told and remembers that it told it. It changes nothing of what it reads.
grant usage on schema ops, decisions, staging, marts to tollgate_notifier;
grant select on ops.alerts, ops.alert_deliveries, ops.gate_results, ops.processed_days, ops.schema_migrations to tollgate_notifier;
grant select on decisions.ledger to tollgate_notifier;
grant insert on ops.alerts, ops.alert_deliveries to tollgate_notifier;
grant update (ended_at) on ops.alerts to tollgate_notifier;

-- What dbt grants with every build, on what an earlier version has built.
do $$
declare
    relation text;
begin
    foreach relation in array array['staging.stg_gate_blocks', 'marts.data_status_daily', 'marts.traceback_worklist', 'marts.legal_notice_worklist'] loop
        if to_regclass(relation) is not null then
            execute format('grant select on %s to tollgate_notifier', relation);
        end if;
    end loop;
end
$$;
