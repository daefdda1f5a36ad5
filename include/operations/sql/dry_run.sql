-- Verdicts that the trial's rules make otherwise, each with the rules that fire in one of the two alone.
with changed as (
    select
        now.service_date,
        now.party_kind,
        now.party_id,
        parties.legal_name,
        now.recommendation as before,
        trial.recommendation as after
    from intermediate.party_verdicts_daily as now
    join trial.party_verdicts_daily as trial using (service_date, party_kind, party_id)
    join lake.party_daily as parties using (service_date, party_kind, party_id)
    where now.service_date between %(first)s and %(last)s
        and (now.recommendation <> trial.recommendation or now.reason_codes <> trial.reason_codes)
),

differing as (
    select '+' as sign, hits.*
    from trial.rule_hits_daily as hits
    where not exists (
        select from marts.rule_hits_daily as now
        where now.service_date = hits.service_date and now.party_kind = hits.party_kind and now.party_id = hits.party_id and now.rule_code = hits.rule_code
    )
    union all
    select '-' as sign, hits.*
    from marts.rule_hits_daily as hits
    where not exists (
        select from trial.rule_hits_daily as trial
        where trial.service_date = hits.service_date and trial.party_kind = hits.party_kind and trial.party_id = hits.party_id and trial.rule_code = hits.rule_code
    )
)

select
    changed.*,
    (
        select coalesce(jsonb_agg(to_jsonb(differing) order by differing.sign, differing.rule_code), '[]')
        from differing
        where differing.service_date = changed.service_date and differing.party_kind = changed.party_kind and differing.party_id = changed.party_id
    ) as hits
from changed
order by changed.party_kind, changed.party_id, changed.service_date
