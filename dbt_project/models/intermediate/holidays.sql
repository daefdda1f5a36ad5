{{ config(incremental_strategy='replace_all', indexes=[]) }}

-- views may stand upon this, and not upon the seed, which is made anew in every run
select observed_on, holiday from {{ ref('federal_holidays') }}
