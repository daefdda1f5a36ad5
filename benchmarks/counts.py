"""What became of the rows of a set of files."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """Data rows, headers not counted: read = accepted + rejected + duplicate."""

    read: int
    accepted: int
    rejected: int
    duplicate: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.read + other.read, self.accepted + other.accepted, self.rejected + other.rejected, self.duplicate + other.duplicate
        )


NOTHING = Counts(0, 0, 0, 0)
