-- What was said of a day apart from its cases, in one row: how many parties got which verdict, and who is watched or on hold.
with standing as (

    select party_kind, party_id, payload
    from decisions.standing_recommendations
    where service_date = %(day)s and payload ->> 'recommendation' not in ('SUSPEND', 'RESTRICT')

),

named as (

    select
        payload ->> 'recommendation' as recommendation,
        payload ->> 'legal_name' as legal_name,
        party_kind,
        party_id,
        payload -> 'reason_codes' as reason_codes,
        row_number() over (partition by payload ->> 'recommendation' order by (payload ->> 'score')::numeric desc, party_kind, party_id) as place
    from standing

)

select
    'rest:' || %(day)s::date as case_id,
    %(day)s::date as service_date,
    (select jsonb_object_agg(recommendation, parties) from (select recommendation, count(*) as parties from named group by 1) as counted) as counts,
    (
        -- the gravest first; a person is not helped by hundreds
        select coalesce(jsonb_agg(to_jsonb(named) order by recommendation desc, place), '[]')
        from named
        where recommendation in ('MONITOR', 'HOLD') and place <= 25
    ) as parties
where exists (select from standing)
    and not exists (
        select from decisions.ledger as review
        where review.entry_type = 'review' and review.payload ->> 'case_id' = 'rest:' || %(day)s::date
    )
    and not ops.is_asked('rest:' || %(day)s::date, %(dag_run_id)s, %(at)s)
