-- Two keys: only evidence of another kind may recommend a suspension.
select rule_code from {{ ref('rules') }} where tier = 'SUSPEND' and evidence not in ('legal', 'registry', 'traceback', 'decision')
