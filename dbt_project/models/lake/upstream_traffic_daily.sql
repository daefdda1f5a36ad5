with attempts as (

    select * from {{ ref('attempts_of_day') }} where party_kind = 'upstream'

),

counts as (

    select party_id, {{ traffic_counts() }} from attempts group by party_id

),

peaks as (

    {{ peak_cps('attempts') }}

),

-- One foul stream inside a good average: calls split by trunk, sending address, signer and hour.
cells as (

    select
        party_id,
        ingress_trunk,
        source_ip,
        signer,
        hour,
        cast(count(*) as bigint) as answered,
        cast(count(*) filter (where talk_ms < 30000) as bigint) as lt_30s
    from attempts
    where answered
    group by party_id, ingress_trunk, source_ip, signer, hour
    having count(*) >= 50

),

ranked_cells as (

    select
        party_id,
        answered,
        lt_30s,
        {{ wilson_lower('lt_30s', 'answered') }} > 0.6 as dialer_like,
        row_number() over (
            partition by party_id
            order by {{ share('lt_30s', 'answered') }} desc, answered desc, ingress_trunk, source_ip, signer, hour
        ) as worst_first
    from cells

),

cells_of_party as (

    select
        party_id,
        cast(count(*) as bigint) as judged_cells,
        cast(count(*) filter (where dialer_like) as bigint) as dialer_like_cells,
        cast(max(case when worst_first = 1 then lt_30s end) as bigint) as worst_cell_lt_30s,
        cast(max(case when worst_first = 1 then answered end) as bigint) as worst_cell_answered
    from ranked_cells
    group by party_id

)

select
    date '{{ service_date() }}' as service_date,
    c.party_id as upstream_id,
    {{ traffic_count_names() | join(',\n    ') }},
    p.peak_cps,
    coalesce(w.judged_cells, 0) as judged_cells,
    coalesce(w.dialer_like_cells, 0) as dialer_like_cells,
    coalesce(w.worst_cell_lt_30s, 0) as worst_cell_lt_30s,
    coalesce(w.worst_cell_answered, 0) as worst_cell_answered
from counts as c
inner join peaks as p on p.party_id = c.party_id
left join cells_of_party as w on w.party_id = c.party_id
