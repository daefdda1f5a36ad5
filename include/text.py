"""Text out of somebody's file, made fit to be shown."""


def visible(text: str) -> str:
    """Characters that cannot be seen as escapes (`\\n`, `\\x1b`, `\\u202e`): a line of a log stays one line and steers no terminal."""
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape", "surrogatepass").decode() for mark in text)


def visible_lines(text: str) -> str:
    """The same for a text of several lines."""
    return "\n".join(map(visible, text.split("\n")))
