"""A made-up provider that lives the same day again and again: whatever differs between two service dates is the fault's doing.

Calls are few and plain, so that every figure of a date is known: offices that nobody minds, a customer with short calls
(RESTRICT), providers in the registry, and one that is not in it (SUSPEND, by evidence alone).
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zlib import crc32
from zoneinfo import ZoneInfo

from include.ingest import declarations

STANDARD, SOUTH, WEST = "cdr/standard", "cdr/south", "cdr/west"
FEED_OF = {
    "nyc1": STANDARD, "dal1": STANDARD, "den1": WEST, "atl1": SOUTH, "mia1": SOUTH, "bos1": STANDARD, "chi1": STANDARD, "slc1": WEST,
}  # fmt: skip
WITH_MANIFEST = (STANDARD, SOUTH)
"""Of the west's feed the declaration alone says what a date consists of."""
EASTERN, CENTRAL, MOUNTAIN = (ZoneInfo(f"America/{city}") for city in ("New_York", "Chicago", "Denver"))
ZONE_OF = {
    "nyc1": EASTERN, "dal1": CENTRAL, "den1": MOUNTAIN, "atl1": EASTERN, "mia1": EASTERN, "bos1": EASTERN, "chi1": CENTRAL, "slc1": MOUNTAIN,
}  # fmt: skip
NPA_OF = {"nyc1": 212, "dal1": 214, "den1": 303, "atl1": 404, "mia1": 305, "bos1": 617, "chi1": 312, "slc1": 801}
FAR_AWAY = (206, 253, 408, 415, 503, 602, 702, 713, 803, 813, 904, 919)

FILE_HOURS = (0, 6, 12, 18)
SINCE = "2025-03-01"

COLUMNS = (
    "call_id,attempt,switch_id,start_time,answer_time,end_time,ingress_trunk,egress_trunk,source_ip,calling_number,"
    "asserted_number,called_number,sip_code,release_party,attestation,verstat,signer,orig_id"
).split(",")


@dataclass(frozen=True)
class Party:
    kind: str
    id: str
    switches: tuple[str, ...]
    verdict: str = "NO_ACTION"
    """What the rules say of it on every date whose data are complete."""
    calls_an_hour: int = 4
    """On each of its switches."""

    def trunk(self, switch: str) -> str:
        return f"{self.id.lower()}-{switch}"

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.id


PARTIES = (
    *(Party("customer", f"C{series}0{n}", (switch,)) for series, switch in enumerate(FEED_OF, start=1) for n in range(1, 7)),
    Party("customer", "C901", ("nyc1", "den1")),
    Party("customer", "C209", ("dal1",), "RESTRICT", calls_an_hour=8),
    *(Party("upstream", f"U{series}01", (switch,)) for series, switch in enumerate(FEED_OF, start=1)),
    Party("upstream", "U109", ("nyc1",), "SUSPEND"),
)
CLEAN = {party.key: party.verdict for party in PARTIES}
NOT_IN_THE_REGISTRY = {"U109"}

ROWS_OF_FILE = {switch: 6 * sum(party.calls_an_hour for party in PARTIES if switch in party.switches) for switch in FEED_OF}
"""Every file of a switch holds so many calls, on every date."""
CALLS = 4 * sum(ROWS_OF_FILE.values())
"""Of all switches on a date."""


def calls(day: date, switch: str, hours: Iterable[int]) -> list[dict[str, str]]:
    """The calls of a switch that begin, and end, in these hours of a UTC date, in the order of their begin."""
    rows = [
        call(party, switch, datetime.combine(day, time(hour), UTC), number)
        for hour in hours
        for party in PARTIES
        if switch in party.switches
        for number in range(party.calls_an_hour)
    ]
    return sorted(rows, key=lambda row: (row["start_at"], row["call_id"]))


def call(party: Party, switch: str, hour: datetime, number: int) -> dict[str, str]:
    luck = crc32(f"{party.id} {switch} {hour.hour} {number}".encode())
    start = hour + timedelta(minutes=number * 60 // party.calls_an_hour, seconds=luck % 180)
    answered = number % 4 != 3
    short = party.verdict == "RESTRICT" and number % 4 < 2
    answer = start + timedelta(seconds=8)
    end = answer + timedelta(seconds=3 if short else 150 + luck % 90) if answered else start + timedelta(seconds=20)
    npa, exchange = NPA_OF[switch], 230 + PARTIES.index(party)
    return {
        "call_id": f"{party.id}-{hour:%Y%m%d%H}-{number}@{switch}",
        "attempt": "1",
        "switch_id": switch,
        "start_at": start.isoformat(),
        "start_time": told(start, switch),
        "answer_time": told(answer, switch) if answered else "",
        "end_time": told(end, switch),
        "ingress_trunk": party.trunk(switch),
        "egress_trunk": f"d900-{switch}",
        "source_ip": "192.0.2.7",
        "calling_number": f"+1{npa}{exchange}{100 + luck % 40:04d}",
        "asserted_number": "",
        "called_number": f"+1{FAR_AWAY[luck % 12]}{300 + luck % 200:03d}{luck // 7 % 10000:04d}",
        "sip_code": "200" if answered else "486",
        "release_party": "caller" if answered else "called",
        "attestation": "A",
        "verstat": "TN-Validation-Passed-A",
        "signer": "SHAKEN 709J",
        "orig_id": "",
    }


def told(instant: datetime, switch: str) -> str:
    """As the switch writes it: with its offset, but for the west, which writes local time and does not say so."""
    local = instant.astimezone(ZONE_OF[switch])
    return local.isoformat() if FEED_OF[switch] != WEST else f"{local:%Y-%m-%d %H:%M:%S}"


def table(columns: list[str] | str, rows: Iterable[dict[str, str] | list]) -> bytes:
    columns = columns.split(",") if isinstance(columns, str) else columns
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row[column] for column in columns] if isinstance(row, dict) else row for row in rows)
    return out.getvalue().encode()


def call_file(switch: str, hour: int) -> str:
    """Where the file of the six hours from `hour` on lies; `{day}` stands for the date."""
    return f"{FEED_OF[switch]}/{switch}/{switch}-{{day}}T{hour:02d}.csv{'.gz' if switch in ('dal1', 'chi1') else ''}"


def packed(path: str, content: bytes) -> bytes:
    return gzip.compress(content, mtime=0) if path.endswith(".gz") else content


def files_of(day: date) -> dict[str, bytes]:
    """Every file of a date as it should come, by its path in the landing folder."""
    files = {}
    for switch in FEED_OF:
        for hour in FILE_HOURS:
            path = call_file(switch, hour).format(day=day)
            files[path] = packed(path, table(COLUMNS, calls(day, switch, range(hour, hour + 6))))
    files |= {f"{feed}/manifest-{day}.csv": manifest(feed, files) for feed in WITH_MANIFEST}
    desk = [[f"{day}-{n}", f"{day}T1{n}:00:00Z", str(day), f"+1509555010{n}", "+15095550199", "", "other", "", "WA", ""] for n in range(6)]
    files[f"complaints/standard/desk-{day}.csv"] = table(
        "complaint_id,received_at,call_at,calling_number,called_number,callback_number,topic,recorded_message,consumer_state,text", desk
    )
    files[f"tracebacks/standard/notices-{day}.csv"] = table(NOTICE_COLUMNS, [])
    registry = f"reference/rmd/rmd-{day}.csv"  # to be fetched every day
    return files | {registry: reference(day)[registry]}


NOTICE_COLUMNS = "traceback_id,requester,received_at,call_at,calling_number,called_number,violation_class"


def manifest(feed: str, files: dict[str, bytes]) -> bytes:
    """What a feed's files of a date are, with their rows and nothing of their bytes: a sender seldom gives more."""
    listed = [path for path in files if path.startswith(f"{feed}/")]
    return table("file,rows,sha256", [[path.removeprefix(f"{feed}/"), ROWS_OF_FILE[path.split("/")[2]], ""] for path in listed])


def reference(day: date, names: dict[str, str] | None = None, more_trunks: Iterable[list] = (), closed: dict[str, str] | None = None) -> dict[str, bytes]:
    """Every snapshot of reference data, dated; `names` are customers' new names, `closed` trunks' last days."""
    customers = [
        [p.id, (names or {}).get(p.id, f"{p.id} Example Ltd"), "enterprise", "US", SINCE, "conversational", SINCE, 5, 60, "false", "",
         f"00-{p.id}", f"{p.id} Example Street", f"pay-{p.id}", f"voice@{p.id.lower()}.example"]
        for p in PARTIES if p.kind == "customer"
    ]  # fmt: skip
    upstreams = [p for p in PARTIES if p.kind == "upstream"]
    trunks = [[p.trunk(s), s, p.kind, p.id, SINCE, (closed or {}).get(p.trunk(s), "")] for p in PARTIES for s in p.switches]
    carriers = [[f"d900-{s}", s, "downstream", "D900", SINCE, ""] for s in FEED_OF]
    numbers = [[p.id, f"+1{NPA_OF[s]}{230 + PARTIES.index(p)}*", "true", SINCE, ""] for p in PARTIES if p.kind == "customer" for s in p.switches]
    filings = [[f"RMD99{n:05d}", f"99{n:08d}", f"Filer {n}"] for n in range(300, 350)]
    filings += [[rmd_number(p), frn(p), f"{p.id} Example Telecom"] for p in upstreams if p.id not in NOT_IN_THE_REGISTRY]
    content = {
        "customers": table(
            "customer_id,legal_name,customer_type,country,onboarded_on,traffic_class,kyc_verified_on,max_cps,max_concurrent,protected,parent_id,"
            "tax_id,address,payment_ref,contact_email", customers
        ),
        "upstreams": table(
            "upstream_id,legal_name,frn,rmd_number,country,role,onboarded_on,traceback_terms,us_caller_id_recourse,parent_id",
            [[p.id, f"{p.id} Example Telecom", frn(p), rmd_number(p), "US", "originating", SINCE, "true", "true", ""] for p in upstreams],
        ),
        "trunks": table("trunk,switch_id,party_kind,party_id,valid_from,valid_to", [*trunks, *carriers, *more_trunks]),
        "caller_ids": table("customer_id,number,assigned_by_us,valid_from,valid_to", numbers),
        "rmd": table(
            "index,number,frn,business_name,business_address,foreign_voice_provider,country,other_frns,other_dba_names,previous_dba_names,"
            "implementation,voice_service_provider_choice,gateway_provider_choice,intermediate_provider_choice,last_updated,filing_url",
            [[n, number, frn, name, "1 Example Street", "No", "United States of America", "", "", "", "Yes", "Yes", "No", "No", "2026-02-20", ""]
             for n, (number, frn, name) in enumerate(filings)],
        ),
    }  # fmt: skip
    return {f"reference/{name}/{name}-{day}.csv": text for name, text in content.items()}


def frn(party: Party) -> str:
    return f"99{int(party.id[1:]):08d}"


def rmd_number(party: Party) -> str:
    return f"RMD99{int(party.id[1:]):05d}"


def declarations_of_its_own() -> dict[str, str]:
    """The south's layout is the standard one; so is the west's, but for local times and what a date consists of."""
    standard = (declarations.BUILT_IN / "cdr/standard.yaml").read_text()
    local = 'format: "%Y-%m-%d %H:%M:%S"\n  zone: America/Denver'
    return {
        "cdr/south.yaml": standard,
        "cdr/west.yaml": standard.replace("format: iso8601", local) + "delivery:\n  files_per_day: 8\n  switches: [den1, slc1]\n",
    }
