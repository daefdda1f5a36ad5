-- A check that blocks: of arriving data it holds parties, of the marts it stops every recommendation of the date.
select
    concat_ws(' ', block.gate, block.check_name, block.service_date) as subject,
    'critical' as severity,
    (
        select min(result.recorded_at)
        from ops.gate_results as result
        where result.gate = block.gate and result."check" = block.check_name and result.service_date = block.service_date and result.outcome = 'blocked'
    ) as since,
    concat_ws(
        ' ',
        case block.gate
            when 'marts' then 'Nothing is recommended for ' || block.service_date || ', because its marts failed ' || block.check_name || '.'
            else 'Arriving data of ' || block.service_date || ' failed ' || block.check_name || ', which holds the parties of '
                || coalesce(nullif(array_to_string(block.affected, ', '), ''), 'every feed of calls') || '.'
        end,
        block.remedy,
        'Then process the date again: make backfill FROM=' || block.service_date || ' TO=' || block.service_date || '.'
    ) as message
from staging.stg_gate_blocks as block
