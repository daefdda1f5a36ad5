"""Rows of an XML file: one per element of a name, its columns by the path of elements below it, each row with its line."""

from __future__ import annotations

from xml.parsers import expat

from include.ingest.receipts import RefusedFile


def read(raw: bytes, element: str) -> list[tuple[int, dict[str, str], str]]:
    """(line, text by path, the element as it lies in the file) of every `element`; what a path holds several times is joined with '; '.

    In the encoding that the file declares. RefusedFile for what is not well-formed, and for a document type declaration: entities
    come with one, and those of a stranger are neither expanded nor fetched.
    """
    rows: list[tuple[int, dict[str, str], str]] = []
    path: list[str] = []
    text: list[str] = []
    found: dict[str, list[str]] | None = None
    line = begin = 0
    encoding = "utf-8"

    def declared(_version: str, name: str | None, _standalone: int) -> None:
        nonlocal encoding
        encoding = name or encoding

    def doctype(*_: object) -> None:
        raise RefusedFile("it has a document type declaration, as web pages have and data have not: fetch it again")

    def start(name: str, _attributes: dict[str, str]) -> None:
        nonlocal found, line, begin
        if found is not None:
            path.append(name)
        elif name == element:
            found, line, begin = {}, parser.CurrentLineNumber, parser.CurrentByteIndex
        text.clear()

    def end(_name: str) -> None:
        nonlocal found
        if found is None:
            return
        if path:
            value = "".join(text).strip()
            if value:
                found.setdefault("/".join(path), []).append(value)
            path.pop()
            text.clear()
        else:
            as_it_lies = raw[begin : raw.index(b">", parser.CurrentByteIndex) + 1].decode(encoding, "replace")
            rows.append((line, {name: "; ".join(values) for name, values in found.items()}, as_it_lies))
            found = None

    parser = expat.ParserCreate()
    parser.XmlDeclHandler, parser.StartDoctypeDeclHandler = declared, doctype
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text.append
    try:
        parser.Parse(raw, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the last two: an encoding that does not exist, or that the parser does not know
        raise RefusedFile(f"not well-formed XML: {error}; fetch it again, whole") from error
    return rows
