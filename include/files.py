"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def replace(target: Path, text: str, mode: int = 0o666) -> None:
    """A reader finds the old content or the new one, never a part, and so does who comes after a crash. `mode` is for what others are not to read."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    with open(unfinished, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, mode)) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(target)
