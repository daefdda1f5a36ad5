-- One switch's part of a day of made-up calls, in the lake's own layout: $calls attempts in the order of time, most of them in the
-- second half of the day. Half come from 60 upstreams, of four trunks each, half from 500 customers; a few parties have most of them.
-- Upstreams bring 100,000 callers each, customers call from a block of their own. Every twentieth attempt is the second one of the call before it.
with numbered as (

    select n, n - (n % 20 = 19)::integer as call, n % 20 = 19 as is_second from range($calls) as r (n)

),

-- shares from 0 to 1, and what is picked by them; both attempts of a call draw alike
drawn as (

    select
        n,
        call,
        is_second,
        hash($switch, $day, call) as key,
        (hash(key, 1) % 1000000) / 1e6 as of_party,
        (hash(key, 2) % 1000000) / 1e6 as of_caller,
        (hash(key, 3) % 1000000 + 1) / 1e6 as of_talk,
        hash(key, 4) % 1000 as outcome,
        hash(key, 5) % 1000 as oddity,
        key % 2 = 0 as from_upstream,
        cast(floor(of_party * of_party * if(from_upstream, 60, 500)) as integer) as party
    from numbered

),

called as (

    select
        *,
        $day::date + to_microseconds(cast(86400000000 * if(n < 0.15 * $calls, n / (0.3 * $calls), 0.5 + (n - 0.15 * $calls) / (1.7 * $calls)) as bigint)) as start_at,
        party % 20 = 0 as is_dialer,
        -- every twentieth customer calls one number after the other
        if(
            not from_upstream and party % 20 = 1,
            concat('+1', 201 + party, 2000000 + call % 1000000),
            concat('+1', 201 + hash(key, 6) % 700, 2000000 + hash(key, 7) % 8000000)
        ) as to_number,
        hash(party, cast(floor(of_caller * of_caller * 100000) as integer)) as caller,
        if(
            from_upstream,
            concat('+1', 201 + caller % 700, 2000000 + caller // 700 % 8000000),
            concat('+1', 201 + party * 7 % 700, 200 + party * 13 % 800, right(concat('000', cast(floor(of_caller * of_caller * (20 + party * 37 % 5000)) as integer)), 4))
        ) as own_number
    from drawn

),

ended as (

    select
        *,
        case
            when call % 20 = 18 and not is_second then 503
            when outcome < 550 then 200
            when outcome < 700 then 486
            when outcome < 780 then 480
            when outcome < 880 then 487
            when outcome < 960 then 404
            when outcome < 980 then 503
            else 603
        end as code,
        case when code = 200 then start_at + to_milliseconds(cast(2000 + key % 9000 as bigint)) end as answered_at,
        to_milliseconds(cast(-ln(of_talk) * if(is_dialer, 9000, 90000) as bigint)) as talk,
        case
            when oddity < 990 or oddity >= 998 and not from_upstream then 'valid_us' when oddity < 994 then 'valid_non_us'
            when oddity < 997 then 'invalid' when oddity < 999 then 'anonymous' else 'missing'
        end as class,
        -- of every hundredth attempt the caller ID is none of the party's own
        if(oddity < 10, concat('+1', 201 + hash(key, 8) % 700, 2000000 + hash(key, 9) % 8000000), own_number) as shown
    from called

)

select
    $receipt_id as receipt_id,
    cast(n + 2 as integer) as source_line,
    'cdr/standard' as feed,
    'stop' as record_kind,
    concat($switch, '-', call) as call_id,
    cast(if(is_second, 2, 1) as integer) as attempt,
    $switch as switch_id,
    start_at,
    answered_at as answer_at,
    coalesce(answered_at + talk, start_at + to_milliseconds(cast(500 + key % 30000 as bigint))) as end_at,
    '+00:00' as zone_as_sent,
    null::bigint as stated_ms,
    if(from_upstream, concat('u', party, '-', key // 2 % 4), concat('c', party)) as ingress_trunk,
    concat('out', hash(call, $switch) % 12) as egress_trunk,
    concat('192.0.2.', (party * 8 + key // 8 % if(from_upstream, 8, 1)) % 250) as source_ip,
    case class when 'anonymous' then 'anonymous' when 'missing' then null when 'invalid' then right(shown, 5) else shown end as calling_raw,
    case class when 'valid_us' then shown when 'valid_non_us' then concat('+44', right(shown, 10)) end as calling_number,
    class as calling_class,
    if(oddity < 5 and not from_upstream, own_number, null) as asserted_raw,
    asserted_raw as asserted_number,
    to_number as called_raw,
    to_number as called_number,
    'valid_us' as called_class,
    cast(code as integer) as sip_code,
    case code when 200 then if(key % 3 = 0, 'called', 'caller') when 487 then 'caller' when 486 then 'called' else 'network' end as release_party,
    case when from_upstream and key % 10 < 8 then substr('ABCCCC', cast(1 + caller % 6 as integer), 1) end as attestation,
    if(from_upstream, null, substr('AAAB', cast(1 + party % 4 as integer), 1)) as attestation_sent,
    case when attestation is not null then if(oddity % 100 = 3, 'TN-Validation-Failed', 'TN-Validation-Passed') end as verstat,
    case when attestation is not null then concat('SPC ', if(key // 10 % 20 = 0, hash(key, 10) % 300, 1000 + party * 3 + caller % 3)) end as signer,
    null::varchar as orig_id,
    null::varchar as flags,
    hash($switch, call_id, attempt, null::varchar) as key_hash
from ended
