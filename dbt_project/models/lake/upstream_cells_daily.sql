-- One foul stream inside a good average: an upstream's answered calls split by trunk, sending address and signer, hour by hour
-- and over the day, and split by block of calling numbers. Fewer than 50 answered calls are no cell.
with attempts as (

    select * from {{ ref('attempts_of_day') }} where party_kind = 'upstream' and party_id is not null and answered

),

streams as (

    select
        party_id,
        'stream' as cell_kind,
        ingress_trunk,
        source_ip,
        signer,
        hour,
        cast(null as {{ dbt.type_string() }}) as calling_block,
        cast(count(*) as bigint) as answered,
        cast(count(*) filter (where talk_ms < 30000) as bigint) as lt_30s,
        cast(sum(talk_ms) as bigint) as talk_ms
    from attempts
    group by party_id, ingress_trunk, source_ip, signer, hour
    having count(*) >= 50

),

-- a thin stream is a cell only over the day
streams_of_day as (

    select
        party_id,
        'stream_of_day' as cell_kind,
        ingress_trunk,
        source_ip,
        signer,
        cast(null as integer) as hour,
        cast(null as {{ dbt.type_string() }}) as calling_block,
        cast(count(*) as bigint) as answered,
        cast(count(*) filter (where talk_ms < 30000) as bigint) as lt_30s,
        cast(sum(talk_ms) as bigint) as talk_ms
    from attempts
    group by party_id, ingress_trunk, source_ip, signer
    having count(*) >= 50

),

blocks as (

    select
        party_id,
        'calling_block' as cell_kind,
        cast(null as {{ dbt.type_string() }}) as ingress_trunk,
        cast(null as {{ dbt.type_string() }}) as source_ip,
        cast(null as {{ dbt.type_string() }}) as signer,
        cast(null as integer) as hour,
        calling_block,
        cast(count(*) as bigint) as answered,
        cast(count(*) filter (where talk_ms < 30000) as bigint) as lt_30s,
        cast(sum(talk_ms) as bigint) as talk_ms
    from attempts
    where calling_block is not null
    group by party_id, calling_block
    having count(*) >= 50

)

select
    date '{{ service_date() }}' as service_date,
    party_id as upstream_id,
    cell_kind,
    {% set parts = ['ingress_trunk', 'source_ip', 'signer', 'cast(hour as ' ~ dbt.type_string() ~ ')', 'calling_block'] -%}
    concat_ws('|', cell_kind{% for part in parts %}, coalesce({{ part }}, ''){% endfor %}) as cell,
    ingress_trunk,
    source_ip,
    signer,
    hour,
    calling_block,
    answered,
    lt_30s,
    talk_ms,
    {{ wilson_lower('lt_30s', 'answered') }} > 0.6 as dialer_like
from (select * from streams union all select * from streams_of_day union all select * from blocks) as cells
