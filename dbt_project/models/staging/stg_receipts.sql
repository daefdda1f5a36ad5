select
    file as receipt_id,
    path,
    kind,
    feed,
    state,
    rows_read,
    rows_accepted,
    loaded_at
from {{ source('ops', 'file_receipts') }}
