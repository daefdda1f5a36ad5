"""What takes two people: nobody signs twice."""

from __future__ import annotations

CONFIRM, REFUSE = "Confirm", "Refuse"
"""What a second person may answer about an override or a release that the first one wants."""


def refuse_same(first: str, second: str) -> None:
    """ValueError where both names are one, however it is written."""
    if _plain(first) == _plain(second):
        raise ValueError(f"SECOND={second!r}: another person than {first!r}")


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
