"""Reference data and manifests: full snapshots, from the date in the name, never a collapse taken for a delisting."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from include.ingest.landing import date_in_name
from include.lake import tables
from include.lineage import lake as known_lake
from tests.ingest.desk import Desk, numbered_calls
from tests.ingest.switch_files import SAMPLES

REAL = Path(__file__).parents[2] / "include/demo/real"
RMD, NPA = REAL / "rmd-final_2024.csv.gz", REAL / "npa_report_2020-03-04.csv.gz"

# A full row for each table, by our column names (the contract's), and what some of its values become.
MINIMAL: dict[str, tuple[dict[str, str], dict[str, object]]] = {
    "customers": (
        {
            "customer_id": "c1", "legal_name": "Acme, Inc.", "customer_type": "reseller", "country": "US", "onboarded_on": "2020-01-02",
            "traffic_class": "dialer", "kyc_verified_on": "", "max_cps": "10", "max_concurrent": "", "protected": "true", "parent_id": "p",
            "tax_id": "01-2", "address": "1 Main", "payment_ref": "007", "contact_email": "a@example.com",
        },
        {"onboarded_on": date(2020, 1, 2), "kyc_verified_on": None, "max_cps": 10, "protected": True, "payment_ref": "007"},
    ),
    "upstreams": (
        {
            "upstream_id": "u1", "legal_name": "Up", "frn": "16085920", "rmd_number": "RMD0004008", "country": "US", "role": "gateway",
            "onboarded_on": "2020-01-02", "traceback_terms": "TRUE", "us_caller_id_recourse": "false", "parent_id": "",
        },
        {"frn": "0016085920", "traceback_terms": True, "us_caller_id_recourse": False, "parent_id": None},
    ),
    "trunks": (
        {"trunk": "000200", "switch_id": "", "party_kind": "customer", "party_id": "c1", "valid_from": "2020-01-02", "valid_to": ""},
        {"trunk": "000200", "switch_id": None, "valid_from": date(2020, 1, 2), "valid_to": None},
    ),
    "caller_ids": (
        {"customer_id": "c1", "number": "(202) 555-01*", "assigned_by_us": "true", "valid_from": "", "valid_to": "2026-12-31"},
        {"number": "+120255501*", "assigned_by_us": True, "valid_to": date(2026, 12, 31)},
    ),
    "campaigns": (
        {"customer_id": "c1", "campaign": "x", "purpose": "y", "calling_number": "2025550123", "valid_from": "", "valid_to": ""},
        {"calling_number": "+12025550123"},
    ),
    "dno": ({"number": "+1800*", "category": "unused", "source": "us", "valid_from": "2020-01-02"}, {"number": "+1800*"}),
    "enforcement_notices": (
        {
            "notice_id": "n1", "authority": "FCC", "kind": "order", "party_kind": "upstream", "party_id": "u1",
            "received_at": "2026-11-16T23:00:00-05:00", "due_at": "",
        },
        {"received_at": datetime(2026, 11, 17, 4), "due_at": None},
    ),
    "upstream_answers": (
        {
            "traceback_id": "t1", "upstream_id": "u1", "asked_at": "2026-11-16T23:00:00-05:00", "answered_at": "", "source_kind": "end_user",
            "source_name": "Some Leads", "source_action": "terminated",
        },
        {"asked_at": datetime(2026, 11, 17, 4), "answered_at": None, "source_action": "terminated"},
    ),
    "co_codes": (
        {
            "NPA-NXX": "212-555", "OCN": "498E", "Company": "VERIZON NEW YORK", "RateCenter": "NWYRCYZN01", "State": "NY", "Use": "AS",
            "EffectiveDate": "01/02/2020",
        },
        {"npa": "212", "nxx": "555", "ocn": "498E", "status": "AS", "effective_date": date(2020, 1, 2)},
    ),
    "thousands_blocks": (
        {
            "NPA": "212", "NXX": "555", "X": "0", "STATUS": "AV", "Contaminated (Y or N)": "Y", "Code Holder": "VERIZON", "Assigned To": "",
            "OCN": "498E", "Rate Center": "NWYRCYZN01", "State": "NY", "Block Effective Date": "01/02/2020",
        },
        {"x": "0", "ocn": "498E", "contaminated": True, "assigned_to": None, "effective_date": date(2020, 1, 2)},
    ),
}  # fmt: skip
OF_OTHERS = {"co_codes", "thousands_blocks"}
"""Tables whose files others write, under names of theirs."""


def one_row(row: dict[str, str], delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, row, delimiter=delimiter)
    writer.writeheader()
    writer.writerow(row)
    return out.getvalue()


def snapshots(desk: Desk) -> list[tuple[str, str, date | None]]:
    """(path, receipt, date in the name) of what arrived, in that order."""
    return [(row["path"], row["receipt_id"], row["dated_on"]) for row in desk.rows("arrivals", order="arrived_at")]


def test_every_table_is_tried():
    assert {*MINIMAL, "rmd", "nanp", "form499"} == set(tables.REFERENCE)


@pytest.mark.parametrize("table", MINIMAL)
def test_a_minimal_snapshot_of_each_table(desk: Desk, table: str):
    sent, expected = MINIMAL[table]
    delimiter = "\t" if table == "co_codes" else ","
    receipt = desk.load_one(f"reference/{table}/{table}-2026-11-16.csv", one_row(sent, delimiter))
    assert (receipt.state, receipt.rejected) == ("loaded", [])
    assert receipt.notes.keys() == ({"unverified"} if table in OF_OTHERS else set())
    [row] = desk.rows(f"reference/{table}")
    assert {name: row[name] for name in expected} == expected
    assert table in OF_OTHERS or list(sent) == [name for name, _ in tables.REFERENCE[table]]
    plain = {name: value or None for name, value in sent.items() if name not in expected and table not in OF_OTHERS}
    assert {name: row[name] if not isinstance(row[name], (date, int)) else sent[name] for name in plain} == plain
    assert (row["receipt_id"], row["source_line"]) == (receipt.file, 2)
    assert snapshots(desk) == [(receipt.path, receipt.file, date(2026, 11, 16))]
    assert receipt.rows_by_date == {date(2026, 11, 16): 1}


@pytest.mark.parametrize(
    ("table", "change", "reason"),
    [
        ("customers", {"max_cps": "many"}, "not a whole number of at most 9 digits: many"),
        ("customers", {"max_cps": "99999999999"}, "not a whole number of at most 9 digits: 99999999999"),
        ("customers", {"max_cps": "-1"}, "not a whole number of at most 9 digits: -1"),
        ("customers", {"protected": "yes"}, "not true or false: yes"),
        ("customers", {"customer_type": "Reseller"}, "not one of enterprise, "),
        ("customers", {"onboarded_on": "01/02/2020"}, "not a date like %Y-%m-%d: 01/02/2020"),
        ("customers", {"customer_id": ""}, "empty"),
        ("trunks", {"party_kind": "us"}, "not one of customer, upstream, downstream: us"),
        ("caller_ids", {"number": "*"}, "neither a telephone number nor a prefix ending in *: *"),
        ("caller_ids", {"number": "anonymous"}, "neither a telephone number nor a prefix ending in *: anonymous"),
        ("dno", {"number": "800-*x"}, "neither a telephone number"),
        ("enforcement_notices", {"received_at": "2026-11-16"}, "not an ISO 8601 time with offset: 2026-11-16"),
    ],
)
def test_bad_values_are_named(desk: Desk, table: str, change: dict[str, str], reason: str):
    receipt = desk.load_one(f"reference/{table}/a.csv", one_row(MINIMAL[table][0] | change))
    [reject] = receipt.rejected
    assert (reject.line, reject.field) == (2, next(iter(change)))
    assert reject.reason.startswith(reason)


def test_a_key_stands_once(desk: Desk):
    text = "customer_id,legal_name,country\nc1,Acme,US\nc2,Bell,US\nc1,Acme,US\nc2,Bell Ltd,US\n"
    receipt = desk.load_one("reference/customers/a.csv", text)
    assert (receipt.rows_read, receipt.rows_accepted, receipt.rows_duplicate) == (4, 2, 1)
    assert [(row.line, row.field, row.raw) for row in receipt.rejected] == [(5, "customer_id", "c2,Bell Ltd,US")]
    assert "stands twice in this file with different content" in receipt.rejected[0].reason


def test_a_key_of_several_columns_may_be_partly_empty(desk: Desk):
    text = "trunk,switch_id,party_kind,party_id,valid_from\nt,,customer,c1,\nt,nyc1,customer,c1,\nt,,customer,c2,\nt,,customer,c1,2026-01-01\n"
    receipt = desk.load_one("reference/trunks/a.csv", text)
    assert (receipt.rows_accepted, [row.line for row in receipt.rejected]) == (3, [4])


def test_the_real_rmd_export(desk: Desk):
    receipt = desk.load_one("reference/rmd/rmd-20241101.csv.gz", RMD.read_bytes())
    told = list(csv.DictReader(io.StringIO(gzip.decompress(RMD.read_bytes()).decode(), newline="")))
    assert receipt.rows_read == len(told) == 7_346
    assert (receipt.rows_accepted, receipt.rejected, receipt.rows_duplicate, receipt.notes) == (7_346, [], 0, {})
    rows = {row["rmd_number"]: row for row in desk.rows("reference/rmd")}
    assert snapshots(desk) == [(receipt.path, receipt.file, date(2024, 11, 1))]
    flags = {"Yes": True, "No": False, "": None}
    for sent in told:
        row = rows[sent["number"]]
        guarded = sent["business_name"][:1] == "'" and sent["business_name"][1:2] in set("@+-=")
        assert row["business_name"] == sent["business_name"][int(guarded) :].strip()
        assert row["frn"] == (sent["frn"].zfill(10) or None) and len(row["frn"]) == 10
        assert row["gateway_provider"] == flags[sent["gateway_provider_choice"]]
        assert str(row["last_updated"] or "") == sent["last_updated"]
    assert rows["RMD0004008"]["business_name"] == "@Link Services, LLC"


def test_the_real_npa_report(desk: Desk):
    receipt = desk.load_one("reference/nanp/npa_report_2020-03-04.csv.gz", NPA.read_bytes())
    told = list(csv.DictReader(io.StringIO(gzip.decompress(NPA.read_bytes()).decode().split("\n", 1)[1], newline="")))
    assert receipt.rows_read == len(told) == 800
    # NANPA itself wrote five rows with a comma too many or cut short.
    broken = {sent["NPA_ID"] for sent in told if None in sent or None in sent.values()}
    assert broken == {"368", "428", "469", "474", "972"}
    assert {row.raw[:3] for row in receipt.rejected} == broken
    assert all("fields where the layout has 32" in row.reason for row in receipt.rejected)
    assert (receipt.rows_accepted, receipt.notes) == (795, {})
    rows = {row["npa"]: row for row in desk.rows("reference/nanp")}
    for sent in told:
        if sent["NPA_ID"] in broken:
            continue
        assert rows[sent["NPA_ID"]]["in_service"] == {"Y": True, "N": False}[sent["IN_SERVICE"]]
    assert rows["201"]["in_service_on"] == date(1947, 1, 1)  # written 01-JAN-47
    assert rows["201"]["source_line"] == 4


CO_CODES = (
    "State\tNPA-NXX\tOCN\tCompany\tRateCenter\tEffectiveDate\tUse\tAssignDate\tInitial/Growth\tPooled Code\tIn Service\t"
    "File Updated 11/16/2026\r\n"
    "NY \t212-555\t498E\tSOCI\xc9T\xc9\tNWYRCYZN01\t01/02/2020\tAS\t12/01/2019\tI\tY\tY\r\n"
    "NY \t212-666\t    \t\t\t\tVC\t\t\t\t\t\r\n"
    "NY \t212-777\t9206\tTORN OFF\tNWYRC\r\n"
    "NY \t212777\t0123\tX\tY\t2020-01-02\tAS\t\t\t\t\r\n"
    "NY \t112-777\t0123\tX\tY\t\tAS\t\t\t\t\r\n"
)


def test_a_header_that_ends_with_the_files_date(desk: Desk):
    receipt = desk.load_one("reference/co_codes/allutlzd-2026-11-16.txt", CO_CODES.encode("latin-1"))
    assert "unknown_columns" not in receipt.notes
    assert [(row.line, row.field, row.reason) for row in receipt.rejected] == [
        (4, "line", "5 fields where the layout has 12"),
        (5, "effective_date", "not a date like %m/%d/%Y: 2020-01-02"),
        (6, "npa", "empty"),
    ]
    rows = desk.rows("reference/co_codes", "source_line, npa, nxx, ocn, company, state, status")
    assert [tuple(row.values()) for row in rows] == [
        (2, "212", "555", "498E", "SOCI\xc9T\xc9", "NY", "AS"), (3, "212", "666", None, None, "NY", "VC"),
    ]  # fmt: skip


CNAC = """
description: Central office codes of Canada
format: {type_lines: 1}
fields:
  npa: {from: NPA, required: true}
  nxx: {from: CO Code (NXX), required: true}
  ocn: {from: OCN}
  company: {from: Company}
  rate_center: {from: Exchange Area}
  status: {from: Status}
ignored: [Remarks]
"""


def test_a_row_behind_the_header_that_is_only_a_date(desk: Desk):
    desk.declare("reference/co_codes", CNAC)
    header = '"NPA","CO Code (NXX)","Status","Exchange Area","Company","OCN","Remarks"\n'
    text = header + ',,,,,,2023-11-11\n204,200,"In Service","Town","Company","498E",\n'
    receipt = desk.load_one("reference/co_codes/cnac-2026-11-16.csv", text)
    assert (receipt.rows_read, receipt.rejected, receipt.notes) == (1, [], {})
    [row] = desk.rows("reference/co_codes", "source_line, npa, ocn, status")
    assert row == {"source_line": 3, "npa": "204", "ocn": "498E", "status": "In Service"}


def test_the_real_form_499_filer(desk: Desk):
    sent = (SAMPLES / "form499_filer.xml").read_bytes()
    receipt = desk.load_one("reference/form499/filers-2021-06-21.xml", sent)
    assert (receipt.rows_read, receipt.rows_accepted, receipt.rejected, receipt.notes) == (1, 1, [], {})
    [row] = desk.rows("reference/form499")
    assert row | {"receipt_id": None} == {
        "receipt_id": None, "source_line": 4, "form_499_id": "831188", "frn": "0024926677", "legal_name": "LOW LATENCY COMMUNICATIONS LLC",
        "doing_business_as": None,
        "trade_names": "Low Latency Communications; String by Low Latency; Lilac by Low Latency",
        "principal_communications_type": "Interconnected VoIP", "holding_company": "IPIFONY SYSTEMS INC.", "usf_contributor": True,
        "registration_current_as_of": date(2021, 4, 1), "start_date": date(2015, 1, 12), "end_date": None,
        "states": "alabama; florida; georgia; illinois; louisiana; north_carolina; pennsylvania; tennessee; texas; virginia",
    }  # fmt: skip


def filers(*rows: str, encoding: str = "ISO-8859-1", top: str = "") -> bytes:
    return f'<?xml version="1.0" encoding="{encoding}"?>\n{top}<Results>\n{"".join(rows)}</Results>\n'.encode(encoding)


def filer(number: str, name: str = "A", more: str = "") -> str:
    return f"<Filer>\n<Form_499_ID>{number}</Form_499_ID><Filer_ID_Info><Legal_Name>{name}</Legal_Name>{more}</Filer_ID_Info>\n</Filer>\n"


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "UTF-8", "windows-1252", "UTF-16"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_xml_is_read_in_the_encoding_that_it_declares(desk: Desk, encoding: str, suffix: str):
    content = filers(filer("1", "Soci\xe9t\xe9 &amp; Co"), encoding=encoding)
    receipt = desk.load_one(f"reference/form499/f-2026-11-16.xml{suffix}", gzip.compress(content) if suffix else content)
    assert (receipt.state, receipt.notes) == ("loaded", {})
    assert desk.rows("reference/form499", "legal_name") == [{"legal_name": "Soci\xe9t\xe9 & Co"}]


def test_each_row_of_xml_has_its_line_and_rejects_are_shown_as_they_lie(desk: Desk):
    flag = "<USF_Contributor>{}</USF_Contributor><FRN>{}</FRN>".format
    first, unclear = filer("1", more=flag("", 12345)), filer("2", more=flag("Maybe", ""))
    content = filers(first, unclear, filer("", "C\xe9"), first, filer("4", more="<new>x</new>"))
    receipt = desk.load_one("reference/form499/f-2026-11-16.xml", content)
    assert [(row.line, row.field) for row in receipt.rejected] == [(6, "usf_contributor"), (9, "form_499_id")]
    assert receipt.rejected[1].raw == filer("", "C\xe9").strip()
    assert (receipt.rows_duplicate, receipt.notes) == (1, {"unknown_columns": ["Filer_ID_Info/new"]})
    rows = desk.rows("reference/form499", "source_line, form_499_id, frn, usf_contributor")
    assert [tuple(row.values()) for row in rows] == [(3, "1", "0000012345", None), (15, "4", None, None)]


def test_of_a_list_of_numbers_without_numbers_every_row_is_rejected(desk: Desk):
    receipt = desk.load_one("reference/dno/dno-2026-11-16.json", '[{"category": "unused"}, {"category": "unused", "source": "us"}]')
    assert (receipt.rows_accepted, [(row.field, row.reason) for row in receipt.rejected]) == (0, [("number", "empty")] * 2)


def test_filers_on_one_line_are_told_apart_by_their_number(desk: Desk):
    receipt = desk.load_one("reference/form499/f-2026-11-16.xml", filers((filer("1") + filer("2")).replace("\n", "")))
    assert [row["source_line"] for row in desk.rows("reference/form499")] == [1, 2]
    assert receipt.notes == {"lines": "objects share lines: the line of a row is the number of its object"}


BOMB = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (filers(filer("1", "&b;"), top=BOMB), "document type declaration"),
        (filers(filer("1", "&a;"), top=OUTSIDE), "document type declaration"),
        (b"<!doctype html><html><body>Sorry</body></html>", "fetch it again"),
        (filers(filer("1"), filer("2"))[:-40], "not well-formed XML"),
        (filers(filer("1", "A & B")), "not well-formed XML"),
        (filers(filer("1")).replace(b"ISO-8859-1", b"klingon-1"), "not well-formed XML"),
        (filers(filer("1")).replace(b"ISO-8859-1", b"Shift_JIS"), "multi-byte encodings are not supported"),
        (filers(), "no rows"),
        (b"form_499_id,frn\n1,2\n", "not well-formed XML"),
        (b"", "not well-formed XML"),
    ],
)
def test_xml_that_is_none_is_refused_whole(desk: Desk, content: bytes, reason: str):
    receipt = desk.load_one("reference/form499/f-2026-11-16.xml", content)
    assert (receipt.state, reason in receipt.reason) == ("refused", True), receipt.reason


def test_an_export_of_the_registry_with_all_its_oddities(desk: Desk):
    """A byte order mark, breaks of lines within cells, the spreadsheet's guard, lost zeros, empty flags, and a header that grew."""
    header = gzip.decompress(RMD.read_bytes()).split(b"\n")[0].decode().strip()
    row = dict.fromkeys(header.split(",") + ["last_recertified", "brand_new"], "") | {
        "number": "RMD0000001", "frn": "12345", "business_name": "'=Sum, Inc.", "business_address": "1 Main\nSuite 2\nTown",
        "other_frns": "0000000002;  3",
    }  # fmt: skip
    second = one_row(row | {"number": "RMD0000002", "frn": ""}).split("\r\n", 1)[1]
    text = one_row(row | {"last_recertified": "2026-02-20"}).replace("\r\n", "\n") + second
    receipt = desk.load_one("reference/rmd/rmd-2026-11-16.csv", b"\xef\xbb\xbf" + text.encode())
    assert (receipt.rows_accepted, receipt.rejected, receipt.notes) == (2, [], {"unknown_columns": ["brand_new"]})
    columns = "source_line, rmd_number, frn, business_name, foreign_voice_provider, gateway_provider, other_frns, last_recertified"
    assert [tuple(row.values()) for row in desk.rows("reference/rmd", columns)] == [
        (2, "RMD0000001", "0000012345", "=Sum, Inc.", None, None, "0000000002;  3", date(2026, 2, 20)),
        (5, "RMD0000002", None, "=Sum, Inc.", None, None, "0000000002;  3", None),
    ]


def rmd_cut(rows: int) -> bytes:
    return b"\n".join(gzip.decompress(RMD.read_bytes()).split(b"\n")[: rows + 1]) + b"\n"


def test_a_shrunken_rmd_is_a_broken_download(desk: Desk):
    desk.load_one("reference/rmd/rmd-2024-11-01.csv", rmd_cut(400))
    small = desk.load_one("reference/rmd/rmd-2024-11-02.csv", rmd_cut(379))
    (desk.settings.landing / small.path).unlink()
    assert small.state == "refused"
    assert "379 rows where the snapshot before had 400" in small.reason and "Fetch it again" in small.reason
    assert len(desk.rows("reference/rmd")) == 400
    assert desk.load_one("reference/rmd/rmd-2024-10-01.csv", rmd_cut(100)).state == "loaded"  # of before the first one
    desk.put("reference/rmd/rmd-2024-11-03.csv", rmd_cut(380))
    desk.put("reference/rmd/rmd-2024-11-04.csv", gzip.decompress(RMD.read_bytes()).split(b"\n")[0] + b"\n")
    desk.put("reference/rmd/rmd-2024-11-05.csv", rmd_cut(100))  # loaded, but of another time
    summary = desk.load("reference")
    states = {receipt.path[14:]: receipt.state for receipt in summary.receipts}
    assert states == {"rmd-2024-11-03.csv": "loaded", "rmd-2024-11-04.csv": "refused"}
    assert summary.again == []
    assert [path[14:] for path, _, _ in snapshots(desk)] == ["rmd-2024-11-01.csv", "rmd-2024-10-01.csv", "rmd-2024-11-03.csv"]


def test_a_real_shrinking_is_taken_under_a_declaration_of_ones_own(desk: Desk):
    desk.load_one("reference/rmd/rmd-2024-11-01.csv", rmd_cut(100))
    assert desk.load_one("reference/rmd/rmd-2024-11-02.csv", rmd_cut(50)).state == "refused"
    built_in = (Path(__file__).parents[2] / "include/feeds/reference/rmd.yaml").read_text()
    desk.declare("reference/rmd", built_in.replace("smallest_share_of_previous: 0.95", "smallest_share_of_previous: 0.4"))
    assert [(receipt.state, receipt.rows_accepted) for receipt in desk.load("reference").receipts] == [("loaded", 50)]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("customers-2026-11-16.csv", date(2026, 11, 16)),
        ("20261116_customers.csv.gz", date(2026, 11, 16)),
        ("a2026-11-16T06.csv", date(2026, 11, 16)),
        ("job-2026-13-45-of-2026-11-16.csv", date(2026, 11, 16)),
        ("2026-02-30.csv", None),
        ("1202611169.csv", None),
        ("customers.csv", None),
    ],
)
def test_the_date_in_a_name(name: str, found: date | None):
    assert date_in_name(name) == found


def test_without_a_date_a_snapshot_holds_from_its_arrival(desk: Desk):
    before = datetime.now(UTC).date()
    receipt = desk.load_one("reference/dno/2026-11-16/dno.csv", "number\n+1900*\n")
    assert [day for _, _, day in snapshots(desk)] == [None]
    [day] = receipt.rows_by_date
    assert before <= day <= datetime.now(UTC).date()


def test_a_snapshot_that_returns_to_an_older_one_arrives_again(desk: Desk):
    a, b = "number\n+1900*\n", "number\n+1976*\n"
    first = desk.load_one("reference/dno/dno-2026-11-16.csv", a)
    second = desk.load_one("reference/dno/dno-2026-11-18.csv", b)
    desk.put("reference/dno/dno-2026-11-20.csv", a)
    summary = desk.load("reference")
    assert (summary.receipts, summary.dates) == ([], [date(2026, 11, 20)])
    assert snapshots(desk) == [
        ("reference/dno/dno-2026-11-16.csv", first.file, date(2026, 11, 16)),
        ("reference/dno/dno-2026-11-18.csv", second.file, date(2026, 11, 18)),
        ("reference/dno/dno-2026-11-20.csv", first.file, date(2026, 11, 20)),
    ]
    desk.check_books()
    assert desk.load("reference").dates == []


def test_what_explain_reads_is_the_snapshot_of_its_day(desk: Desk):
    """The lake's side of include/lineage, on a list that returned to an older content."""
    a, b = "number\n+1900*\n+1800*\n", "number\n+1976*\n+1900*\n"
    for day, content in ((16, a), (18, b), (20, a)):
        desk.put(f"reference/dno/dno-2026-11-{day}.csv", content)
    first, second = (receipt.file for receipt in desk.load("reference").receipts)
    lake = desk.settings.lake
    files = {"arrivals": str(lake / "arrivals" / "*.parquet"), "receipts": str(lake / "receipts" / "*.parquet")}
    now = {"known_at": datetime.now(UTC)}
    feed = {"feed": "reference/dno"}
    dno = str(lake / "reference" / "dno" / "*.parquet")
    found = {}
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"create table loaded as {known_lake.bound('loaded', receipts=files['receipts'], **now)}")
        connection.execute(f"create table snapshots as {known_lake.bound('snapshots', arrivals=files['arrivals'], **now)}")
        connection.execute("create table attempts as select unnest(['+19005550001', '+18005550001', '+19765550001']) as calling_number")
        for day in (date(2026, 11, n) for n in (15, 16, 18, 19, 20, 21)):
            rows = connection.execute(known_lake.sql("reference_rows").replace("$condition", "number = '+1900*'"), feed | {"files": dno, "day": day})
            rows = [(receipt, line, snapshot.day) for receipt, line, snapshot in rows.fetchall()]
            of_date = connection.execute(known_lake.sql("snapshot_of_date"), feed | {"day": day}).fetchall()
            never = connection.execute(f"select calling_number[3:5] from ({known_lake.bound('never_originating', dno=dno, day=day)}) order by 1").fetchall()
            found[day.day] = (rows, of_date, [area for (area,) in never])
    of_a, of_b = ["800", "900"], ["900", "976"]
    assert found == {
        15: ([], [], of_a),
        16: ([(first, 2, 16)], [(first,)], of_a),
        18: ([(second, 3, 18), (first, 2, 16)], [(second,)], of_b),
        19: ([(second, 3, 18), (first, 2, 16)], [], of_b),
        20: ([(first, 2, 20), (second, 3, 18)], [(first,)], of_a),
        21: ([(first, 2, 20), (second, 3, 18)], [], of_a),
    }


def test_a_snapshot_written_over_its_file_arrives_with_each_content(desk: Desk):
    path, a, b = "reference/dno/dno.csv", "number\n+1900*\n", "number\n+1976*\n"
    first = desk.load_one(path, a)
    desk.put(path, b, modified=1_700_000_000)
    [second] = desk.load("reference").receipts
    desk.put(path, a, modified=1_700_000_001)
    assert desk.load("reference").dates == list(first.rows_by_date)
    assert snapshots(desk) == [(path, first.file, None), (path, second.file, None), (path, first.file, None)]


@pytest.mark.parametrize("table", ["upstreams", "caller_ids", "campaigns", "dno", "enforcement_notices"])
def test_a_header_alone_says_that_there_are_none(desk: Desk, table: str):
    header = ",".join(MINIMAL[table][0]) + "\n"
    receipt = desk.load_one(f"reference/{table}/2026-11-16.csv", header)
    assert (receipt.state, receipt.rows_by_date) == ("loaded", {date(2026, 11, 16): 0})
    assert snapshots(desk) == [(receipt.path, receipt.file, date(2026, 11, 16))]


@pytest.mark.parametrize("table", ["customers", "trunks"])
def test_a_header_alone_is_a_broken_download_of_what_is_never_empty(desk: Desk, table: str):
    receipt = desk.load_one(f"reference/{table}/2026-11-16.csv", ",".join(MINIMAL[table][0]) + "\n")
    assert receipt.state == "refused"
    assert f"set may_be_empty in {table}.yaml" in receipt.reason
    assert snapshots(desk) == []


def test_a_snapshot_whose_every_row_is_rejected_takes_no_others_place(desk: Desk):
    receipt = desk.load_one("reference/dno/2026-11-16.csv", "number\nnone\n")
    assert (receipt.state, len(receipt.rejected)) == ("loaded", 1)
    assert snapshots(desk) == []


def test_a_table_in_the_folder_of_another_does_not_empty_it(desk: Desk):
    text = "customer_id,number\nc1,+1900*\n"  # readable as dno, too
    desk.load_one("reference/caller_ids/2026-11-16.csv", text)
    desk.put("reference/dno/2026-11-17.csv", text)
    summary = desk.load("reference")
    assert (summary.receipts, summary.again, summary.dates) == ([], [], [])
    assert len(snapshots(desk)) == 1


def test_a_table_that_does_not_exist_names_those_that_do(desk: Desk):
    receipt = desk.load_one("reference/customer/a.csv", "customer_id,legal_name,country\nc1,Acme,US\n")
    assert receipt.state == "refused" and "no declaration for feed 'reference/customer'" in receipt.reason


MANIFEST = "file,rows,sha256\nnyc1/a.csv,2,\nb.csv,1," + "0" * 64 + "\n"


@pytest.mark.parametrize("name", ["manifest-2026-11-16.csv", "manifest-20261116.csv.gz", "deeper/manifest-2026-11-16.csv"])
def test_a_manifest_is_what_a_day_must_consist_of(desk: Desk, name: str):
    receipt = desk.load_one(f"cdr/standard/{name}", MANIFEST)
    assert (receipt.kind, receipt.feed, receipt.rows_accepted) == ("manifest", "cdr/standard", 2)
    rows = desk.rows("manifests", "file, rows, sha256")
    assert rows == [{"file": "nyc1/a.csv", "rows": 2, "sha256": None}, {"file": "b.csv", "rows": 1, "sha256": "0" * 64}]
    assert desk.rows("arrivals", "kind, feed, dated_on", "path") == [{"kind": "manifest", "feed": "cdr/standard", "dated_on": date(2026, 11, 16)}]


def test_one_manifest_may_promise_the_same_of_several_days_and_feeds(desk: Desk):
    receipt = desk.load_one("cdr/standard/manifest-2026-11-16.csv", MANIFEST)
    desk.put("cdr/standard/manifest-2026-11-17.csv", MANIFEST)
    desk.put("cdr/asterisk/manifest-2026-11-18.csv", MANIFEST)
    summary = desk.load()
    assert (summary.receipts, summary.dates) == ([], [date(2026, 11, 17), date(2026, 11, 18)])
    assert {(row["feed"], row["dated_on"].day, row["receipt_id"]) for row in desk.rows("arrivals", order="path")} == {
        ("cdr/standard", 16, receipt.file), ("cdr/standard", 17, receipt.file), ("cdr/asterisk", 18, receipt.file),
    }  # fmt: skip
    desk.check_books()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("manifest-today.csv", MANIFEST, "call it manifest-YYYY-MM-DD.csv"),
        ("manifest-2026-11-16.csv", "name,rows\na,1\n", "column file is missing"),
        ("manifest-2026-11-16.csv", "", "the file is empty"),
    ],
)
def test_a_manifest_that_is_none(desk: Desk, name: str, content: str, reason: str):
    receipt = desk.load_one(f"cdr/standard/{name}", content)
    assert (receipt.state, reason in receipt.reason) == ("refused", True)


def test_a_promise_must_be_a_number(desk: Desk):
    receipt = desk.load_one("cdr/standard/manifest-2026-11-16.csv", "file,rows\na.csv,2.5\nb.csv,\nc.csv,3\nc.csv,4\n")
    assert [(row.line, row.field) for row in receipt.rejected] == [(2, "rows"), (3, "rows"), (5, "file")]


def test_a_manifest_is_loaded_after_the_files_it_lists(desk: Desk):
    for name, content in {"a.csv": numbered_calls(1), "manifest-2026-11-16.csv": "file,rows\na.csv,1\n", "z.csv": numbered_calls(2)}.items():
        desk.put(f"cdr/standard/{name}", content)
    assert [receipt.path[13:] for receipt in desk.load().receipts] == ["a.csv", "z.csv", "manifest-2026-11-16.csv"]
