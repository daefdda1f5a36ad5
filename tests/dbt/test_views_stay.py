"""While a day is built, who reads a view finds it: it is replaced where it stands, and what lies below it is filled anew."""

from __future__ import annotations

from processed_world import TUESDAY, ProcessedWorld

from include import stages

VIEWS = """
    select n.nspname || '.' || c.relname as name, c.oid::bigint as oid
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind = 'v' and n.nspname in ('staging', 'intermediate', 'marts')
    order by 1
"""


def test_a_day_built_again_leaves_every_view_where_it_is(own_world: ProcessedWorld):
    before = own_world.rows(VIEWS)
    assert {"marts.recommendations", "marts.traceback_worklist", "staging.stg_reviews"} <= {row["name"] for row in before}
    stages.build_marts(TUESDAY, "again")
    assert own_world.rows(VIEWS) == before


def test_a_view_that_an_older_release_left_with_other_columns_is_made_anew(own_world: ProcessedWorld):
    own_world.damage(
        "drop view marts.complaint_attribution",
        "create view marts.complaint_attribution as select 1 as number, 'x'::text as complaint_id",
        "alter view marts.complaint_attribution owner to tollgate_transformer",
    )
    stages.build_marts(TUESDAY, "after an upgrade")
    assert own_world.rows("select count(*) as rows from marts.complaint_attribution where match_level is not null")[0]["rows"] > 0
