"""Where this installation keeps its state, read from the environment (and `.env` where present)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit
from zoneinfo import available_timezones

REPOSITORY = Path(__file__).resolve().parent.parent

ROLES = ("owner", "loader", "transformer", "recommender", "notifier", "bi_reader", "auditor")
"""The database roles, each with the least it needs; see `include/platform/migrations/`."""


@dataclass(frozen=True)
class Settings:
    """One installation: folders, ports and the warehouse address. Immutable; build it with `load()`."""

    home: Path
    landing: Path
    lake: Path
    lake_engine: str
    warehouse_url: str
    """Empty for the embedded PostgreSQL, else the owner's URL of any PostgreSQL 15+ server."""
    pg_port: int
    airflow_port: int
    office_zone: str
    """IANA time zone of the office that answers traceback notices: its business hours start their clock."""
    evidence: Path
    """Where the ledger's heads are published: best a folder that its host can add to and change nothing in."""
    compliance_users: tuple[str, ...]
    """Airflow's logins of those who decide; two of them for what needs a second signature."""
    alert_email_to: tuple[str, ...] = ()
    """Who gets alerts by e-mail; nobody where it is empty."""
    alert_email_from: str = ""
    smtp_url: str = field(default="", repr=False)
    """The mail server: smtp://user:password@host:587, or smtps:// for TLS from the first byte."""
    alert_webhook_url: str = field(default="", repr=False)
    """Where alerts are posted to as JSON; nowhere where it is empty. Often a secret by itself."""
    action_webhook_url: str = field(default="", repr=False)
    """Where orders are posted to as JSON; nowhere where it is empty."""
    openlineage_url: str = ""
    """The OpenLineage server that lineage is posted to, beside the file; none where it is empty."""

    @property
    def secrets(self) -> Path:
        return self.home / "secrets"

    @property
    def data_docs(self) -> Path:
        """Where each run of a gate leaves its page."""
        return self.home / "data-docs"

    @property
    def actions(self) -> Path:
        """Where orders are delivered as files."""
        return self.home / "actions"

    @property
    def docs(self) -> Path:
        """Where `make docs` builds the documentation of this installation's data."""
        return self.home / "docs"

    @property
    def embedded(self) -> bool:
        return not self.warehouse_url

    @property
    def external(self) -> SplitResult:
        return urlsplit(self.warehouse_url)

    @property
    def pg_host(self) -> str:
        return "127.0.0.1" if self.embedded else self.external.hostname

    @property
    def pg_server_port(self) -> int:
        return self.pg_port if self.embedded else (self.external.port or 5432)

    @property
    def database(self) -> str:
        return "tollgate" if self.embedded else unquote(self.external.path.lstrip("/"))

    def role_name(self, role: str) -> str:
        """The PostgreSQL role behind `role`; the owner of an external server keeps its own name."""
        if role not in ROLES:
            raise ValueError(f"unknown role {role!r}: one of {', '.join(ROLES)}")
        if role == "owner":
            return "tollgate" if self.embedded else unquote(self.external.username)
        return f"tollgate_{role}" if role != "bi_reader" else "bi_reader"

    def password(self, role: str) -> str:
        """The generated password of `role`, from `$TOLLGATE_HOME/secrets/` (mode 600)."""
        if role == "owner" and not self.embedded:
            return unquote(self.external.password or "")
        path = self.secrets / f"pg_{role}"
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: run `make up` first")
        return path.read_text().strip()

    def url(self, role: str, database: str | None = None, scheme: str = "postgresql") -> str:
        """A connection URL, with password, for one of `ROLES`."""
        return self.url_of(self.role_name(role), self.password(role), database or self.database, scheme)

    def url_of(self, name: str, password: str, database: str, scheme: str = "postgresql") -> str:
        """A connection URL on this installation's server, with the options (`?sslmode=...`) of an external server's URL."""
        host = f"[{self.pg_host}]" if ":" in self.pg_host else self.pg_host
        options = f"?{self.external.query}" if self.external.query else ""
        login = f"{quote(name, safe='')}:{quote(password, safe='')}"
        return f"{scheme}://{login}@{host}:{self.pg_server_port}/{quote(database, safe='')}{options}"


def read_env_file(path: Path) -> dict[str, str]:
    """`KEY=value` lines of a `.env` file; comments and blank lines are skipped, quotes around values removed."""
    if not path.is_file():
        return {}
    pairs = (line.split("=", 1) for line in path.read_text().splitlines() if "=" in line and not line.lstrip().startswith("#"))
    return {key.strip(): value.strip().strip("'\"") for key, value in pairs}


def load(environ: dict[str, str] | None = None) -> Settings:
    """Settings of this installation. The environment wins over `.env`; an empty value means the default."""
    given = {**read_env_file(REPOSITORY / ".env"), **(os.environ if environ is None else environ)}

    def setting(name: str, default: str) -> str:
        return given.get(name) or default

    def port(name: str, default: str) -> int:
        value = setting(name, default)
        if not value.isascii() or not value.isdigit() or not 0 < int(value) < 65536:
            raise ValueError(f"{name}={value!r}: a port is a number from 1 to 65535")
        return int(value)

    def zone(name: str, default: str) -> str:
        value = setting(name, default)
        if value not in available_timezones():
            raise ValueError(f"{name}={value!r}: a name of the IANA time zone database, such as America/Chicago")
        return value

    home = Path(setting("TOLLGATE_HOME", str(REPOSITORY / ".tollgate"))).expanduser().resolve()
    engine = setting("TOLLGATE_LAKE_ENGINE", "duckdb")
    if engine != "duckdb":
        raise ValueError(f"TOLLGATE_LAKE_ENGINE={engine!r}: only 'duckdb' is available in this version")
    warehouse_url = setting("TOLLGATE_WAREHOUSE_URL", "")
    if warehouse_url:
        refuse_incomplete(warehouse_url)
    return Settings(
        home=home,
        landing=Path(setting("TOLLGATE_LANDING", str(home / "landing"))).expanduser().resolve(),
        lake=Path(setting("TOLLGATE_LAKE", str(home / "lake"))).expanduser().resolve(),
        lake_engine=engine,
        warehouse_url=warehouse_url,
        pg_port=port("TOLLGATE_PG_PORT", "55432"),
        airflow_port=port("TOLLGATE_AIRFLOW_PORT", "8080"),
        office_zone=zone("TOLLGATE_OFFICE_ZONE", "America/New_York"),
        evidence=Path(setting("TOLLGATE_EVIDENCE", str(home / "evidence"))).expanduser().resolve(),
        compliance_users=logins("TOLLGATE_COMPLIANCE_USERS", setting("TOLLGATE_COMPLIANCE_USERS", "compliance,approver")),
        action_webhook_url=webhook("TOLLGATE_ACTION_WEBHOOK_URL", setting("TOLLGATE_ACTION_WEBHOOK_URL", "")),
        openlineage_url=lineage_server(setting("TOLLGATE_OPENLINEAGE_URL", "")),
        **alert_settings(setting),
    )


def alert_settings(setting: Callable[[str, str], str]) -> dict[str, Any]:
    """Where alerts go. ValueError, which repeats no secret, for an address that nothing can be sent to."""
    recipients = addresses("TOLLGATE_ALERT_EMAIL_TO", setting("TOLLGATE_ALERT_EMAIL_TO", ""))
    senders = addresses("TOLLGATE_ALERT_EMAIL_FROM", setting("TOLLGATE_ALERT_EMAIL_FROM", ""))
    smtp_url = setting("TOLLGATE_SMTP_URL", "")
    if recipients and not is_url(smtp_url, ("smtp", "smtps")):
        raise ValueError("TOLLGATE_SMTP_URL must read smtp://user:password@host:port or smtps://… (special characters as %XX) for TOLLGATE_ALERT_EMAIL_TO")
    return {
        "alert_email_to": recipients,
        "alert_email_from": (senders or recipients or ("",))[0],
        "smtp_url": smtp_url,
        "alert_webhook_url": webhook("TOLLGATE_ALERT_WEBHOOK_URL", setting("TOLLGATE_ALERT_WEBHOOK_URL", "")),
    }


def webhook(name: str, url: str) -> str:
    """An address that documents are posted to, encrypted wherever it leaves this machine; empty for none."""
    if url and not is_url(url, ("https",)) and not (is_url(url, ("http",)) and is_this_machine(urlsplit(url).hostname)):
        raise ValueError(f"{name} must read https://host/…; http only to this machine")
    return url


def logins(name: str, value: str) -> tuple[str, ...]:
    """Names of logins, separated by commas. Two at least: of what takes two people the second is another."""
    found = tuple(dict.fromkeys(login.strip() for login in value.split(",") if login.strip()))
    for login in found:
        if not re.fullmatch(r"[a-z][a-z0-9._-]{0,62}", login) or login in ("engineer", "auditor"):
            raise ValueError(f"{name}={login!r}: small letters, digits, dots, dashes and underscores, beginning with a letter, and neither engineer nor auditor")
    if len(found) < 2:
        raise ValueError(f"{name}={value!r}: two logins at least, separated by commas, for what takes two people")
    return found



def lineage_server(url: str) -> str:
    """The address as it is. ValueError where it is none, or holds a secret, which errors would repeat: that has a file of its own."""
    parts = urlsplit(url)
    known = is_url(url, ("https",)) or (is_url(url, ("http",)) and is_this_machine(parts.hostname))
    if url and (not known or parts.username or parts.query):
        raise ValueError("TOLLGATE_OPENLINEAGE_URL must read https://host/ without user, password or key; http only to this machine")
    return url


def addresses(name: str, value: str) -> tuple[str, ...]:
    """E-mail addresses, separated by commas."""
    found = tuple(address.strip() for address in value.split(",") if address.strip())
    for address in found:
        if not re.fullmatch(r"[^\s@<>,;:\"()\[\]]+@[^\s@<>,;:\"()\[\]]+", address):
            raise ValueError(f"{name}={address!r}: addresses such as desk@example.com, separated by commas")
    return found


def is_url(text: str, schemes: tuple[str, ...]) -> bool:
    """Whether it is an address of one of these schemes with a host, and with a number as its port, if any."""
    try:
        parts = urlsplit(text)
        parts.port  # raises ValueError when it is no number
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname)


def is_this_machine(host: str) -> bool:
    return host in ("localhost", "127.0.0.1", "::1")


def refuse_incomplete(warehouse_url: str) -> None:
    """Raises ValueError, without repeating the password, when the owner's URL leaves to a guess who or where."""
    wanted = "TOLLGATE_WAREHOUSE_URL must read postgresql://owner:password@host:port/database (special characters as %XX)"
    try:
        parts = urlsplit(warehouse_url)
        complete = parts.scheme in ("postgresql", "postgres") and parts.username and parts.hostname and len(parts.path) > 1
        parts.port  # raises ValueError when it is no number
    except ValueError:
        complete = False
    if not complete:
        raise ValueError(wanted)
