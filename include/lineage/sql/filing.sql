-- DuckDB condition: a filing of the registry by what it was matched by, as the model upstream_registry_daily does.
case $matched_by
    when 'frn' then lpad(frn, 10, '0') = $frn
    when 'other_frn' then list_contains(list_transform(regexp_extract_all(other_frns, '[0-9]{4,10}'), lambda other: lpad(other, 10, '0')), $frn)
    when 'rmd_number' then rmd_number = $rmd_number
end
