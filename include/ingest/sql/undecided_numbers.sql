-- The distinct numbers of a piece that are not plain North American ones. Written with separators, or within a SIP or tel
-- URI, many are plain all the same, and are decided here; the rest stays null for libphonenumber.
create or replace temp table numbers as
with sent as (
    select calling_raw as raw from parsed where reject is null and calling_class is null
    union
    select asserted_raw from parsed where reject is null and asserted_raw is not null and asserted_number is null
    union
    select called_raw from parsed where reject is null and called_class is null
),

bare as (
    select
        raw,
        case
            when regexp_full_match(raw, '[0-9+().\-/ ]+') then plain_digits(regexp_replace(raw, '[().\-/ ]', '', 'g'))
            when regexp_full_match(raw, '<?(?i:sips?):[0-9+]+@[^@]*') then plain_digits(regexp_extract(raw, ':([0-9+]+)@', 1))
        end as digits
    from sent
)

select
    bare.raw,
    '+1' || bare.digits as number,
    case when bare.digits[4] in ('0', '1') then 'invalid'::number_class else coalesce(tenth.class, area.class) end as class
from bare
left join nanp_area as area on area.area_code = left(bare.digits, 3)
left join nanp_tenth as tenth on tenth.prefix = case when area.is_parted then left(bare.digits, 7) end
