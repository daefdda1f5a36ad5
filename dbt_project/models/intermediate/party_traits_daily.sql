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
inner join {{ ref('customer_traffic_daily') }} as t
    on t.service_date = p.service_date and t.customer_id = p.party_id
where p.party_kind = 'customer'
    and p.traffic_class in ('dialer', 'mixed')
    and p.kyc_verified_on <= p.service_date
    and p.has_campaign
    and t.declared_campaign_attempts >= 0.95 * t.attempts

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
