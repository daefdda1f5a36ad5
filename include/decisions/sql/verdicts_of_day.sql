-- What the marts say of every party on a date: its recommendation, and the content that it is made of.
with verdicts as (
    select 'customer' as party_kind, customer_id as party_id, legal_name, data_status, recommendation, carried_recommendation,
        reason_codes, score, linked_party_ids, ruleset_version
    from marts.customer_risk_daily
    where service_date = %(day)s
    union all
    select 'upstream', upstream_id, legal_name, data_status, recommendation, carried_recommendation,
        reason_codes, score, linked_party_ids, ruleset_version
    from marts.upstream_risk_daily
    where service_date = %(day)s
),

hits as (
    select
        party_kind,
        party_id,
        jsonb_agg(
            jsonb_build_object(
                'rule_code', rule_code, 'tier', tier, 'metric', metric, 'numerator', numerator, 'denominator', denominator,
                'value', value, 'bound', bound, 'bound_kind', bound_kind, 'operator', operator, 'threshold', threshold, 'min_sample', min_sample
            ) order by rule_code
        ) as hits
    from marts.rule_hits_daily
    where service_date = %(day)s
    group by party_kind, party_id
),

tracebacks as (
    select party_kind, party_id, jsonb_agg(traceback_id order by traceback_id) as traceback_ids
    from marts.traceback_worklist
    where is_proof and service_date between %(day)s::date - 29 and %(day)s::date
    group by party_kind, party_id
),

trunks as (
    select party_kind, party_id, jsonb_agg(distinct trunk order by trunk) as trunks
    from lake.party_trunks_daily
    where service_date = %(day)s
    group by party_kind, party_id
),

newest as (
    select distinct on (party_kind, party_id) party_kind, party_id, actor
    from decisions.ledger
    where entry_type = 'recommendation' and service_date = %(day)s
    order by party_kind, party_id, entry_id desc
),

-- suspensions that a notice brought at once, after the marts of the day were built
at_once as (
    select found.party_kind, found.party_id, found.rule_code
    from marts.traceback_hits as found
    join newest using (party_kind, party_id)
    where found.service_date = %(day)s and found.tier = 'SUSPEND' and newest.actor = 'handle_traceback'
)

select
    verdicts.party_kind,
    verdicts.party_id,
    verdicts.recommendation,
    verdicts.reason_codes,
    jsonb_build_object(
        'legal_name', verdicts.legal_name,
        'data_status', verdicts.data_status,
        'recommendation', verdicts.recommendation,
        'carried_recommendation', verdicts.carried_recommendation,
        'reason_codes', to_jsonb(verdicts.reason_codes),
        'score', verdicts.score,
        'hits', coalesce(hits.hits, '[]'),
        'traceback_ids', coalesce(tracebacks.traceback_ids, '[]'),
        'linked_party_ids', to_jsonb(coalesce(verdicts.linked_party_ids, '{}')),
        'trunks', coalesce(trunks.trunks, '[]'),
        'ruleset_version', verdicts.ruleset_version
    ) as content
from verdicts
left join hits using (party_kind, party_id)
left join tracebacks using (party_kind, party_id)
-- what is to be acted on is the whole party, not the trunk of one call
left join trunks on verdicts.recommendation in ('SUSPEND', 'RESTRICT') and trunks.party_kind = verdicts.party_kind and trunks.party_id = verdicts.party_id
-- they stand until the marts, which know nothing of them yet, are built again
where not exists (
    select from at_once
    where at_once.party_kind = verdicts.party_kind
        and at_once.party_id = verdicts.party_id
        and at_once.rule_code <> all(verdicts.reason_codes)
)
