{%- set day = service_date() -%}
{%- set tables = ['customers', 'upstreams', 'trunks', 'caller_ids', 'campaigns', 'dno', 'enforcement_notices', 'rmd', 'nanp'] -%}

with day as (

    select date '{{ day }}' as service_date

),

receipts as (

    select
        receipt_id,
        path,
        kind,
        feed,
        state,
        rows_read,
        rows_accepted,
        rows_duplicate
    from {{ source('raw_lake', 'receipts') }}
    where state in ('loaded', 'partial')

),

arrivals as (

    select
        kind,
        feed,
        receipt_id,
        path,
        dated_on,
        arrived_at,
        -- the last part of the path, which is all that a manifest of another folder has in common with it
        reverse(split_part(reverse(path), '/', 1)) as file_name
    from {{ source('raw_lake', 'arrivals') }}

),

rows_of_day as (

    select feed, receipt_id, cast(count(*) as bigint) as dated_rows
    from {{ source('raw_lake', 'calls') }} where service_date = date '{{ day }}' group by feed, receipt_id
    union all
    select feed, receipt_id, cast(count(*) as bigint) as dated_rows
    from {{ source('raw_lake', 'complaints') }} where service_date = date '{{ day }}' group by feed, receipt_id
    union all
    select feed, receipt_id, cast(count(*) as bigint) as dated_rows
    from {{ source('raw_lake', 'notices') }} where service_date = date '{{ day }}' group by feed, receipt_id

),

-- files of the day: they brought rows of it, or brought none and arrived under its date
files_of_day as (

    select r.kind, r.feed, r.receipt_id, d.dated_rows
    from receipts as r
    inner join rows_of_day as d on d.receipt_id = r.receipt_id
    union all
    select distinct a.kind, a.feed, a.receipt_id, 0 as dated_rows
    from arrivals as a
    inner join receipts as r on r.receipt_id = a.receipt_id
    where a.dated_on = date '{{ day }}'
        -- nothing in it, or nothing new; a file whose every row was refused is neither
        and r.rows_read = r.rows_duplicate

),

-- of each file of calls, the rows of the day that others replaced, and the rows with which it replaced others
replaced as (

    select s.receipt_id, count(distinct s.source_line) as dated_rows
    from {{ source('raw_lake', 'superseded') }} as s
    inner join receipts as r on r.receipt_id = s.by_receipt_id
    where s.service_date = date '{{ day }}'
    group by s.receipt_id

),

replacing as (

    select by_receipt_id as receipt_id, count(distinct by_source_line) as rows
    from {{ source('raw_lake', 'superseded') }}
    where by_receipt_id <> receipt_id
    group by by_receipt_id

),

calls_of_files as (

    select
        r.receipt_id,
        r.path,
        r.feed,
        r.state,
        r.rows_accepted,
        r.rows_accepted - coalesce(n.rows, 0) as new_calls,
        r.rows_duplicate + coalesce(n.rows, 0) as known_calls,
        coalesce(d.dated_rows, 0) + coalesce(s.dated_rows, 0) as dated_rows
    from receipts as r
    left join rows_of_day as d on d.receipt_id = r.receipt_id
    left join replaced as s on s.receipt_id = r.receipt_id
    left join replacing as n on n.receipt_id = r.receipt_id
    where r.kind = 'cdr'

),

dates_in_paths as (

    select receipt_id, min(dated_on) as first_date, max(dated_on) as last_date from arrivals group by receipt_id

),

-- Files of calls that the day consists of, by the path under which their bytes came first: neither bytes sent again nor a
-- later version at the same path count twice, nor does a file most of whose calls were known, a copy or correction of
-- others. The date in the path decides, so that a few late rows in a file of another day hide no missing file; where there
-- is none, or the bytes came under several, most of the rows do.
files_of_calls as (

    select c.feed, c.path
    from calls_of_files as c
    inner join dates_in_paths as p on p.receipt_id = c.receipt_id
    where c.new_calls > 0
        and c.new_calls >= c.known_calls
        and case
            when p.first_date = p.last_date then p.first_date = date '{{ day }}'
            else 2 * c.dated_rows > c.rows_accepted
        end
    union
    -- files without a row all have the same bytes: each path is a file
    select a.feed, a.path
    from arrivals as a
    inner join receipts as r on r.receipt_id = a.receipt_id
    where a.kind = 'cdr' and a.dated_on = date '{{ day }}' and r.rows_read = 0

),

declared as (

    select
        d.feed,
        d.expected_files,
        d.switches,
        d.calendar,
        cast(date '{{ day }}' + 1 as timestamp) + d.due_minutes * interval '1 minute' as due_at,
        (select count(*) from files_of_calls as f where f.feed = d.feed) as loaded_files
    from {{ source('raw_lake', 'deliveries') }} as d

),

-- Files of calls with rows or with the date of the day that broke off, unless one arrived whole at the same path since.
-- At a path without a date that may be the file of another day: there it has to repeat rows.
broken_files as (

    select distinct c.feed, c.path
    from calls_of_files as c
    where c.state = 'partial'
        and (c.dated_rows > 0 or exists (
            select 1 from arrivals as a where a.receipt_id = c.receipt_id and a.dated_on = date '{{ day }}'
        ))
        and not exists (
            select 1
            from arrivals as a
            inner join arrivals as later on later.path = a.path and later.arrived_at > a.arrived_at
            inner join receipts as whole on whole.receipt_id = later.receipt_id
            where a.receipt_id = c.receipt_id
                and whole.state = 'loaded'
                and (a.dated_on is not null or whole.rows_duplicate > 0)
        )

),

broken as (

    select feed, left(string_agg(path, ', ' order by path), 500) as files
    from broken_files
    group by feed

),

-- the manifest of each feed that arrived last for the day speaks
manifest as (

    select newest.feed, m.file, m.rows, m.sha256, reverse(split_part(reverse(m.file), '/', 1)) as file_name
    from {{ source('raw_lake', 'manifests') }} as m
    inner join (
        select feed, receipt_id, row_number() over (partition by feed order by arrived_at desc, receipt_id) as preference
        from arrivals
        where kind = 'manifest' and dated_on = date '{{ day }}'
    ) as newest
        on newest.receipt_id = m.receipt_id
    where newest.preference = 1

),

-- each name under which a file of calls came
named as (

    select distinct a.feed, a.file_name, a.dated_on, r.receipt_id, r.rows_read, r.rows_accepted
    from arrivals as a
    inner join receipts as r on r.receipt_id = a.receipt_id
    where a.kind = 'cdr'

),

-- A listed file is loaded when its SHA-256 is, or, where none is given, when a file of that name with rows of the day is. One that
-- brought no new row has none: its arrival is dated by the rows that it repeats.
promises as (

    select
        m.feed,
        m.file,
        m.rows,
        max(r.rows_read) as rows_read,
        coalesce(bool_or(r.rows_read = m.rows), false) as is_kept
    from manifest as m
    left join named as r
        on r.feed = m.feed
        and (
            r.receipt_id = lower(m.sha256)
            or (
                coalesce(m.sha256, '') = ''
                and r.file_name = m.file_name
                and (r.rows_accepted = 0 and coalesce(r.dated_on, date '{{ day }}') = date '{{ day }}' or exists (
                    select 1 from rows_of_day as d where d.receipt_id = r.receipt_id
                ))
            )
        )
    group by m.feed, m.file, m.rows

),

by_manifest as (

    select
        feed,
        cast(count(*) as bigint) as expected_files,
        cast(count(*) filter (where is_kept) as bigint) as loaded_files,
        cast(sum(rows) as bigint) as expected_rows,
        cast(coalesce(sum(rows_read), 0) as bigint) as loaded_rows,
        left(string_agg(
            case
                when is_kept then null
                when rows_read is null then file
                else concat_ws('', file, ' (', cast(rows_read as {{ dbt.type_string() }}), ' of ', cast(rows as {{ dbt.type_string() }}), ' rows)')
            end, ', ' order by file
        ), 500) as missing
    from promises
    group by feed

),

incomplete as (

    select feed, array_agg(path order by path) as files
    from (
        select feed, file as path from promises where not is_kept
        union
        select feed, path from broken_files
    ) as files
    group by feed

),

-- every feed that ever brought a file or is declared to, and the one of each kind that a provider must have
feeds as (

    select distinct case when kind = 'manifest' then 'cdr' else kind end as kind, feed from arrivals
    union
    select distinct case when kind = 'manifest' then 'cdr' else kind end as kind, feed from receipts
    union
    select 'complaints' as kind, 'complaints/standard' as feed
    where not exists (select 1 from receipts where kind = 'complaints')
    union
    select 'tracebacks' as kind, 'tracebacks/standard' as feed
    where not exists (select 1 from receipts where kind = 'tracebacks')
    union
    select 'cdr' as kind, 'cdr/standard' as feed
    where not exists (select 1 from receipts where kind in ('cdr', 'manifest')) and not exists (select 1 from declared where calendar is null)
    union
    -- a calendar says when a feed rests, not that there is one
    select 'cdr' as kind, feed from declared where calendar is null
    {% for table in ['customers', 'upstreams', 'trunks', 'rmd'] -%}
    union
    select 'reference' as kind, 'reference/{{ table }}' as feed
    {% endfor %}

),

arrived as (

    select
        feed,
        -- an empty file says that there was nothing; of calls it says nothing
        cast(count(*) filter (where dated_rows > 0 or kind <> 'cdr') as bigint) as files,
        cast(sum(dated_rows) as bigint) as dated_rows
    from files_of_day
    group by feed

),

snapshots as (

    {% for table in tables -%}
    select
        'reference/{{ table }}' as feed,
        s.snapshot_from,
        cast(count(t.receipt_id) as bigint) as snapshot_rows
    from ({{ snapshot_in_force(table, 'day') }}) as s
    left join {{ source('raw_lake', 'reference_' ~ table) }} as t on t.receipt_id = s.receipt_id
    group by s.snapshot_from
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    date '{{ day }}' as service_date,
    f.kind,
    f.feed,
    m.feed is not null as has_manifest,
    d.expected_files is not null as has_declared_files,
    coalesce(m.expected_files, d.expected_files, 1) as expected_files,
    coalesce(m.loaded_files, case when d.expected_files is not null then d.loaded_files end, a.files, case when s.feed is not null then 1 end, 0) as loaded_files,
    m.expected_rows,
    coalesce(m.loaded_rows, a.dated_rows, s.snapshot_rows, 0) as loaded_rows,
    m.missing,
    b.files as broken_files,
    i.files as incomplete_files,
    d.switches as declared_switches,
    d.calendar,
    d.due_at,
    s.snapshot_from
from feeds as f
left join by_manifest as m on m.feed = f.feed
left join declared as d on d.feed = f.feed
left join broken as b on b.feed = f.feed
left join incomplete as i on i.feed = f.feed
left join arrived as a on a.feed = f.feed and f.kind <> 'reference'
left join snapshots as s on s.feed = f.feed
