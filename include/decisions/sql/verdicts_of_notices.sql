-- What notices alone make of parties on a date, as soon as they have arrived: on the newest processed day, or on a later one
-- that notices were received on. What else was found on the day stands beside it, and nobody is told less than before.
with newest as (
    select service_date, first_processed_at
    from ops.processed_days
    order by service_date desc
    limit 2
),

-- A notice that arrived before is settled by the builds of its day and of those after it; but of today's and yesterday's
-- notices nobody waits for the build.
since as (
    select
        max(service_date) as newest_day,
        min(first_processed_at) as arrived_after
    from newest
),

notices as (
    select
        worklist.party_kind,
        worklist.party_id,
        jsonb_agg(worklist.traceback_id order by worklist.traceback_id) as traceback_ids,
        bool_or(
            receipts.loaded_at > since.arrived_after
            or (worklist.service_date > since.newest_day and worklist.service_date >= (%(recorded_at)s at time zone 'UTC')::date - 1)
        ) as is_news
    from marts.traceback_worklist as worklist
    join ops.file_receipts as receipts on receipts.file = worklist.notice_receipt_id
    cross join since
    where worklist.is_proof
        and worklist.service_date between %(day)s::date - 29 and %(day)s::date
    group by worklist.party_kind, worklist.party_id
),

news as (
    select hits.*
    from marts.traceback_hits as hits
    where hits.service_date = %(day)s
        -- a day whose marts failed their gate is told nothing until they pass
        and not exists (
            select from marts.data_status_daily as status
            where status.service_date = %(day)s and status.feed = 'marts' and status.status = 'blocked'
        )
        and hits.tier in ('SUSPEND', 'RESTRICT')
        and exists (
            select from notices
            where notices.is_news
                and notices.party_kind = hits.party_kind
                and (notices.party_id = hits.party_id or notices.party_id = any(hits.linked_party_ids))
        )
),

standing as (
    select distinct on (party_kind, party_id) party_kind, party_id, service_date, payload
    from decisions.ledger
    where entry_type = 'recommendation' and service_date <= %(day)s
    order by party_kind, party_id, service_date desc, entry_id desc
),

-- the day's own findings, which stand in the entry of that day alone
beside as (
    select standing.party_kind, standing.party_id, hit, rule.tier, rule.rule_code
    from standing
    cross join lateral jsonb_array_elements_text(standing.payload -> 'reason_codes') as code (rule_code)
    join (select distinct rule_code, tier from intermediate.rule_set) as rule on rule.rule_code = code.rule_code and rule.tier <> 'NO_ACTION'
    left join lateral (
        select found as hit from jsonb_array_elements(standing.payload -> 'hits') as found where found ->> 'rule_code' = rule.rule_code
    ) as hits on true
    where standing.service_date = %(day)s
        and not exists (
            select from news
            where news.party_kind = standing.party_kind and news.party_id = standing.party_id and news.rule_code = rule.rule_code
        )
),

reasons as (
    select
        party_kind,
        party_id,
        rule_code,
        tier,
        jsonb_build_object(
            'rule_code', rule_code, 'tier', tier, 'metric', metric, 'numerator', numerator, 'denominator', denominator,
            'value', value, 'bound', bound, 'bound_kind', bound_kind, 'operator', operator, 'threshold', threshold, 'min_sample', min_sample
        ) as hit
    from news
    union all
    select party_kind, party_id, rule_code, tier, hit
    from beside
    where exists (select from news where news.party_kind = beside.party_kind and news.party_id = beside.party_id)
),

verdicts as (
    select
        party_kind,
        party_id,
        case when bool_or(tier = 'SUSPEND') then 'SUSPEND' else 'RESTRICT' end as recommendation,
        array_agg(rule_code order by array_position(array['SUSPEND', 'RESTRICT', 'MONITOR'], tier), rule_code) as reason_codes,
        coalesce(jsonb_agg(hit order by rule_code) filter (where hit is not null), '[]') as hits,
        count(*) filter (where tier <> 'HOLD') as reasons_against
    from reasons
    group by party_kind, party_id
),

trunks as (
    select party_kind, party_id, jsonb_agg(distinct trunk order by trunk) as trunks
    from lake.party_trunks_daily
    where service_date = least(%(day)s, (select newest_day from since))
    group by party_kind, party_id
)

select
    verdicts.party_kind,
    verdicts.party_id,
    verdicts.recommendation,
    verdicts.reason_codes,
    jsonb_build_object(
        'legal_name', party.legal_name,
        'data_status', case when standing.service_date = %(day)s then standing.payload ->> 'data_status' else 'missing' end,
        'recommendation', verdicts.recommendation,
        'carried_recommendation', verdicts.recommendation,
        'reason_codes', to_jsonb(verdicts.reason_codes),
        'score', case verdicts.recommendation when 'SUSPEND' then 80 else 60 end + least(19, 5 * verdicts.reasons_against),
        'hits', verdicts.hits,
        'traceback_ids', coalesce(notices.traceback_ids, '[]'),
        'linked_party_ids', to_jsonb(party.linked_party_ids),
        'trunks', coalesce(trunks.trunks, '[]'),
        'ruleset_version', party.ruleset_version
    ) as content
from verdicts
join lateral (
    select news.legal_name, news.linked_party_ids, news.ruleset_version
    from news
    where news.party_kind = verdicts.party_kind and news.party_id = verdicts.party_id
    limit 1
) as party on true
left join notices using (party_kind, party_id)
left join trunks using (party_kind, party_id)
left join standing using (party_kind, party_id)
where standing.payload is null
    or not (
        standing.payload ->> 'recommendation' in ('SUSPEND', verdicts.recommendation)
        and standing.payload -> 'reason_codes' @> to_jsonb(verdicts.reason_codes)
        and standing.payload -> 'traceback_ids' @> coalesce(notices.traceback_ids, '[]')
    )
    -- a restriction never takes the place of a suspension, nor of a day without a verdict
    and (verdicts.recommendation = 'SUSPEND' or standing.payload ->> 'recommendation' not in ('SUSPEND', 'HOLD'))
