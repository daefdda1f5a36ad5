"""Complaints of all desks against a small lake whose answers are known: from Parquet to levels, weights and call-backs."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest

from include.lake import dbt, tables
from include.settings import Settings

RECEIVED = date(2026, 11, 20)
RUN = {"service_date": "2026-11-20", "evidence_days": ["2026-11-20"], "following_days": ["2026-11-20"], "run_at": "2026-11-21T02:00:00+00:00"}
MODELS = ("complaint_windows", "complaint_parties", "complaint_callbacks", "complaint_matches", "complaint_candidates")

DIALLED, BANK, SHARED, OF_A_WEEK_AGO, OF_OLDER, UNUSED, CALL_BACK = (f"+1212555{n:04}" for n in range(7))
NOON = timedelta(hours=12)

# calling number, called number, trunk, day; at noon UTC
CALLS = [
    (DIALLED, "+13035550001", "of_dialer", 19),
    (DIALLED, "+13035550002", "of_other", 19),
    # a bank calls its own customers, and somebody else shows its number to another city
    (BANK, "+12125559001", "of_bank", 19),
    (BANK, "+12125559002", "of_bank", 19),
    (BANK, "+14045550001", "of_other", 19),
    (SHARED, "+12125559001", "of_bank", 18),
    (SHARED, "+12125559001", "of_other", 19),
    (SHARED, "+12125559001", "of_dialer", 20),
    (SHARED, "+12125559001", "of_carrier", 20),
    (OF_A_WEEK_AGO, "+12125559001", "of_dialer", 12),
    (OF_OLDER, "+12125559001", "of_dialer", 11),
    # a victim calls back
    ("+13035550001", CALL_BACK, "of_other", 20),
]

# Complaint, source, calling number, called number, area code, call-back number, day of the call, whether its time is known;
# level, customer, calls, whether the area code decided
COMPLAINTS = [
    ("very call", "own_desk", DIALLED, "+13035550001", None, None, 19, True, "1", "dialer", 1, None),
    ("other number", "own_desk", DIALLED, "+13035559999", None, None, 19, True, "3", None, 2, None),
    ("bank's city", "ftc", BANK, None, "212", None, 19, True, "2", "bank", 2, True),
    ("another's city", "ftc", BANK, None, "404", None, 19, True, "2", "other", 1, True),
    ("nobody's city", "ftc", BANK, None, "808", None, 19, True, "3", None, 3, False),
    ("shared", "fcc", SHARED, None, None, None, 19, True, "3", None, 4, None),
    ("shared, a day", "fcc", SHARED, None, None, None, 17, True, "2", "bank", 1, None),
    ("seven days", "ftc", OF_A_WEEK_AGO, None, "303", None, 19, False, "2", "dialer", 1, False),
    ("the same at the FCC", "fcc", OF_A_WEEK_AGO, None, None, None, 19, False, "2", "dialer", 1, None),
    ("eight days", "ftc", OF_OLDER, None, "303", None, 19, False, "U", None, 0, None),
    ("victim", "ftc", UNUSED, None, "303", None, 19, False, "V", "victim", 0, None),
    ("placeholder", "fcc", None, None, None, CALL_BACK, 19, False, "U", None, 0, None),
]


@pytest.fixture(scope="module")
def found(installation: Settings):
    """Rows of a published model by complaint."""
    lake = installation.lake
    tables.create(lake)

    def write(table: str, receipt_id: str, rows: list[dict], day: date | None = None) -> None:
        numbered = [{"receipt_id": receipt_id, "source_line": line, **row} for line, row in enumerate(rows, 2)]
        tables.write(tables.file_of(lake, table, receipt_id, day), pa.Table.from_pylist(numbered, schema=tables.schema(table)))

    for day in range(11, 21):
        at = datetime(2026, 11, day) + NOON
        of_day = [call for call in CALLS if call[3] == day]
        rows = [
            {
                "feed": "cdr/standard", "record_kind": "stop", "switch_id": "x", "call_id": f"{day}-{n}", "attempt": 1, "start_at": at,
                "calling_number": calling, "called_number": called, "ingress_trunk": trunk,
            }
            for n, (calling, called, trunk, _) in enumerate(of_day)
        ]  # fmt: skip
        write("calls", f"calls_of_{day}", rows, date(2026, 11, day))
    # a load that was cut short: its receipt does not stand
    unsettled = {"feed": "cdr/standard", "record_kind": "stop", "call_id": "u", "start_at": datetime(2026, 11, 19), "calling_number": UNUSED}
    write("calls", "unsettled", [unsettled], date(2026, 11, 19))

    received = datetime(2026, 11, 20) + NOON
    rows = [
        {
            "feed": f"complaints/{source}", "source": source, "complaint_id": name, "received_at": received, "calling_number": calling,
            "called_number": called, "called_area_code": area, "callback_number": callback, "consumer_state": "CO",
            "call_at": datetime(2026, 11, day) + (NOON if timed else timedelta()), "call_time_known": timed, "call_quality": "ok",
        }
        for name, source, calling, called, area, callback, day, timed, *_ in COMPLAINTS
    ]  # fmt: skip
    write("complaints", "complaints", rows, RECEIVED)
    parties = {"dialer": "customer", "bank": "customer", "other": "customer", "carrier": "upstream"}
    write("reference/trunks", "trunks", [{"trunk": f"of_{party}", "party_kind": kind, "party_id": party} for party, kind in parties.items()])
    assigned = {BANK: "bank", UNUSED: "victim", CALL_BACK: "dialer"}
    write("reference/caller_ids", "ids", [{"customer_id": c, "number": n, "assigned_by_us": True} for n, c in assigned.items()])

    settled = [f"calls_of_{day}" for day in range(11, 21)] + ["complaints", "trunks", "ids"]
    receipts = [{"receipt_id": receipt_id, "state": "loaded", "loaded_at": received} for receipt_id in settled]
    tables.write(lake / "receipts" / "all.parquet", pa.Table.from_pylist(receipts, schema=tables.schema("receipts")))
    arrivals = [
        {"receipt_id": receipt_id, "feed": f"reference/{table}", "dated_on": date(2026, 11, 1), "arrived_at": datetime(2026, 11, 1)}
        for receipt_id, table in (("trunks", "trunks"), ("ids", "caller_ids"))
    ]
    tables.write(lake / "arrivals" / "all.parquet", pa.Table.from_pylist(arrivals, schema=tables.schema("arrivals")))

    dbt.run_dbt(installation, "lake", "build", ("--select", *MODELS, *dbt.WITHOUT_UNIT_TESTS), RUN)

    def rows_of(model: str, columns: str) -> list[tuple]:
        file = lake / "daily" / model / f"service_date={RECEIVED}" / "part-0.parquet"
        return duckdb.sql(f"select complaint_id, {columns} from read_parquet('{file}') order by all").fetchall()

    return rows_of


def test_each_complaint_reaches_the_level_and_the_customer_its_calls_say(found):
    columns = "match_level, customer_id, calls_matched, area_code_matched"
    matches = {name: tuple(rest) for name, *rest in found("complaint_matches", columns)}
    assert matches == {complaint[0]: complaint[8:] for complaint in COMPLAINTS}


def test_each_customer_that_used_the_number_bears_its_part(found):
    shares = found("complaint_candidates", "customer_id, weight")
    assert [share for share in shares if share[0] == "shared"] == [("shared", c, 1 / 3) for c in ("bank", "dialer", "other")]
    assert [share for share in shares if share[0] == "nobody's city"] == [("nobody's city", c, 0.5) for c in ("bank", "other")]
    assert {name for name, _, weight in shares if weight == 1} == {c[0] for c in COMPLAINTS if c[8] in ("1", "2")}


def test_a_call_back_number_shows_its_holder_and_who_called_it_and_blames_nobody(found):
    columns = "match_level, customer_id, callback_holder, callback_calls"
    assert [row for row in found("complaint_matches", columns) if row[3]] == [("placeholder", "U", None, "dialer", 1)]
