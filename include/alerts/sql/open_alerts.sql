-- What is open now, the gravest first.
select kind, subject, severity, since, message, ended_at
from ops.alerts
where ended_at is null
order by severity, since, alert_id
