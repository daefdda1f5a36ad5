-- Receipts that are not what the ledger digested: changed, removed, or put in beside those who load.
with digested as (

    select distinct on (receipt.file) receipt.file, receipt.digest, ledger.entry_id
    from decisions.ledger
    cross join lateral jsonb_each_text(ledger.payload -> 'receipts') as receipt (file, digest)
    where ledger.entry_type = 'receipts'
    order by receipt.file, ledger.entry_id desc

),

newest as (

    select max(recorded_at) as recorded_at
    from decisions.ledger
    where entry_type = 'receipts'

),

present as (

    select receipts.file, receipts.path, receipts.loaded_at, ops.receipt_digest(receipts) as digest
    from ops.file_receipts as receipts
    where receipts.state <> 'refused'

)

select
    case
        when present.file is null then 'receipt of the file ' || digested.file || ': was removed; ledger entry ' || digested.entry_id || ' has it'
        when digested.file is null then 'receipt of ' || present.path || ': no entry of the ledger has it'
        else 'receipt of ' || present.path || ': was changed since ledger entry ' || digested.entry_id
    end as problem
from digested
full join present using (file)
cross join newest
where present.file is null
    or digested.digest <> present.digest
    -- what is being loaded is digested when its load ends
    or (digested.file is null and present.loaded_at < newest.recorded_at - interval '1 hour')
order by present.path, digested.file
