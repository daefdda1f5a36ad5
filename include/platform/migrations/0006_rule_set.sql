-- The reasons of a recommendation are put into words from the rule set in force, private rules included.
grant usage on schema intermediate to tollgate_recommender;
