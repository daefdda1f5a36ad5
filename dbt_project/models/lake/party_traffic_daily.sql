with attempts as (

    select * from {{ ref('attempts_of_day') }} where party_kind in ('customer', 'upstream') and party_id is not null

),

counts as (

    select
        party_kind,
        party_id,
        {% for name, condition in traffic_counts() -%}
        cast(count(*) filter (where {{ condition }}) as bigint) as {{ name }},
        {% endfor -%}
        cast(coalesce(sum(talk_ms), 0) as bigint) as talk_ms,
        cast(median(talk_ms) as bigint) as median_talk_ms
    from attempts
    group by party_kind, party_id

),

seconds as (

    select party_kind, party_id, hour, start_second, count(*) as attempts from attempts group by party_kind, party_id, hour, start_second

),

hours as (

    select party_kind, party_id, hour, sum(attempts) as attempts, max(attempts) as most_in_second
    from seconds
    group by party_kind, party_id, hour

),

peaks as (

    select
        party_kind,
        party_id,
        cast(max(most_in_second) as bigint) as peak_cps,
        cast(max(attempts) as bigint) as peak_hour_attempts,
        cast(count(*) as bigint) as hours_active
    from hours
    group by party_kind, party_id

),

-- one more going on from the second of a start, one less after the second of an end
changes as (

    select party_kind, party_id, start_second as second, attempts as change from seconds
    union all
    select party_kind, party_id, end_second + 1000 as second, -count(*) as change from attempts group by party_kind, party_id, end_second

),

going_on as (

    select
        party_kind,
        party_id,
        sum(change) over (partition by party_kind, party_id order by second rows between unbounded preceding and current row) as attempts
    from (select party_kind, party_id, second, sum(change) as change from changes group by party_kind, party_id, second) as by_second

),

concurrency as (

    select party_kind, party_id, cast(max(attempts) as bigint) as peak_concurrent from going_on group by party_kind, party_id

),

-- of the signed attempts, those of the signer that signs most
signers as (

    select party_kind, party_id, cast(sum(attempts) as bigint) as signed, cast(max(attempts) as bigint) as signed_by_main_signer
    from (
        select party_kind, party_id, signer, count(*) as attempts from attempts where signer is not null group by party_kind, party_id, signer
    ) as by_signer
    group by party_kind, party_id

)

select
    date '{{ service_date() }}' as service_date,
    c.party_kind,
    c.party_id,
    {% for name, _ in traffic_counts() -%}
    c.{{ name }},
    {% endfor -%}
    c.talk_ms,
    c.median_talk_ms,
    p.peak_cps,
    p.peak_hour_attempts,
    p.hours_active,
    o.peak_concurrent,
    coalesce(s.signed, 0) as signed,
    coalesce(s.signed_by_main_signer, 0) as signed_by_main_signer
from counts as c
inner join peaks as p using (party_kind, party_id)
inner join concurrency as o using (party_kind, party_id)
left join signers as s using (party_kind, party_id)
