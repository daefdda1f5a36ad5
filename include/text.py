"""Text out of somebody's file, made fit to be shown, or to stand in SQL."""

from __future__ import annotations

from collections.abc import Iterable


def visible(text: str) -> str:
    """Characters that cannot be seen as escapes (`\\n`, `\\x1b`, `\\u202e`): a line of a log stays one line and steers no terminal."""
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape", "surrogatepass").decode() for mark in text)


def visible_lines(text: str) -> str:
    """The same for a text of several lines."""
    return "\n".join(map(visible, text.split("\n")))


def literal(text: str | None) -> str:
    """An SQL literal, of DuckDB and PostgreSQL, where text cannot be bound as a parameter."""
    return "null" if text is None else "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str | None]) -> str:
    """The same for several, as a list without brackets."""
    return ", ".join(map(literal, texts))
