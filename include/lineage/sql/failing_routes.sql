-- DuckDB: our own outages: hours of an egress trunk in which a fifth of the attempts fail in the network, of two ingress trunks and more.
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
    group by egress_trunk, date_trunc('hour', start_at), ingress_trunk
) as routes
group by egress_trunk, start_hour
having sum(attempts) >= 50 and sum(failed) >= 0.2 * sum(attempts) and count(*) filter (where failed >= 0.2 * attempts) >= 2
