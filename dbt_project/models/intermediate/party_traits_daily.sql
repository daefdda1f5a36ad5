with parties as (

    select p.*
    from {{ ref('party_daily') }} as p
    inner join {{ ref('days_to_build') }} as d using (service_date)

),

victims as (

    select service_date, customer_id from {{ ref('complaint_matches') }} where match_level = 'V'
    union
    select service_date, calling_number_holder from {{ ref('notice_matches') }} where match_status = 'none' and calling_number_holder is not null

)

-- Declared, documented, verified, and keeping to it: machine-made patterns are expected of this customer.
select p.service_date, p.party_kind, p.party_id, 'approved_dialer' as trait, null::date as since
from parties as p
inner join {{ ref('party_traffic_daily') }} as t using (service_date, party_kind, party_id)
where p.party_kind = 'customer'
    and p.traffic_class in ('dialer', 'mixed')
    and p.kyc_verified_on <= p.service_date
    and p.has_campaign
    and t.declared_campaign_attempts >= 0.95 * t.attempts

union all

-- Schools, surgeries and town halls call many people shortly from a few lines of their own: closings, reminders, alerts.
select p.service_date, p.party_kind, p.party_id, 'public_notifier' as trait, null::date as since
from parties as p
inner join {{ ref('party_traffic_daily') }} as t using (service_date, party_kind, party_id)
inner join {{ ref('party_numbers_daily') }} as n using (service_date, party_kind, party_id)
inner join {{ ref('party_tracebacks_daily') }} as b using (service_date, party_kind, party_id)
left join {{ ref('customer_complaints_daily') }} as k on k.service_date = p.service_date and k.customer_id = p.party_id
where p.party_kind = 'customer'
    and p.customer_type in ('school', 'government', 'health')
    and p.kyc_verified_on <= p.service_date
    and p.verified_caller_ids > 0
    and t.unapproved_calling <= 0.01 * t.attempts
    and t.dno_calling = 0
    and t.answered >= 0.5 * t.calls
    and n.distinct_calling_numbers <= 20
    and b.tracebacks_90d = 0
    and coalesce(k.complaints_matched, 0) < 3

union all

select service_date, party_kind, party_id, 'new_customer' as trait, onboarded_on as since
from parties
where party_kind = 'customer' and onboarded_on > service_date - 30

union all

select service_date, party_kind, party_id, 'foreign' as trait, null::date as since
from parties
where country <> 'US'

union all

select service_date, party_kind, party_id, 'us_caller_id_recourse' as trait, null::date as since
from parties
where us_caller_id_recourse

union all

-- public safety and the like: some really do send numbers that nobody assigned
select service_date, party_kind, party_id, 'protected' as trait, null::date as since
from parties
where protected

union all

-- Our number, somebody else's calls: shown for 30 days, whatever else is received, and never counted against the subscriber.
select p.service_date, p.party_kind, p.party_id, 'spoof_victim' as trait, min(v.service_date) as since
from parties as p
inner join victims as v on v.service_date between p.service_date - 29 and p.service_date and v.customer_id = p.party_id
where p.party_kind = 'customer'
group by p.service_date, p.party_kind, p.party_id
