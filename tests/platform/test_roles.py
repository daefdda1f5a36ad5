"""What each database role can do, and that it can do no more."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from include.platform import roles
from include.settings import ROLES, Settings

LIMITED = [role for role in ROLES if role != "owner"]
BUILT = ("lake", "seeds", "staging", "intermediate", "marts")
"""Schemas that the transformer fills."""

RECEIPT = """
insert into ops.file_receipts values (
    repeat('{digit}', 64), 'cdr/a.csv', 'cdr', 'standard', 1, 1, 0, 0, '{state}', null, '{{}}', now()
)
"""
GATE = """
insert into ops.gate_results (run, gate, "check", suite, service_date, outcome, severity, recorded_at)
values ('r', 'marts', 'c', 's', '2026-01-01', 'passed', 'info', now())
on conflict (run, gate, service_date, "check") do update set outcome = excluded.outcome
"""
APPEND = """select decisions.append('[{"entry_type": "gate", "actor": "a", "payload": {}}]', now())"""
ALERT = """
insert into ops.alerts (kind, subject, severity, since, message, raised_at) values ('k', 's', 'warning', now(), 'm', now())
on conflict (kind, subject) where ended_at is null do nothing
"""
ENTRY = """
insert into decisions.ledger
select (e).* from (
    select (1, 'gate', now(), 'a', null, null, null, null, '{}', repeat('0', 64), 'h')::decisions.ledger as e
) as entry
"""
WITHOUT_NUMBERS = "select file, line, field, reason from ops.rejected_rows"
ASK = "select ops.ask_for_numbers(repeat('a', 64), 'a test')"
FORGET = "select * from ops.forget_rejected_rows(now())"
RECEIPTS = "select decisions.append_receipts('ingest_cdr', now())"
DIGEST = "select decisions.append_gate('r', 'marts', '2026-01-01', now())"
DELIVERED = "insert into ops.action_deliveries values ('a', 'file', repeat('a', 64), now())"
BUILD = "insert into ops.builds (stage, run, known_at, ledger_head, models) values ('lake', '{}', now(), 0, 'm')"
RETRIED = f"{RECEIPT.format(digit='b', state='loaded')} on conflict (file) do update set state = excluded.state"


@pytest.fixture(scope="module")
def built(warehouse: Settings) -> Settings:
    """The warehouse with what dbt and the publish step leave there: a table or view in each schema, granted as they grant."""
    with psycopg.connect(warehouse.url("transformer")) as connection:
        for schema in BUILT:
            connection.execute(f"create table {schema}.built as select 1 as id")
        connection.execute("create view staging.viewed as select * from lake.built")
        for schema in ("lake", "seeds", "marts"):
            connection.execute(f"grant select on {schema}.built to tollgate_recommender, tollgate_auditor")
        connection.execute("grant select on marts.built to bi_reader")
    with psycopg.connect(warehouse.url("loader")) as connection:
        connection.execute(RECEIPT.format(digit="a", state="loaded"))
        connection.execute(RECEIPT.format(digit="b", state="refused"))
    return warehouse


def attempt(settings: Settings, role: str, statement: str) -> None:
    """Runs it and takes it back."""
    with psycopg.connect(settings.url(role)) as connection:
        connection.execute(statement)
        connection.rollback()


CAN = {
    "loader": [
        RECEIPT.format(digit="c", state="loaded"),
        RETRIED,
        "insert into ops.file_service_dates values (repeat('a', 64), '2026-01-01', 1)",
        "insert into ops.rejected_rows values (repeat('a', 64), 2, 'f', 'r', 'raw')",
        "insert into ops.landing_files values ('p', 1, 1, repeat('a', 64)) on conflict (path) do update set size = 2",
        "select from ops.file_receipts, ops.file_service_dates, ops.rejected_rows, ops.landing_files, ops.processed_days",
        WITHOUT_NUMBERS,
        RECEIPTS,
    ],
    "transformer": [
        *(f"select * from {schema}.built" for schema in BUILT),
        *(f"create table {schema}.another (id integer)" for schema in BUILT),
        *(f"drop table {schema}.built cascade" for schema in BUILT),
        "create temp table scratch (id integer)",
        "select from ops.file_receipts, ops.rejected_rows, ops.gate_results, decisions.ledger",
        "insert into ops.processed_days values ('2026-01-01', now(), 'r') on conflict (service_date) do update set run = 's'",
        GATE,
        BUILD,
        DIGEST,
        "update ops.builds set ended_at = now()",
    ],
    "recommender": [
        "select from marts.built, lake.built, seeds.built, decisions.ledger, ops.gate_results, ops.file_receipts, ops.builds",
        "create temp table scratch (id integer)",
        GATE,
        "insert into ops.review_requests values ('c', '2026-01-01', 'r', now()) on conflict do nothing",
        APPEND,
        FORGET,
        DIGEST,
        DELIVERED,
        "select from decisions.actions",
        "select * from decisions.first_broken_entry()",
    ],
    "notifier": [
        ALERT,
        "update ops.alerts set ended_at = now() where subject = 's'",
        "insert into ops.alert_deliveries select alert_id, 'log', now() from ops.alerts",
        "select from ops.gate_results, ops.processed_days, ops.schema_migrations, decisions.ledger",
    ],
    "bi_reader": ["select * from marts.built"],
    "auditor": [
        *(f"select * from {schema}.built" for schema in BUILT),
        "select * from staging.viewed",
        "select from ops.file_receipts, ops.rejected_rows, ops.gate_results, ops.review_requests, ops.schema_migrations",
        "select * from decisions.ledger",
        "select * from decisions.first_broken_entry()",
        WITHOUT_NUMBERS,
        ASK,
    ],
}

CANNOT = {
    "loader": [
        "select * from decisions.ledger",
        APPEND,
        "select * from marts.built",
        "select * from lake.built",
        "delete from ops.file_receipts",
        "delete from ops.rejected_rows",
        "update ops.rejected_rows set reason = 'none'",
        "update ops.file_service_dates set rows = 0",
        "insert into ops.processed_days values ('2026-01-01', now(), 'r')",
        GATE,
        "select * from ops.gate_results",
        "create table ops.mine (id integer)",
        "create temp table scratch (id integer)",
    ],
    "transformer": [
        APPEND,
        RECEIPTS,
        DELIVERED,
        RECEIPT.format(digit="c", state="loaded"),
        "update ops.file_receipts set rows_read = 0",
        "delete from ops.rejected_rows",
        "delete from ops.gate_results",
        "delete from ops.processed_days",
        "update ops.builds set known_at = now()",
        "delete from ops.builds",
        "delete from ops.gate_results_replaced",
        "insert into ops.review_requests values ('c', '2026-01-01', 'r', now())",
        "create table decisions.mine (id integer)",
        "create schema mine",
    ],
    "recommender": [
        "insert into marts.built values (2)",
        "update marts.built set id = 2",
        "delete from lake.built",
        "create table marts.mine (id integer)",
        "update seeds.built set id = 2",
        RECEIPT.format(digit="c", state="loaded"),
        "delete from ops.gate_results",
        "update ops.review_requests set case_id = 'other'",
        "delete from ops.review_requests",
        RECEIPTS,
        "delete from ops.action_deliveries",
        "update ops.action_deliveries set delivered_at = now()",
        "select * from intermediate.built",
        "create table decisions.mine (id integer)",
        "alter table decisions.ledger disable trigger all",
        "set session_replication_role = replica",
    ],
    "notifier": [
        "update ops.alerts set message = 'other'",
        "delete from ops.alerts",
        "delete from ops.alert_deliveries",
        "update ops.alert_deliveries set delivered_at = now()",
        "select * from ops.rejected_rows",
        "select * from ops.file_receipts",
        "select * from marts.built",
        "select * from lake.built",
        "select * from staging.viewed",
        APPEND,
        GATE,
        "create table ops.mine (id integer)",
        "create temp table scratch (id integer)",
    ],
    "bi_reader": [
        "select * from ops.file_receipts",
        "select * from ops.rejected_rows",
        "select * from decisions.ledger",
        "select * from decisions.first_broken_entry()",
        APPEND,
        "select * from lake.built",
        "select * from staging.viewed",
        "select * from intermediate.built",
        "select * from seeds.built",
        "insert into marts.built values (2)",
        "drop table marts.built",
        "create table marts.mine (id integer)",
        "create table public.mine (id integer)",
        "create temp table scratch (id integer)",
    ],
    "auditor": [
        ALERT,
        "insert into marts.built values (2)",
        "update lake.built set id = 2",
        "delete from ops.rejected_rows",
        GATE,
        APPEND,
        "create table marts.mine (id integer)",
        "create table ops.mine (id integer)",
        "create temp table scratch (id integer)",
    ],
}

ESCAPES = [
    "alter table decisions.ledger disable trigger ledger_is_append_only",
    "drop trigger ledger_is_a_chain on decisions.ledger",
    "alter table decisions.ledger drop constraint ledger_entry_type_check",
    "create or replace function decisions.entry_hash(entry decisions.ledger) returns text language sql return 'h'",
    "alter table ops.file_receipts disable trigger all",
    "delete from ops.file_receipts",
    "truncate ops.file_receipts cascade",
    "drop table ops.file_receipts",
    "update ops.schema_migrations set sha256 = 'h'",
    "set session_replication_role = replica",
    "set role tollgate",
    "set session authorization tollgate",
    "alter role current_user superuser",
    "alter role tollgate password 'mine'",
    "create role mine",
    "select * from pg_authid",
    "select pg_read_file('/etc/hostname')",
    "copy (select 1) to program 'true'",
    "copy (select 1) to '/dev/null'",
    "set log_statement = 'all'",
    "create schema mine",
    "create table public.mine (id integer)",
    "create table decisions.mine (id integer)",
    "select lo_import('/etc/hostname')",
    "create function ops.mine() returns integer language sql return 1",
    "select raw from ops.rejected_rows",
    "select * from ops.rejected_rows",
    "update ops.rejected_rows set raw = 'other'",
    "insert into ops.number_reads (reader, asked_at, file, reason, asked_in) values ('a', now(), repeat('a', 64), 'r', pg_current_xact_id())",
    "update ops.number_reads set reason = 'other'",
    "delete from ops.number_reads",
    "truncate ops.number_reads",
]
"""Ways around what is granted, or to what is no role's."""

LEDGER_CHANGES = [
    ENTRY,
    "update decisions.ledger set actor = 'me'",
    "delete from decisions.ledger",
    "truncate decisions.ledger",
    "drop table decisions.ledger",
]


@pytest.mark.parametrize(("role", "statement"), [(role, statement) for role in CAN for statement in CAN[role]])
def test_can(built: Settings, role: str, statement: str):
    attempt(built, role, statement)


@pytest.mark.parametrize(("role", "statement"), [(role, statement) for role in CANNOT for statement in CANNOT[role]])
def test_cannot(built: Settings, role: str, statement: str):
    with pytest.raises(errors.InsufficientPrivilege):
        attempt(built, role, statement)


@pytest.mark.parametrize("statement", ESCAPES)
@pytest.mark.parametrize("role", LIMITED)
def test_no_role_gets_further(built: Settings, role: str, statement: str):
    with pytest.raises(errors.InsufficientPrivilege):
        attempt(built, role, statement)


@pytest.mark.parametrize(("role", "statement"), [(role, statement) for role in LIMITED for statement in (ASK, FORGET) if statement not in CAN[role]])
def test_numbers_are_asked_for_and_forgotten_by_those_whose_work_it_is(built: Settings, role: str, statement: str):
    with pytest.raises(errors.InsufficientPrivilege):
        attempt(built, role, statement)


@pytest.mark.parametrize("statement", LEDGER_CHANGES)
@pytest.mark.parametrize("role", LIMITED)
def test_no_role_changes_the_ledger(built: Settings, role: str, statement: str):
    with pytest.raises(errors.InsufficientPrivilege):
        attempt(built, role, statement)


def test_a_loaded_receipt_is_final_for_everyone(built: Settings):
    for role in ("loader", "owner"):
        with pytest.raises(errors.RaiseException, match="the receipt of cdr/a.csv is final"):
            attempt(built, role, "update ops.file_receipts set path = 'other' where state = 'loaded'")


@pytest.fixture
def rejected(built: Settings) -> Iterator[str]:
    """A file with a rejected row; afterwards it has none."""
    with psycopg.connect(built.url("loader")) as connection:
        connection.execute("insert into ops.rejected_rows values (repeat('a', 64), 2, 'f', 'r', '+12125550123')")
    yield "a" * 64
    with psycopg.connect(built.url("owner")) as connection:
        connection.execute("delete from ops.rejected_rows")


def test_numbers_are_read_only_after_the_question_stands(built: Settings, rejected: str):
    with psycopg.connect(built.url("auditor"), autocommit=True) as connection:
        with connection.transaction(force_rollback=True):
            (unwritten,) = connection.execute("select ops.ask_for_numbers(%s, 'complaint 7')", (rejected,)).fetchone()
            with pytest.raises(errors.InsufficientPrivilege, match="nothing to read: ask"), connection.transaction():
                connection.execute("select * from ops.read_numbers(%s)", (unwritten,))
        with pytest.raises(errors.InsufficientPrivilege, match="nothing to read: ask"):
            connection.execute("select * from ops.read_numbers(%s)", (unwritten,))
        (asked,) = connection.execute("select ops.ask_for_numbers(%s, 'complaint 7')", (rejected,)).fetchone()
        assert connection.execute("select line, raw from ops.read_numbers(%s)", (asked,)).fetchall() == [(2, "+12125550123")]
        for file, reason in ((rejected, " "), ("another", "complaint 7")):
            with pytest.raises(errors.CheckViolation):
                connection.execute("select ops.ask_for_numbers(%s, %s)", (file, reason))
        told = connection.execute("select reader, file, reason from ops.number_reads where read_id = %s", (asked,)).fetchall()
    assert told == [("tollgate_auditor", rejected, "complaint 7")]
    with psycopg.connect(built.url("owner")) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("select * from ops.read_numbers(%s)", (asked,))  # another's question


@pytest.mark.parametrize("statement", ["update ops.number_reads set reason = 'other'", "delete from ops.number_reads", "truncate ops.number_reads"])
def test_what_was_read_stays_on_record_for_the_owner_too(built: Settings, statement: str):
    with pytest.raises(errors.RaiseException, match="append-only"):
        attempt(built, "owner", statement)


def test_a_row_past_its_period_stays_without_what_was_sent(built: Settings, rejected: str):
    with psycopg.connect(built.url("recommender")) as connection:
        assert connection.execute("select * from ops.forget_rejected_rows(now() - interval '1 day')").fetchall() == []
        assert connection.execute("select * from ops.forget_rejected_rows(now())").fetchall() == [(rejected, 1)]
        assert connection.execute("select * from ops.forget_rejected_rows(now())").fetchall() == []
    with psycopg.connect(built.url("owner")) as connection:
        assert connection.execute("select line, field, reason, raw from ops.rejected_rows").fetchall() == [(2, "f", "r", "")]


def test_the_owner_is_no_superuser_and_the_others_have_no_attributes(built: Settings):
    with psycopg.connect(built.url("owner")) as connection:
        found = connection.execute(
            """
            select rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
            from pg_roles where rolname = any(%s)
            """,
            [[*map(built.role_name, ROLES), roles.AIRFLOW]],
        ).fetchall()
    allowed = {name: attributes for name, *attributes in found}
    assert len(allowed) == len(ROLES) + 1
    assert allowed.pop("tollgate") == [False, True, True, False, False]
    assert set(map(tuple, allowed.values())) == {(False,) * 5}


def test_roles_are_no_members_of_each_other(built: Settings):
    with psycopg.connect(built.url("owner")) as connection:
        members = connection.execute(
            """
            select member::regrole::text, roleid::regrole::text from pg_auth_members
            where member::regrole::text = any(%s)
            """,
            [[*map(built.role_name, LIMITED), roles.AIRFLOW]],
        ).fetchall()
    assert members == []


def privileges(settings: Settings, role: str) -> set[tuple[str, str, str]]:
    """Everything that the role may do to any table or view: (schema, table, privilege)."""
    with psycopg.connect(settings.url("owner")) as connection:
        return set(
            connection.execute(
                """
                select nspname, relname, privilege
                from pg_class
                join pg_namespace on pg_namespace.oid = relnamespace
                cross join unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER,MAINTAIN}'::text[]) as privilege
                where relkind in ('r', 'v', 'm', 'p', 'f')
                    and nspname not in ('pg_catalog', 'information_schema') and nspname not like 'pg\\_toast%%'
                    and has_schema_privilege(%(role)s, pg_namespace.oid, 'usage')
                    and (
                        has_table_privilege(%(role)s, pg_class.oid, privilege)
                        or privilege in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                        and has_any_column_privilege(%(role)s, pg_class.oid, privilege)
                    )
                """,
                {"role": settings.role_name(role)},
            ).fetchall()
        )


def test_bi_has_the_marts_alone(built: Settings):
    assert privileges(built, "bi_reader") == {("marts", "built", "SELECT")}


def test_the_auditor_reads_every_table_and_writes_none(built: Settings):
    with psycopg.connect(built.url("owner")) as connection:
        everything = connection.execute(
            "select schemaname, tablename from pg_tables union all select schemaname, viewname from pg_views"
        ).fetchall()
    ours = {(schema, name, "SELECT") for schema, name in everything if schema in (*BUILT, "ops", "decisions")}
    assert len(ours) >= 14
    assert privileges(built, "auditor") == ours


def test_the_loader_has_nothing_outside_of_ops(built: Settings):
    held = privileges(built, "loader")
    assert {schema for schema, _, _ in held} == {"ops"}
    assert {privilege for _, _, privilege in held} == {"SELECT", "INSERT", "UPDATE"}


@pytest.mark.parametrize("role", LIMITED)
def test_the_ledger_is_at_most_read(built: Settings, role: str):
    assert {privilege for schema, _, privilege in privileges(built, role) if schema == "decisions"} <= {"SELECT"}


def test_a_table_made_later_is_read_by_the_auditor_and_not_by_bi(built: Settings):
    for maker, name in (("owner", "ops.later"), ("owner", "decisions.later"), ("transformer", "intermediate.later")):
        with psycopg.connect(built.url(maker)) as connection:
            connection.execute(f"create table {name} (id integer)")
        attempt(built, "auditor", f"select * from {name}")
        with pytest.raises(errors.InsufficientPrivilege):
            attempt(built, "bi_reader", f"select * from {name}")
        with psycopg.connect(built.url(maker)) as connection:
            connection.execute(f"drop table {name}")


def connects(settings: Settings, name: str, password: str, database: str) -> bool:
    try:
        psycopg.connect(settings.url_of(name, password, database), connect_timeout=5).close()
    except psycopg.OperationalError as error:
        assert "permission denied for database" in str(error)
        return False
    return True


@pytest.mark.parametrize("role", LIMITED)
def test_a_role_opens_the_warehouse_and_no_other_database(built: Settings, role: str):
    login = (built.role_name(role), built.password(role))
    assert connects(built, *login, built.database)
    for database in (roles.AIRFLOW, "postgres", "template1"):
        assert not connects(built, *login, database)


def test_airflow_opens_its_own_database_alone(built: Settings):
    login = (roles.AIRFLOW, (built.secrets / "pg_airflow").read_text().strip())
    assert connects(built, *login, roles.AIRFLOW)
    for database in (built.database, "postgres", "template1"):
        assert not connects(built, *login, database)


def test_preparing_again_changes_nothing(built: Settings):
    before = {role: privileges(built, role) for role in LIMITED}
    roles.prepare(built)
    assert {role: privileges(built, role) for role in LIMITED} == before
