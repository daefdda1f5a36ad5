-- Orders that came of a case: what of them was delivered, and who acknowledged it.
select to_jsonb(actions) as action
from decisions.actions
where case_id = %(case_id)s
order by ordered_at, action_id
