"""The gates on a processed world: every shipped check passes on it, and fails where its rows are damaged."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from processed_world import MONDAY, TUESDAY, ProcessedWorld, receipt

from include import stages
from include.quality import gate, suites
from include.quality.suites import Check, Suite

ROLES = {"arriving_data": "transformer", "marts": "recommender"}
CDR_FEEDS = ("cdr/asterisk", "cdr/standard")
FIRST_ASTERISK = f"""
(select file from ops.file_receipts join ops.file_service_dates using (file)
 where feed = 'cdr/asterisk' and kind = 'cdr' and service_date = '{MONDAY}' order by path limit 1)
"""


def problem(table: str, kind: str, feed: str | None = None) -> str:
    """An insert of a problem of the reference data."""
    return f"""
    insert into lake.reference_problems_daily (service_date, table_name, problem, subject, detail, feed)
    values ('{MONDAY}', '{table}', '{kind}', 's', 'why', {f"'{feed}'" if feed else "null"})
    """


def as_many_more(count: str) -> str:
    """The first file's receipt counts as many more rows of a kind as were accepted."""
    return f"update ops.file_receipts set rows_read = rows_read + rows_accepted, {count} = {count} + rows_accepted where file = {FIRST_ASTERISK}"


def days_before(table: str, changes: str, where: str = "true", days: int = 7) -> str:
    """Inserts for the days before Monday: the table's rows of Monday with other figures, names and values by turns."""
    return f"""
    insert into {table}
    select new.*
    from (select found from {table} as found where service_date = '{MONDAY}' and {where}) as was
    cross join generate_series(1, {days}) as back
    cross join lateral jsonb_populate_record(found, jsonb_build_object('service_date', date '{MONDAY}' - back) || jsonb_build_object({changes})) as new
    """


ON_NYC1 = f"""
(party_kind, party_id) in (select party_kind, party_id from lake.party_trunks_daily where service_date = '{MONDAY}' and switch_id = 'nyc1')
"""


def view_with(view: str, changes: str) -> list[str]:
    """A view's rows as a table, those of Monday with other values."""
    return [
        f"alter view {view} rename to as_it_was",
        f"create table {view} as select * from marts.as_it_was",
        f"grant select on {view} to tollgate_recommender",
        f"update {view} set {changes} where service_date = '{MONDAY}'",
    ]


def changed_figures(usual: str, now: str) -> list[str]:
    """Seven days on which parties of nyc1 had these figures of a thousand attempts, and a Monday on which they have others."""
    return [
        days_before("lake.party_traffic_daily", f"'attempts', 1000, 'answered', 1000, {usual}", ON_NYC1),
        f"update lake.party_traffic_daily set {now} where service_date = '{MONDAY}' and {ON_NYC1}",
    ]


def complaints_before(rows: int) -> list[str]:
    """Seven days with so many complaints of a feed each, and a Monday with one of them."""
    return [
        statement
        for back in range(8)
        for path in [f"complaints/fcc/{back}.csv"]
        for statement in (
            receipt("complaints", "complaints/fcc", path, read=rows, accepted=rows),
            f"insert into ops.file_service_dates select file, date '{MONDAY}' - {back}, {rows if back else 1} from ops.file_receipts where path = '{path}'",
        )
    ]


def snapshots_before(feed: str, *days_ago: int) -> list[str]:
    """Snapshots of a table so many days before Monday, in the place of those that are there."""
    return [
        f"update ops.file_service_dates set service_date = '2027-01-01' from ops.file_receipts as f where f.file = file_service_dates.file and f.feed = '{feed}'",
        *(
            statement
            for ago in days_ago
            for path in [f"{feed}/{ago}.csv"]
            for statement in (
                receipt("reference", feed, path, read=1, accepted=1),
                f"insert into ops.file_service_dates select file, date '{MONDAY}' - {ago}, 1 from ops.file_receipts where path = '{path}'",
            )
        ),
    ]


DAMAGES: dict[tuple[str, str], tuple[list[str], str, tuple[str, ...]]] = {
    ("call_files", "receipts_add_up"): (
        [
            "alter table ops.file_receipts drop constraint receipt_adds_up",
            f"update ops.file_receipts set rows_read = rows_read + 1 where file = {FIRST_ASTERISK}",
        ],
        "1: feed cdr/asterisk, path cdr/asterisk/",
        ("cdr/asterisk",),
    ),
    ("call_files", "few_rows_rejected"): (
        [as_many_more("rows_rejected")],
        "1: feed cdr/asterisk, path cdr/asterisk/",
        ("cdr/asterisk",),
    ),
    ("call_files", "rejected_rows_are_all_there"): (
        [f"insert into ops.rejected_rows values ({FIRST_ASTERISK}, 1000000, 'start_time', 'why', 'raw')"],
        "1: feed cdr/asterisk, path cdr/asterisk/",
        ("cdr/asterisk",),
    ),
    ("call_records", "lake_holds_what_was_accepted"): (
        [
            f"""
            update lake.switch_coverage_hourly set attempts = attempts + 1
            where (switch_id, hour) = (select switch_id, hour from lake.switch_coverage_hourly
                where feed = 'cdr/standard' and service_date = '{MONDAY}' limit 1)
                and feed = 'cdr/standard' and service_date = '{MONDAY}'
            """
        ],
        "1: feed cdr/standard, accepted ",
        ("cdr/standard",),
    ),
    ("call_records", "trunks_are_mapped"): (
        [
            f"""
            insert into lake.unmapped_trunks_daily (service_date, feed, switch_id, attempts)
            select '{MONDAY}', 'cdr/standard', 'nyc1', ceil(sum(attempts) * 0.0051) from lake.switch_coverage_hourly
            where service_date = '{MONDAY}' and feed = 'cdr/standard'
            """
        ],
        "1: feed cdr/standard, switch_id nyc1, unmapped ",
        ("cdr/standard@nyc1",),
    ),
    ("call_files", "no_file_refused"): (
        [receipt("cdr", "cdr/standard", f"cdr/standard/nyc1/{MONDAY:%Y%m%d}T99.csv", "refused")],
        "1: feed cdr/standard, path cdr/standard/nyc1/20261116T99.csv, reason why",
        ("cdr/standard",),
    ),
    ("call_records", "calls_that_began_have_ended"): (
        [f"insert into lake.unfinished_calls_daily (service_date, feed, switch_id, begun, unfinished) values ('{MONDAY}', 'cdr/asterisk', 'x', 100, 6)"],
        "1: feed cdr/asterisk, switch_id x, begun 100, unfinished 6",
        ("cdr/asterisk@x",),
    ),
    ("call_files", "no_record_is_missing_from_the_sequence"): (
        [f"update ops.file_receipts set notes = '{{\"missing_records\": 3}}' where file = {FIRST_ASTERISK}"],
        "1: feed cdr/asterisk, path cdr/asterisk/",
        ("cdr/asterisk",),
    ),
    ("call_files", "talk_times_agree"): (
        [f"update ops.file_receipts set notes = jsonb_build_object('duration_mismatches', rows_accepted / 100 + 1) where file = {FIRST_ASTERISK}"],
        "1: feed cdr/asterisk, path cdr/asterisk/",
        ("cdr/asterisk",),
    ),
    ("call_files", "no_call_ends_after_its_file_came"): (
        [f"update lake.switch_files_daily set last_end_at = '2100-01-01' where file = {FIRST_ASTERISK} and service_date = '{MONDAY}'"],
        "1: feed cdr/asterisk, switch_id phx1, path cdr/asterisk/",
        ("cdr/asterisk@phx1",),
    ),
    ("call_files", "the_zone_is_as_the_day_before"): (
        [days_before("lake.switch_files_daily", "'zones', '+09:00'", "switch_id = 'nyc1'", days=1)],
        "1: feed cdr/standard, switch_id nyc1, zones ",
        ("cdr/standard@nyc1",),
    ),
    ("call_records", "hours_are_as_full_as_usual"): (
        [days_before("lake.switch_coverage_hourly", "'attempts', 10000", "feed = 'cdr/standard' and switch_id = 'nyc1' and hour = 17")],
        "1: feed cdr/standard, switch_id nyc1, hour 17, attempts ",
        ("cdr/standard@nyc1",),
    ),
    ("switches", "calls_are_not_thinned"): (
        changed_figures("'le_6s', 0", "attempts = 599, answered = 599"),
        "1: feed cdr/standard, switch_id nyc1, parties ",
        ("cdr/standard@nyc1",),
    ),
    ("switches", "short_calls_are_their_parties_doing"): (
        changed_figures("'le_6s', 49", "attempts = 1000, answered = 1000, le_6s = 201"),
        "1: feed cdr/standard, switch_id nyc1, parties ",
        ("cdr/standard@nyc1",),
    ),
    ("switches", "calling_numbers_can_be_read"): (
        changed_figures("'invalid_calling', 49, 'anonymous_calling', 0", "attempts = 1000, answered = 1000, invalid_calling = 101, anonymous_calling = 100"),
        "1: feed cdr/standard, switch_id nyc1, parties ",
        ("cdr/standard@nyc1",),
    ),
    ("switches", "attestations_are_recorded"): (
        changed_figures("'unsigned', 49", "attempts = 1000, answered = 1000, unsigned = 501"),
        "1: feed cdr/standard, switch_id nyc1, parties ",
        ("cdr/standard@nyc1",),
    ),
    ("evidence_feeds", "complaints_can_be_read"): (
        [
            receipt("complaints", "complaints/fcc", f"complaints/fcc/{MONDAY}.csv", "refused"),
            receipt("complaints", "complaints/ftc_api", "complaints/ftc_api/x.json", read=100, accepted=70, rejected=30),
            f"insert into ops.file_service_dates select file, '{MONDAY}', 70 from ops.file_receipts where feed = 'complaints/ftc_api'",
        ],
        "2: feed complaints/f",
        ("complaints/fcc", "complaints/ftc_api"),
    ),
    ("evidence_feeds", "complaints_are_as_many_as_usual"): (complaints_before(20), "feed complaints/fcc, rows 1, usual 20", ("complaints/fcc",)),
    ("reference_snapshots", "registry_is_fresh"): (
        snapshots_before("reference/rmd", 8, 9, 10, 11),
        f"1: feed reference/rmd, snapshot_from {MONDAY - timedelta(days=8)}, usual_days 1",
        ("reference/rmd",),
    ),
    ("reference_snapshots", "snapshots_are_fresh"): (
        snapshots_before("reference/trunks", 16, 21, 26, 31),
        f"1: feed reference/trunks, snapshot_from {MONDAY - timedelta(days=16)}, usual_days 5",
        ("reference/trunks",),
    ),
    ("rule_hits_daily", "hits_hold"): (
        [f"update marts.rule_hits_daily set threshold = bound + 1, operator = '>=' where rule_code = 'RMD_ABSENT' and party_id = 'U210' and service_date = '{MONDAY}'"],
        "1: party_kind upstream, party_id U210, rule_code RMD_ABSENT",
        (),
    ),
    ("rule_hits_daily", "hits_have_their_sample"): (
        [
            f"""
            update marts.rule_hits_daily set denominator = 9, min_sample = 10
            where rule_code = 'RMD_ABSENT' and party_id = 'U210' and service_date = '{MONDAY}'
            """
        ],
        "1: party_kind upstream, party_id U210, rule_code RMD_ABSENT, denominator 9.0, min_sample 10",
        (),
    ),
    ("rule_hits_daily", "verdicts_follow_from_hits"): (
        [f"update marts.customer_risk_daily set recommendation = 'RESTRICT' where customer_id = 'C1001' and service_date = '{MONDAY}'"],
        "1: party_kind customer, party_id C1001, recommendation RESTRICT",
        (),
    ),
    ("traceback_worklist", "due_after_24_hours"): (
        view_with("marts.traceback_worklist", "due_at = due_at + interval '1 hour'"),
        "traceback_id ",
        (),
    ),
    ("traceback_worklist", "search_is_known"): (
        view_with("marts.traceback_worklist", "match_status = null"),
        "traceback_id ",
        (),
    ),
    ("traceback_worklist", "proof_names_call_and_line"): (
        view_with("marts.traceback_worklist", "is_proof = true, source_line = null"),
        "traceback_id ",
        (),
    ),
    ("complaint_attribution", "level_is_known"): (
        view_with("marts.complaint_attribution", "match_level = '4'"),
        "",
        (),
    ),
    ("complaint_attribution", "calls_and_levels_agree"): (
        view_with("marts.complaint_attribution", "match_level = 'V', calls_matched = 1"),
        "match_level V, calls_matched 1",
        (),
    ),
    ("complaint_attribution", "complaints_reconcile"): (
        [f"update marts.customer_risk_daily set complaints_matched = complaints_matched + 1 where customer_id = 'C1001' and service_date = '{MONDAY}'"],
        "1: customer_id C1001, complaints_matched ",
        (),
    ),
    ("call_files", "few_rows_were_there_already"): (
        [as_many_more("rows_duplicate")],
        "1: feed cdr/asterisk, path cdr/asterisk/",
        ("cdr/asterisk",),
    ),
    ("data_status_daily", "every_feed_has_a_status"): (
        [f"insert into lake.feed_delivery_daily (service_date, kind, feed) values ('{MONDAY}', 'cdr', 'cdr/new')"],
        "1: feed cdr/new, statuses 0",
        ("cdr/new",),
    ),
    ("data_status_daily", "status_is_known_and_says_why"): (
        [f"update intermediate.feed_status_daily set reason = '' where feed = 'cdr/standard' and service_date = '{MONDAY}'"],
        "1: feed cdr/standard, status complete",
        ("cdr/standard",),
    ),
    ("verdicts", "verdicts_do_not_swing"): (
        [
            days_before("marts.customer_risk_daily", "'recommendation', 'NO_ACTION'"),
            f"update marts.customer_risk_daily set recommendation = 'RESTRICT' where service_date = '{MONDAY}'",
        ],
        "1: party_kind customer, parties ",
        (),
    ),
    ("evidence_feeds", "every_feed_arrived"): (
        [f"update lake.feed_delivery_daily set loaded_files = 0 where feed = 'tracebacks/standard' and service_date = '{MONDAY}'"],
        "2: feed complaints/ftc_csv; feed tracebacks/standard",
        ("complaints/ftc_csv", "tracebacks/standard"),
    ),
    ("evidence_feeds", "few_rows_rejected"): (
        [
            receipt("complaints", "complaints/fcc", "complaints/fcc/x.csv", read=100, accepted=94, rejected=6),
            f"insert into ops.file_service_dates select file, '{MONDAY}', 94 from ops.file_receipts where feed = 'complaints/fcc'",
        ],
        "feed complaints/fcc, path complaints/fcc/x.csv, rows_rejected 6, rows_read 100",
        ("complaints/fcc",),
    ),
    ("evidence_feeds", "api_day_not_loaded_twice"): (
        [
            receipt("complaints", "complaints/ftc_api", f"complaints/ftc_api/{MONDAY}/1.json", read=100, accepted=89, duplicate=11),
            f"insert into ops.file_service_dates select file, '{MONDAY}', 89 from ops.file_receipts where feed = 'complaints/ftc_api'",
        ],
        "1: feed complaints/ftc_api, duplicate 11, read 100",
        ("complaints/ftc_api",),
    ),
    ("evidence_feeds", "every_page_arrived"): (
        [
            receipt("complaints", "complaints/ftc_api", f"complaints/ftc_api/{MONDAY}/1.json", read=50, accepted=50),
            receipt("complaints", "complaints/ftc_api", f"complaints/ftc_api/{MONDAY}/3.json", read=20, accepted=20),
            "update ops.file_receipts set notes = '{\"rows_on_all_pages\": 120}' where feed = 'complaints/ftc_api'",
            f"insert into ops.file_service_dates select file, '{MONDAY}', rows_accepted from ops.file_receipts where feed = 'complaints/ftc_api'",
        ],
        f"1: feed complaints/ftc_api, dated {MONDAY}, read 70, said 120",
        ("complaints/ftc_api",),
    ),
    ("evidence_feeds", "registry_is_known"): (
        [
            f"""
            update lake.upstream_registry_daily set rmd_snapshot_from = date '{MONDAY}' - 8
            where upstream_id = 'U201' and service_date = '{MONDAY}'
            """,
            f"update lake.upstream_registry_daily set rmd_status = 'unknown' where upstream_id = 'U202' and service_date = '{MONDAY}'",
        ],
        "2: upstream_id U20",
        (),
    ),
    ("evidence_feeds", "no_newer_snapshot_was_refused"): (
        [
            receipt("reference", "reference/rmd", f"reference/rmd/rmd-{MONDAY:%Y%m%d}.csv.gz", "refused"),
            receipt("reference", "reference/rmd", f"reference/rmd/rmd-{TUESDAY}.csv", "refused"),
            receipt("reference", "reference/rmd", "reference/rmd/rmd-2026-01-01.csv", "refused"),
            "update ops.file_service_dates set service_date = service_date - 3 from ops.file_receipts as f"
            f" where f.file = file_service_dates.file and f.feed = 'reference/rmd' and service_date = '{MONDAY}'",
        ],
        f"1: feed reference/rmd, path reference/rmd/rmd-{MONDAY:%Y%m%d}.csv.gz, reason why, in_force_from 2026-11-13",
        ("reference/rmd",),
    ),
    ("reference_data", "trunks_name_one_party"): (
        [problem("trunks", "overlap", feed="cdr/standard"), problem("trunks", "overlap", feed="cdr/asterisk"), problem("trunks", "overlap")],
        "2: feed cdr/",
        ("cdr/asterisk", "cdr/standard"),
    ),
    ("reference_data", "unused_trunks_name_one_party"): ([problem("trunks", "overlap")], "1: subject s, detail why", ()),
    ("reference_data", "parties_are_known"): (
        [problem("caller_ids", "unknown_party"), problem("customers", "unknown_parent")],
        "2: table_name c",
        (),
    ),
    ("reference_data", "caller_ids_have_one_customer"): ([problem("caller_ids", "assigned_twice")], "1: subject s…, detail why", ()),
    ("reference_data", "ids_can_be_told_apart"): (
        [
            f"update lake.party_daily set party_id = 'С1001' where party_id = 'C1001' and service_date = '{MONDAY}'",  # noqa: RUF001 - a letter es
            f"update lake.party_trunks_daily set trunk = e'tg\\n1' where party_id = 'C1001' and service_date = '{MONDAY}'",
        ],
        "table_name customers and upstreams, id С1001",  # noqa: RUF001
        (),
    ),
    ("reference_data", "upstream_ids_agree"): ([problem("upstreams", "ids_disagree")], "1: subject s, detail why", ()),
} | {
    (f"{kind}_risk_daily", check): ([statement.format(kind=kind, day=MONDAY, party=party)], observed.format(kind=kind, party=party), ())
    for kind, party in (("customer", "C1001"), ("upstream", "U201"))
    for check, statement, observed in (
        (
            f"every_{kind}_once",
            "insert into marts.{kind}_risk_daily"
            " select * from marts.{kind}_risk_daily where {kind}_id = '{party}' and service_date = '{day}'",
            "1: {kind}_id {party}",
        ),
        (
            "recommendation_is_known",
            "update marts.{kind}_risk_daily set recommendation = 'SUSPECT' where {kind}_id = '{party}' and service_date = '{day}'",
            "1",
        ),
        (
            "recommendation_is_given",
            "update marts.{kind}_risk_daily set recommendation = null where {kind}_id = '{party}' and service_date = '{day}'",
            "1",
        ),
        (
            "nobody_clean_on_incomplete_data",
            "update marts.{kind}_risk_daily set data_status = 'partial' where {kind}_id = '{party}' and service_date = '{day}'",
            "1: {kind}_id {party}, data_status partial, recommendation NO_ACTION",
        ),
        (
            "suspension_needs_evidence",
            "update marts.{kind}_risk_daily set recommendation = 'SUSPEND' where {kind}_id = '{party}' and service_date = '{day}'",
            "1: {kind}_id {party}, reason_codes ['CLEAN']",
        ),
        (
            "traffic_reconciles",
            "update marts.{kind}_risk_daily set attempts = attempts + 1 where {kind}_id = '{party}' and service_date = '{day}'",
            "1: attempts ",
        ),
        (
            "shares_are_shares",
            "update marts.{kind}_risk_daily set rejected_share = 1.01 where {kind}_id = '{party}' and service_date = '{day}'",
            "1: {kind}_id {party}",
        ),
    )
}

SHIPPED = {(suite.name, check.name): check for name in suites.GATES for suite in suites.load(name) for check in suite.checks}


def run_gate(world: ProcessedWorld, name: str, day: date = MONDAY, run: str = "tested") -> dict[tuple[str, str], gate.Result]:
    results = gate.run_gate(world.settings, ROLES[name], name, day, run)
    return {(result.suite, result.check.name): result for result in results}


def recorded(world: ProcessedWorld, run: str) -> list[dict[str, Any]]:
    return world.rows('select * from ops.gate_results where run = %(run)s order by gate, "check"', run=run)


def test_every_shipped_check_has_its_damage():
    assert set(DAMAGES) == set(SHIPPED)


@pytest.mark.parametrize("day", ProcessedWorld.days)
def test_the_untouched_world_passes_every_check_but_for_the_feed_that_brought_nothing(processed_world: ProcessedWorld, day: date):
    found = processed_world.rows("select * from ops.gate_results where service_date = %(day)s and outcome <> 'passed'", day=day)
    complaints_on_plain_dates = ("evidence_feeds.few_rows_rejected",)
    assert {row["check"] for row in found} - set(complaints_on_plain_dates) == {"evidence_feeds.every_feed_arrived"}
    every = processed_world.rows('select suite, "check" from ops.gate_results where service_date = %(day)s', day=day)
    assert {(row["suite"], row["check"].removeprefix(f"{row['suite']}.")) for row in every} == set(SHIPPED)


@pytest.mark.parametrize(("suite", "check"), DAMAGES, ids=lambda name: name)
def test_a_check_fails_on_what_violates_it_and_says_what_where_and_what_to_do(own_world: ProcessedWorld, suite: str, check: str):
    statements, observed, affected = DAMAGES[suite, check]
    own_world.damage(*statements)
    name = next(name for name in suites.GATES if suite in {shipped.name for shipped in suites.load(name)})
    result = run_gate(own_world, name)[suite, check]
    assert not result.success
    (row,) = (row for row in recorded(own_world, "tested") if row["check"] == f"{suite}.{check}")
    shipped = SHIPPED[suite, check]
    assert row["outcome"] == {"critical": "blocked", "warning": "passed_with_warnings"}[shipped.severity]
    assert (row["service_date"], row["gate"], row["suite"]) == (MONDAY, name, suite)
    assert (row["severity"], row["expected"], row["remedy"]) == (shipped.severity, shipped.expected, shipped.remedy)
    assert observed in row["observed"]
    if suite == "evidence_feeds":
        assert set(affected) <= set(row["affected"])
    else:
        assert tuple(row["affected"]) == affected


MORE_DAMAGES = {
    "a small switch that nobody mapped": (
        "arriving_data", ("call_records", "trunks_are_mapped"),
        [
            f"insert into lake.switch_coverage_hourly (service_date, feed, switch_id, hour, attempts, calls) values ('{MONDAY}', 'cdr/standard', 'tiny', 9, 20, 20)",
            f"insert into lake.unmapped_trunks_daily (service_date, feed, switch_id, attempts) values ('{MONDAY}', 'cdr/standard', 'tiny', 20)",
        ],
    ),
    "a file of which nothing was accepted": (
        "arriving_data", ("call_files", "few_rows_rejected"),
        [receipt("cdr", "cdr/standard", f"cdr/standard/nyc1/{MONDAY}T99.csv", read=40, rejected=40)],
    ),
    "a refused manifest": (
        "arriving_data", ("call_files", "no_file_refused"),
        [receipt("manifest", "cdr/asterisk", f"cdr/asterisk/manifest-{MONDAY}.csv.new", "refused")],
    ),
    "rows lost from the lake": (
        "arriving_data", ("call_records", "lake_holds_what_was_accepted"),
        [f"delete from lake.switch_coverage_hourly where feed = 'cdr/asterisk' and service_date = '{MONDAY}'"],
    ),
    "a call that stands beside its correction": (
        "arriving_data", ("call_records", "lake_holds_what_was_accepted"),
        [
            f"""
            update ops.file_receipts set notes = notes || '{{"superseded_rows": 1, "superseded_calls": {{"{MONDAY}": {{"cdr/asterisk": 1}}}}}}'
            where file = (select file from ops.file_receipts join ops.file_service_dates using (file)
                where feed = 'cdr/standard' and service_date = '{MONDAY}' order by path limit 1)
            """
        ],
    ),
    "a customer lost from the mart": (
        "marts", ("customer_risk_daily", "every_customer_once"),
        [f"delete from marts.customer_risk_daily where customer_id = 'C1001' and service_date = '{MONDAY}'"],
    ),
    "a customer whom nobody knows": (
        "marts", ("customer_risk_daily", "every_customer_once"),
        [f"update marts.customer_risk_daily set customer_id = 'C9' where customer_id = 'C1001' and service_date = '{MONDAY}'"],
    ),
    "a suspension for a reason without a hit": (
        "marts", ("upstream_risk_daily", "suspension_needs_evidence"),
        [
            f"""
            update marts.upstream_risk_daily set reason_codes = reason_codes || 'LEGAL_NOTICE'::text
            where upstream_id = 'U210' and service_date = '{MONDAY}'
            """
        ],
    ),
    "more calls under 6 s than under 15 s": (
        "marts", ("customer_risk_daily", "shares_are_shares"),
        [
            f"""
            update marts.customer_risk_daily set share_le_6s = 0.9, share_lt_15s = 0.8, share_lt_30s = 0.95, share_lt_60s = 1
            where customer_id = 'C1001' and service_date = '{MONDAY}'
            """
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "check", "statements"), MORE_DAMAGES.values(), ids=MORE_DAMAGES.keys())
def test_other_ways_to_violate_a_check(own_world: ProcessedWorld, name: str, check: tuple[str, str], statements: list[str]):
    own_world.damage(*statements)
    assert not run_gate(own_world, name)[check].success


def test_a_whole_copy_under_the_same_name_makes_a_refused_file_good(own_world: ProcessedWorld):
    path = f"cdr/standard/nyc1/{MONDAY}T99.csv"
    refused = receipt("cdr", "cdr/standard", path, "refused")
    own_world.damage(refused, refused.replace(hashlib.sha256(path.encode()).hexdigest(), "0" * 64).replace("'refused'", "'loaded'"))
    assert run_gate(own_world, "arriving_data")["call_files", "no_file_refused"].success


def test_every_affected_feed_is_named_however_many_rows_of_another_stand_before_it(own_world: ProcessedWorld):
    many = [receipt("cdr", "cdr/asterisk", f"cdr/asterisk/x/{MONDAY}-{number:03}.csv", "refused") for number in range(250)]
    own_world.damage(*many, receipt("cdr", "cdr/standard", f"cdr/standard/nyc1/{MONDAY}T99.csv", "refused"))
    result = run_gate(own_world, "arriving_data")["call_files", "no_file_refused"]
    assert result.observed.startswith("251: ")
    assert result.affected == CDR_FEEDS


def test_the_same_refused_bytes_stand_for_every_file_that_they_lie_as(own_world: ProcessedWorld):
    """An empty file, or a server's error page, in the place of files of two feeds: bytes have one receipt, and both feeds are held."""
    path = f"cdr/standard/nyc1/{MONDAY}T99.csv"
    digest = hashlib.sha256(path.encode()).hexdigest()
    lies_as = "insert into ops.landing_files values ('{}', 0, 0, '{}')"
    others = [f"cdr/asterisk/phx1/Master-{MONDAY}T99.csv", f"complaints/fcc/{MONDAY}.csv"]
    own_world.damage(receipt("cdr", "cdr/standard", path, "refused"), *(lies_as.format(other, digest) for other in [path, *others]))
    found = run_gate(own_world, "arriving_data")
    assert found["call_files", "no_file_refused"].affected == CDR_FEEDS
    assert found["evidence_feeds", "complaints_can_be_read"].affected == ("complaints/fcc",)


UNFIT = {
    "no such column": Check("unfit", "ExpectColumnValuesToNotBeNull", {"column": "wage"}, "critical", "as told", "Mend it."),
    "SQL that is none": Check("unfit", "UnexpectedRowsExpectation", {"unexpected_rows_query": "selekt {batch}"}, "critical", "x", "y"),
    "no such table": Check(
        "unfit", "UnexpectedRowsExpectation", {"unexpected_rows_query": "select * from marts.nowhere, {batch}"}, "warning", "x", "y"
    ),
}


@pytest.mark.parametrize("check", UNFIT.values(), ids=UNFIT.keys())
def test_an_expectation_that_cannot_be_evaluated_has_failed(processed_world: ProcessedWorld, check: Check):
    fits = Check("fits", "ExpectColumnValuesToNotBeNull", {"column": "party"}, "critical", "x", "y")
    suite = Suite("one", "marts", "select 'C1' as party", (check, fits))
    unfit, fit = gate.validate(processed_world.settings.url("recommender", scheme="postgresql+psycopg"), suite, MONDAY)
    assert not unfit.success
    assert unfit.observed.startswith("could not be evaluated: ")
    assert unfit.outcome == ("blocked" if check.severity == "critical" else "passed_with_warnings")
    assert fit.success


def test_a_batch_that_cannot_be_read_fails_every_check(processed_world: ProcessedWorld):
    fits = Check("fits", "ExpectColumnValuesToNotBeNull", {"column": "party"}, "critical", "x", "y")
    suite = Suite("one", "marts", "select party from marts.nowhere", (fits,))
    (result,) = gate.validate(processed_world.settings.url("recommender", scheme="postgresql+psycopg"), suite, MONDAY)
    assert result.outcome == "blocked"
    assert result.observed.startswith("could not be evaluated: ")
    assert "marts.nowhere" in result.observed


@pytest.mark.parametrize(
    ("expectation", "arguments"), [("ExpectMiracles", {}), ("ExpectColumnValuesToNotBeNull", {"colum": "x"}), ("Any", {})]
)
def test_an_expectation_that_does_not_exist_is_named_with_its_file(processed_world: ProcessedWorld, expectation: str, arguments: dict):
    suite = Suite("one", "marts", "select 1 as x", (Check("odd", expectation, arguments, "critical", "x", "y"),))
    with pytest.raises(ValueError, match=f"expectations/marts/one.yaml: check odd: {expectation} is no expectation"):
        gate.validate(processed_world.settings.url("recommender", scheme="postgresql+psycopg"), suite, MONDAY)


def result_of(severity: str, success: bool) -> gate.Result:
    return gate.Result("suite", Check("check", "Any", {}, severity, "x", "y"), success, "1", ())


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        ([("critical", True), ("warning", True)], "passed"),
        ([("critical", True), ("warning", False)], "passed_with_warnings"),
        ([("critical", True), ("info", False)], "passed_with_warnings"),
        ([("critical", False), ("warning", True)], "blocked"),
        ([("warning", False), ("critical", False), ("info", False)], "blocked"),
    ],
)
def test_a_gates_outcome_is_the_worst_of_its_checks(results: list[tuple[str, bool]], outcome: str):
    assert gate.outcome([result_of(*result) for result in results]) == outcome


def test_an_overridden_check_is_told_before_warnings_and_after_blocks():
    passes = replace(result_of("critical", False), overrides=(1,))
    assert gate.outcome([passes, result_of("warning", False), result_of("critical", True)]) == "overridden"
    assert gate.outcome([passes, result_of("critical", False)]) == "blocked"


def test_a_run_repeated_replaces_its_results(own_world: ProcessedWorld):
    damage = "update marts.customer_risk_daily set asr = {} where customer_id = 'C1001' and service_date = '2026-11-16'"
    run_gate(own_world, "marts")
    before = recorded(own_world, "tested")
    own_world.damage(damage.format(2))
    run_gate(own_world, "marts")
    (failed,) = (row for row in recorded(own_world, "tested") if row["outcome"] == "blocked")
    assert failed["check"] == "customer_risk_daily.shares_are_shares"
    assert failed["remedy"] == SHIPPED["customer_risk_daily", "shares_are_shares"].remedy
    own_world.damage(damage.format(0.5))
    run_gate(own_world, "marts")
    after = recorded(own_world, "tested")
    assert [{**row, "recorded_at": None} for row in after] == [{**row, "recorded_at": None} for row in before]


def test_arriving_data_that_fail_hold_the_parties_of_the_feed_and_evidence_still_counts(own_world: ProcessedWorld):
    own_world.damage(receipt("cdr", "cdr/asterisk", f"cdr/asterisk/phx1/Master-{MONDAY}T99.csv", "refused"))
    assert stages.check_arriving_data(MONDAY, "again") == "blocked"
    stages.build_marts(MONDAY, "again")
    stages.append_recommendations([MONDAY], "again")
    status = own_world.rows("select * from marts.data_status_daily where service_date = %(day)s and kind = 'cdr'", day=MONDAY)
    assert {row["feed"]: row["status"] for row in status} == {"cdr/asterisk": "blocked", "cdr/standard": "complete"}
    assert {row["reason"] for row in status if row["status"] == "blocked"} == {"arriving data failed: call_files.no_file_refused"}
    switch_of = {"C1037": "HOLD", "C1001": "NO_ACTION"}  # phx1 writes Asterisk's records, nyc1 the standard ones
    assert {party: own_world.verdict(MONDAY, party)["payload"]["recommendation"] for party in switch_of} == switch_of
    on_it = own_world.rows(
        """
        select risk.customer_id, risk.recommendation, risk.data_status
        from marts.customer_risk_daily as risk
        where service_date = %(day)s and exists (
            select from lake.party_trunks_daily as trunks
            where trunks.service_date = risk.service_date and trunks.party_id = risk.customer_id and trunks.switch_id = 'phx1'
        )
        """,
        day=MONDAY,
    )
    assert {row["data_status"] for row in on_it} == {"blocked"}
    assert {row["recommendation"] for row in on_it} <= {"HOLD", "SUSPEND"}
    assert own_world.verdict(MONDAY, "U210")["payload"]["recommendation"] == "SUSPEND"  # not in the registry, whatever its calls


def test_marts_that_fail_stop_every_append_and_ledger_and_marts_say_so(own_world: ProcessedWorld):
    own_world.damage(f"update marts.customer_risk_daily set asr = 2 where customer_id = 'C1001' and service_date = '{TUESDAY}'")
    (before,) = own_world.rows("select max(entry_id) as entry from decisions.ledger")
    # The ledger has nothing of the day yet.
    own_world.tamper(f"delete from decisions.ledger where service_date = '{TUESDAY}'")
    assert own_world.judge(TUESDAY, "again") == 0
    (entry,) = own_world.rows("select * from decisions.ledger where entry_type = 'gate' and payload ->> 'run' = 'again'")
    assert entry["service_date"] == TUESDAY
    told = {name: entry["payload"][name] for name in ("gate", "outcome", "failed")}
    failed = [{"check": "customer_risk_daily.shares_are_shares", "observed": "1: customer_id C1001"}]
    assert told == {"gate": "marts", "outcome": "blocked", "failed": failed}
    assert entry["entry_id"] <= before["entry"]
    (status,) = own_world.rows("select * from marts.data_status_daily where kind = 'marts'")
    assert (status["service_date"], status["status"]) == (TUESDAY, "blocked")
    assert "customer_risk_daily.shares_are_shares: Nothing is recommended for the day" in status["reason"]
    standing = own_world.rows("select distinct service_date, status from marts.recommendations")
    assert standing == [{"service_date": MONDAY, "status": "blocked"}]


def test_each_of_several_days_has_results_and_a_block_of_its_own(own_world: ProcessedWorld):
    """Monday restated, Tuesday built with it: Tuesday's block must not stand as Monday's, nor Monday's pass as Tuesday's."""
    own_world.damage(f"update marts.customer_risk_daily set asr = 2 where customer_id = 'C1001' and service_date = '{TUESDAY}'")
    assert stages.check_marts(MONDAY, "restated") == [MONDAY.isoformat()]
    blocked = own_world.rows("select service_date from ops.gate_results where gate = 'marts' and outcome = 'blocked'")
    assert [row["service_date"] for row in blocked] == [TUESDAY]
    said = own_world.rows("select service_date from marts.data_status_daily where kind = 'marts'")
    assert [row["service_date"] for row in said] == [TUESDAY]
    own_world.damage(f"update marts.customer_risk_daily set asr = 1 where customer_id = 'C1001' and service_date = '{TUESDAY}'")
    assert stages.check_marts(MONDAY, "mended") == [MONDAY.isoformat(), TUESDAY.isoformat()]
    assert own_world.rows("select * from marts.data_status_daily where kind = 'marts'") == []


def test_a_gate_reads_and_records_with_no_more_than_its_role_may(processed_world: ProcessedWorld):
    for name, role in ROLES.items():
        with psycopg.connect(processed_world.settings.url(role)) as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("delete from ops.gate_results")
            connection.rollback()
            assert connection.execute("select count(*) from ops.gate_results where gate = %s", (name,)).fetchone()[0] > 0


def test_a_shipped_suites_query_names_no_other_day(processed_world: ProcessedWorld):
    """A day without any rows passes what looks at rows, and says that nothing arrived."""
    results = run_gate(processed_world, "marts", date(2020, 1, 1), "long ago")
    assert all(result.success for result in results.values()), json.dumps({str(key): found.observed for key, found in results.items()})
