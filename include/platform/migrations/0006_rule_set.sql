-- The reasons of a recommendation are put into words from the rule set in force, private rules included.
grant usage on schema intermediate to tollgate_recommender;

-- Where a changed rule set is tried; empty but for the time of a dry run.
create schema trial authorization tollgate_transformer;
