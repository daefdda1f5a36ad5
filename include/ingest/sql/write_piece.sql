-- The accepted rows of a piece with their numbers, and a hash of everything the switch said about the attempt.
copy (
    select
        parsed.source_line,
        parsed.call_id,
        parsed.attempt,
        parsed.switch_id,
        parsed.start_at,
        parsed.answer_at,
        parsed.end_at,
        parsed.start_ms,
        parsed.answer_ms,
        parsed.end_ms,
        parsed.zone_as_sent,
        parsed.ingress_trunk,
        parsed.egress_trunk,
        parsed.source_ip,
        parsed.calling_raw,
        calling.number as calling_number,
        coalesce(calling.class, 'missing') as calling_class,
        parsed.asserted_raw,
        asserted.number as asserted_number,
        parsed.called_raw,
        called.number as called_number,
        coalesce(called.class, 'missing') as called_class,
        parsed.sip_code,
        parsed.release_party,
        parsed.attestation,
        parsed.verstat,
        parsed.signer,
        parsed.orig_id,
        hash(
            parsed.start_ms, parsed.answer_ms, parsed.end_ms, parsed.ingress_trunk, parsed.egress_trunk, parsed.source_ip,
            parsed.calling_raw, parsed.asserted_raw, parsed.called_raw, parsed.sip_code, parsed.release_party,
            parsed.attestation, parsed.verstat, parsed.signer, parsed.orig_id
        ) as content_hash,
        cast(parsed.start_at as date) as service_date
    from parsed
    left join numbers as calling on calling.raw = parsed.calling_raw
    left join numbers as asserted on asserted.raw = parsed.asserted_raw
    left join numbers as called on called.raw = parsed.called_raw
    where parsed.reject is null
) to '$staged' (format parquet, compression zstd)
