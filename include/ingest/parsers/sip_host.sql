-- The host of a SIP URI or name-addr, without its port.
create or replace macro parse_sip_host(value, argument) as
    regexp_extract(value, '(?i)sips?:(?:[^@>]*@)?(\[[0-9a-f:]+\]|[^:;>@]+)', 1);
