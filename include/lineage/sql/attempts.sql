-- DuckDB: the party's attempts. A trunk declared for a switch goes before one declared for all.
select
    calls.receipt_id,
    calls.source_line,
    calls.call_id,
    calls.start_at,
    epoch_ms(calls.start_at) as start_ms,
    epoch_ms(calls.answer_at) as answer_ms,
    epoch_ms(calls.end_at) as end_ms,
    rerouted.last_attempt is null or calls.attempt = rerouted.last_attempt as is_final,
    failing_routes.egress_trunk is not null as in_outage,
    calls.calling_raw,
    calls.calling_number,
    calls.calling_class,
    calls.asserted_raw,
    calls.asserted_number,
    calls.called_raw,
    calls.called_number,
    calls.called_class,
    calls.sip_code,
    calls.release_party,
    calls.attestation,
    calls.attestation_sent,
    calls.verstat
from calls
left join rerouted on rerouted.feed = calls.feed and rerouted.switch_id = calls.switch_id and rerouted.call_id = calls.call_id
left join failing_routes on failing_routes.egress_trunk = calls.egress_trunk and failing_routes.start_hour = date_trunc('hour', calls.start_at)
left join trunks as here on here.trunk = calls.ingress_trunk and here.switch_id = calls.switch_id
left join trunks as anywhere on anywhere.trunk = calls.ingress_trunk and anywhere.switch_id = ''
where coalesce(here.is_its_own, anywhere.is_its_own)
    and calls.ingress_trunk in (select trunk from trunks)
