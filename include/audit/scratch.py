"""A place of its own in which a past date is built again: a database beside the warehouse, and a lake that shares the files of calls.

One at a time has it; what an earlier one left is removed first. Nothing of the warehouse or the lake is ever written from here.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from include.audit import plan
from include.audit.plan import Build
from include.lake import build as building
from include.lake import dbt, publish, tables
from include.platform import migrations, roles
from include.settings import Settings

SQL = Path(__file__).with_name("sql")
SUFFIX = "_audit"

LOOKED_BACK = timedelta(days=29)
"""How far models look back at published dates, but for the calls of notices."""

VERDICTS = ("intermediate.feed_status_daily", "intermediate.party_data_status_daily", "intermediate.party_verdicts_daily", "marts.rule_hits_daily")
"""What was made of dates before the ones built again, and is looked back upon. `party_verdicts_daily` to its beginning: verdicts are carried on."""

LISTS = ("evidence_days", "following_days")
WITHOUT_TESTS = ("--exclude-resource-type", "unit_test", "test")


@dataclass(frozen=True)
class Scratch:
    """`settings` are those of the scratch installation; `source` is a snapshot of the warehouse, `target` its owner's connection here."""

    settings: Settings
    lake: Path
    source: psycopg.Connection
    target: psycopg.Connection

    def take(self, table: str, wanted: sql.Composable) -> None:
        """Add rows of the warehouse, those that a query gives, to the table of the same name."""
        relation = sql.Identifier(*table.split("."))
        columns = self.source.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum", [table]
        ).fetchall()
        names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in columns)
        out = sql.SQL("copy (select {} from ({}) as wanted) to stdout").format(names, wanted)
        into = sql.SQL("copy {} ({}) from stdin").format(relation, names)
        with self.source.cursor().copy(out) as leaving, self.target.cursor().copy(into) as arriving:
            for block in leaving:
                arriving.write(block)

    def take_dates_before(self, first: date) -> None:
        """The tables of dates before the first one that is built again, as they are published."""
        present = self.source.execute(
            """
            select schemaname || '.' || tablename
            from pg_tables
            where schemaname = 'lake' or schemaname || '.' || tablename = any(%s)
            order by 1
            """,
            [list(VERDICTS)],
        ).fetchall()
        for (table,) in present:
            self.make_table(table)
            back = plan.LOOKED_BACK if table == "lake.notice_matches" else LOOKED_BACK
            since = date.min if table == "intermediate.party_verdicts_daily" else first - back
            wanted = "select * from {} where service_date < {} and service_date >= {}"
            self.take(table, sql.SQL(wanted).format(sql.Identifier(*table.split(".")), sql.Literal(first), sql.Literal(since)))
        for offset in range(1, building.LOOKED_BACK.days + 1):
            part = Path("daily", "calling_numbers_daily", f"service_date={first - timedelta(days=offset)}")
            if (self.lake / part).exists():
                shutil.copytree(self.lake / part, self.settings.lake / part)

    def make_table(self, table: str) -> None:
        """An empty table as the warehouse has it, the transformer's as there."""
        columns = self.source.execute(
            """
            select attname, format_type(atttypid, atttypmod)
            from pg_attribute
            where attrelid = %s::regclass and attnum > 0 and not attisdropped
            order by attnum
            """,
            [table],
        ).fetchall()
        relation = sql.Identifier(*table.split("."))
        written = sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in columns)
        self.target.execute(sql.SQL("create table {} ({})").format(relation, written))
        transformer = sql.Identifier(self.settings.role_name("transformer"))
        self.target.execute(sql.SQL("alter table {} owner to {}").format(relation, transformer))

    def learn(self, known: Known, until: Known, first: date, day: date) -> None:
        """What became known after `known` until `until`: receipts, results of gates, processed dates and entries of the ledger.

        `first` is the first date built again, `day` the one whose recommendations are asked for.
        """
        span = {"after": sql.Literal(known.at), "until": sql.Literal(until.at)}
        receipts = sql.SQL("select * from ops.file_receipts where loaded_at > {after} and loaded_at <= {until}").format(**span)
        self.take("ops.file_receipts", receipts)
        self.take("ops.file_service_dates", sql.SQL("select dates.* from ops.file_service_dates as dates join ({}) as known using (file)").format(receipts))
        processed = "select * from ops.processed_days where first_processed_at > {after} and first_processed_at <= {until}"
        self.take("ops.processed_days", sql.SQL(processed).format(**span))
        self.target.execute("delete from ops.gate_results")
        self.take("ops.gate_results", query("gate_results").format(until=span["until"], first=sql.Literal(first - LOOKED_BACK)))
        entries = {"after": sql.Literal(known.entry), "until": sql.Literal(until.entry), "day": sql.Literal(day)}
        self.take("decisions.ledger", query("ledger").format(**entries))

    def build(self, past: Build, first: date, last: date) -> None:
        """Do a build of then again, for its date and others from `first` to `last`: from what it knew, with the rules and deliveries of then."""
        wanted = {past.run["service_date"]} | {day.isoformat() for name in LISTS for day in past.days(name) if first <= day <= last}
        run = past.run | {name: [day for day in past.run[name] if day in wanted] for name in LISTS if name in past.run}
        if past.stage == "marts":
            dbt.run_dbt(self.settings, "warehouse", "build", (*dbt.WAREHOUSE_MODELS, *WITHOUT_TESTS), run | self.rules(past))
            return
        building.write_deliveries(self.settings.lake, past.deliveries or [])
        selected = dbt.LAKE_MODELS if past.stage == "lake" else building.NOTICES
        dbt.run_dbt(self.settings, "lake", "build", (*selected, *WITHOUT_TESTS), run)
        models = publish.published_models(dbt.manifest(self.settings, "lake"))
        publish.publish(self.settings, run, [model for model in models if past.stage == "lake" or model.name == "notice_matches"])

    def rules(self, past: Build) -> dict[str, Any]:
        """The rules by which marts were judged, for dbt."""
        found = self.source.execute(
            "select to_jsonb(r) - 'ruleset_version' from intermediate.rule_sets as r where ruleset_version = %s", [past.ruleset_version]
        ).fetchall()
        return {"rule_set": [rule for (rule,) in found], "ruleset": past.ruleset_version.partition("+")[0].removesuffix("p")}


@dataclass(frozen=True)
class Known:
    """How far something knows: the instant, and the last entry of the ledger."""

    at: datetime
    entry: int


def query(name: str) -> sql.SQL:
    return sql.SQL((SQL / f"{name}.sql").read_text(encoding="utf-8"))


@contextmanager
def scratch(settings: Settings, source: psycopg.Connection) -> Iterator[Scratch]:
    """An empty place, with the project's own migrations; gone afterwards. Whoever comes meanwhile waits.

    `source` is the auditor's connection to the warehouse, in a transaction that sees one state of it.
    """
    database = settings.database + SUFFIX
    home = settings.home / "audit"
    own = replace(settings, home=home, lake=home / "lake", warehouse_url=settings.url("owner", database=database))
    with psycopg.connect(settings.url("auditor"), autocommit=True) as turn:
        turn.execute("select pg_advisory_lock(hashtext('tollgate.audit'))")
        try:
            make(settings, own)
            with psycopg.connect(own.url("owner"), autocommit=True) as target:
                # entries of the ledger come as they are, not all of them: whether its chain is whole is asked elsewhere
                target.execute("alter table decisions.ledger disable trigger user")
                yield Scratch(own, settings.lake, source, target)
        finally:
            remove(settings, own)


def make(settings: Settings, own: Settings) -> None:
    remove(settings, own)
    own.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not own.secrets.is_symlink():
        own.secrets.symlink_to(settings.secrets, target_is_directory=True)
    own.lake.mkdir(mode=0o700)
    for table in {name.split("/")[0] for name in (*tables.DATED, *tables.UNDATED)} - {"deliveries"}:
        (own.lake / table).symlink_to(settings.lake / table, target_is_directory=True)
    with roles.owner_connection(settings, settings.database) as connection:
        roles.create_database(connection, own.database, own.role_name("owner"))
        roles.grant(connection, "connect, temporary", own.database, [own.role_name("transformer")])
    migrations.apply(own)


def remove(settings: Settings, own: Settings) -> None:
    """Of the place everything but dbt's parsed project, which the next one can use."""
    with roles.owner_connection(settings, settings.database) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(own.database)))
    shutil.rmtree(own.lake, ignore_errors=True)
