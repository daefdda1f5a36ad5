-- What to do with rows of a file whose key (switch, call, attempt) stands more than once in the file and in the
-- lake: the same content again is a duplicate; other content replaces the older row, which stays but is superseded.
-- Versions that the lake already had are judged only against an arriving one: which of them is the newer was settled
-- when it arrived, and their receipt ids do not tell.
create or replace temp table judged as
with repeated as (
    select switch_id, call_id, attempt
    from (
        select switch_id, call_id, attempt from arriving
        union all
        select switch_id, call_id, attempt from present
    ) as every_row
    group by switch_id, call_id, attempt
    having count(*) > 1
),

candidates as (
    select service_date, source_line, content_hash, switch_id, call_id, attempt, true as is_arriving, '' as receipt_id, false as is_superseded
    from arriving
    semi join repeated using (switch_id, call_id, attempt)
    union all
    select service_date, source_line, content_hash, switch_id, call_id, attempt, false, receipt_id, is_superseded
    from present
    semi join repeated using (switch_id, call_id, attempt)
),

copies as (
    select
        *,
        row_number() over (
            partition by switch_id, call_id, attempt, content_hash order by is_arriving, receipt_id, source_line
        ) as copy_number
    from candidates
),

versions as (
    select
        *,
        last_value(receipt_id) over newest as newest_receipt_id,
        last_value(source_line) over newest as newest_source_line,
        last_value(is_arriving) over newest as newest_is_arriving,
        row_number() over newest_first as version_number
    from copies
    where copy_number = 1 and not is_superseded
    window
        newest as (
            partition by switch_id, call_id, attempt order by is_arriving, receipt_id, source_line
            rows between unbounded preceding and unbounded following
        ),
        newest_first as (
            partition by switch_id, call_id, attempt order by is_arriving desc, receipt_id desc, source_line desc
        )
)

select service_date, receipt_id, source_line, is_arriving, 'duplicate' as verdict, null as by_receipt_id, null as by_source_line
from copies
where copy_number > 1 and is_arriving
union all
select service_date, receipt_id, source_line, is_arriving, 'superseded', newest_receipt_id, newest_source_line
from versions
where version_number > 1 and newest_is_arriving
