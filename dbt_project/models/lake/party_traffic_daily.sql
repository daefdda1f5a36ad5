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

-- one more going on from the second of a start, one less after the second of an end
seconds as (

    select party_kind, party_id, second, sum(started) as started, sum(change) as change
    from (
        select party_kind, party_id, start_second as second, 1 as started, 1 as change from attempts
        union all
        select party_kind, party_id, end_second + 1000 as second, 0 as started, -1 as change from attempts
    ) as starts_and_ends
    group by party_kind, party_id, second

),

going_on as (

    select
        party_kind,
        party_id,
        second - second % 3600000 as hour,
        started,
        sum(change) over (partition by party_kind, party_id order by second rows between unbounded preceding and current row) as going_on
    from seconds

),

hours as (

    select party_kind, party_id, hour, sum(started) as attempts, max(started) as most_in_second, max(going_on) as most_going_on
    from going_on
    group by party_kind, party_id, hour

),

peaks as (

    select
        party_kind,
        party_id,
        cast(max(most_in_second) as bigint) as peak_cps,
        cast(max(attempts) as bigint) as peak_hour_attempts,
        cast(count(*) filter (where attempts > 0) as bigint) as hours_active,
        cast(max(most_going_on) as bigint) as peak_concurrent
    from hours
    group by party_kind, party_id

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
    p.peak_concurrent,
    coalesce(s.signed, 0) as signed,
    coalesce(s.signed_by_main_signer, 0) as signed_by_main_signer
from counts as c
inner join peaks as p using (party_kind, party_id)
left join signers as s using (party_kind, party_id)
