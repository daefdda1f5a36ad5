"""The demo world's reference tables: who the parties are, as dated snapshots in the landing layout."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import date, datetime, time, timedelta, timezone

from include.demo.numbers import REAL
from include.demo.personas import Cast, Party
from include.demo.traffic import FIRST_LINE, World, regular_numbers

SINCE = date(2025, 3, 1)
"""When everything began that a record does not date itself."""

RMD_COUNTRY = {"US": "United States of America", "CA": "Canada", "GB": "United Kingdom", "MX": "Mexico"}
DNO_KINDS = [("subscriber", "inbound-only line, on request"), ("unused", "never assigned to a subscriber")]


def table(header: str, rows: list[list]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header.split(","))
    writer.writerows([["" if v is None else str(v).lower() if isinstance(v, bool) else v for v in row] for row in rows])
    return out.getvalue().encode()


def frn(party: Party) -> str:
    """A registration number outside the real ranges."""
    return f"99{int(party.id[1:]):08d}"


def rmd_number(party: Party) -> str:
    return f"RMD99{int(party.id[1:]):05d}"


def customers(cast: Cast) -> bytes:
    rows = []
    for p in cast.parties:
        if p.kind == "customer":
            r, number = p.record, p.id[1:]
            onboarded = r.get("onboarded_on", SINCE)
            dialer = r.get("traffic_class", "conversational") != "conversational"
            rows.append(
                [p.id, p.name, r["type"], r.get("country", "US"), onboarded, r.get("traffic_class", "conversational"),
                 onboarded + timedelta(days=9), 40 if dialer else 5, 400 if dialer else 60, r.get("protected", False),
                 None, f"00-000{number}", f"{number} Example Street, Demoville", r.get("payment_ref", f"pay-{number}"),
                 f"voice@{p.id.lower()}.example"]
            )  # fmt: skip
    return table(
        "customer_id,legal_name,customer_type,country,onboarded_on,traffic_class,kyc_verified_on,max_cps,max_concurrent,"
        "protected,parent_id,tax_id,address,payment_ref,contact_email",
        rows,
    )


def upstreams(cast: Cast) -> bytes:
    rows = [
        [p.id, p.name, frn(p), rmd_number(p), p.record.get("country", "US"), p.record["role"], SINCE,
         p.record.get("traceback_terms", True), p.record.get("us_caller_id_recourse", False), None]
        for p in cast.parties
        if p.kind == "upstream"
    ]  # fmt: skip
    header = "upstream_id,legal_name,frn,rmd_number,country,role,onboarded_on,traceback_terms,us_caller_id_recourse,parent_id"
    return table(header, rows)


def trunks(cast: Cast, switches: tuple[str, ...]) -> bytes:
    ours = [
        [p.trunk(s), s, p.kind, p.id, p.record.get("onboarded_on", SINCE), None] for p in cast.parties for s in p.switches
    ]
    carriers = [[f"{d['id'].lower()}-{s}", s, "downstream", d["id"], SINCE, None] for d in cast.downstreams for s in switches]
    return table("trunk,switch_id,party_kind,party_id,valid_from,valid_to", ours + carriers)


def caller_ids(cast: Cast, world: World) -> bytes:
    rows = []
    for p in cast.parties:
        if p.kind == "customer":
            since = p.record.get("onboarded_on", SINCE)
            rows.append([p.id, f"+{world.blocks[p.id] // 100}*", True, since, None])
            for habit, _ in p.traffic:
                if habit.callers["kind"] in ("canadian", "leased"):
                    rows += [[p.id, f"+{n}", False, since, None] for n in dict.fromkeys(regular_numbers(habit, p, world).tolist())]
    return table("customer_id,number,assigned_by_us,valid_from,valid_to", rows)


def campaigns(cast: Cast, world: World) -> bytes:
    rows = []
    for p in cast.parties:
        line = world.blocks.get(p.id, 0) + FIRST_LINE
        for campaign in p.record.get("campaigns", ()):
            for _ in range(campaign["numbers"]):
                rows.append([p.id, campaign["campaign"], campaign["purpose"], f"+{line}", SINCE, None])
                line += 1
    return table("customer_id,campaign,purpose,calling_number,valid_from,valid_to", rows)


def do_not_originate(world: World) -> bytes:
    """Most numbers one by one; every fourth stands for its whole thousand."""
    rows = []
    for k, number in enumerate(world.dno):
        category, source = DNO_KINDS[k % 4 == 0]
        rows.append([f"+{number // 1000}*" if k % 4 == 0 else f"+{number}", category, source, SINCE])
    return table("number,category,source,valid_from", rows)


def enforcement_notices(cast: Cast, first_day: date, days: int) -> dict[date, bytes]:
    """Snapshots by date: an empty list on the first day, then one per day on which a notice comes in."""
    header = "notice_id,authority,kind,party_kind,party_id,received_at,due_at"
    by_day: dict[date, list] = {first_day: []}
    named = [p for p in cast.parties if "enforcement" in p.record]
    for p in sorted(named, key=lambda p: cast.event_day(p.record["enforcement"]["from"], first_day, days)):
        told = p.record["enforcement"]
        day = cast.event_day(told["from"], first_day, days)
        received = datetime.combine(day, time(15, 0), timezone.utc)
        due = received + timedelta(hours=48)
        before = by_day[max(by_day)]
        row = [f"EN-{day:%Y%m%d}-{p.id}", told["authority"], told["kind"], p.kind, p.id, received.isoformat(), due.isoformat()]
        by_day[day] = [*before, row]
    return {day: table(header, rows) for day, rows in by_day.items()}


def real(name: str) -> bytes:
    """One of the bundled public files, as published."""
    return gzip.decompress((REAL / f"{name}.gz").read_bytes())


def rmd(cast: Cast, without: str = "") -> bytes:
    """The FCC's real listing, then the demo's fictional filers but for those with `rmd:` never or `without`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    filers = [p for p in cast.parties if p.kind == "upstream" and p.record.get("rmd") not in ("never", without or "never")]
    for k, p in enumerate(filers):
        country, role = p.record.get("country", "US"), p.record["role"]
        writer.writerow(
            [90_000 + k, rmd_number(p), frn(p), p.name, f"{p.id[1:]} Example Avenue Demoville", "No" if country == "US" else "Yes",
             RMD_COUNTRY[country], "", "", "", "Yes", "Yes" if role == "originating" else "No",
             "Yes" if role == "gateway" else "No", "Yes" if role == "intermediate" else "No", "2026-02-20",
             f"https://rmd.example/?sys_id={int(p.id[1:]):032x}"]
        )  # fmt: skip
    return real("rmd-final_2024.csv") + out.getvalue().encode()


def files(cast: Cast, world: World, first_day: date, days: int, switches: tuple[str, ...]) -> dict[str, bytes]:
    """Landing path -> content of every reference file; contents of names in `.gz` are not yet compressed."""
    plain = {
        "customers": customers(cast),
        "upstreams": upstreams(cast),
        "trunks": trunks(cast, switches),
        "caller_ids": caller_ids(cast, world),
        "campaigns": campaigns(cast, world),
        "dno": do_not_originate(world),
    }
    removal = cast.event_day("removed_from_rmd", first_day, days)
    return {
        **{f"reference/{name}/{name}-{first_day}.csv": content for name, content in plain.items()},
        **{
            f"reference/enforcement_notices/enforcement_notices-{day}.csv": content
            for day, content in enforcement_notices(cast, first_day, days).items()
        },
        f"reference/rmd/rmd-{first_day}.csv.gz": rmd(cast),
        f"reference/rmd/rmd-{removal}.csv.gz": rmd(cast, without="removed"),
        "reference/nanp/npa_report_2020-03-04.csv": real("npa_report_2020-03-04.csv"),
    }
