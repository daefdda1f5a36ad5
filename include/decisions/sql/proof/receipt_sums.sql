-- Receipts that do not add up: in themselves, with their rejected rows, or with their rows by date.
select
    'receipt of ' || path || ': read ' || rows_read || ', accepted ' || rows_accepted || ', rejected ' || rows_rejected
        || ', duplicate ' || rows_duplicate || ' do not add up with its rows' as problem
from ops.file_receipts as receipts
where rows_read <> rows_accepted + rows_rejected + rows_duplicate
    or rows_rejected <> (select count(*) from ops.rejected_rows as rejected where rejected.file = receipts.file)
    or rows_accepted <> (select coalesce(sum(rows), 0) from ops.file_service_dates as dates where dates.file = receipts.file)
order by path
