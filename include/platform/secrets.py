"""Generated secrets, one per file, in `$TOLLGATE_HOME/secrets` (folder 700, files 600)."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from include.files import replace
from include.settings import Settings


def secret(settings: Settings, name: str, generate: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> str:
    """The secret called `name`, generated when its file is missing or empty. Modes are put right on every call."""
    settings.secrets.mkdir(parents=True, exist_ok=True)
    settings.secrets.chmod(0o700)
    path = settings.secrets / name
    value = path.read_text().strip() if path.is_file() else ""
    if not value:
        value = generate()
        replace(path, value + "\n", 0o600)
    path.chmod(0o600)
    return value
