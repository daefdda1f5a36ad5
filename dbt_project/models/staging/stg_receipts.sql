select
    file as receipt_id,
    path,
    kind,
    feed,
    state,
    rows_read,
    rows_accepted,
    array(select jsonb_array_elements_text(coalesce(notes -> 'unknown_columns', '[]')))::text[] as unknown_columns,
    loaded_at
from {{ source('ops', 'file_receipts') }}
