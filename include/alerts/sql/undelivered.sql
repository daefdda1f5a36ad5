-- What a channel has not told yet. What was over before the channel worked is told for a day more.
select alert_id, kind, subject, severity, since, message, raised_at, ended_at
from ops.alerts
where (ended_at is null or ended_at > %(now)s - interval '1 day')
    and not exists (
        select from ops.alert_deliveries as delivery where delivery.alert_id = alerts.alert_id and delivery.channel = %(channel)s
    )
order by severity, since, alert_id
limit 100
