-- The figures of one service date as one would write them by hand: from the lake's Parquet to a Parquet file by figure.
-- Variables: lake (folder), day (date), results (folder that stands). What the figures mean is told beside the models of the same names.

create temp table receipts as
select receipt_id from read_parquet(getvariable('lake') || '/receipts/*.parquet') where state in ('loaded', 'partial');

-- of each reference table the snapshot that counts on the day
create temp table in_force as
select feed, receipt_id
from (
    select
        feed,
        receipt_id,
        row_number() over (
            partition by feed
            order by if(snapshot_from <= getvariable('day'), snapshot_from, null) desc nulls last, snapshot_from, arrived_at desc, receipt_id
        ) as preference
    from (
        select feed, receipt_id, arrived_at, coalesce(dated_on, arrived_at::date) as snapshot_from
        from read_parquet(getvariable('lake') || '/arrivals/*.parquet')
        where feed like 'reference/%' and receipt_id in (from receipts)
    )
)
where preference = 1;

create temp table trunks as
select trunk, switch_id, party_kind, party_id
from (
    select
        trunk,
        nullif(switch_id, '') as switch_id,
        party_kind,
        party_id,
        row_number() over (partition by trunk, nullif(switch_id, '') order by valid_from desc nulls last, party_kind, party_id) as preference
    from read_parquet(getvariable('lake') || '/reference/trunks/*.parquet')
    where receipt_id = (select receipt_id from in_force where feed = 'reference/trunks')
        and receipt_id in (from receipts)
        and coalesce(valid_from <= getvariable('day'), true)
        and coalesce(valid_to >= getvariable('day'), true)
)
where preference = 1;

create temp table caller_ids as
select distinct customer_id, number
from read_parquet(getvariable('lake') || '/reference/caller_ids/*.parquet')
where receipt_id = (select receipt_id from in_force where feed = 'reference/caller_ids')
    and receipt_id in (from receipts)
    and coalesce(valid_from <= getvariable('day'), true)
    and coalesce(valid_to >= getvariable('day'), true);

create temp table campaign_numbers as
select distinct customer_id, calling_number as number
from read_parquet(getvariable('lake') || '/reference/campaigns/*.parquet')
where receipt_id = (select receipt_id from in_force where feed = 'reference/campaigns')
    and receipt_id in (from receipts)
    and coalesce(valid_from <= getvariable('day'), true)
    and coalesce(valid_to >= getvariable('day'), true);

create temp table dno as
select distinct number
from read_parquet(getvariable('lake') || '/reference/dno/*.parquet')
where receipt_id = (select receipt_id from in_force where feed = 'reference/dno')
    and receipt_id in (from receipts)
    and coalesce(valid_from <= getvariable('day'), true);

create temp table codes as
with listed as (

    select npa, nxx, bool_or(status is null or lower(status) in ('as', 'assigned', 'in service')) as assigned
    from read_parquet(getvariable('lake') || '/reference/co_codes/*.parquet')
    where receipt_id = (select receipt_id from in_force where feed = 'reference/co_codes')
        and receipt_id in (from receipts)
        and npa not in ('800', '833', '844', '855', '866', '877', '888')
    group by npa, nxx

),

available as (

    select npa, nxx, string_agg(x, '') as blocks
    from read_parquet(getvariable('lake') || '/reference/thousands_blocks/*.parquet')
    where receipt_id = (select receipt_id from in_force where feed = 'reference/thousands_blocks')
        and receipt_id in (from receipts)
        and lower(status) in ('av', 'available')
        and not coalesce(contaminated, false)
    group by npa, nxx

)

select '+1' || npa || nxx as code, coalesce(assigned, false) as assigned, coalesce(blocks, '') as available_blocks
from (select distinct npa from listed) as areas
cross join (select unnest(range(200, 1000))::varchar as nxx) as exchanges
left join listed using (npa, nxx)
left join available using (npa, nxx);

create temp table calls as
select c.*, coalesce(s.party_kind, a.party_kind) as party_kind, coalesce(s.party_id, a.party_id) as party_id
from (
    select
        feed, switch_id, call_id, attempt, ingress_trunk, egress_trunk, source_ip, calling_raw, calling_number, calling_class, asserted_number,
        called_number, called_class, sip_code, release_party, attestation, attestation_sent, verstat, signer,
        epoch_ms(start_at) as start_ms, epoch_ms(answer_at) as answer_ms, epoch_ms(end_at) as end_ms
    from read_parquet(getvariable('lake') || '/calls/service_date=' || getvariable('day') || '/*.parquet') as c
    where record_kind in ('stop', 'attempt')
        and receipt_id in (from receipts)
        and not exists (
            from read_parquet(getvariable('lake') || '/superseded/*.parquet') as s
            where s.receipt_id = c.receipt_id and s.source_line = c.source_line and s.by_receipt_id in (from receipts)
        )
) as c
left join trunks as s on s.trunk = c.ingress_trunk and s.switch_id = c.switch_id
left join trunks as a on a.trunk = c.ingress_trunk and a.switch_id is null;

-- what the lists say of the numbers, each looked up once
create temp table forbidden as
with numbers as (

    select distinct calling_number from calls where calling_number is not null

)

select calling_number from numbers semi join dno on dno.number = calling_number
union
select calling_number
from numbers, (select distinct length(number) - 1 as digits from dno where number like '%*')
semi join dno on dno.number = left(calling_number, digits) || '*';

create temp table customer_numbers as
select party_id, calling_number as number from calls where party_kind = 'customer' and calling_number is not null
union
select party_id, asserted_number from calls where party_kind = 'customer' and asserted_number is not null;

create temp table approved as
select party_id, number
from customer_numbers as n
semi join caller_ids as i on i.customer_id = n.party_id and i.number = n.number
union
select party_id, number
from (select * from customer_numbers, (select distinct length(number) - 1 as digits from caller_ids where number like '%*')) as n
semi join caller_ids as i on i.customer_id = n.party_id and i.number = left(n.number, n.digits) || '*';

create temp table declared as
select party_id, number
from customer_numbers as n
semi join campaign_numbers as i on i.customer_id = n.party_id and i.number = n.number
union
select party_id, number
from (select * from customer_numbers, (select distinct length(number) - 1 as digits from campaign_numbers where number like '%*')) as n
semi join campaign_numbers as i on i.customer_id = n.party_id and i.number = left(n.number, n.digits) || '*';

create temp table outages as
select egress_trunk, start_hour
from (
    select
        egress_trunk,
        start_ms // 3600000 as start_hour,
        ingress_trunk,
        count(*) as attempts,
        count(*) filter (where answer_ms is null and sip_code between 500 and 599) as failed
    from calls
    where egress_trunk is not null and ingress_trunk is not null
    group by all
)
group by all
having sum(attempts) >= 50 and sum(failed) >= 0.2 * sum(attempts) and count(*) filter (where failed >= 0.2 * attempts) >= 2;

create temp table attempts as
select
    party_kind,
    c.party_id,
    ingress_trunk,
    source_ip,
    signer,
    start_ms // 1000 as start_second,
    greatest(end_ms, start_ms) // 1000 as end_second,
    r.call_id is null or attempt = r.last_attempt as is_final,
    is_final and answer_ms is not null as answered,
    if(answered, end_ms - answer_ms, null) as talk_ms,
    answer_ms is null and (coalesce(sip_code, 0) = 487 or coalesce(release_party, '') = 'caller') as abandoned,
    coalesce(sip_code, 0) in (403, 603, 607, 608) as rejected,
    answer_ms is not null or coalesce(sip_code, 0) in (480, 486, 487, 600, 603, 607, 608) as delivered,
    answer_ms is null and coalesce(sip_code, 0) between 500 and 599 as network_failed,
    o.egress_trunk is not null as in_outage,
    coalesce(c.calling_number, calling_raw) as presented_number,
    calling_class,
    if(calling_class = 'valid_us', substr(c.calling_number, 3, 3), null) as calling_area,
    if(calling_class = 'valid_us', left(c.calling_number, 8), null) as calling_block,
    substr(called_number, 2)::bigint as called_number,
    if(called_class = 'valid_us', substr(called_number, 3, 3), null) as called_area,
    coalesce(attestation_sent, attestation) as attestation_given,
    attestation,
    lower(coalesce(verstat, '')) like '%fail%' as failed_verification,
    n.calling_number is not null as never_originating,
    party_kind = 'customer' and calling_class not in ('anonymous', 'missing') and p.number is null as unapproved,
    unapproved and q.number is not null as forwarded,
    d.number is not null as declared,
    calling_area = called_area as neighbor,
    not k.assigned or contains(k.available_blocks, substr(c.calling_number, 9, 1)) as unallocated
from calls as c
left join (
    select feed, switch_id, call_id, max(attempt) as last_attempt from calls where attempt > 1 group by all
) as r on r.feed = c.feed and r.switch_id = c.switch_id and r.call_id = c.call_id
left join outages as o on o.egress_trunk = c.egress_trunk and o.start_hour = start_ms // 3600000
left join forbidden as n on n.calling_number = c.calling_number
left join approved as p on p.party_id = c.party_id and p.number = c.calling_number and party_kind = 'customer'
left join approved as q on q.party_id = c.party_id and q.number = c.asserted_number and party_kind = 'customer'
left join declared as d on d.party_id = c.party_id and d.number = c.calling_number and party_kind = 'customer'
left join codes as k on k.code = left(c.calling_number, 8) and calling_class = 'valid_us'
where party_kind in ('customer', 'upstream') and c.party_id is not null;

drop table calls;

create temp table numbers as
select party_kind, party_id, presented_number as calling_number, count(*) as attempts from attempts where presented_number is not null group by all;

copy (
    with counts as (

        select
            party_kind,
            party_id,
            count(*) as attempts,
            count(*) filter (where is_final) as calls,
            count(*) filter (where answered) as answered,
            count(*) filter (where answered and talk_ms <= 6000) as le_6s,
            count(*) filter (where answered and talk_ms < 15000) as lt_15s,
            count(*) filter (where answered and talk_ms < 30000) as lt_30s,
            count(*) filter (where answered and talk_ms < 60000) as lt_60s,
            count(*) filter (where answered and talk_ms > 120000) as gt_120s,
            count(*) filter (where is_final and coalesce(talk_ms, 0) = 0) as zero_talk,
            count(*) filter (where abandoned) as abandoned,
            count(*) filter (where rejected) as rejected,
            count(*) filter (where delivered) as delivered,
            count(*) filter (where network_failed) as network_failed,
            count(*) filter (where not in_outage) as attempts_own_network_well,
            count(*) filter (where answered and not in_outage) as answered_own_network_well,
            count(*) filter (where abandoned and not in_outage) as abandoned_own_network_well,
            count(*) filter (where calling_class in ('invalid', 'unparseable')) as invalid_calling,
            count(*) filter (where calling_class in ('anonymous', 'missing')) as anonymous_calling,
            count(*) filter (where calling_class = 'valid_non_us') as foreign_calling,
            count(*) filter (where calling_class = 'valid_us') as us_caller_id,
            count(*) filter (where calling_area in ('800', '833', '844', '855', '866', '877', '888')) as toll_free_calling,
            count(*) filter (where unallocated is not null) as allocation_judged,
            count(*) filter (where unallocated) as unallocated_calling,
            count(*) filter (where never_originating) as dno_calling,
            count(*) filter (where unapproved) as unapproved_calling,
            count(*) filter (where forwarded) as forwarded_calling,
            count(*) filter (where neighbor) as neighbor,
            count(*) filter (where attestation = 'A') as attest_a,
            count(*) filter (where attestation = 'B') as attest_b,
            count(*) filter (where attestation = 'C') as attest_c,
            count(*) filter (where attestation is null) as unsigned,
            count(*) filter (where failed_verification) as failed_verification,
            count(*) filter (where attestation_given = 'A' and unapproved and not forwarded) as improper_a,
            count(*) filter (where declared) as declared_campaign_attempts,
            coalesce(sum(talk_ms), 0)::bigint as talk_ms,
            median(talk_ms)::bigint as median_talk_ms,
            count(signer) as signed
        from attempts
        group by all

    ),

    seconds as (

        select party_kind, party_id, start_second as second, count(*) as attempts from attempts group by all

    ),

    peaks as (

        select party_kind, party_id, max(most) as peak_cps, max(in_hour)::bigint as peak_hour_attempts, count(*) as hours_active
        from (
            select party_kind, party_id, second // 3600 as hour, max(attempts) as most, sum(attempts) as in_hour from seconds group by all
        )
        group by all

    ),

    concurrency as (

        select party_kind, party_id, max(going_on)::bigint as peak_concurrent
        from (
            select party_kind, party_id, sum(change) over (partition by party_kind, party_id order by second) as going_on
            from (
                select party_kind, party_id, second, sum(change) as change
                from (
                    select party_kind, party_id, second, attempts as change from seconds
                    union all
                    select party_kind, party_id, end_second + 1, -count(*) from attempts group by party_kind, party_id, end_second
                )
                group by all
            )
        )
        group by all

    ),

    signers as (

        select party_kind, party_id, max(attempts) as signed_by_main_signer
        from (select party_kind, party_id, signer, count(*) as attempts from attempts where signer is not null group by all)
        group by all

    )

    select
        getvariable('day') as service_date,
        c.* exclude (signed),
        p.peak_cps,
        p.peak_hour_attempts,
        p.hours_active,
        o.peak_concurrent,
        c.signed,
        coalesce(s.signed_by_main_signer, 0) as signed_by_main_signer
    from counts as c
    join peaks as p using (party_kind, party_id)
    join concurrency as o using (party_kind, party_id)
    left join signers as s using (party_kind, party_id)
) to (getvariable('results') || '/party_traffic_daily.parquet') (compression zstd);

copy (
    with calling as (

        select
            party_kind,
            party_id,
            count(*) as numbers,
            (round(sum(attempts) * log2(sum(attempts)) * 1000000) - sum(round(attempts * log2(attempts) * 1000000)::bigint))::bigint as entropy
        from numbers
        group by all

    ),

    tens as (

        select
            party_kind,
            party_id,
            called_number // 10 as ten,
            count(*) as numbers,
            max(attempts) as most_to_one,
            count(*) filter (where attempts > 1) as repeated
        from (select party_kind, party_id, called_number, count(*) as attempts from attempts where called_number is not null group by all)
        group by all

    ),

    called as (

        select
            party_kind,
            party_id,
            sum(numbers)::bigint as numbers,
            max(most_to_one) as most_to_one,
            sum(repeated)::bigint as repeated,
            coalesce(sum(numbers) filter (where numbers >= 8), 0)::bigint as in_full_tens
        from tens
        group by all

    ),

    pairs as (

        select party_kind, party_id, calling_area, called_area, count(*) as attempts from attempts where called_area is not null group by all

    ),

    areas as (

        select
            party_kind,
            party_id,
            count(*) as areas,
            sum(attempts)::bigint as attempts,
            (round(sum(attempts) * log2(sum(attempts)) * 1000000) - sum(round(attempts * log2(attempts) * 1000000)::bigint))::bigint as entropy
        from (select party_kind, party_id, called_area, sum(attempts)::bigint as attempts from pairs group by all)
        group by all

    ),

    from_area as (

        select party_kind, party_id, calling_area as area, sum(attempts)::bigint as attempts from pairs where calling_area is not null group by all

    ),

    to_area as (

        select party_kind, party_id, called_area as area, sum(attempts)::bigint as attempts from pairs where calling_area is not null group by all

    ),

    neighbors as (

        select party_kind, party_id, sum(f.attempts)::bigint as judged, sum(f.attempts * t.attempts) as products
        from from_area as f
        left join to_area as t using (party_kind, party_id, area)
        group by all

    )

    select
        getvariable('day') as service_date,
        p.party_kind,
        p.party_id,
        coalesce(c.numbers, 0) as distinct_calling_numbers,
        coalesce(c.entropy, 0) as calling_entropy_microbits,
        coalesce(d.numbers, 0) as distinct_called_numbers,
        coalesce(d.most_to_one, 0) as most_to_one_number,
        coalesce(d.repeated, 0) as called_numbers_repeated,
        coalesce(d.in_full_tens, 0) as called_in_full_tens,
        coalesce(a.areas, 0) as called_areas,
        coalesce(a.attempts, 0) as called_areas_attempts,
        coalesce(a.entropy, 0) as called_area_entropy_microbits,
        coalesce(n.judged, 0) as neighbor_judged,
        round(coalesce(n.products::double / n.judged, 0))::bigint as neighbor_likely
    from (select distinct party_kind, party_id from attempts) as p
    left join calling as c using (party_kind, party_id)
    left join called as d using (party_kind, party_id)
    left join areas as a using (party_kind, party_id)
    left join neighbors as n using (party_kind, party_id)
) to (getvariable('results') || '/party_numbers_daily.parquet') (compression zstd);

copy (
    with cells as (

        select
            party_id, 'stream' as cell_kind, ingress_trunk, source_ip, signer, (start_second // 3600 % 24)::integer as hour, null::varchar as calling_block,
            count(*) as answered, count(*) filter (where talk_ms < 30000) as lt_30s, sum(talk_ms)::bigint as talk_ms
        from attempts
        where party_kind = 'upstream' and answered
        group by all
        having count(*) >= 50
        union all
        select
            party_id, 'stream_of_day', ingress_trunk, source_ip, signer, null, null,
            count(*), count(*) filter (where talk_ms < 30000), sum(talk_ms)::bigint
        from attempts
        where party_kind = 'upstream' and answered
        group by party_id, ingress_trunk, source_ip, signer
        having count(*) >= 50
        union all
        select
            party_id, 'calling_block', null, null, null, null, calling_block,
            count(*), count(*) filter (where talk_ms < 30000), sum(talk_ms)::bigint
        from attempts
        where party_kind = 'upstream' and answered and calling_block is not null
        group by party_id, calling_block
        having count(*) >= 50

    )

    select
        getvariable('day') as service_date,
        party_id as upstream_id,
        cell_kind,
        concat_ws('|', cell_kind, coalesce(ingress_trunk, ''), coalesce(source_ip, ''), coalesce(signer, ''), coalesce(hour::varchar, ''), coalesce(calling_block, ''))
            as cell,
        ingress_trunk,
        source_ip,
        signer,
        hour,
        calling_block,
        answered,
        lt_30s,
        talk_ms,
        -- lower bound of the 95 % Wilson score interval
        (share + z * z / (2 * answered) - z * sqrt(share * (1 - share) / answered + z * z / (4 * answered * answered::double))) / (1 + z * z / answered) > 0.6
            as dialer_like
    from (select *, lt_30s / answered as share, 1.959964::double as z from cells)
) to (getvariable('results') || '/upstream_cells_daily.parquet') (compression zstd);

copy (
    with week as (

        select service_date, party_kind, party_id, calling_number
        from read_parquet(getvariable('lake') || '/daily/calling_numbers_daily/service_date=*/part-0.parquet', hive_types = {service_date: date})
        where service_date between getvariable('day') - 7 and getvariable('day') - 1

    ),

    days as (

        select party_kind, party_id, count(distinct service_date) as days from week group by all

    )

    select
        getvariable('day') as service_date,
        n.party_kind,
        n.party_id,
        count(*) as numbers,
        count(*) filter (where k.calling_number is null) as new_numbers,
        coalesce(max(d.days), 0) as days_looked_back
    from numbers as n
    left join (select distinct party_kind, party_id, calling_number from week) as k using (party_kind, party_id, calling_number)
    left join days as d using (party_kind, party_id)
    group by all
) to (getvariable('results') || '/new_calling_numbers_daily.parquet') (compression zstd);

-- for the days to come
copy (from numbers) to (getvariable('results') || '/calling_numbers_daily.parquet') (compression zstd);
