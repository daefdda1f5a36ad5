-- The single calls that notices received since a date trace, by landing file and line.
select distinct receipt_id, source_line
from lake.notice_matches
where match_status = 'unique' and service_date >= %(since)s
