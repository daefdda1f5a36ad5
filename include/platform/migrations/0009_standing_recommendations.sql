-- What stands: of every party and date the last recommendation. Later entries of the ledger restate earlier ones.
create view decisions.standing_recommendations as
select standing.*
from decisions.ledger as standing
where standing.entry_type = 'recommendation'
    and not exists (
        select from decisions.ledger as newer
        where newer.entry_type = 'recommendation'
            and newer.party_kind = standing.party_kind
            and newer.party_id = standing.party_id
            and newer.service_date = standing.service_date
            and newer.entry_id > standing.entry_id
    );
comment on view decisions.standing_recommendations is 'The last recommendation of every party and service date: one row each.';

grant select on decisions.standing_recommendations to tollgate_recommender, tollgate_notifier, tollgate_auditor;
