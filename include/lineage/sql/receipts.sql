-- Receipts by id, with the places where their bytes lay in the landing folder, the one where they were first seen before the others.
select
    receipts.file,
    receipts.path,
    receipts.state,
    receipts.rows_read,
    receipts.rows_accepted,
    receipts.rows_rejected,
    receipts.rows_duplicate,
    receipts.loaded_at,
    receipts.notes ->> 'lines' as lines,
    coalesce(landed.places, jsonb_build_array(jsonb_build_object('path', receipts.path))) as landed
from ops.file_receipts as receipts
left join lateral (
    select jsonb_agg(jsonb_build_object('path', files.path, 'size', size, 'modified_ns', modified_ns) order by files.path <> receipts.path, files.path) as places
    from ops.landing_files as files
    where files.file = receipts.file
) as landed on true
where receipts.file = any(%(receipts)s)
order by receipts.path
