-- DuckDB: the files that were loaded when the recommendation was made.
select receipt_id
from read_parquet($receipts)
where state <> 'refused' and loaded_at <= $known_at
