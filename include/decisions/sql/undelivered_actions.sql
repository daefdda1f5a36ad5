-- Orders that one of the channels has not delivered yet, the oldest first.
select *
from decisions.actions
where not delivered ?& %(channels)s
order by ordered_at, action_id
limit 500
