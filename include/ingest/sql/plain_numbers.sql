-- The distinct numbers of a piece, decided here where they are plain North American ones; the rest stays null
-- for libphonenumber. Area codes, exchanges and tenths of exchanges come from nanp_classes.csv.
create or replace temp table numbers as
with sent as (
    select calling_raw as raw from parsed where reject is null
    union
    select asserted_raw from parsed where reject is null
    union
    select called_raw from parsed where reject is null
),

national as (
    select
        raw,
        case
            when regexp_full_match(raw, '\+?1[2-9][0-9]{2}[2-9][0-9]{6}') then right(raw, 10)
            when regexp_full_match(raw, '[2-9][0-9]{2}[2-9][0-9]{6}') then raw
        end as digits
    from sent
    where raw is not null
)

select
    national.raw,
    '+1' || national.digits as number,
    coalesce(tenth.class, exchange.class, area_code.class) as class
from national
left join nanp_classes as area_code on area_code.prefix = left(national.digits, 3)
left join nanp_classes as exchange on exchange.prefix = left(national.digits, 6)
left join nanp_classes as tenth on tenth.prefix = left(national.digits, 7)
