"""Alerts: found by the queries in `sql/kinds/`, raised once for as long as they last, told once by each channel.

The table decides, not memory: of two that find the same at once, one raises it, and a channel is told of it by one at a time.
What is killed between telling and remembering it tells it again.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.alerts import channels
from include.decisions import words
from include.settings import Settings

log = logging.getLogger(__name__)

SQL = Path(__file__).with_name("sql")
KINDS = SQL / "kinds"
"""One query per kind of alert, named like it: gives subject, severity (critical or warning), since and message for `now`."""

LONGEST = 900

# A telephone number as people write it: ten digits of the North American plan, with or without country code, or E.164.
# Not within a word: an id of letters and digits is none.
NUMBER = re.compile(r"(?<![0-9A-Za-z])(?:(?:\+?1[ .-]*)?\(?[2-9]\d{2}[ .)-]*[2-9]\d{2}[ .-]*\d{4}|\+\d{8,15})(?![0-9A-Za-z])")
MARKUP = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", "`": "'", "@": "(at)"})


@dataclass(frozen=True)
class Alert:
    """Something a person is to know of. `subject` tells it from others of its kind; `message` is one line, with what to do."""

    kind: str
    subject: str
    severity: str
    since: datetime
    message: str


def harmless(text: str, longest: int = LONGEST) -> str:
    """One line in which names out of files are neither header, markup, link nor mention, and in which no telephone number stands."""
    return NUMBER.sub("(number)", words.plain(text, longest)).translate(MARKUP).replace("://", ": //")


def sweep(settings: Settings, now: datetime) -> None:
    """Raise what is new, end what is over, and tell what was not told yet.

    RuntimeError, after all of that, names the kinds whose query failed; their alerts stay as they were.
    """
    with psycopg.connect(settings.url("notifier")) as connection:
        failed = raise_found(connection, now)
    deliver(settings, now)
    if failed:
        raise RuntimeError("; ".join(f"include/alerts/sql/kinds/{kind}.sql: {error}" for kind, error in failed.items()))


def raise_found(connection: psycopg.Connection, now: datetime, folder: Path = KINDS) -> dict[str, str]:
    """Make `ops.alerts` say what every kind finds now. Returns what is wrong with the queries that failed, by kind."""
    failed = {}
    with connection.transaction():
        # What another found before, and ended since, is not to be raised again.
        connection.execute("select pg_advisory_xact_lock(hashtext('ops.alerts'))")
        built = connection.execute("select exists (select from ops.processed_days)").fetchone()[0]
        for path in sorted(folder.glob("*.sql")):
            try:
                with connection.transaction():
                    raise_kind(connection, path, now)
            except psycopg.errors.UndefinedTable as error:
                if built:
                    failed[path.stem] = str(error)
                # else there are no marts before the first date is built
            except psycopg.Error as error:
                failed[path.stem] = str(error)
    return failed


def raise_kind(connection: psycopg.Connection, path: Path, now: datetime) -> None:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(path.read_text(encoding="utf-8"), {"now": now}).fetchall()
    found = [Alert(path.stem, harmless(row["subject"], 200), row["severity"], row["since"], row["message"]) for row in rows]
    connection.execute(
        "update ops.alerts set ended_at = %s where kind = %s and ended_at is null and subject <> all(%s)",
        (now, path.stem, [alert.subject for alert in found]),
    )
    for alert in found:
        raise_one(connection, alert, now)


def raise_one(connection: psycopg.Connection, alert: Alert, now: datetime) -> None:
    """Raise an alert, unless it is open already."""
    connection.execute(
        """
        insert into ops.alerts (kind, subject, severity, since, message, raised_at) values (%s, %s, %s, %s, %s, %s)
        on conflict (kind, subject) where ended_at is null do nothing
        """,
        (alert.kind, harmless(alert.subject, 200), alert.severity, alert.since, harmless(alert.message), now),
    )


def end(connection: psycopg.Connection, kind: str, subjects: str, now: datetime) -> None:
    """End the open alerts of a kind whose subject is `subjects` or begins with it and a colon."""
    connection.execute(
        "update ops.alerts set ended_at = %s where kind = %s and ended_at is null and split_part(subject, ': ', 1) = %s",
        (now, kind, harmless(subjects, 200)),
    )


def is_open(connection: psycopg.Connection, kind: str, subjects: str) -> bool:
    """Whether an alert of a kind is open whose subject is `subjects` or begins with it and a colon."""
    return connection.execute(
        "select exists (select from ops.alerts where kind = %s and ended_at is null and split_part(subject, ': ', 1) = %s)",
        (kind, harmless(subjects, 200)),
    ).fetchone()[0]


def deliver(settings: Settings, now: datetime) -> None:
    """Tell every channel what it has not told yet. One that fails is logged, holds up no other, and is tried again next time."""
    for channel in channels.configured(settings):
        try:
            with psycopg.connect(settings.url("notifier")) as connection:
                while deliver_some(connection, channel, now):
                    connection.commit()
        except channels.Failed as error:
            log.warning("alerts were not told by %s, and are told with the next run: %s", channel.name, error)


def deliver_some(connection: psycopg.Connection, channel: channels.Channel, now: datetime) -> int:
    """Tell one channel at most 100 alerts, in one message; returns how many. The caller commits."""
    # Held until it is remembered: whoever comes meanwhile waits, and then finds nothing left to tell.
    connection.execute("select pg_advisory_xact_lock(hashtext('ops.alert_deliveries ' || %s))", (channel.name,))
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(query("undelivered"), {"channel": channel.name, "now": now}).fetchall()
    if found:
        channel.send(found)
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into ops.alert_deliveries (alert_id, channel, delivered_at) values (%s, %s, %s)",
                [(alert["alert_id"], channel.name, datetime.now(UTC)) for alert in found],
            )
    return len(found)


def open_alerts(connection: psycopg.Connection) -> list[dict[str, Any]]:
    """What is open now, the gravest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("open_alerts")).fetchall()


def query(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")
