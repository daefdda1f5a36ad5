-- DuckDB: rows that a newer file said again or replaced; they count until that file is loaded.
select superseded.receipt_id, superseded.source_line
from read_parquet($superseded) as superseded
semi join loaded on loaded.receipt_id = superseded.by_receipt_id
where superseded.service_date = $day
