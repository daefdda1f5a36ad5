-- Cases that a person was to decide within 24 hours of their first entry, and did not; each is escalated once.
select undecided.case_id, undecided.service_date, undecided.party_kind, undecided.party_id, undecided.recommendation, undecided.open_since
from decisions.undecided_cases as undecided
where undecided.open_since < %(now)s - interval '24 hours'
    and not exists (
        select from decisions.ledger as escalation
        where escalation.entry_type = 'escalation' and escalation.payload ->> 'case_id' = undecided.case_id
    )
order by undecided.open_since, undecided.entry_id
