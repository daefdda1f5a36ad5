-- Two keys: only evidence of another kind may recommend a suspension.
select rule_code from {{ ref('rules') }} where tier = 'SUSPEND' and not {{ may_suspend_alone('evidence') }}
