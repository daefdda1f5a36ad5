"""What happens to files on their way: lost, cut off, doubled, changed, hostile. Adding a fault is adding an entry."""

from __future__ import annotations

import gzip
import re
from datetime import timedelta

from tests.faults.season import Fault, Files

NIGHT, NOON = "cdr/standard/nyc1/nyc1-{day}T18.csv.gz", "cdr/standard/nyc1/nyc1-{day}T12.csv.gz"
DAL_NOON = "cdr/standard/dal1/dal1-{day}T12.csv.gz"
MANIFEST = "cdr/standard/manifest-{day}.csv"
TRUNKS = "reference/trunks/trunks-{day}.csv"


def lines_of(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


def column(name: str, value: str, every: int = 1):
    """A change of a file of `cdr/standard`: one column says something else, in every n-th row."""

    def change(content: bytes) -> bytes:
        header, *rows = lines_of(content)
        at = header.decode().strip().split(",").index(name)
        for number in range(0, len(rows), every):
            cells = rows[number].decode().rstrip("\n").split(",")
            rows[number] = (",".join([*cells[:at], value, *cells[at + 1 :]]) + "\n").encode()
        return b"".join([header, *rows])

    return change


def lose(*patterns: str):
    def inject(files: Files) -> None:
        for pattern in patterns:
            files.named(pattern).unlink()

    return inject


def cut_off(files: Files) -> None:
    files.rewrite(NOON, lambda content: content[: len(content) // 2])


def cut_off_compressed(files: Files) -> None:
    file = files.named(NOON)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(files: Files) -> None:
    files.named(NOON).write_bytes(b"")


def header_alone(files: Files) -> None:
    files.rewrite(NOON, lambda content: lines_of(content)[0])


def web_page(files: Files) -> None:
    files.write(NOON, b"<!DOCTYPE html><html><body>Service unavailable</body></html>\n")


def sent_twice(files: Files) -> None:
    file = files.named(NOON)
    files.landing.joinpath(file.parent, "again-" + file.name).write_bytes(file.read_bytes())


def sent_again_with_more(files: Files) -> None:
    """Under another name, uncompressed, with a row that was not there."""
    content = gzip.decompress(files.named(NOON).read_bytes())
    last = lines_of(content)[-1].decode().split(",", 1)
    files.write("cdr/standard/nyc1/resent-{day}T12.csv", content + f"one-more@nyc1,{last[1]}".encode())


def rows_twice(files: Files) -> None:
    """Every row twice, and the manifest counts them so."""
    files.rewrite(NOON, lambda content: content + b"".join(lines_of(content)[1:]))
    files.list_anew()


def column_renamed(files: Files) -> None:
    files.rewrite(NOON, lambda content: content.replace(b"ingress_trunk", b"trunk_group_in", 1))
    files.list_anew()


def column_added(files: Files) -> None:
    def change(content: bytes) -> bytes:
        header, *rows = lines_of(content)
        return b"".join([header.rstrip() + b",codec\n", *(row.rstrip(b"\n") + b",G711\n" for row in rows)])

    files.rewrite(NOON, change)
    files.list_anew()


def of_another_day(files: Files) -> None:
    """The file holds, once more, what the one of the date before held."""
    before = files.landing / NOON.format(day=files.day - timedelta(days=1))
    files.write(NOON, gzip.decompress(before.read_bytes()))
    files.list_anew()


def trunk_unknown(files: Files) -> None:
    files.rewrite(NOON, column("ingress_trunk", "somebody-else", every=5))
    files.list_anew()


def lookalike_trunk(files: Files) -> None:
    """A Cyrillic letter where a Latin one belongs: another trunk, and nobody's."""

    def change(content: bytes) -> bytes:
        return re.sub(r",c(1\d{3}-nyc1),", ",\u0441\\1,", content.decode()).encode()

    files.rewrite(NOON, change)
    files.list_anew()


def garbage(name: str, value: str, every: int = 5):
    def inject(files: Files) -> None:
        files.rewrite(NOON, column(name, value, every))
        files.list_anew()

    return inject


def zeros(files: Files) -> None:
    """Pre-allocated and never written."""
    files.rewrite(NOON, lambda content: content[: len(content) // 2] + b"\0" * 5000)


def endless_field(files: Files) -> None:
    files.rewrite(NOON, lambda content: content + b"x" * 10_000_000 + b"\n")
    files.list_anew()


def bomb(files: Files) -> None:
    """A few kilobytes that unpack to hundreds of megabytes without a line's end."""
    files.named(NOON).write_bytes(gzip.compress(b"0" * 400_000_000, 9))


def manifest_climbs_out(files: Files) -> None:
    manifest = files.named(MANIFEST)
    manifest.write_text(manifest.read_text() + f"../../../../../../etc/passwd,1,{'0' * 64}\n")


def manifest_of_words(files: Files) -> None:
    files.named(MANIFEST).write_text("all files were sent, sorry for the delay\n")


def trunk_of_two(files: Files) -> None:
    """From this date on, in a new snapshot, a trunk that calls come in on belongs to two customers."""
    newest = max(files.landing.glob("reference/trunks/*.csv"))
    files.write(TRUNKS, newest.read_bytes() + b"c1001-nyc1,nyc1,customer,C1002,2023-01-01,\n")


FAULTS = [
    Fault("a call record file is lost", lose(NOON), "partial", leads_to="the file is named; its parties are on HOLD until it comes"),
    Fault(
        "all files of a switch's half day are lost", lose(NOON, NIGHT), "partial",
        leads_to="both files are named; their parties are on HOLD",
    ),
    Fault("a file is cut off in a row", cut_off, "partial", rejects=True, leads_to="what came counts; HOLD until the whole file comes"),
    Fault("a compressed file is cut off", cut_off_compressed, "partial", rejects=True, leads_to="what came counts; HOLD until the whole file comes"),
    Fault("a file is empty", empty, "partial", leads_to="HOLD: the manifest promised rows"),
    Fault("a file holds its header alone", header_alone, "partial", leads_to="HOLD: the manifest promised rows"),
    Fault(
        "a web page in place of a file", web_page, "blocked", fails=("call_records.no_file_refused",),
        leads_to="the file is refused and says why; the feed is blocked",
    ),
    Fault("the same bytes under another name", sent_twice, leads_to="nothing: the file is known by its SHA-256"),
    Fault("a file sent again with one row more", sent_again_with_more, leads_to="the one row counts, the others are duplicates"),
    Fault("every row twice in a file", rows_twice, leads_to="each row counts once; the receipt counts the duplicates"),
    Fault(
        "a column has another name", column_renamed, "blocked", fails=("call_records.no_file_refused",),
        leads_to="the file is refused, the unknown column named; the feed is blocked",
    ),
    Fault("a column more", column_added, leads_to="nothing is lost; the changed format is noted"),
    Fault("the file of another date in its place", of_another_day, "complete", leads_to="see docs"),
    Fault(
        "calls on a trunk that nobody declared", trunk_unknown, "blocked", fails=("call_records.trunks_are_mapped",),
        leads_to="the trunk and its calls are told; the feed is blocked until the trunk is declared",
    ),
    Fault(
        "look-alike letters in a trunk", lookalike_trunk, "blocked", fails=("call_records.trunks_are_mapped",),
        leads_to="no party is taken for another; as an undeclared trunk",
    ),
    Fault(
        "every fifth time is unreadable", garbage("start_time", "yesterday noon"), "blocked", fails=("call_records.few_rows_rejected",), rejects=True,
        leads_to="the rows are rejected with field and remedy; the feed is blocked",
    ),
    Fault(
        "calls that end before they begin", garbage("end_time", "1970-01-01T00:00:00Z"), "blocked", fails=("call_records.few_rows_rejected",),
        rejects=True, leads_to="the rows are rejected; the feed is blocked",
    ),
    Fault("SQL in a field", garbage("signer", "'; drop table decisions.ledger; --"), leads_to="text remains text"),
    Fault("a template in a field", garbage("orig_id", "{{ 7 * 7 }}"), leads_to="text remains text"),
    Fault("a formula in a field", garbage("verstat", "=HYPERLINK(0)"), leads_to="text remains text"),
    Fault("a file that was never written to its end", zeros, "partial", rejects=True, leads_to="what came counts; HOLD until the whole file comes"),
    Fault("a field of ten megabytes", endless_field, rejects=True, leads_to="the line is rejected"),
    Fault("a small file that unpacks to hundreds of megabytes", bomb, "blocked", leads_to="see docs"),
    Fault("a manifest that lists a path outside its folder", manifest_climbs_out, "partial", leads_to="the path is never opened; HOLD, as for a file that did not come"),
    Fault("a manifest of words", manifest_of_words, "blocked", fails=("call_records.no_file_refused",), leads_to="the manifest is refused; the feed is blocked"),
    Fault(
        "a trunk of two parties", trunk_of_two, "blocked", fails=("reference_data.trunks_name_one_party",),
        leads_to="nobody's calls are another's: the feed is blocked until one of them is taken off",
    ),
]
