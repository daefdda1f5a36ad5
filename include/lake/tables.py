"""The lake's tables: their columns, their folders, and how a receipt's rows get into them.

Every table is a folder of Parquet files. Dated tables have one sub-folder per UTC service date
(`service_date=YYYY-MM-DD`). Every load writes files of its own, named by its receipt id (the SHA-256 of
the landing file), so loading twice writes the same file. A file counts only once its receipt stands in
`receipts/`: that file is written last, and readers join on it. `arrivals/` says when which receipt's bytes
arrived, and for which date.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

TEXT, INT, BIGINT, DATE, BOOL = pa.string(), pa.int32(), pa.int64(), pa.date32(), pa.bool_()
INSTANT = pa.timestamp("us")  # always UTC; DuckDB, Spark and PostgreSQL read a plain timestamp alike

# Who wrote the row: the landing file's SHA-256 and the 1-based physical line, headers counted.
PROVENANCE = [("receipt_id", TEXT), ("source_line", INT)]

# Numbers stand three times: as sent, as E.164 (null where there is none), and their class, one of
# valid_us, valid_non_us, invalid, anonymous, missing, unparseable; of complaints also placeholder.
CALLS = [
    *PROVENANCE,
    ("feed", TEXT),
    ("record_kind", TEXT),  # stop, attempt: a finished attempt; start, interim: one that goes on; other: no call
    ("call_id", TEXT),
    ("attempt", INT),
    ("switch_id", TEXT),
    ("start_at", INSTANT),
    ("answer_at", INSTANT),
    ("end_at", INSTANT),
    ("zone_as_sent", TEXT),
    ("stated_ms", BIGINT),  # talk time as the switch states it; ours is end - answer
    ("ingress_trunk", TEXT),
    ("egress_trunk", TEXT),
    ("source_ip", TEXT),
    ("calling_raw", TEXT),
    ("calling_number", TEXT),
    ("calling_class", TEXT),
    ("asserted_raw", TEXT),
    ("asserted_number", TEXT),
    ("called_raw", TEXT),
    ("called_number", TEXT),
    ("called_class", TEXT),
    ("sip_code", INT),
    ("release_party", TEXT),  # caller, called, network
    ("attestation", TEXT),  # received: A, B, C, null = unsigned
    ("attestation_sent", TEXT),  # what our switch signed on the way out; null = nothing, or not recorded
    ("verstat", TEXT),
    ("signer", TEXT),
    ("orig_id", TEXT),
    ("flags", TEXT),  # ambiguous_hour, duration_mismatch, plus_without_country_code; comma-separated, null where none
    ("key_hash", pa.uint64()),  # of what tells it apart: switch, call, attempt, and the kind of what is no finished attempt
]

COMPLAINTS = [
    *PROVENANCE,
    ("feed", TEXT),
    ("source", TEXT),  # whose desk took it: own_desk, ftc, fcc; consumers file with several, so they are never added up unsaid
    ("complaint_id", TEXT),
    ("source_record_id", TEXT),  # the id that the source gave it, where that is no key: it changes when a day is loaded again
    ("received_at", INSTANT),
    ("call_at", INSTANT),
    ("call_time_known", BOOL),  # false where only the date of the call is known
    ("call_quality", TEXT),  # ok, after_report, over_two_years_before, missing
    ("zone_as_sent", TEXT),
    ("zone_assumed", BOOL),  # the source does not say its zone
    ("calling_raw", TEXT),
    ("calling_number", TEXT),
    ("calling_class", TEXT),
    ("called_raw", TEXT),
    ("called_number", TEXT),
    ("called_area_code", TEXT),
    ("callback_raw", TEXT),
    ("callback_number", TEXT),
    ("topic", TEXT),
    ("call_type", TEXT),  # prerecorded, autodialed_live, live, abandoned, text, other; null = not said
    ("recorded_message", BOOL),  # null = the consumer did not say
    ("consumer_state", TEXT),
]

NOTICES = [
    *PROVENANCE,
    ("feed", TEXT),
    ("traceback_id", TEXT),
    ("requester", TEXT),
    ("received_at", INSTANT),
    ("call_at", INSTANT),
    ("call_precision_seconds", INT),  # 1 where seconds were given, 60 where only the minute, 86400 where only the date
    ("zone_as_sent", TEXT),
    ("zone_assumed", BOOL),  # the source does not say its zone
    ("calling_raw", TEXT),
    ("calling_number", TEXT),
    ("called_raw", TEXT),
    ("called_number", TEXT),
    ("campaign", TEXT),
    ("violation_class", TEXT),
    ("description", TEXT),
    ("downstream_provider", TEXT),
    ("sip_call_id", TEXT),
    ("recording_url", TEXT),
]

RECEIPTS = [
    ("receipt_id", TEXT),
    ("path", TEXT),  # relative to the landing folder, as first seen
    ("kind", TEXT),  # cdr, manifest, complaints, tracebacks, reference
    ("feed", TEXT),
    ("state", TEXT),  # loaded, partial, refused
    ("rows_read", BIGINT),
    ("rows_accepted", BIGINT),
    ("rows_rejected", BIGINT),
    ("rows_duplicate", BIGINT),
    ("loaded_at", INSTANT),
]

# Which bytes arrived where and when. A receipt stands for bytes, and the same bytes may say something new under
# another path: that a second day had no complaints, that a registry is again what it was. One row, in a file of its
# own, per landing path and content it was given.
ARRIVALS = [
    ("path", TEXT),  # relative to the landing folder
    ("receipt_id", TEXT),
    ("kind", TEXT),
    ("feed", TEXT),  # whose folder it lies in
    ("dated_on", DATE),  # the date that the path carries, null where it carries none; of calls that are all of other dates, and known, one of those
    ("arrived_at", INSTANT),
]

# What a manifest promises, of each feed and date that it arrived for: one row per listed file.
MANIFESTS = [
    *PROVENANCE,
    ("file", TEXT),
    ("rows", BIGINT),
    ("sha256", TEXT),
]

# Rows of calls that readers leave out: replaced by a newer row with the same key and other content, or said again.
SUPERSEDED = [
    ("verdict", TEXT),  # superseded, duplicate
    ("receipt_id", TEXT),  # whose row it is
    ("source_line", INT),
    ("service_date", DATE),
    ("by_receipt_id", TEXT),
    ("by_source_line", INT),
]

# What feeds are declared to bring for every day; one file, written anew before each build.
DELIVERIES = [
    ("feed", TEXT),
    ("expected_files", BIGINT),  # null where only switches are declared
    ("switches", pa.list_(TEXT)),
    ("due_minutes", INT),  # after the end of the service date
    ("calendar", TEXT),  # us_federal: no file is published on weekends and federal holidays
]

REFERENCE = {
    "customers": [
        ("customer_id", TEXT), ("legal_name", TEXT), ("customer_type", TEXT), ("country", TEXT), ("onboarded_on", DATE),
        ("traffic_class", TEXT), ("kyc_verified_on", DATE), ("max_cps", INT), ("max_concurrent", INT), ("protected", BOOL),
        ("parent_id", TEXT), ("tax_id", TEXT), ("address", TEXT), ("payment_ref", TEXT), ("contact_email", TEXT),
    ],
    "upstreams": [
        ("upstream_id", TEXT), ("legal_name", TEXT), ("frn", TEXT), ("rmd_number", TEXT), ("country", TEXT), ("role", TEXT),
        ("onboarded_on", DATE), ("traceback_terms", BOOL), ("us_caller_id_recourse", BOOL), ("parent_id", TEXT),
    ],
    "trunks": [
        ("trunk", TEXT), ("switch_id", TEXT), ("party_kind", TEXT), ("party_id", TEXT), ("valid_from", DATE), ("valid_to", DATE),
    ],
    "caller_ids": [
        ("customer_id", TEXT), ("number", TEXT), ("assigned_by_us", BOOL), ("valid_from", DATE), ("valid_to", DATE),
    ],
    "campaigns": [
        ("customer_id", TEXT), ("campaign", TEXT), ("purpose", TEXT), ("calling_number", TEXT), ("valid_from", DATE), ("valid_to", DATE),
    ],
    "dno": [("number", TEXT), ("category", TEXT), ("source", TEXT), ("valid_from", DATE)],
    "enforcement_notices": [
        ("notice_id", TEXT), ("authority", TEXT), ("kind", TEXT), ("party_kind", TEXT), ("party_id", TEXT),
        ("received_at", INSTANT), ("due_at", INSTANT),
    ],
    "upstream_answers": [
        ("traceback_id", TEXT), ("upstream_id", TEXT), ("asked_at", INSTANT), ("answered_at", INSTANT), ("source_kind", TEXT),
        ("source_name", TEXT), ("source_action", TEXT),
    ],
    "rmd": [
        ("rmd_number", TEXT), ("frn", TEXT), ("business_name", TEXT), ("foreign_voice_provider", BOOL), ("country", TEXT),
        ("implementation", TEXT), ("voice_service_provider", BOOL), ("gateway_provider", BOOL), ("intermediate_provider", BOOL),
        ("last_updated", DATE), ("last_recertified", DATE), ("other_frns", TEXT),
    ],
    "form499": [
        ("form_499_id", TEXT), ("frn", TEXT), ("legal_name", TEXT), ("doing_business_as", TEXT), ("trade_names", TEXT),
        ("principal_communications_type", TEXT), ("holding_company", TEXT), ("usf_contributor", BOOL),
        ("registration_current_as_of", DATE), ("start_date", DATE), ("end_date", DATE), ("states", TEXT),
    ],
    "co_codes": [
        ("npa", TEXT), ("nxx", TEXT), ("ocn", TEXT), ("company", TEXT), ("rate_center", TEXT), ("state", TEXT), ("status", TEXT),
        ("effective_date", DATE),
    ],
    "thousands_blocks": [
        ("npa", TEXT), ("nxx", TEXT), ("x", TEXT), ("status", TEXT), ("contaminated", BOOL), ("code_holder", TEXT),
        ("assigned_to", TEXT), ("ocn", TEXT), ("rate_center", TEXT), ("state", TEXT), ("effective_date", DATE),
    ],
    "nanp": [
        ("npa", TEXT), ("type_of_code", TEXT), ("assigned", BOOL), ("in_service", BOOL), ("in_service_on", DATE), ("use", TEXT),
        ("location", TEXT), ("country", TEXT), ("time_zone", TEXT),
    ],
}

DATED = {"calls": CALLS, "complaints": COMPLAINTS, "notices": NOTICES}
UNDATED = {
    "receipts": RECEIPTS,
    "arrivals": ARRIVALS,
    "manifests": MANIFESTS,
    "superseded": SUPERSEDED,
    "deliveries": DELIVERIES,
    **{f"reference/{name}": PROVENANCE + columns for name, columns in REFERENCE.items()},
}


def schema(table: str) -> pa.Schema:
    """The Arrow schema of a lake table, without the partition column of dated tables."""
    return pa.schema({**DATED, **UNDATED}[table])


def file_of(lake: Path, table: str, receipt_id: str, day: date | None = None, piece: int | None = None) -> Path:
    """Where a receipt's rows of `table` stand; dated tables need the service date, calls the piece of the landing file too."""
    folder = lake / table / f"service_date={day}" if table in DATED else lake / table
    return folder / (f"{receipt_id}.parquet" if piece is None else f"{receipt_id}-{piece:05d}.parquet")


def receipt_of(path: Path) -> str:
    """Whose rows a file of a table holds."""
    return path.stem.partition("-")[0]


def forget(lake: Path, table: str, receipt_ids: set[str]) -> None:
    """Remove what a load that was cut short left of receipts: done again, it may write other days, or none."""
    for left in (lake / table).glob("service_date=*/*.parquet" if table in DATED else "*.parquet"):
        if receipt_of(left) in receipt_ids:
            left.unlink()


def create(lake: Path) -> None:
    """Make every table readable while still empty: a file without rows carries its columns. Safe to repeat."""
    lake.mkdir(mode=0o700, parents=True, exist_ok=True)  # call records are for nobody else
    for table in (*DATED, *UNDATED):
        empty = file_of(lake, table, "schema", date(1970, 1, 1))
        if not empty.exists() or pq.read_schema(empty) != schema(table):
            write(empty, schema(table).empty_table())


def write(path: Path, rows: pa.Table) -> None:
    """Write a Parquet file that is either there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    pq.write_table(rows, unfinished, compression="zstd")
    os.replace(unfinished, path)
