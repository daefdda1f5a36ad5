-- Made-up calls are drawn from their numbers: the same numbers and seed give the same calls, in one version of DuckDB.

-- Hashed twice: of one hash, two draws for the same call would differ by a constant.
create or replace macro draw(n, what, choices) as cast(hash(hash(n + $seed * 1_000_000_000_000, what)) % choices as bigint);

create or replace macro digits(n, what, how_many) as lpad(cast(draw(n, what, 10_000_000_000) as varchar), 10, '0')[-how_many:];

create or replace macro area_code(n, what) as
    ['202', '205', '206', '212', '213', '214', '215', '216', '224', '229', '239', '240', '248', '251', '254', '256', '262', '267', '281', '301',
     '303', '305', '309', '310', '312', '314', '317', '323', '330', '334', '347', '352', '360', '385', '404', '407', '412', '415', '469', '480',
     '503', '512', '540', '559', '571', '585', '602', '610', '615', '617', '646', '651', '678', '702', '704', '713', '718', '720', '773', '786',
     '801', '808', '816', '832', '847', '860', '903', '907', '916', '919', '941', '954', '972', '980'][1 + draw(n, what || ' area', 74)];

-- An exchange is 200 to 999 and does not end in 11.
create or replace macro nanp(n, what) as
    area_code(n, what)
    || (2 + draw(n, what || ' exchange', 8)) || lpad(cast((12 + draw(n, what || ' rest of exchange', 99)) % 100 as varchar), 2, '0')
    || digits(n, what || ' line', 4);

-- Three notations, for trunks differ in theirs. Of 1,000 numbers 10 are foreign and 10 invalid.
create or replace macro telephone(n, what, notation) as
    case
        when draw(n, what || ' kind', 1000) >= 20 then (['+1', '1', ''])[1 + notation] || nanp(n, what)
        when draw(n, what || ' kind', 1000) >= 10 then (['+4420', '0114420', '0114420'])[1 + notation] || digits(n, what || ' line', 8)
        when draw(n, what || ' kind', 1000) >= 6 then '200' || digits(n, what || ' line', 7) -- an area code that is not in service
        when draw(n, what || ' kind', 1000) >= 3 then area_code(n, what) || '1' || digits(n, what || ' line', 6) -- no exchange
        else digits(n, what || ' line', 5)
    end;

create or replace temp table trunks as
select
    n as trunk,
    'tg-' || lpad(cast(n as varchar), 4, '0') as name,
    n % 3 as notation,
    '198.51.' || (100 + n % 100) || '.' || (1 + n // 100) as source_ip,
    'SPC ' || digits(n, 'signer', 3) || 'J' as signer,
    digits(n, 'origin 1', 8) || '-0a3f-4e4b-9a6c-' || digits(n, 'origin 2', 10) || '01' as orig_id
from range($trunks) as numbers(n);

create or replace temp table callers as
select
    caller,
    notation,
    -- 5 of 1,000 withhold their number, in the words of their trunk.
    case
        when draw(caller, 'withheld', 1000) < 5 then (['sip:anonymous@anonymous.invalid', 'anonymous', 'Restricted'])[1 + notation]
        else telephone(caller, 'caller', notation)
    end as number
from range($callers) as callers(caller), range(3) as notations(notation);
