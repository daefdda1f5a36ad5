-- One claim, such as attest or origid, of the PASSporT in a SIP Identity header (RFC 8224): the middle part of a JWT.
-- Null where it is none, cut off or not: each of the two steps may fail on what stands there.
create or replace macro parse_passport(value, argument) as
    try(json_extract_string(
        try(decode(from_base64(rpad(
            translate(string_split(value, '.')[2], '-_', '+/'), cast(4 * ((length(string_split(value, '.')[2]) + 3) // 4) as integer), '='
        )))),
        '$.' || argument
    ));
