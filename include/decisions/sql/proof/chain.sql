-- The first entry of the ledger whose own hash, link or number does not fit.
select 'ledger entry ' || entry_id || ': ' || problem as problem
from decisions.first_broken_entry()
