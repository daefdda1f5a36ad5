-- Up to when the lake was known to what judged: the last build of the date's lake before the marts that the recommendation rests on.
select max(known_at) as known_at
from ops.builds
where stage = 'lake' and ended_at is not null and (run ->> 'service_date')::date = %(day)s and build_id < %(build)s
