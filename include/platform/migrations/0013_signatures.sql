-- What lets somebody back or lets something pass takes two people. Entries of before have one name.
alter table decisions.ledger add constraint two_people_signed check (
    entry_type not in ('release', 'override')
    or (coalesce(payload ->> 'second' ~ '\S', false) and lower(trim(payload ->> 'second')) <> lower(trim(actor)))
) not valid;
