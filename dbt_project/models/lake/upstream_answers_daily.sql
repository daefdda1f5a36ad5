{%- set day = service_date() -%}

with day as (

    select date '{{ day }}' as service_date

),

-- as it stood at the end of the date: what was answered later was not answered yet
asked as (

    select
        a.upstream_id,
        a.traceback_id,
        a.asked_at,
        case when a.answered_at < d.day_end then a.answered_at end as answered_at,
        a.asked_at + interval '24' hour <= d.day_end as is_due,
        a.source_kind = 'end_user' and a.source_action = 'terminated' and a.answered_at < d.day_end as names_terminated,
        a.source_name
    from {{ source('raw_lake', 'reference_upstream_answers') }} as a
    inner join ({{ snapshot_in_force('upstream_answers', 'day') }}) as s on s.receipt_id = a.receipt_id
    cross join (select cast(date '{{ day }}' as timestamp) + interval '1' day as day_end) as d
    where a.asked_at < d.day_end and a.asked_at >= d.day_end - interval '30' day

)

select
    date '{{ day }}' as service_date,
    upstream_id,
    cast(count(*) as bigint) as answers_asked_30d,
    cast(count(*) filter (where is_due) as bigint) as answers_due_30d,
    cast(count(*) filter (where is_due and answered_at <= asked_at + interval '24' hour) as bigint) as answers_in_24h_30d,
    cast(count(*) filter (where is_due and answered_at is null) as bigint) as answers_overdue,
    median(cast(epoch_ms(answered_at) - epoch_ms(asked_at) as double precision) / 3600000) as answer_hours_median_30d,
    cast(count(distinct case when names_terminated then lower(trim(source_name)) end) as bigint) as end_customers_terminated_30d
from asked
group by upstream_id
