"""What came of a service date, for an 80-column terminal. Figures and words; no telephone number ever."""

from __future__ import annotations

import textwrap
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.decisions import ledger, words
from include.platform import airflow
from include.settings import Settings
from include.text import visible_lines

WIDTH = 80
SQL = Path(__file__).with_name("sql")
VERDICTS = ("SUSPEND", "RESTRICT", "HOLD", "MONITOR", "NO_ACTION")

REVIEWS = {"open": "waits for a person", "escalated": "escalated, waits for a person", "approve": "approved", "reject": "rejected"}

Row = dict[str, Any]


def rows(connection: psycopg.Connection, name: str, day: date) -> list[Row]:
    """The rows of one of the queries in `sql/` for a service date."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute((SQL / f"{name}.sql").read_text(encoding="utf-8"), {"day": day}).fetchall()


def outcome(settings: Settings, day: date) -> str:
    """One line: how many parties got which verdict, or why there is nobody to judge; below it the feeds that are not complete."""
    with psycopg.connect(settings.url("auditor")) as connection:
        found = rows(connection, "outcome", day)[0]
    verdicts = ", ".join(f"{found['verdicts'][verdict]} {verdict}" for verdict in VERDICTS if verdict in found["verdicts"])
    feeds = "".join(f"\n{wrapped(f'{feed} {status}: {reason}', '           ')}" for feed, status, reason in found["feeds"])
    return (verdicts or "HOLD for everyone: no customer and no upstream is known") + feeds


def risk_tables(found: list[Row]) -> str:
    """Both risk tables, worst first."""
    parts = []
    for kind, last in (("customer", "cmpl"), ("upstream", "RMD")):
        mine = [row for row in found if row["party_kind"] == kind]
        counted = Counter(row["recommendation"] for row in mine)
        summary = ", ".join(f"{counted[verdict]} {verdict}" for verdict in VERDICTS if counted[verdict])
        parts.append(f"{kind.capitalize()}s: {summary or 'none'}")
        parts.append(f"{'id':<6}{'name':<19}{'verdict':<10}{'reasons':<17}{'attempts':>8}{'ASR':>5}{'<=6s':>6} {last}")
        for row in mine:
            first, *others = row["reason_codes"] or ["-"]
            more = f" +{len(others)}" if others else ""
            reasons = shortened(first, 16 - len(more)) + more
            tail = row["rmd_status"] if kind == "upstream" else row["complaints_matched"]
            parts.append(
                f"{shortened(row['party_id'], 5):<6}{shortened(row['legal_name'], 18):<19}{row['recommendation']:<10}{reasons:<17}"
                f"{volume(row['attempts']):>8}{percent(row['asr']):>5}{percent(row['share_le_6s']):>6} {tail}"
            )
        parts.append("")
    return "\n".join(parts)


def reasons_in_words(found: list[Row], catalogue: words.Catalogue) -> str:
    """Each SUSPEND and RESTRICT with its reasons, how its review stands and how to have it explained."""
    parts = []
    for verdict in ("SUSPEND", "RESTRICT"):
        for row in found:
            payload = row["payload"]
            if payload["recommendation"] != verdict:
                continue
            review = REVIEWS[row["review"]] + (f" by {row['reviewer']}" if row["reviewer"] else "")
            parts.append(wrapped(f"{verdict} {row['party_kind']} {row['party_id']} {payload['legal_name']}: {review}", "  ", ""))
            parts += [wrapped(sentence, "    ", "  - ") for sentence in words.reasons(payload, catalogue)]
            parts.append(f"    make explain ID={row['recommendation_id']}")
    return "\n".join(parts)


def holds(found: list[Row]) -> str:
    """Who is on HOLD, and why."""
    return "\n".join(
        f"{wrapped(', '.join(row['party_ids']), '  ')}\n" + "\n".join(wrapped(reason, "    ", "  - ") for reason in row["data_reasons"])
        for row in found
    )


def overridden(found: list[Row]) -> str:
    """Which failed checks a person let pass, and why."""
    return "\n".join(wrapped(row["told"] + (f" ({', '.join(row['feeds'])})" if row["feeds"] else ""), "    ", "  - ") for row in found)


def full(settings: Settings, day: date) -> str:
    """The whole report of a service date, as the auditor may read it."""
    with psycopg.connect(settings.url("auditor")) as connection:
        held = rows(connection, "holds", day)
        sections = [
            (f"RISK ON {day} (UTC)", risk_tables(rows(connection, "risk_table", day))),
            ("RECOMMENDED, AND WHY", reasons_in_words(rows(connection, "recommendations", day), ledger.catalogue(connection))),
            ("ON HOLD: NO VERDICT, BECAUSE DATA ARE MISSING", holds(held)),
            ("OVERRIDDEN: A CHECK FAILED, AND A PERSON LET IT PASS", overridden(rows(connection, "overrides", day))),
        ]
    return visible_lines("\n\n".join(f"{title}\n{'-' * len(title)}\n{text.rstrip()}" for title, text in sections if text))


def notices(settings: Settings) -> str:
    """The notices that wait for an answer, newest first: what the search came to, and what may be answered."""
    with psycopg.connect(settings.url("auditor"), row_factory=dict_row) as connection:
        found = connection.execute((SQL / "notices.sql").read_text(encoding="utf-8")).fetchall()
    parts = [f"NOTICES WITHOUT AN ANSWER: {len(found) or 'none'}"]
    for row in found:
        party = f" {row['party_kind']} {row['party_id']}" if row["party_id"] else ""
        line = f", {row['source_file']} line {row['source_line']}" if row["source_file"] else ""
        parts += [
            "",
            wrapped(f"{row['traceback_id']}: {row['state']}{party}, due {row['due_at']:%Y-%m-%d %H:%M} UTC{line}", "  ", ""),
            *([wrapped(f"It recurs: {row['recurrence']}", "    ", "  ")] if row["recurrence"] else []),
            *(wrapped(sentence, "    ", "  | ") for sentence in row["answer_draft"].splitlines()),
        ]
    return visible_lines("\n".join(parts))


def where_to_look(settings: Settings) -> str:
    """Addresses and commands to go on with."""
    return "\n".join(
        [
            "WHERE TO LOOK",
            "-------------",
            f"Reviews and runs  http://127.0.0.1:{settings.airflow_port}  (as {', '.join(airflow.users(settings))};",
            f"                  passwords: {settings.secrets / airflow.PASSWORDS})",
            "Risk tables       psql \"$(make warehouse-url)\", schema marts",
            "Why and whence    make explain ID=<recommendation_id>",
            "Ledger, receipts  make verify",
            f"Gates, run by run {settings.data_docs / 'index.html'}",
            f"Landing folder    {settings.landing}",
            "Stop              make down",
        ]
    )


def wrapped(text: str, indent: str, first: str | None = None) -> str:
    return textwrap.fill(text, WIDTH - 1, initial_indent=indent if first is None else first, subsequent_indent=indent, break_on_hyphens=False)


def shortened(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def volume(count: int) -> str:
    """A count in at most 8 characters."""
    if count < 1_000_000:
        return f"{count:,}"
    return f"{count / 1e6:,.1f}M" if count < 10_000_000_000 else f"{count / 1e6:,.0f}M"


def percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.0f}%"
