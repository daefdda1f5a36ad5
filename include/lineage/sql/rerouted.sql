-- DuckDB: of the few calls with several route attempts, the last one.
select feed, switch_id, call_id, max(attempt) as last_attempt
from calls
where attempt > 1
group by feed, switch_id, call_id
