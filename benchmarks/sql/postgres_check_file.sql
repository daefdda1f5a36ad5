-- The lines of a file, cast, with the reason why each cannot be taken, if any. `bench.lines_of_file` stands for the file's partition.
insert into bench.calls
with split as (
    -- `offset 0` keeps the planner from splitting the line anew for each of its fields.
    select file, line_number, hashtextextended(line, 0) as content, string_to_array(line, ',', '') as f
    from bench.lines_of_file
    where line_number > 1
    offset 0
),

named as (
    select
        file, line_number, content, cardinality(f) as width, f[1] as call_id, coalesce(f[2], '1') as attempt, f[3] as switch_id,
        f[4] as start_time, f[5] as answer_time, f[6] as end_time,
        case when f[4] ~ '(Z|[+-][0-9]{2}:?[0-9]{2})$' and pg_input_is_valid(f[4], 'timestamptz') then f[4]::timestamptz end as start_at,
        case when f[5] ~ '(Z|[+-][0-9]{2}:?[0-9]{2})$' and pg_input_is_valid(f[5], 'timestamptz') then f[5]::timestamptz end as answer_at,
        case when f[6] ~ '(Z|[+-][0-9]{2}:?[0-9]{2})$' and pg_input_is_valid(f[6], 'timestamptz') then f[6]::timestamptz end as end_at,
        f[7] as ingress_trunk, f[8] as egress_trunk, f[9] as source_ip, f[10] as calling, f[11] as asserted, f[12] as called,
        f[13] as sip, lower(f[14]) as release_party, upper(f[15]) as attestation, f[16] as verstat, f[17] as signer, f[18] as orig_id
    from split
    offset 0
)

select
    file,
    line_number,
    content,
    case
        when width <> 18 then 'not 18 fields'
        when call_id is null or switch_id is null or ingress_trunk is null or calling is null or called is null or sip is null
            then 'a required field is empty'
        when start_at is null then 'start_time is not a time with offset'
        when answer_time is not null and answer_at is null then 'answer_time is not a time with offset'
        when end_at is null then 'end_time is not a time with offset'
        when start_at < '2000-01-01Z' or start_at >= '2100-01-01Z' then 'start_time is not in the years 2000 to 2099'
        when end_at < start_at then 'end_time is before start_time'
        when answer_at < start_at or answer_at > end_at then 'answer_time is not between start_time and end_time'
        when end_at - start_at > interval '24 hours' then 'end_time is more than 24 hours after start_time'
        when attempt !~ '^[0-9]{1,9}$' then 'attempt is not a whole number'
        when sip !~ '^[1-6][0-9]{2}$' then 'sip_code is not a SIP status'
        when attestation not in ('A', 'B', 'C') then 'attestation is not A, B, C or empty'
        when release_party not in ('caller', 'called', 'network') then 'release_party is not caller, called, network or empty'
    end as reason,
    call_id,
    case when attempt ~ '^[0-9]{1,9}$' then attempt::integer end as attempt,
    switch_id,
    start_at,
    answer_at,
    end_at,
    (start_at at time zone 'UTC')::date as service_date,
    ingress_trunk,
    egress_trunk,
    source_ip,
    calling as calling_raw,
    bench.e164(calling) as calling_number,
    asserted as asserted_raw,
    bench.e164(asserted) as asserted_number,
    called as called_raw,
    bench.e164(called) as called_number,
    case when sip ~ '^[1-6][0-9]{2}$' then sip::integer end as sip_code,
    release_party,
    attestation,
    verstat,
    signer,
    orig_id
from named
