-- DuckDB: a party's attempts of one service date, from the lake's Parquet files; `trunks` says whose trunk was whose.
-- The bounds are absolute, so the query can be replayed at any time.
create or replace temp table attempts as
with loaded as (
    select receipt_id from read_parquet($receipts) where state <> 'refused'
),

calls as (
    select calls.*
    from read_parquet($calls) as calls
    semi join loaded using (receipt_id)
    anti join (
        -- a row is replaced once the file that replaces it is loaded, as in the lake's own views
        select superseded.receipt_id, superseded.source_line
        from read_parquet($superseded) as superseded
        semi join loaded on loaded.receipt_id = superseded.by_receipt_id
    ) as replaced using (receipt_id, source_line)
    where calls.record_kind in ('stop', 'attempt')
),

-- our own outages, as attempts_of_day.sql finds them
failing_routes as (
    select egress_trunk, start_hour
    from (
        select
            egress_trunk,
            date_trunc('hour', start_at) as start_hour,
            ingress_trunk,
            count(*) as attempts,
            count(*) filter (where answer_at is null and sip_code between 500 and 599) as failed
        from calls
        where egress_trunk is not null and ingress_trunk is not null
        group by all
    ) as routes
    group by egress_trunk, start_hour
    having sum(attempts) >= 50 and sum(failed) >= 0.2 * sum(attempts) and count(*) filter (where failed >= 0.2 * attempts) >= 2
)

select
    calls.*,
    epoch_ms(calls.start_at) as start_ms,
    epoch_ms(calls.answer_at) as answer_ms,
    epoch_ms(calls.end_at) as end_ms,
    attempt = max(attempt) over (partition by feed, calls.switch_id, call_id) as is_final,
    failing_routes.egress_trunk is not null as in_outage
from calls
left join failing_routes on failing_routes.egress_trunk = calls.egress_trunk and failing_routes.start_hour = date_trunc('hour', calls.start_at)
left join trunks as here on here.trunk = calls.ingress_trunk and here.switch_id = calls.switch_id
left join trunks as anywhere on anywhere.trunk = calls.ingress_trunk and anywhere.switch_id = ''
where coalesce(here.party_kind, anywhere.party_kind) = $party_kind
    and coalesce(here.party_id, anywhere.party_id) = $party_id
