"""Generated secrets, one per file, in `$TOLLGATE_HOME/secrets` (folder 700, files 600)."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable

from include.settings import Settings


def secret(settings: Settings, name: str, generate: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> str:
    """The secret called `name`, generated when its file is missing or empty. Modes are put right on every call."""
    settings.secrets.mkdir(parents=True, exist_ok=True)
    settings.secrets.chmod(0o700)
    path = settings.secrets / name
    value = path.read_text().strip() if path.is_file() else ""
    if not value:
        value = generate()
        replace_secret(settings, name, value)
    path.chmod(0o600)
    return value


def replace_secret(settings: Settings, name: str, value: str) -> None:
    """Under another name first, so that a reader never sees half a secret."""
    draft = settings.secrets / f".{name}.{os.getpid()}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(value + "\n")
    draft.replace(settings.secrets / name)
