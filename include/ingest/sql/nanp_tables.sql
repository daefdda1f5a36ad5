-- nanp_classes.csv as two tables: of every area code its class, and whether parts of it are of another class; and the
-- class of every tenth of an exchange that is.
create or replace temp table nanp_classes as
select * from read_csv('$classes', auto_detect = false, header = true, columns = {'prefix': 'VARCHAR', 'class': 'VARCHAR'})
where regexp_full_match(prefix, '[0-9]+');

create or replace temp table nanp_tenth as
select prefix, cast(class as number_class) as class from nanp_classes where length(prefix) = 7
union all
select exchange.prefix || tenth, cast(exchange.class as number_class)
from nanp_classes as exchange
cross join (select cast(unnest(range(10)) as varchar) as tenth)
where length(exchange.prefix) = 6
    and exchange.prefix || tenth not in (select prefix from nanp_classes where length(prefix) = 7);

create or replace temp table nanp_area as
select prefix as area_code, cast(class as number_class) as class, prefix in (select left(prefix, 3) from nanp_tenth) as is_parted
from nanp_classes
where length(prefix) = 3;
