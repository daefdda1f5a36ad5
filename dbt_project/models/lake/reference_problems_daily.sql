{#- What reference data say that cannot be so. Reported, never dropped: the models go on with what they have. -#}
{%- set day = service_date() -%}

with day as (

    select date '{{ day }}' as service_date

),

{% for table in ['trunks', 'caller_ids', 'campaigns', 'enforcement_notices'] -%}
{{ table }} as (

    select t.*
    from {{ source('raw_lake', 'reference_' ~ table) }} as t
    inner join ({{ snapshot_in_force(table, 'day') }}) as s on s.receipt_id = t.receipt_id
    {%- if table != 'enforcement_notices' %}
    where {{ valid_on('t', 's.service_date') }}
    {%- endif %}

),

{% endfor -%}
parties as (

    select party_kind, party_id, parent_id from {{ ref('party_daily') }}

),

-- on one trunk of one switch two parties at once: no call on it has a party that is sure
overlapping as (

    select
        trunk,
        nullif(switch_id, '') as switch_id,
        string_agg(distinct concat(party_kind, ' ', party_id), ', ' order by concat(party_kind, ' ', party_id)) as named
    from trunks
    group by trunk, nullif(switch_id, '')
    having count(distinct concat(party_kind, ' ', party_id)) > 1

),

used as (

    select distinct feed, switch_id, ingress_trunk from {{ ref('attempts_of_day') }}

),

-- a trunk that calls came in on is told once per feed of these
told as (

    select distinct o.trunk, o.switch_id, o.named, u.feed
    from overlapping as o
    left join used as u on u.ingress_trunk = o.trunk and (o.switch_id is null or u.switch_id = o.switch_id)

),

of_parties as (

    select 'trunks' as table_name, concat_ws(' on ', trunk, nullif(switch_id, '')) as subject, party_kind, party_id
    from trunks
    where party_kind in ('customer', 'upstream')
    union all
    select 'caller_ids', {{ masked('number') }}, 'customer', customer_id from caller_ids
    union all
    select 'campaigns', campaign, 'customer', customer_id from campaigns
    union all
    select 'enforcement_notices', notice_id, party_kind, party_id from enforcement_notices

),

problems as (

    select
        'trunks' as table_name, 'overlap' as problem, concat_ws(' on ', trunk, switch_id) as subject,
        concat('declared at once for ', named) as detail, feed
    from told
    union all
    select r.table_name, 'unknown_party', r.subject, concat('of ', r.party_kind, ' ', r.party_id), null
    from of_parties as r
    left join parties as p on p.party_kind = r.party_kind and p.party_id = r.party_id
    where p.party_id is null
    union all
    select concat(c.party_kind, 's'), 'unknown_parent', c.party_id, concat('parent_id ', c.parent_id), null
    from parties as c
    where trim(c.parent_id) <> ''
        and not exists (select 1 from parties as p where lower(trim(p.party_id)) = lower(trim(c.parent_id)))
    union all
    select
        'caller_ids', 'assigned_twice', {{ masked('number') }},
        concat('at once of ', string_agg(distinct customer_id, ', ' order by customer_id)), null
    from caller_ids
    group by number
    having count(distinct customer_id) > 1
    union all
    select
        'upstreams', 'ids_disagree', upstream_id,
        concat('FRN ', frn, ' and RMD number ', rmd_number, ' stand in different filings'), null
    from {{ ref('upstream_registry_daily') }}
    where ids_disagree

)

select distinct
    date '{{ day }}' as service_date,
    table_name,
    problem,
    subject,
    detail,
    cast(feed as {{ dbt.type_string() }}) as feed
from problems
