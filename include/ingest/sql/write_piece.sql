-- The accepted rows of a piece that are of one service date, as they will stand in the lake.
copy (
    select
        '$receipt'::enum('$receipt') as receipt_id,
        cast(source_line as integer) as source_line,
        $feed::enum($feed) as feed,
        record_kind,
        call_id,
        attempt,
        switch_id,
        start_at,
        answer_at,
        end_at,
        zone_as_sent,
        stated_ms,
        ingress_trunk,
        egress_trunk,
        source_ip,
        calling_raw,
        coalesce('+1' || calling_digits, calling.number) as calling_number,
        coalesce(calling_class, calling.class) as calling_class,
        asserted_raw,
        coalesce('+1' || asserted_digits, asserted.number) as asserted_number,
        called_raw,
        coalesce('+1' || called_digits, called.number) as called_number,
        coalesce(called_class, called.class) as called_class,
        sip_code,
        release_party,
        attestation,
        attestation_sent,
        verstat,
        signer,
        orig_id,
        case when is_ambiguous or is_mismatch or calling.raw is not null then nullif(concat_ws(
            ',',
            case when is_ambiguous then 'ambiguous_hour' end,
            case when is_mismatch then 'duration_mismatch' end,
            case when regexp_full_match(calling_raw, '\+[2-9][0-9]{9}') and calling.number = '+1' || calling_raw[2:] then 'plus_without_country_code' end
        ), '') end as flags,
        hash(switch_id, call_id, attempt, case when record_kind in ('start', 'interim', 'other') then record_kind end) as key_hash
    from (
        select
            *,
            coalesce(abs(stated_ms - (epoch_ms(end_at) - epoch_ms(answer_at))) > $may_differ_ms, false) as is_mismatch
        from parsed
        where reject is null and start_at >= timestamp '$day' and start_at < timestamp '$day' + interval 1 day
    ) as parsed
    left join numbers as calling on calling.raw = case when calling_class is null then calling_raw end
    left join numbers as asserted on asserted.raw = case when asserted_digits is null then asserted_raw end
    left join numbers as called on called.raw = case when called_class is null then called_raw end
) to $unfinished ($parquet)
