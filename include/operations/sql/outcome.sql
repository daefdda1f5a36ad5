-- How a service date ended: parties by verdict, feeds that are not complete, and whether its marts were blocked or let pass by a person.
select
    (
        select coalesce(jsonb_object_agg(recommendation, parties), '{}')
        from (
            select recommendation, count(*) as parties
            from (
                select recommendation from marts.customer_risk_daily where service_date = %(day)s
                union all
                select recommendation from marts.upstream_risk_daily where service_date = %(day)s
            ) as verdicts
            group by recommendation
        ) as counted
    ) as verdicts,
    (
        select coalesce(jsonb_agg(jsonb_build_array(feed, status, reason) order by feed), '[]')
        from marts.data_status_daily
        where service_date = %(day)s and (kind = 'marts' or kind in ('cdr', 'reference') and status not in ('complete', 'no_traffic_confirmed'))
    ) as feeds
