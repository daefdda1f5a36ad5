-- Receipts by id.
select file, path, state, rows_read, rows_accepted, rows_rejected, rows_duplicate, loaded_at
from ops.file_receipts
where file = any(%(receipts)s)
order by path
