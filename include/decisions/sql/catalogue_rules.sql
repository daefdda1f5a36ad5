-- What each rule says, once: its alternatives and conditions share their words.
select distinct on (rule_code) rule_code, words, evidence, source
from intermediate.rule_set
order by rule_code, alternative, condition
