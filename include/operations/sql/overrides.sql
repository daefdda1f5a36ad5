-- Which failed checks of a service date a person let pass.
select told, feeds from staging.stg_gate_overrides where service_date = %(day)s order by gate, check_name, entry_id
