-- The value of one parameter, such as verstat or rn, wherever in a URI it stands.
create or replace macro parse_uri_parameter(value, argument) as
    regexp_extract(value, '(?i);' || argument || '=([^;>@]*)', 1);
