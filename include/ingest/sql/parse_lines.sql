-- One row per line of a piece: split into fields, cast, with its plain numbers classed and the first reason it cannot be
-- taken, if any. Placeholders are filled by include/ingest/call_sql.py from the feed's declaration and the file's header.
with lines as (
    $lines
),

paired as (
    select source_line, line, $paired as paired
    from lines
    where $is_record
),

-- plain: the line with its quotes or backslashes resolved; null where that cannot be done before it is split
unquoted as (
    select source_line, line, $plain as plain
    from paired
),

matched as (
    select source_line, line, plain, $matched as matched
    from unquoted
),

split as (
    select source_line, line, plain, matched, $fields as fields, case $untidy else true end as is_tidy
    from matched
),

-- values: the fields without the blanks around them
tidied as (
    select
        source_line, line, plain, matched, fields, $is_marked as is_marked,
        case when is_tidy then fields else list_transform(fields, lambda field: trim(field, ' ')) end as values
    from split
),

fitted as (
    select *, $layout as layout
    from tidied
),

named as (
    select
        source_line,
        line,
        plain,
        matched,
        fields,
        layout,
        $named
    from fitted
),

local as (
    select
        *,
        $local
    from named
),

typed as (
    select
        *,
        $instants,
        -- A bare cast would take 1.5 and 2e2.
        case when attempt is null or attempt = '1' then 1 when regexp_full_match(attempt, '[0-9]{1,9}') then cast(attempt as integer) end as attempt_number,
        $sip_status as sip_status,
        upper(attestation) as attestation_level,
        upper(attestation_sent) as sent_level,
        lower(release_party) as releasing_party,
        coalesce(record_kind, 'stop') as kind,
        coalesce(record_kind in ('stop', 'attempt'), true) as is_call,
        plain_digits(calling_number) as calling_digits,
        plain_digits(asserted_number) as asserted_digits,
        plain_digits(called_number) as called_digits
    from local
),

judged as (
    select
        *,
        case
            when line = '' then struct_pack(field := 'line', reason := 'blank line')
            $nul_bytes
            $broken_quotes
            when layout is null
                then struct_pack(field := 'line', reason := len(fields) || ' fields where the layout has ' || $shapes)
            $reasons
            when not is_call and kind not in ('start', 'interim', 'other')
                then struct_pack(field := 'record_kind', reason := 'not stop, attempt, start, interim or other: ' || kind)
            when start_at not between timestamp '2000-01-01' and timestamp '2099-12-31 23:59:59.999999'
                then struct_pack(field := 'start_time', reason := 'not in the years 2000 to 2099: ' || start_time)
            when end_at < start_at then struct_pack(field := 'end_time', reason := 'before start_time')
            when answer_at < start_at then struct_pack(field := 'answer_time', reason := 'before start_time')
            when answer_at > end_at then struct_pack(field := 'answer_time', reason := 'after end_time')
            when end_at - start_at > interval 24 hours
                then struct_pack(field := 'end_time', reason := 'more than 24 hours after start_time')
            when attempt_number is null
                then struct_pack(field := 'attempt', reason := 'not a whole number: ' || attempt)
            when is_call and (sip_status is null or sip_status not between 100 and 699)
                then struct_pack(field := 'sip_code', reason := 'not a SIP status from 100 to 699: ' || coalesce(sip_code, 'empty'))
            when attestation_level not in ('A', 'B', 'C')
                then struct_pack(field := 'attestation', reason := 'not A, B, C or empty: ' || attestation)
            when sent_level not in ('A', 'B', 'C')
                then struct_pack(field := 'attestation_sent', reason := 'not A, B, C or empty: ' || attestation_sent)
            when releasing_party not in ('caller', 'called', 'network')
                then struct_pack(field := 'release_party', reason := 'not caller, called, network or empty: ' || release_party)
            when contains(call_id, 'E+') and spoilt_by_spreadsheet(call_id)
                then struct_pack(field := 'call_id', reason := 'shortened by a spreadsheet, export it as text: ' || call_id)
            when calling_digits is null and spoilt_by_spreadsheet(calling_number)
                then struct_pack(field := 'calling_number', reason := 'shortened by a spreadsheet, export it as text: ' || calling_number)
            when called_digits is null and spoilt_by_spreadsheet(called_number)
                then struct_pack(field := 'called_number', reason := 'shortened by a spreadsheet, export it as text: ' || called_number)
        end as reject
    from typed
)

select
    source_line,
    reject,
    case when reject is not null then line end as line,
    try_cast(kind as record_kind) as record_kind,
    call_id,
    attempt_number as attempt,
    switch_id,
    start_at,
    answer_at,
    end_at,
    $zone_as_sent as zone_as_sent,
    stated_ms,
    $epoch_seconds as epoch_seconds,
    case when regexp_full_match(sequence_text, '[0-9]{1,18}') then cast(sequence_text as bigint) end as sequence,
    $ambiguous as is_ambiguous,
    ingress_trunk,
    egress_trunk,
    source_ip,
    calling_number as calling_raw,
    calling_digits,
    case when calling_number is null then 'missing'::number_class else nanp_class(calling_digits) end as calling_class,
    asserted_number as asserted_raw,
    asserted_digits,
    called_number as called_raw,
    called_digits,
    case when called_number is null then 'missing'::number_class else nanp_class(called_digits) end as called_class,
    sip_status as sip_code,
    case releasing_party
        when 'caller' then 'caller'::release_party when 'called' then 'called'::release_party when 'network' then 'network'::release_party
    end as release_party,
    case attestation_level when 'A' then 'A'::attestation when 'B' then 'B'::attestation when 'C' then 'C'::attestation end as attestation,
    case sent_level when 'A' then 'A'::attestation when 'B' then 'B'::attestation when 'C' then 'C'::attestation end as attestation_sent,
    verstat,
    signer,
    orig_id
from judged
