-- nanp_classes.csv as two sets of bits: by area code and exchange, whether a number is a valid US one, or a valid one of another
-- country. Exchanges of which tenths are of another class, three in the Caribbean, are a table of tenths and in neither.
create or replace temp table nanp_classes as
select cast(prefix as integer) as prefix, length(prefix) as digits, cast(class as number_class) as class
from read_csv($classes, auto_detect = false, header = true, columns = {'prefix': 'VARCHAR', 'class': 'VARCHAR'})
where regexp_full_match(prefix, '[0-9]+');

create or replace temp table nanp_exchange as
select prefix as exchange, class from nanp_classes where digits = 6
union all
-- An exchange that begins with 0 or 1 is invalid but where it is listed.
select usual.exchange, usual.class
from (select prefix * 1000 + unnest(range(200, 1000)) as exchange, class from nanp_classes where digits = 3) as usual
anti join (select prefix as exchange from nanp_classes where digits = 6) as listed using (exchange);

create or replace temp table nanp_tenth as
select tenth.prefix, coalesce(listed.class, nanp_exchange.class) as class
from (select distinct prefix // 10 * 10 + unnest(range(10)) as prefix from nanp_classes where digits = 7) as tenth
left join nanp_classes as listed on listed.prefix = tenth.prefix
inner join nanp_exchange on nanp_exchange.exchange = tenth.prefix // 10;

delete from nanp_exchange where exchange in (select prefix // 10 from nanp_tenth);

set variable valid_us_exchanges = (select bitstring_agg(exchange, 0, 999999) from nanp_exchange where class = 'valid_us');
set variable valid_non_us_exchanges = (select bitstring_agg(exchange, 0, 999999) from nanp_exchange where class = 'valid_non_us');
set variable parted_exchanges = (select bitstring_agg(distinct prefix // 10, 0, 999999) from nanp_tenth);

drop table nanp_exchange;
