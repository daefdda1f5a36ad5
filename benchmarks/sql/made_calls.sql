-- The attempts [first, last), each with the number of its file, in the order of their files; and what of the files before is
-- sent again at the beginning of a file. Text columns are empty where the switch has nothing to say.
with numbered as (
    select n, n // $calls_per_file as file from range($first, $last) as own(n)
    union all
    select n, n // $calls_per_file + 1 from range($late_first, $late_last) as late(n) where draw(n, 'repeat', 2000) = 1
),

damaged as (
    select n, file, case when draw(n, 'damage', 1000) = 0 then (['cut', 'start', 'end'])[1 + draw(n, 'kind of damage', 3)] end as damage
    from numbered
),

repeated as (
    select
        n,
        file,
        damage,
        -- Of 1,000 calls one is there twice: right behind itself or, late, in the next file. Damaged ones are not repeated.
        unnest(case
            when file <> n // $calls_per_file then ['late']
            when damage is null and (draw(n, 'repeat', 2000) = 0 or draw(n, 'repeat', 2000) = 1 and file = $files - 1) then ['first', 'again']
            else ['first']
        end) as copy
    from damaged
    where damage is null or file = n // $calls_per_file
),

drawn as (
    select
        n,
        file,
        damage,
        copy,
        draw(n, 'trunk', $trunks) as trunk,
        draw(n, 'egress', 40) as egress,
        draw(n, 'caller', $callers) as caller,
        draw(n, 'answered', 100) < 60 as answered,
        timestamp '$midnight' + to_milliseconds(n * $milliseconds // $calls + draw(n, 'start', greatest($milliseconds // $calls, 1))) as start_at,
        1_000 + draw(n, 'ring', 20_000) as ring_ms,
        1_000 - cast(ln((1 + draw(n, 'talk', 10_000)) / 10_001) * 90_000 as bigint) as talk_ms,
        (['A', 'B', 'C', ''])[1 + draw(n, 'attestation', 4)] as attestation
    from repeated
)

select
    n,
    file,
    damage,
    copy,
    -- Every twentieth attempt is the second one of the call before it.
    lower(lpad(to_hex(hash(n - cast(n % 20 = 19 as integer))), 16, '0')) || '@$switch' as call_id,
    case when n % 20 = 19 then 2 else 1 end as attempt,
    '$switch' as switch_id,
    start_at,
    case when answered then start_at + to_milliseconds(ring_ms) end as answer_at,
    case
        when damage = 'end' then start_at - interval 1 minute
        else start_at + to_milliseconds(ring_ms + case when answered then talk_ms else 0 end)
    end as end_at,
    trunks.name as ingress_trunk,
    'tg-out-' || egress as egress_trunk,
    trunks.source_ip as source_ip,
    callers.number as calling_number,
    case when draw(n, 'asserted', 5) = 0 then callers.number else '' end as asserted_number,
    telephone(n, 'called', trunks.notation) as called_number,
    case when answered then 200 else (['480', '486', '487', '404', '503', '603'])[1 + draw(n, 'status', 6)]::integer end as sip_code,
    case when answered then (['caller', 'called'])[1 + draw(n, 'release', 2)] else 'network' end as release_party,
    attestation,
    case attestation when 'A' then 'TN-Validation-Passed' when '' then '' else 'No-TN-Validation' end as verstat,
    case when attestation <> '' then trunks.signer else '' end as signer,
    case when attestation <> '' then trunks.orig_id else '' end as orig_id
from drawn
join trunks using (trunk)
join callers on callers.caller = drawn.caller and callers.notation = trunks.notation
