{{ config(materialized='view') }}

select
    service_date,
    feed,
    complaint_id,
    match_level,
    customer_id,
    calls_matched,
    receipt_id,
    source_line
from {{ ref('complaint_matches') }}
