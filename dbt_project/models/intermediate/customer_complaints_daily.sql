with days as (

    select service_date from {{ ref('days_to_build') }}

),

-- the one customer of levels 1 and 2, and the victim of level V
named as (

    select
        k.service_date,
        k.customer_id,
        k.match_level,
        k.match_level in ('1', '2') as is_its_call,
        k.source,
        k.report_key,
        k.complainant_area,
        concat_ws('|', k.feed, k.complaint_id) as complaint
    from {{ ref('complaint_matches') }} as k
    inner join days using (service_date)
    where k.customer_id is not null

),

counted as (

    select
        service_date,
        customer_id,
        count(distinct complaint) filter (where is_its_call) as matched,
        count(distinct complaint) filter (where match_level = '1') as level_1,
        count(distinct complaint) filter (where match_level = '2') as level_2,
        count(distinct complaint) filter (where is_its_call and source = 'own_desk') as own_desk,
        count(distinct complaint) filter (where is_its_call and source = 'ftc') as ftc,
        count(distinct complaint) filter (where is_its_call and source = 'fcc') as fcc,
        count(distinct report_key) filter (where is_its_call) as distinct_reports,
        count(distinct complainant_area) filter (where is_its_call) as areas,
        count(distinct complaint) filter (where not is_its_call) as spoofed
    from named
    group by service_date, customer_id

),

-- of level 3: what a customer bears of the complaints that may be about any of several; added up in one order, to the last digit
shared as (

    select c.service_date, c.customer_id, sum(c.weight order by c.weight) as shared
    from {{ ref('complaint_candidates') }} as c
    inner join days using (service_date)
    inner join {{ ref('complaint_matches') }} as k
        on k.service_date = c.service_date and k.receipt_id = c.receipt_id and k.source_line = c.source_line
    where k.match_level = '3'
    group by c.service_date, c.customer_id

)

select
    service_date,
    customer_id,
    coalesce(k.matched, 0) as complaints_matched,
    coalesce(k.level_1, 0) as complaints_level_1,
    coalesce(k.level_2, 0) as complaints_level_2,
    coalesce(k.own_desk, 0) as complaints_own_desk,
    coalesce(k.ftc, 0) as complaints_ftc,
    coalesce(k.fcc, 0) as complaints_fcc,
    coalesce(k.distinct_reports, 0) as complaints_distinct,
    coalesce(k.areas, 0) as complainant_areas,
    coalesce(s.shared, 0) as complaints_shared,
    coalesce(k.spoofed, 0) as complaints_spoofed
from counted as k
full join shared as s using (service_date, customer_id)
