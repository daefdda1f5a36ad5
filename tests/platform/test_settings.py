"""Settings: what the environment and `.env` mean, and the URLs made of them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg.conninfo
import pytest
from sqlalchemy.engine import make_url

from include import settings as installations
from include.platform import airflow
from include.settings import ROLES, load

EXTERNAL = "postgresql://o%40wner:p%2F%25w%3A@db.example:6543/risk%20marts?sslmode=require&application_name=tollgate"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder whose `.env` is read."""
    monkeypatch.setattr(installations, "REPOSITORY", tmp_path)
    return tmp_path


def external(tmp_path: Path, url: str = EXTERNAL) -> installations.Settings:
    return load({"TOLLGATE_HOME": str(tmp_path), "TOLLGATE_WAREHOUSE_URL": url})


def test_defaults(clone: Path):
    settings = load({})
    home = clone / ".tollgate"
    assert (settings.home, settings.landing, settings.lake) == (home, home / "landing", home / "lake")
    assert (settings.pg_port, settings.airflow_port, settings.lake_engine) == (55432, 8080, "duckdb")
    assert settings.embedded
    assert (settings.pg_host, settings.pg_server_port, settings.database) == ("127.0.0.1", 55432, "tollgate")


def test_folders_follow_the_home(clone: Path):
    settings = load({"TOLLGATE_HOME": str(clone / "elsewhere")})
    assert settings.landing == clone / "elsewhere" / "landing"
    assert settings.lake == clone / "elsewhere" / "lake"


def test_env_file_is_read_and_the_environment_wins(clone: Path):
    (clone / ".env").write_text(
        "# a comment\n\nTOLLGATE_PG_PORT=6001\n  TOLLGATE_AIRFLOW_PORT = '6002'\n#TOLLGATE_HOME=/nowhere\n"
        f'TOLLGATE_LAKE="{clone}/a=b"\nTOLLGATE_WAREHOUSE_URL=\nnot a setting\n'
    )
    settings = load({"TOLLGATE_AIRFLOW_PORT": "7002"})
    assert (settings.pg_port, settings.airflow_port) == (6001, 7002)
    assert settings.lake == clone / "a=b"
    assert settings.home == clone / ".tollgate"
    assert settings.embedded


def test_an_empty_value_means_the_default(clone: Path):
    (clone / ".env").write_text("TOLLGATE_PG_PORT=6001\n")
    empty = dict.fromkeys(
        [
            "TOLLGATE_HOME", "TOLLGATE_LANDING", "TOLLGATE_LAKE", "TOLLGATE_LAKE_ENGINE", "TOLLGATE_WAREHOUSE_URL",
            "TOLLGATE_PG_PORT", "TOLLGATE_AIRFLOW_PORT", "TOLLGATE_OFFICE_ZONE", "TOLLGATE_ALERT_EMAIL_TO",
            "TOLLGATE_ALERT_EMAIL_FROM", "TOLLGATE_SMTP_URL", "TOLLGATE_ALERT_WEBHOOK_URL", "TOLLGATE_OPENLINEAGE_URL",
        ],
        "",
    )  # fmt: skip
    settings = load(empty)
    (clone / ".env").unlink()
    assert settings == load({})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TOLLGATE_LAKE_ENGINE", "spork", "TOLLGATE_LAKE_ENGINE='spork'.*'duckdb'"),
        ("TOLLGATE_PG_PORT", "postgres", "TOLLGATE_PG_PORT='postgres'.*number from 1 to 65535"),
        ("TOLLGATE_AIRFLOW_PORT", "65536", "TOLLGATE_AIRFLOW_PORT='65536'"),
        ("TOLLGATE_AIRFLOW_PORT", "0", "TOLLGATE_AIRFLOW_PORT='0'"),
        ("TOLLGATE_PG_PORT", "-1", "TOLLGATE_PG_PORT='-1'"),
        ("TOLLGATE_OFFICE_ZONE", "Eastern", "TOLLGATE_OFFICE_ZONE='Eastern'.*America/Chicago"),
    ],
)
def test_a_wrong_value_is_named(clone: Path, name: str, value: str, words: str):
    with pytest.raises(ValueError, match=words):
        load({name: value})


MAILED = {"TOLLGATE_ALERT_EMAIL_TO": "desk@example.com, night@example.com", "TOLLGATE_SMTP_URL": "smtps://tollgate:hush@mail.example"}


def test_where_alerts_go(clone: Path):
    settings = load(MAILED | {"TOLLGATE_ALERT_WEBHOOK_URL": "https://hooks.example/hush"})
    assert settings.alert_email_to == ("desk@example.com", "night@example.com")
    assert settings.alert_email_from == "desk@example.com"
    assert "hush" not in repr(settings)
    passed_on = load(airflow.environment(settings, airflow.load_secrets(settings)))
    assert passed_on == settings
    assert load(MAILED | {"TOLLGATE_ALERT_EMAIL_FROM": "tollgate@example.com"}).alert_email_from == "tollgate@example.com"
    assert load({"TOLLGATE_ALERT_WEBHOOK_URL": "http://localhost:9/hook"}).alert_webhook_url


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"TOLLGATE_ALERT_EMAIL_TO": "desk@example.com"}, "TOLLGATE_SMTP_URL must read smtp://"),
        (MAILED | {"TOLLGATE_SMTP_URL": "https://tollgate:hush@mail.example"}, "TOLLGATE_SMTP_URL must read smtp://"),
        (MAILED | {"TOLLGATE_SMTP_URL": "smtp://tollgate:hush@mail.example:port"}, "TOLLGATE_SMTP_URL must read smtp://"),
        (MAILED | {"TOLLGATE_ALERT_EMAIL_TO": "desk"}, "TOLLGATE_ALERT_EMAIL_TO='desk': addresses such as"),
        (MAILED | {"TOLLGATE_ALERT_EMAIL_FROM": "a@example.com\nBcc: b@example.com"}, "TOLLGATE_ALERT_EMAIL_FROM=.*addresses such as"),
        ({"TOLLGATE_ALERT_WEBHOOK_URL": "http://hooks.example/hush"}, "TOLLGATE_ALERT_WEBHOOK_URL must read https://"),
        ({"TOLLGATE_ALERT_WEBHOOK_URL": "hush"}, "TOLLGATE_ALERT_WEBHOOK_URL must read https://"),
        ({"TOLLGATE_ACTION_WEBHOOK_URL": "http://orders.example/hush"}, "TOLLGATE_ACTION_WEBHOOK_URL must read https://"),
    ],
)
def test_where_no_alert_can_go_is_refused_without_a_secret(clone: Path, given: dict[str, str], words: str):
    with pytest.raises(ValueError, match=words) as refused:
        load(given)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://lineage.example", "https://tollgate:hush@lineage.example", "https://lineage.example/?key=hush", "hush"])
def test_a_lineage_server_whose_address_holds_a_secret_or_is_not_encrypted_is_refused(clone: Path, url: str):
    with pytest.raises(ValueError, match="TOLLGATE_OPENLINEAGE_URL must read https://host/") as refused:
        load({"TOLLGATE_OPENLINEAGE_URL": url})
    assert "hush" not in str(refused.value)
    assert load({"TOLLGATE_OPENLINEAGE_URL": "http://127.0.0.1:5000"}).openlineage_url


def test_external_warehouse(clone: Path):
    settings = external(clone)
    assert not settings.embedded
    assert (settings.pg_host, settings.pg_server_port, settings.database) == ("db.example", 6543, "risk marts")
    assert settings.role_name("owner") == "o@wner"
    assert settings.password("owner") == "p/%w:"
    assert settings.role_name("bi_reader") == "bi_reader"
    assert settings.role_name("loader") == "tollgate_loader"


def test_external_warehouse_on_the_usual_port(clone: Path):
    assert external(clone, "postgres://owner@db.example/risk").pg_server_port == 5432


def test_the_owners_url_says_what_was_given(clone: Path):
    """No escape is undone or done twice on the way through."""
    assert psycopg.conninfo.conninfo_to_dict(external(clone).url("owner")) == psycopg.conninfo.conninfo_to_dict(EXTERNAL)


def test_an_address_of_version_6_keeps_its_brackets(clone: Path):
    url = external(clone, "postgresql://owner:pw@[2001:db8::1]:5433/risk").url("owner")
    assert url == "postgresql://owner:pw@[2001:db8::1]:5433/risk"


@pytest.mark.parametrize(
    "url",
    [
        "db.example", "mysql://owner:hush@db.example/risk", "postgresql://owner:hush@db.example",
        "postgresql://owner:hush@db.example/", "postgresql://db.example/risk", "postgresql://owner:hush@db.example:port/risk",
        "postgresql://owner:hush@/risk",
    ],
)  # fmt: skip
def test_an_incomplete_warehouse_url_is_refused_without_its_password(clone: Path, url: str):
    with pytest.raises(ValueError, match="TOLLGATE_WAREHOUSE_URL must read postgresql://") as refused:
        external(clone, url)
    assert "hush" not in str(refused.value)


def test_passwords_are_quoted_in_urls(clone: Path):
    settings = load({})
    settings.secrets.mkdir(parents=True)
    odd = "a/b:c@d?e#f%g h"
    for role in ROLES:
        (settings.secrets / f"pg_{role}").write_text(odd + "\n")
        parts = urlsplit(settings.url(role))
        assert (unquote(parts.password), parts.hostname, parts.port) == (odd, "127.0.0.1", 55432)
        assert psycopg.conninfo.conninfo_to_dict(settings.url(role))["password"] == odd
        assert make_url(settings.url(role, scheme="postgresql+psycopg")).password == odd
    assert urlsplit(settings.url("loader", database="other")).path == "/other"


def test_a_missing_password_says_what_to_do(clone: Path):
    with pytest.raises(FileNotFoundError, match="pg_loader is missing: run `make up` first"):
        load({}).url("loader")


def test_an_unknown_role_is_refused(clone: Path):
    with pytest.raises(ValueError, match="unknown role 'root': one of owner, loader"):
        load({}).role_name("root")


def test_airflow_reaches_its_database_with_the_options_of_the_warehouses_url(clone: Path):
    settings = external(clone)
    environ = airflow.environment(settings, airflow.load_secrets(settings))
    synchronous = make_url(environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    assert (synchronous.drivername, synchronous.host, synchronous.port) == ("postgresql+psycopg2", "db.example", 6543)
    assert synchronous.query == {"sslmode": "require", "application_name": "tollgate"}
    asynchronous = make_url(environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"])
    assert (asynchronous.drivername, asynchronous.password) == ("postgresql+asyncpg", synchronous.password)
    assert asynchronous.query == {"ssl": "require"}


@pytest.mark.parametrize(
    ("value", "words"),
    [("olga", "two logins at least"), ("olga, olga", "two logins at least"), ("olga,engineer", "'engineer': .*neither engineer nor auditor"), ("olga,P:op", "'P:op'")],
)
def test_those_who_decide_are_two_and_nobody_else(clone: Path, value: str, words: str):
    with pytest.raises(ValueError, match=f"^TOLLGATE_COMPLIANCE_USERS=.*{words}"):
        load({"TOLLGATE_COMPLIANCE_USERS": value})
    assert load({"TOLLGATE_COMPLIANCE_USERS": " olga, pia ,olga"}).compliance_users == ("olga", "pia")
