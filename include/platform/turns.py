"""One at a time may start or stop parts of an installation."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from include.settings import Settings


def make_home(settings: Settings) -> None:
    """Makes the home folder where there is none, for its owner alone: lake, landing folder and logs hold subscribers' calls."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextlib.contextmanager
def only_one(settings: Settings, wait: bool = True) -> Iterator[bool]:
    """Whether it is our turn, for as long as this lasts. Who waits gets it in the end."""
    make_home(settings)
    descriptor = os.open(settings.home / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        yield False
        return
    try:
        yield True
    finally:
        os.close(descriptor)
