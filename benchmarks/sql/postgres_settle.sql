-- Of all files together: rejects and duplicates leave the calls, and every file gets its receipt.
analyze bench.calls;

create unlogged table bench.rejects as
select calls.file, calls.line_number, calls.reason, lines.line
from bench.calls
join bench.lines using (file, line_number)
where calls.reason is not null;

delete from bench.calls where reason is not null;

-- Few keys stand twice: only their rows are sorted.
create unlogged table bench.versions as
with repeated as (
    select switch_id, call_id, attempt from bench.calls group by switch_id, call_id, attempt having count(*) > 1
)

select
    file,
    line_number,
    row_number() over (partition by switch_id, call_id, attempt, content order by file, line_number) > 1 as is_duplicate,
    row_number() over (partition by switch_id, call_id, attempt order by file desc, line_number desc) > 1 as is_superseded
from bench.calls
join repeated using (switch_id, call_id, attempt);

delete from bench.calls using bench.versions where (calls.file, calls.line_number) = (versions.file, versions.line_number) and is_duplicate;

create table bench.file_service_dates as
select file, service_date, count(*) as rows from bench.calls group by file, service_date;

insert into bench.receipts
select
    file,
    sha256,
    (select count(*) from bench.lines where lines.file = files.file and line_number > 1),
    (select coalesce(sum(rows), 0) from bench.file_service_dates as dates where dates.file = files.file),
    (select count(*) from bench.rejects where rejects.file = files.file),
    (select count(*) from bench.versions where versions.file = files.file and is_duplicate)
from bench.files;
