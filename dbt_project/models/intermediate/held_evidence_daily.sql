{{ config(materialized='view') }}

select
    service_date,
    case kind when 'complaints' then 'customer' else 'upstream' end as party_kind,
    case kind when 'complaints' then 'complaint' else 'registry' end as evidence,
    array_agg(feed || ': ' || reason order by feed) as reasons
from {{ ref('feed_status_daily') }}
where status = 'blocked' and (kind = 'complaints' or feed = 'reference/rmd')
group by service_date, kind
