-- Each role gets the least it needs. Passwords are set outside of migrations.

-- Schemas that dbt and the publish step fill, owned by the role that builds them.
create schema lake authorization tollgate_transformer;
create schema seeds authorization tollgate_transformer;
create schema staging authorization tollgate_transformer;
create schema intermediate authorization tollgate_transformer;
create schema marts authorization tollgate_transformer;

-- The loader writes receipts and rejects, and reads them to know what it has.
grant usage on schema ops to tollgate_loader;
grant select, insert on ops.file_receipts, ops.file_service_dates, ops.rejected_rows, ops.landing_files to tollgate_loader;
-- A refused file is tried again, and its receipt then replaced; a loaded one never changes (a trigger sees to it).
grant update on ops.file_receipts, ops.landing_files to tollgate_loader;
grant select on ops.processed_days to tollgate_loader;

-- The transformer builds the marts from what was published, the receipts, the gates and the ledger.
grant usage on schema ops, decisions to tollgate_transformer;
grant select on all tables in schema ops to tollgate_transformer;
grant select on decisions.ledger to tollgate_transformer;
grant insert, update on ops.processed_days to tollgate_transformer;
grant insert, update on ops.gate_results to tollgate_transformer;

-- The recommender reads the marts, records the marts gate, and appends to the ledger through its one door.
grant usage on schema ops, decisions, marts, lake, seeds to tollgate_recommender;
grant select on all tables in schema ops to tollgate_recommender;
grant select on decisions.ledger to tollgate_recommender;
grant insert, update on ops.gate_results to tollgate_recommender;
grant insert on ops.review_requests to tollgate_recommender;
grant execute on function decisions.append(jsonb, timestamptz) to tollgate_recommender;

-- BI reads the marts, and nothing that could name a called party.
grant usage on schema marts to bi_reader;

-- The auditor reads everything, also what is made later.
grant usage on schema ops, decisions, lake, seeds, staging, intermediate, marts to tollgate_auditor;
grant select on all tables in schema ops, decisions to tollgate_auditor;
grant execute on function decisions.first_broken_entry() to tollgate_auditor;
alter default privileges in schema ops, decisions grant select on tables to tollgate_auditor;
alter default privileges for role tollgate_transformer in schema lake, seeds, staging, intermediate, marts
    grant select on tables to tollgate_auditor;
