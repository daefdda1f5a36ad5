-- A case that nobody answers in time is said to be so in the ledger too: once.
alter table decisions.ledger drop constraint ledger_entry_type_check;
alter table decisions.ledger add constraint ledger_entry_type_check
    check (entry_type in ('recommendation', 'gate', 'review', 'release', 'override', 'transition', 'escalation'));
comment on table decisions.ledger is 'Every recommendation, gate block, review, release, override, change of state of a notice and escalation of an unanswered case, in the order they were made. Entries are never changed; a correction is a new entry.';
create unique index on decisions.ledger ((payload ->> 'case_id')) where entry_type = 'escalation';

-- The entries that opened a case, which are few of all: asked for every quarter of an hour.
create index on decisions.ledger (recorded_at)
where entry_type = 'recommendation' and payload ->> 'recommendation' in ('SUSPEND', 'RESTRICT') and payload ->> 'case_id' = recommendation_id;
