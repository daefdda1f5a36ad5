-- Records with a quoted line break: runs of rejected lines from one with an odd number of quotes to the next such line.
-- Only neighbours that are all rejects are joined, so a stray quote never swallows a good row.
create or replace temp table joined as
with rejects as (
    select
        source_line,
        line,
        (length(line) - length(replace(line, '"', ''))) % 2 as odd,
        source_line - row_number() over (order by source_line) as run
    from parsed
    where reject is not null
),

counted as (
    select *, sum(odd) over (partition by run order by source_line) as odd_so_far
    from rejects
),

spans as (
    select run, (odd_so_far + 1) // 2 as span, source_line, line, odd
    from counted
    where odd = 1 or odd_so_far % 2 = 1
)

select min(source_line) as source_line, count(*) as lines, string_agg(line, chr(10) order by source_line) as line
from spans
group by run, span
having sum(odd) = 2 and count(*) <= $most_lines
