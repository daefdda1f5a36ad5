-- Append the day's verdicts to the ledger. A recommendation's id is made of what it says and of what it restates, so the
-- same verdict on the same figures is the same entry, and a restated one is a new entry beside the old, also where it
-- says again what was said before the last one.
with contents as (
    $verdicts
),

standing as (
    select distinct on (party_kind, party_id) party_kind, party_id, recommendation_id, payload - 'case_id' - 'inputs' as content
    from decisions.ledger
    where entry_type = 'recommendation' and service_date = %(day)s
    order by party_kind, party_id, entry_id desc
),

identified as (
    select
        contents.*,
        case when contents.content = standing.content then standing.recommendation_id
        else
            'R' || to_char(%(day)s::date, 'YYYYMMDD') || '-' || left(encode(sha256(convert_to(
                concat_ws(
                    E'\x1f', contents.party_kind, contents.party_id, %(day)s::date, contents.content, standing.recommendation_id
                ), 'UTF8'
            )), 'hex'), 12)
        end as recommendation_id
    from contents
    left join standing using (party_kind, party_id)
),

-- What a party was last told, restated verdicts of the same day included. HOLD is no verdict.
previous as (
    select distinct on (party_kind, party_id)
        party_kind,
        party_id,
        payload ->> 'recommendation' as recommendation,
        payload ->> 'case_id' as case_id
    from decisions.ledger
    where entry_type = 'recommendation' and service_date <= %(day)s and payload ->> 'recommendation' <> 'HOLD'
    order by party_kind, party_id, service_date desc, entry_id desc
),

-- The same verdict for no other reasons than those a person was shown goes on with the same case, until a release that was
-- signed after it was opened ends it, from the date of the release on.
continued as (
    select identified.recommendation_id, previous.case_id
    from identified
    join previous using (party_kind, party_id)
    join decisions.ledger as opening on opening.entry_type = 'recommendation' and opening.recommendation_id = previous.case_id
    where previous.recommendation = identified.recommendation
        and array_remove(array_remove(identified.reason_codes, 'DATA_INCOMPLETE'), 'NOT_RELEASED')
        <@ array(select jsonb_array_elements_text(opening.payload -> 'reason_codes'))
        and not exists (
            select from decisions.ledger as release
            where release.entry_type = 'release'
                and release.party_kind = opening.party_kind
                and release.party_id = opening.party_id
                and release.entry_id > opening.entry_id
                and release.service_date <= %(day)s
        )
),

inputs as (
    select jsonb_build_object(
        'run', %(run)s::text,
        'builds', (
            select jsonb_build_object('last', max(build_id), 'sha256', ops.builds_digest(max(build_id)))
            from ops.builds
            where stage = 'marts' and ended_at is not null and (run ->> 'service_date')::date <= %(day)s
        ),
        'receipts', (
            select jsonb_build_object(
                'count', count(*),
                'sha256', encode(sha256(convert_to(coalesce(string_agg(file, ',' order by file), ''), 'UTF8')), 'hex')
            )
            from ops.file_receipts
            where state <> 'refused'
        ),
        'versions', %(versions)s::jsonb,
        'gates', (
            select coalesce(jsonb_object_agg(gate, jsonb_build_object('run', run, 'outcome', outcome)), '{}')
            from (
                select distinct on (gate)
                    gate,
                    run,
                    case
                        when bool_or(outcome = 'blocked') then 'blocked'
                        when bool_or(outcome = 'overridden') then 'overridden'
                        when bool_or(outcome <> 'passed') then 'passed_with_warnings'
                        else 'passed'
                    end as outcome
                from ops.gate_results
                where service_date = %(day)s
                group by gate, run
                order by gate, max(recorded_at) desc
            ) as latest
        )
    ) as inputs
),

entries as (
    select jsonb_build_object(
        'entry_type', 'recommendation',
        'actor', %(actor)s::text,
        'service_date', %(day)s::date,
        'party_kind', identified.party_kind,
        'party_id', identified.party_id,
        'recommendation_id', identified.recommendation_id,
        'payload', identified.content || jsonb_build_object(
            'case_id', coalesce(continued.case_id, identified.recommendation_id),
            'inputs', inputs.inputs
        )
    ) as entry
    from identified
    cross join inputs
    left join continued using (recommendation_id)
    order by identified.party_kind, identified.party_id
)

select decisions.append(coalesce(jsonb_agg(entry), '[]'), %(recorded_at)s) from entries
