-- The distinct numbers of a piece that are not plain North American ones, each with what its text alone tells: the text is
-- read as include/ingest/numbers.py reads it, which is the authority. The rest keeps a null class, for libphonenumber.
create or replace temp table numbers as
with sent as (
    select calling_raw as raw from parsed where reject is null and calling_class is null
    union
    select asserted_raw from parsed where reject is null and asserted_raw is not null and asserted_digits is null
    union
    select called_raw from parsed where reject is null and called_class is null
),

-- Of a URI its user part. Null beyond ASCII, where Python and DuckDB do not always agree on what is a blank or a capital.
parts as (
    select
        raw,
        case when regexp_matches(raw, $uri) then regexp_extract(raw, $uri, 1) || regexp_extract(raw, $uri, 2) else raw end as address,
        case when regexp_full_match(raw, '[ -~]*') then trim(trim(split_part(address, ';', 1)), '"''<>') end as user_part
    from sent
),

dialled as (
    select
        raw,
        lower(user_part) in ($withheld) or contains(lower(raw), 'anonymous') as is_withheld,
        case when not is_withheld then regexp_replace(user_part, '[ ().\-/]', '', 'g') end as digits,
        regexp_full_match(digits, '\+[2-9][0-9]{9}') as starts_with_area_code,
        case when starts_with_area_code or regexp_full_match(digits, '(?:(?:\+|011)?1)?[2-9][0-9]{9}') then cast(right(digits, 10) as bigint) end as ten
    from parts
)

select
    raw,
    '+1' || ten as number,
    case
        when trim(raw) = '' then 'missing'::number_class
        when is_withheld then 'anonymous'::number_class
        when not regexp_full_match(digits, '\+?[0-9]+') then 'unparseable'::number_class
        when regexp_full_match(digits, '[2-9][0-9]{1,5}') then 'invalid'::number_class -- a short code or an extension
        -- Ten digits behind a + that are not North American may be another country's number.
        when starts_with_area_code then nullif(coalesce(tenth.class, nanp_class(ten)), 'invalid')
        else coalesce(tenth.class, nanp_class(ten))
    end as class
from dialled
left join nanp_tenth as tenth on tenth.prefix = ten // 1000
