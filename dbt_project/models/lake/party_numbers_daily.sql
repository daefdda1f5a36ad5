with attempts as (

    select * from {{ ref('attempts_of_day') }} where party_kind in ('customer', 'upstream') and party_id is not null

),

calling as (

    select party_kind, party_id, cast(count(*) as bigint) as numbers, {{ entropy_microbits('attempts') }} as entropy_microbits
    from {{ ref('calling_numbers_daily') }}
    group by party_kind, party_id

),

called_numbers as (

    select party_kind, party_id, called_number, count(*) as attempts
    from attempts
    where called_number is not null
    group by party_kind, party_id, called_number

),

-- Who dials in sequence fills whole tens of numbers; a switch's own extension block is a ten or two.
tens as (

    select
        party_kind,
        party_id,
        count(*) as numbers,
        max(attempts) as most_to_one,
        count(*) filter (where attempts > 1) as repeated
    from called_numbers
    group by party_kind, party_id, called_number - called_number % 10

),

called as (

    select
        party_kind,
        party_id,
        cast(sum(numbers) as bigint) as numbers,
        cast(max(most_to_one) as bigint) as most_to_one,
        cast(sum(repeated) as bigint) as repeated,
        cast(coalesce(sum(numbers) filter (where numbers >= 8), 0) as bigint) as in_full_tens
    from tens
    group by party_kind, party_id

),

pairs as (

    select party_kind, party_id, calling_area, called_area, count(*) as attempts
    from attempts
    where calling_area is not null and called_area is not null
    group by party_kind, party_id, calling_area, called_area

),

-- Neighbors that chance makes: if the area codes that the party calls from and those that it calls had nothing to do with each other.
from_area as (

    select party_kind, party_id, calling_area as area, sum(attempts) as attempts from pairs group by party_kind, party_id, calling_area

),

to_area as (

    select party_kind, party_id, called_area as area, sum(attempts) as attempts from pairs group by party_kind, party_id, called_area

),

judged as (

    select party_kind, party_id, sum(attempts) as attempts from from_area group by party_kind, party_id

),

likely as (

    select f.party_kind, f.party_id, sum(cast(f.attempts as bigint) * cast(t.attempts as bigint)) as products
    from from_area as f
    inner join to_area as t using (party_kind, party_id, area)
    group by f.party_kind, f.party_id

),

areas as (

    select
        party_kind,
        party_id,
        cast(count(*) as bigint) as areas,
        cast(sum(attempts) as bigint) as attempts,
        {{ entropy_microbits('attempts') }} as entropy_microbits
    from (
        select party_kind, party_id, called_area, count(*) as attempts
        from attempts
        where called_area is not null
        group by party_kind, party_id, called_area
    ) as by_area
    group by party_kind, party_id

)

select
    date '{{ service_date() }}' as service_date,
    p.party_kind,
    p.party_id,
    coalesce(c.numbers, 0) as distinct_calling_numbers,
    coalesce(c.entropy_microbits, 0) as calling_entropy_microbits,
    coalesce(d.numbers, 0) as distinct_called_numbers,
    coalesce(d.most_to_one, 0) as most_to_one_number,
    coalesce(d.repeated, 0) as called_numbers_repeated,
    coalesce(d.in_full_tens, 0) as called_in_full_tens,
    coalesce(a.areas, 0) as called_areas,
    coalesce(a.attempts, 0) as called_areas_attempts,
    coalesce(a.entropy_microbits, 0) as called_area_entropy_microbits,
    cast(coalesce(j.attempts, 0) as bigint) as neighbor_judged,
    cast(round(coalesce(cast(l.products as double precision) / j.attempts, 0)) as bigint) as neighbor_likely
from {{ ref('party_traffic_daily') }} as p
left join calling as c using (party_kind, party_id)
left join called as d using (party_kind, party_id)
left join areas as a using (party_kind, party_id)
left join judged as j using (party_kind, party_id)
left join likely as l using (party_kind, party_id)
