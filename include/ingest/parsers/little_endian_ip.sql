-- An IPv4 address from the signed 32-bit number that its bytes are, the first one lowest: 17502380 is 172.16.11.1.
create or replace macro parse_little_endian_ip(value, argument) as
    case
        when try_cast(value as integer) is not null and value <> '0' then concat_ws(
            '.',
            cast(value as bigint) & 255,
            (cast(value as bigint) >> 8) & 255,
            (cast(value as bigint) >> 16) & 255,
            (cast(value as bigint) >> 24) & 255
        )
    end;
