{{ config(tags=['judgement'], incremental_strategy='replace_all', indexes=[]) }}

-- The run's service date and every processed day after it: verdicts carry forward, evidence counts for 30 days.
select distinct service_date
from {{ ref('feed_delivery_daily') }}
where service_date >= date '{{ service_date() }}'
    and service_date <= greatest(
        date '{{ service_date() }}',
        (select max(service_date) from {{ source('ops', 'processed_days') }})
    )
