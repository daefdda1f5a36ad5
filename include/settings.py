"""Where this installation keeps its state, read from the environment (and `.env` where present)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

REPOSITORY = Path(__file__).resolve().parent.parent

ROLES = ("owner", "loader", "transformer", "recommender", "bi_reader", "auditor")
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

    @property
    def secrets(self) -> Path:
        return self.home / "secrets"

    @property
    def embedded(self) -> bool:
        return not self.warehouse_url

    @property
    def pg_host(self) -> str:
        return "127.0.0.1" if self.embedded else (urlsplit(self.warehouse_url).hostname or "127.0.0.1")

    @property
    def pg_server_port(self) -> int:
        return self.pg_port if self.embedded else (urlsplit(self.warehouse_url).port or 5432)

    @property
    def database(self) -> str:
        return "tollgate" if self.embedded else urlsplit(self.warehouse_url).path.lstrip("/")

    def role_name(self, role: str) -> str:
        """The PostgreSQL role behind `role`; the owner of an external server keeps its own name."""
        if role not in ROLES:
            raise ValueError(f"unknown role {role!r}: one of {', '.join(ROLES)}")
        if role == "owner":
            return "tollgate" if self.embedded else (urlsplit(self.warehouse_url).username or "tollgate")
        return f"tollgate_{role}" if role != "bi_reader" else "bi_reader"

    def password(self, role: str) -> str:
        """The generated password of `role`, from `$TOLLGATE_HOME/secrets/` (mode 600)."""
        if role == "owner" and not self.embedded:
            return urlsplit(self.warehouse_url).password or ""
        path = self.secrets / f"pg_{role}"
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: run `make up` first")
        return path.read_text().strip()

    def url(self, role: str, database: str | None = None, scheme: str = "postgresql") -> str:
        """A connection URL, with password, for one of `ROLES`."""
        return (
            f"{scheme}://{quote(self.role_name(role))}:{quote(self.password(role), safe='')}"
            f"@{self.pg_host}:{self.pg_server_port}/{database or self.database}"
        )


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

    home = Path(setting("TOLLGATE_HOME", str(REPOSITORY / ".tollgate"))).expanduser().resolve()
    engine = setting("TOLLGATE_LAKE_ENGINE", "duckdb")
    if engine != "duckdb":
        raise ValueError(f"TOLLGATE_LAKE_ENGINE={engine!r}: only 'duckdb' is available in this version")
    return Settings(
        home=home,
        landing=Path(setting("TOLLGATE_LANDING", str(home / "landing"))).expanduser().resolve(),
        lake=Path(setting("TOLLGATE_LAKE", str(home / "lake"))).expanduser().resolve(),
        lake_engine=engine,
        warehouse_url=given.get("TOLLGATE_WAREHOUSE_URL", ""),
        pg_port=int(setting("TOLLGATE_PG_PORT", "55432")),
        airflow_port=int(setting("TOLLGATE_AIRFLOW_PORT", "8080")),
    )
