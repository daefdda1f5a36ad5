-- One row per physical line: split into fields, cast, and given the first reason it cannot be taken, if any.
-- Placeholders are filled by include/ingest/call_sql.py from the feed's declaration and the file's own header.
create or replace temp table parsed as
with lines as (
    select
        -- Single-threaded, so rows come in the order of the file.
        row_number() over () + $first_line - 1 as source_line,
        line
    from read_csv(
        '$piece', auto_detect = false, header = false, delim = '$never', quote = '', escape = '', new_line = '\n',
        columns = {'line': 'VARCHAR'}, strict_mode = false, null_padding = true, max_line_size = $longest_line
    )
),

numbered as (
    select source_line, coalesce(line, '') as line from lines where source_line > $header_lines
),

split as (
    select
        source_line,
        line,
        case
            when contains(line, '"') then regexp_extract_all($delimiter || line, $quoted_field, 1)
            else string_split(line, $delimiter)
        end as fields
    from numbered
),

named as (
    select
        source_line,
        line,
        fields,
        $named
    from split
),

typed as (
    select
        *,
        $start_at as start_at,
        $answer_at as answer_at,
        $end_at as end_at,
        -- A bare cast would take 1.5 and 2e2.
        case when attempt is null then 1 when regexp_full_match(attempt, '[0-9]{1,9}') then cast(attempt as integer) end as attempt_number,
        case when regexp_full_match(sip_code, '[0-9]{3}') then cast(sip_code as integer) end as sip_status,
        upper(attestation) as attestation_level,
        lower(release_party) as releasing_party
    from named
)

select
    source_line,
    line,
    case
        when line = '' then struct_pack(field := 'line', reason := 'blank line')
        when contains(line, chr(57344)) then struct_pack(field := 'line', reason := 'NUL bytes in the line')
        when contains(line, '"')
            and coalesce(list_sum(list_transform(fields, lambda field: length(field))), 0) + len(fields) <> length(line) + 1
            then struct_pack(field := 'line', reason := 'quotes do not pair: a quoted field must end on its own line')
        when len(fields) <> $width
            then struct_pack(field := 'line', reason := len(fields) || ' fields where the layout has $width')
        $reasons
        when start_at not between timestamp '2000-01-01' and timestamp '2099-12-31 23:59:59.999999'
            then struct_pack(field := 'start_time', reason := 'not in the years 2000 to 2099: ' || start_time)
        when end_at < start_at then struct_pack(field := 'end_time', reason := 'before start_time')
        when answer_at < start_at then struct_pack(field := 'answer_time', reason := 'before start_time')
        when answer_at > end_at then struct_pack(field := 'answer_time', reason := 'after end_time')
        when end_at - start_at > interval 24 hours
            then struct_pack(field := 'end_time', reason := 'more than 24 hours after start_time')
        when attempt_number is null
            then struct_pack(field := 'attempt', reason := 'not a whole number: ' || attempt)
        when sip_status is null or sip_status not between 100 and 699
            then struct_pack(field := 'sip_code', reason := 'not a SIP status from 100 to 699: ' || coalesce(sip_code, 'empty'))
        when attestation_level not in ('A', 'B', 'C')
            then struct_pack(field := 'attestation', reason := 'not A, B, C or empty: ' || attestation)
        when releasing_party not in ('caller', 'called', 'network')
            then struct_pack(field := 'release_party', reason := 'not caller, called, network or empty: ' || release_party)
    end as reject,
    call_id,
    attempt_number as attempt,
    switch_id,
    start_at,
    answer_at,
    end_at,
    epoch_ms(start_at) as start_ms,
    epoch_ms(answer_at) as answer_ms,
    epoch_ms(end_at) as end_ms,
    $zone_as_sent as zone_as_sent,
    ingress_trunk,
    egress_trunk,
    source_ip,
    calling_number as calling_raw,
    asserted_number as asserted_raw,
    called_number as called_raw,
    sip_status as sip_code,
    releasing_party as release_party,
    attestation_level as attestation,
    verstat,
    signer,
    orig_id
from typed
