-- What the statements on call records share. Times of day without a zone are "local".

-- Texts of which there are few, as numbers: to build a dictionary of them again for every file takes longer than anything
-- else about them. They are read back as texts.
create or replace temp type number_class as enum ('valid_us', 'valid_non_us', 'invalid', 'anonymous', 'missing', 'unparseable');
create or replace temp type record_kind as enum ('stop', 'attempt', 'start', 'interim', 'other');
create or replace temp type release_party as enum ('caller', 'called', 'network');
create or replace temp type attestation as enum ('A', 'B', 'C');

create or replace macro unquoted(field) as
    case when starts_with(field, '"') and ends_with(field, '"') then replace(field[2:-2], '""', '"') else field end;

-- The offset at the end of an ISO 8601 time: Z, +hh:mm or +hhmm.
create or replace macro offset_of(instant) as
    case when ends_with(instant, 'Z') then 'Z' when instant[-6] in ('+', '-') then right(instant, 6) else right(instant, 5) end;

-- UTC of a local time; where the clock shows that time twice, the first of the two.
create or replace macro first_instant(zone, local) as (
    case
        when timezone(zone, timezone(zone, local) - interval 1 hour) = local then timezone(zone, local) - interval 1 hour
        else timezone(zone, local)
    end
)::timestamp;

-- Whether the clock never showed a local time, having been put forward over it.
create or replace macro was_skipped(zone, local) as timezone(zone, timezone(zone, local)) <> local;

-- Whether the clock showed a local time twice, having been put back.
create or replace macro was_shown_twice(zone, local) as
    timezone(zone, timezone(zone, local) - interval 1 hour) = local or timezone(zone, timezone(zone, local) + interval 1 hour) = local;

-- The ten digits of a plain North American number, as a number; null for every other notation, which libphonenumber reads.
create or replace macro plain_digits(raw) as
    case when regexp_full_match(raw, '(?:\+?1)?[2-9][0-9]{9}') then cast(raw as bigint) % 10000000000 end;

-- The class of ten digits by the bits of nanp_tables.sql; null where it is the tenth of the exchange that decides.
create or replace macro nanp_class(digits) as case
    when digits is null then null
    when get_bit(getvariable('valid_us_exchanges'), cast(digits // 10000 as integer)) = 1 then 'valid_us'::number_class
    when get_bit(getvariable('parted_exchanges'), cast(digits // 10000 as integer)) = 1 then null
    when get_bit(getvariable('valid_non_us_exchanges'), cast(digits // 10000 as integer)) = 1 then 'valid_non_us'::number_class
    else 'invalid'::number_class
end;

create or replace macro spoilt_by_spreadsheet(text) as
    regexp_full_match(text, '[0-9](?:\.[0-9]+)?E\+[0-9]+');
