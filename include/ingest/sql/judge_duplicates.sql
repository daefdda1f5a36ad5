-- What to do with rows whose key (switch, call, attempt) stands more than once among the arriving files and in the lake: the
-- same content again is a duplicate; other content replaces the version before it, which stays but is superseded. `turn`
-- orders the arriving files, so that the outcome of each depends on no later one. Versions that the lake already had are
-- judged only against an arriving one: which of them is the newer was settled when it arrived.
create or replace temp table judged as
with copies as (
    select
        *,
        row_number() over same as copy_number,
        first_value(receipt_id) over same as first_receipt_id,
        first_value(source_line) over same as first_source_line
    from candidates
    window same as (partition by switch_id, call_id, attempt, open_kind, content order by turn, receipt_id, source_line)
),

versions as (
    select
        *,
        lead(receipt_id) over newer as by_receipt_id,
        lead(source_line) over newer as by_source_line,
        lead(turn) over newer as by_turn
    from copies
    where copy_number = 1 and not is_superseded
    window newer as (partition by switch_id, call_id, attempt, open_kind order by turn, receipt_id, source_line)
)

select
    receipt_id as judged_in, -- the receipt with which the verdict is written down, and without which it does not count
    'duplicate' as verdict,
    service_date,
    feed,
    receipt_id,
    source_line,
    open_kind,
    first_receipt_id as by_receipt_id,
    first_source_line as by_source_line
from copies
where copy_number > 1 and turn > 0
union all
select by_receipt_id, 'superseded', service_date, feed, receipt_id, source_line, open_kind, by_receipt_id, by_source_line
from versions
where by_turn > 0
