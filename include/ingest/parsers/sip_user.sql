-- The user part of a SIP or tel URI, or of a name-addr that holds one: up to its first `;`, never digits of host, port or
-- tag. A text without a URI stays as it is.
create or replace macro parse_sip_user(value, argument) as
    case
        when regexp_matches(value, '(?i)sips?:[^@>]*@') then string_split(regexp_extract(value, '(?i)sips?:([^@>]*)@', 1), ';')[1]
        when regexp_matches(value, '(?i)sips?:') then null
        when regexp_matches(value, '(?i)tel:') then regexp_extract(value, '(?i)tel:([^;>]*)', 1)
        else value
    end;
