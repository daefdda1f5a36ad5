{#-
  Reference tables are full snapshots, one per file. For each day of `days` (a relation with service_date) the
  snapshot in force: the newest one valid from that day or before (ties: the one that arrived last); before the first
  snapshot, the first. Gives service_date, receipt_id, snapshot_from. A snapshot without rows is one, and content that
  returns is in force again.
-#}
{% macro snapshot_in_force(table, days) -%}
  select service_date, receipt_id, snapshot_from
  from (
    select
      d.service_date,
      s.receipt_id,
      s.snapshot_from,
      row_number() over (
        partition by d.service_date
        order by
          case when s.snapshot_from <= d.service_date then s.snapshot_from end desc nulls last,
          s.snapshot_from,
          s.arrived_at desc,
          s.receipt_id
      ) as preference
    from {{ days }} as d
    cross join ({{ snapshots_of(table) }}) as s
  ) as ranked
  where preference = 1
{%- endmacro %}

{#- Every arrival of a snapshot of `table`: receipt_id, arrived_at, and snapshot_from, the date in its file's name or else of its arrival. -#}
{% macro snapshots_of(table) -%}
  select receipt_id, arrived_at, coalesce(dated_on, cast(arrived_at as date)) as snapshot_from
  from {{ source('raw_lake', 'arrivals') }}
  where feed = 'reference/{{ table }}'
{%- endmacro %}

{#- `valid_from` and `valid_to` are inclusive; an empty end is open. -#}
{% macro valid_on(alias, day) -%}
  ({{ alias }}.valid_from is null or {{ alias }}.valid_from <= {{ day }}) and ({{ alias }}.valid_to is null or {{ alias }}.valid_to >= {{ day }})
{%- endmacro %}

{#-
  Matches `numbers` (n: calling_number, ...) with `patterns` (p: number, an E.164 number or a prefix ending in *, ...),
  each pair of `columns` once. Prefixes are compared by their lengths, of which there are few, so that both joins are
  on equality. `condition` joins further columns of n and p.
-#}
{% macro covered_numbers(numbers, patterns, columns, condition='true') -%}
  select {{ columns }}
  from {{ numbers }} as n
  inner join {{ patterns }} as p on p.number = n.calling_number and {{ condition }}
  union
  select {{ columns }}
  from {{ numbers }} as n
  cross join (
    select distinct length(number) - 1 as digits from {{ patterns }} where number like '%*'
  ) as l
  -- the prefixes alone: an engine may well pair the numbers with all patterns of a party before it compares them
  inner join (select * from {{ patterns }} where number like '%*') as p on p.number = concat_ws('', left(n.calling_number, l.digits), '*') and {{ condition }}
{%- endmacro %}

{#-
  Trunks valid on each day of `days`: service_date, trunk, switch_id (null = every switch), party_kind, party_id, is_sure.
  Where a snapshot names a trunk twice, the later validity goes first, so that no call is counted twice; where it names two
  parties, it is not sure whose calls these are, and nobody is to be named by a single one.
-#}
{% macro trunks_in_force(days) -%}
  select service_date, trunk, switch_id, party_kind, party_id, first_party = last_party as is_sure
  from (
    select
      s.service_date,
      t.trunk,
      nullif(t.switch_id, '') as switch_id,
      t.party_kind,
      t.party_id,
      row_number() over (
        partition by s.service_date, t.trunk, nullif(t.switch_id, '')
        order by t.valid_from desc nulls last, t.party_kind, t.party_id
      ) as preference,
      min(concat_ws('|', t.party_kind, t.party_id)) over (partition by s.service_date, t.trunk, nullif(t.switch_id, '')) as first_party,
      max(concat_ws('|', t.party_kind, t.party_id)) over (partition by s.service_date, t.trunk, nullif(t.switch_id, '')) as last_party
    from {{ source('raw_lake', 'reference_trunks') }} as t
    inner join ({{ snapshot_in_force('trunks', days) }}) as s on s.receipt_id = t.receipt_id
    where {{ valid_on('t', 's.service_date') }}
  ) as ranked
  where preference = 1
{%- endmacro %}

{#-
  To whom we ourselves assigned `numbers` (a relation with calling_number), on each day of `days` (service_date): rows of
  service_date, number and customer_id, for the numbers that are somebody's.
-#}
{% macro holders_of(numbers, days) -%}
  select s.service_date, n.calling_number as number, min(i.customer_id) as customer_id
  from (
    {{ covered_numbers(numbers, '(select number from ' ~ source('raw_lake', 'reference_caller_ids') ~ ' where assigned_by_us)', 'n.calling_number, p.number') }}
  ) as n
  inner join {{ source('raw_lake', 'reference_caller_ids') }} as i on i.number = n.number
  inner join ({{ snapshot_in_force('caller_ids', days) }}) as s on s.receipt_id = i.receipt_id
  where i.assigned_by_us and {{ valid_on('i', 's.service_date') }}
  group by s.service_date, n.calling_number
{%- endmacro %}
