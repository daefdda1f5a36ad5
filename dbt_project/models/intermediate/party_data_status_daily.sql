with parties as (

    select p.service_date, p.party_kind, p.party_id
    from {{ ref('party_daily') }} as p
    inner join {{ ref('days_to_build') }} as d using (service_date)

),

cdr_feeds as (

    select service_date, feed, status, reason, declared_switches, affected_switches from {{ ref('feed_status_daily') }} where kind = 'cdr'

),

-- which feeds bring a switch's calls: those that did on the day or in the 28 days before, and those declared to
switch_feeds as (

    select distinct d.service_date, c.switch_id, c.feed
    from {{ ref('days_to_build') }} as d
    inner join {{ ref('switch_coverage_hourly') }} as c
        on c.service_date between d.service_date - 28 and d.service_date

    union

    select f.service_date, s.switch_id, f.feed
    from cdr_feeds as f
    cross join lateral unnest(f.declared_switches) as s (switch_id)

),

party_switches as (

    select p.service_date, p.party_kind, p.party_id, coalesce(t.switch_id, '') as switch_id
    from parties as p
    left join {{ ref('party_trunks_daily') }} as t using (service_date, party_kind, party_id)
    group by 1, 2, 3, 4

),

-- no switch named, or no trunk at all: the party's calls could be anywhere
needed as (

    select s.service_date, s.party_kind, s.party_id, f.feed, f.status, f.feed || ': ' || f.reason as reason
    from party_switches as s
    inner join cdr_feeds as f on f.service_date = s.service_date
    where s.switch_id = ''

    union

    select
        s.service_date,
        s.party_kind,
        s.party_id,
        f.feed,
        case
            when f.feed is null then 'missing'
            -- what is in doubt is about other switches
            when s.switch_id <> all(f.affected_switches) then 'complete'
            else f.status
        end as status,
        coalesce(f.feed || ': ' || f.reason, 'switch ' || s.switch_id || ': no feed has brought its calls') as reason
    from party_switches as s
    left join switch_feeds as w on w.service_date = s.service_date and w.switch_id = s.switch_id
    left join cdr_feeds as f on f.service_date = w.service_date and f.feed = w.feed
    where s.switch_id <> ''

),

ranked as (

    select
        *,
        array_position(array['complete', 'no_traffic_confirmed', 'overridden', 'partial', 'missing', 'blocked'], status) as badness
    from needed

),

calls as (

    select
        service_date,
        party_kind,
        party_id,
        (array_agg(status order by badness desc))[1] as calls_status,
        coalesce(
            array_agg(distinct reason order by reason) filter (where not {{ is_complete('status') }}),
            '{}'
        ) as reasons,
        bool_or(f.feed is not null) as format_changed
    from ranked
    left join {{ ref('feed_format_changes_daily') }} as f using (service_date, feed)
    group by service_date, party_kind, party_id

),

-- an upstream that could not be looked up in the registry must not look clean for it
unchecked as (

    select
        service_date,
        'upstream' as party_kind,
        upstream_id as party_id,
        case
            when h.reasons is not null then array_to_string(h.reasons, '; ')
            when rmd_snapshot_from is null then 'reference/rmd: no snapshot has arrived, so the registry could not be checked'
            else 'reference/upstreams: neither rmd_number nor frn is given, so the registry could not be checked'
        end as reason
    from {{ ref('upstream_registry_daily') }}
    left join (
        select service_date, reasons from {{ ref('held_evidence_daily') }} where evidence = 'registry'
    ) as h using (service_date)
    where rmd_status = 'unknown' or h.reasons is not null

)

select
    service_date,
    party_kind,
    party_id,
    c.calls_status,
    case
        when u.reason is not null and {{ may_be_judged('c.calls_status') }} then 'partial'
        else c.calls_status
    end as data_status,
    case when u.reason is null then c.reasons else c.reasons || u.reason end as data_reasons,
    c.format_changed
from calls as c
left join unchecked as u using (service_date, party_kind, party_id)
