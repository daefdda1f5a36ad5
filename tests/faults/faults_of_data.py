"""What happens to files on their way: lost, late, doubled, cut off, changed, hostile. Adding a fault is adding an entry.

A fault names the `places` that it touches, switches and feeds. Those that touch different places share a date: what one does
must not be seen at the others.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from tests.faults import provider
from tests.faults.provider import COLUMNS, FILE_HOURS, ROWS_OF_FILE, SINCE, SOUTH, STANDARD, WEST, call_file, table
from tests.faults.season import Fault, Files

NYC, DAL, BOS, CHI, DEN, SLC, ATL = (call_file(switch, 12) for switch in ("nyc1", "dal1", "bos1", "chi1", "den1", "slc1", "atl1"))
FILE = ROWS_OF_FILE
MANIFEST, SOUTH_MANIFEST = (f"{feed}/manifest-{{day}}.csv" for feed in (STANDARD, SOUTH))
DESK, NOTICES = "complaints/standard/desk-{day}.csv", "tracebacks/standard/notices-{day}.csv"
TRUNKS, CUSTOMERS, REGISTRY = (f"reference/{name}/{name}-{{day}}.csv" for name in ("trunks", "customers", "rmd"))
EVERYWHERE = tuple(ROWS_OF_FILE)

Inject = Callable[[Files], None]


def lose(*paths: str) -> Inject:
    def inject(files: Files) -> None:
        for path in paths:
            files.at(path).unlink()

    return inject


def say_instead(path: str, content: bytes) -> Inject:
    return lambda files: files.put(path, content)


def web_page(path: str) -> Inject:
    """What a server answered in place of the file, with its address."""
    return say_instead(path, f"<!DOCTYPE html><html><body>{path} is unavailable</body></html>\n".encode())


def change(path: str, how: Callable[[str], str]) -> Inject:
    return lambda files: files.rewrite(path, how)


def several(*injections: Inject) -> Inject:
    def inject(files: Files) -> None:
        for one in injections:
            one(files)

    return inject


def rows_changed(how: Callable[[int, dict[str, str]], dict[str, str]], columns: list[str] = COLUMNS) -> Callable[[str], str]:
    """A file whose rows are each put through `how`, given their position; its columns may come in another order, or be more."""

    def changed(text: str) -> str:
        rows = [how(number, dict(row)) for number, row in enumerate(csv.DictReader(io.StringIO(text)))]
        return table(columns, rows).decode()

    return changed


def set_column(name: str, value: str, every: int = 1) -> Callable[[str], str]:
    return rows_changed(lambda number, row: row | ({name: value} if number % every == 0 else {}))


def half_and(tail: Callable[[str], str]) -> Callable[[str], str]:
    """The first half of a file's rows, and then what `tail` makes of the next one."""

    def changed(text: str) -> str:
        header, *lines = text.splitlines(keepends=True)
        half = len(lines) // 2
        return header + "".join(lines[:half]) + tail(lines[half])

    return changed


def cut_off_packed(files: Files) -> None:
    whole = files.at(DAL).read_bytes()
    files.put(DAL, whole[: len(whole) // 2])


def once_more(path: str, name: str) -> Inject:
    return lambda files: files.put(name, files.at(path).read_bytes())


def sent_again_with_more(files: Files) -> None:
    text = files.text(DAL)
    last = text.splitlines()[-1].partition(",")[2]
    files.put(f"{STANDARD}/resent/dal1-{{day}}T12.csv", f"{text}one-more@dal1,{last}\n".encode())


def promise(manifest: str, path: str, rows: int) -> Inject:
    """The manifest says that a file has so many rows."""

    def inject(files: Files) -> None:
        name, count = path.format(day=files.day).split("/", 2)[2], ROWS_OF_FILE[path.split("/")[2]]
        files.rewrite(manifest, lambda text: text.replace(f"{name},{count},", f"{name},{rows},"))

    return inject


def of_the_day_before(path: str, how: Callable[[str], str] = lambda text: text) -> Inject:
    def inject(files: Files) -> None:
        before = Files(files.landing, files.day - timedelta(days=1))
        files.put(path, provider.packed(path, how(before.text(path)).encode()))

    return inject


def every_file(switch: str, how: Callable[[str], str]) -> Inject:
    return several(*(change(call_file(switch, hour), how) for hour in FILE_HOURS))


def shifted(hours: int) -> Callable[[str], str]:
    """Local times without an offset, so many hours later."""

    def later(_: int, row: dict[str, str]) -> dict[str, str]:
        moved = {name: row[name] and str(datetime.fromisoformat(row[name]) + timedelta(hours=hours)) for name in ("start_time", "answer_time", "end_time")}
        return row | moved

    return rows_changed(later)


def cut_short(_: int, row: dict[str, str]) -> dict[str, str]:
    """A talk time of tenths taken for seconds, say: three seconds where there were minutes."""
    if not row["answer_time"]:
        return row
    return row | {"end_time": str(datetime.fromisoformat(row["answer_time"]) + timedelta(seconds=3))}


def thinned(text: str) -> str:
    header, *lines = text.splitlines(keepends=True)
    return header + "".join(line for line in lines if "-0@" in line)


def ten_calls_later(files: Files) -> None:
    files.rewrite(DEN, lambda text: "".join(text.splitlines(keepends=True)[:-10]))


def declare_somebody_else(files: Files) -> None:
    """The trunk is made known as one more of C101's."""
    more = provider.reference(files.day, more_trunks=[["somebody-else", "nyc1", "customer", "C101", SINCE, ""]])
    files.put(TRUNKS, more[TRUNKS.format(day=files.day)])


def put_reference(path: str, **what: object) -> Inject:
    return lambda files: files.put(path, provider.reference(files.day, **what)[path.format(day=files.day)])


def changes_hands(files: Files) -> None:
    """At noon, and both owners are told of the whole date."""
    handed = provider.reference(
        files.day, closed={"c401-atl1": str(files.day)}, more_trunks=[["c401-atl1", "atl1", "customer", "C402", str(files.day), ""]]
    )
    files.put(TRUNKS, handed[TRUNKS.format(day=files.day)])


def trunks_cut_off(files: Files) -> None:
    whole = provider.reference(files.day)[TRUNKS.format(day=files.day)]
    files.put(TRUNKS, b"".join(whole.splitlines(keepends=True)[:11]))


def registry_collapsed(files: Files) -> None:
    whole = provider.reference(files.day)[REGISTRY.format(day=files.day)]
    files.put(REGISTRY, b"".join(whole.splitlines(keepends=True)[:11]))


def nothing(_: Files) -> None:
    """The date itself is the fault."""


ALL_SOUTH = tuple(call_file(switch, hour) for switch in ("atl1", "mia1") for hour in FILE_HOURS)
ALL_OF_DEN = tuple(call_file("den1", hour) for hour in FILE_HOURS)

PARTIAL, BLOCKED = ({STANDARD: status} for status in ("partial", "blocked"))
REFUSED, REJECTED, UNMAPPED = ("call_files.no_file_refused",), ("call_files.few_rows_rejected",), ("call_records.trunks_are_mapped",)
NYC1, DAL1, BOS1, CHI1, DEN1, SLC1, ATL1, ALL_OF_SOUTH = ("nyc1",), ("dal1",), ("bos1",), ("chi1",), ("den1",), ("slc1",), ("atl1",), ("atl1", "mia1")
ITS_SWITCH = "parties on the switch are on HOLD, those elsewhere are judged"
ALL_BLOCKED = {STANDARD: "blocked", SOUTH: "blocked", WEST: "blocked"}
ITS_FEED = "parties on every switch of the feed are on HOLD"

FAULTS = [
    # nyc1 and bos1: plain files, listed in a manifest
    Fault("a file of calls is lost", NYC1, f"partial; {ITS_SWITCH}", lose(NYC), PARTIAL, NYC1, lost=FILE["nyc1"]),
    Fault("a file is empty", NYC1, f"refused, blocked; {ITS_SWITCH}", say_instead(NYC, b""), BLOCKED, NYC1, REFUSED, lost=FILE["nyc1"]),
    Fault("a web page in place of a file", NYC1, f"refused, blocked; {ITS_SWITCH}", web_page(NYC), BLOCKED, NYC1, REFUSED, lost=FILE["nyc1"]),
    Fault("every fifth time is unreadable", NYC1, f"the rows are rejected, blocked; {ITS_SWITCH}", change(NYC, set_column("start_time", "noon", 5)),
          BLOCKED, NYC1, REJECTED, lost=len(range(0, FILE["nyc1"], 5))),
    Fault("calls on a trunk that nobody declared", ("nyc1", "trunks"), f"blocked until it is declared; {ITS_SWITCH}",
          change(NYC, set_column("ingress_trunk", "somebody-else", 5)),
          BLOCKED, NYC1, UNMAPPED, mend=declare_somebody_else),
    Fault("look-alike letters in trunks", NYC1, f"blocked: nobody is taken for another; {ITS_SWITCH}", change(NYC, lambda text: text.replace(",c10", ",с10")),
          BLOCKED, NYC1, UNMAPPED),
    Fault("calls of more than a day", NYC1, f"the rows are rejected, blocked; {ITS_SWITCH}",
          change(NYC, set_column("end_time", "2030-01-01T00:00:00Z", 5)), BLOCKED, NYC1, REJECTED, lost=len(range(0, FILE["nyc1"], 5))),
    Fault("times without a zone", NYC1, f"the rows are rejected, a zone is never guessed; blocked; {ITS_SWITCH}",
          change(NYC, rows_changed(lambda _, row: row | {"start_time": row["start_time"][:19]})), BLOCKED, NYC1, REJECTED, lost=FILE["nyc1"]),

    Fault("a file is cut off in a row", BOS1, f"partial: the manifest counts more; {ITS_SWITCH}", change(BOS, half_and(lambda line: line[:40])),
          PARTIAL, BOS1, lost=FILE["bos1"] - FILE["bos1"] // 2),
    Fault("a file of its header alone", BOS1, f"partial: the manifest promised rows; {ITS_SWITCH}", change(BOS, lambda text: text.partition("\n")[0] + "\n"),
          PARTIAL, BOS1, lost=FILE["bos1"]),
    Fault("a column has another name", BOS1, f"refused, the column named; blocked; {ITS_SWITCH}",
          change(BOS, lambda text: text.replace("ingress_trunk", "trunk_group_in", 1)), BLOCKED, BOS1, REFUSED, lost=FILE["bos1"]),
    Fault("calls that end before they begin", BOS1, f"the rows are rejected, blocked; {ITS_SWITCH}",
          change(BOS, set_column("end_time", "1970-01-01T00:00:00Z", 5)), BLOCKED, BOS1, REJECTED, lost=len(range(0, FILE["bos1"], 5))),
    Fault("a file of the day before under the date's name", BOS1, f"partial: it holds no call of the date; {ITS_SWITCH}", of_the_day_before(BOS),
          PARTIAL, BOS1, lost=FILE["bos1"]),
    Fault("a field of ten megabytes", BOS1, f"refused; blocked; {ITS_SWITCH}", change(BOS, set_column("signer", "x" * 10_000_000, FILE["bos1"])),
          BLOCKED, BOS1, REFUSED, lost=FILE["bos1"]),

    # dal1 and chi1: the same, packed
    Fault("half of a switch's date is lost", DAL1, f"partial; {ITS_SWITCH}", lose(DAL, call_file("dal1", 18)), PARTIAL, DAL1, lost=2 * FILE["dal1"]),
    Fault("a packed file is cut off", DAL1, f"refused, blocked; {ITS_SWITCH}", cut_off_packed, BLOCKED, DAL1, REFUSED, lost=FILE["dal1"]),
    Fault("a file comes again with one call more", DAL1, "the one call counts, the others are duplicates", sent_again_with_more, lost=-1, stays=True),
    Fault("columns in another order", DAL1, "nothing: columns are found by name", change(DAL, rows_changed(lambda _, row: row, COLUMNS[::-1])), stays=True),
    Fault("numbers shortened by a spreadsheet", DAL1, f"the rows are rejected, blocked; {ITS_SWITCH}",
          change(DAL, set_column("calling_number", "1.21E+10")), BLOCKED, DAL1, REJECTED, lost=FILE["dal1"]),
    Fault("a small file that unpacks to hundreds of megabytes", DAL1, f"refused at its first endless line; blocked; {ITS_SWITCH}",
          lambda files: files.put(DAL, gzip.compress(b"0" * 300_000_000, 9, mtime=0)), BLOCKED, DAL1, REFUSED, lost=FILE["dal1"]),
    Fault("a column more", CHI1, "nothing is lost; the changed format is noted",
          change(CHI, rows_changed(lambda _, row: row | {"codec": "G711"}, [*COLUMNS, "codec"])), stays=True),
    Fault("a byte order mark and Windows line ends", CHI1, "nothing", change(CHI, lambda text: "\ufeff" + text.replace("\n", "\r\n")), stays=True),
    Fault("every row twice in a file", CHI1, "each call counts once, the receipt counts the duplicates",
          several(change(CHI, lambda text: text + text.partition("\n")[2]), promise(MANIFEST, CHI, 2 * FILE["chi1"])), stays=True),
    Fault("the same bytes under another name", CHI1, "nothing: a file is its SHA-256",
          once_more(CHI, f"{STANDARD}/chi1/sent-again-{{day}}T12.csv"), stays=True),
    Fault("commas and quotes in a field", CHI1, "nothing", change(CHI, set_column("signer", 'The "A, B & C" Company')), stays=True),
    Fault("a file of the day before, exported anew", CHI1, f"partial: it holds no call of the date; {ITS_SWITCH}",
          of_the_day_before(CHI, lambda text: text.replace("\n", "\r\n")), PARTIAL, CHI1, lost=FILE["chi1"]),
    Fault("bytes of Latin-1", CHI1, "the calls count; the receipt counts the replaced bytes", lambda files: files.put(
          CHI, gzip.compress(files.text(CHI).replace("SHAKEN", "Société").encode("latin-1"), mtime=0)), stays=True),
    Fault("a link that leads out of the landing folder", CHI1, f"it is not followed; partial; {ITS_SWITCH}", lambda files: (
          files.at(CHI).unlink(), files.at(CHI).symlink_to("/etc/hostname")), PARTIAL, CHI1, lost=FILE["chi1"]),

    # den1 and slc1: no manifest. What a switch's parties do at once is told from seven days on, so those come last
    Fault("a file without a manifest is lost", DEN1, f"partial; {ITS_SWITCH}", lose(DEN), {WEST: "partial"}, DEN1, lost=FILE["den1"]),
    Fault("no file of a switch without a manifest", DEN1, f"partial; {ITS_SWITCH}", lose(*ALL_OF_DEN), {WEST: "partial"}, DEN1, lost=4 * FILE["den1"]),
    Fault("ten calls come a day late", DEN1, "nothing tells of them until they come; then the date is built again", ten_calls_later, lost=10),
    Fault("SQL, a template and a formula in fields", DEN1, "nothing: text remains text", change(DEN, rows_changed(lambda _, row: row | {
          "signer": "'; drop table decisions.ledger; --", "orig_id": "{{ 7 * 7 }}", "verstat": "=HYPERLINK(0)"})), stays=True),
    Fault("calls thinned out evenly", DEN1, f"blocked: most parties have far too few calls; {ITS_SWITCH}", every_file("den1", thinned),
          {WEST: "blocked"}, DEN1, ("switches.calls_are_not_thinned",), lost=3 * FILE["den1"]),
    Fault("calling numbers are withheld by a switch", DEN1, f"blocked; {ITS_SWITCH}", every_file("den1", set_column("calling_number", "anonymous")),
          {WEST: "blocked"}, DEN1, ("switches.calling_numbers_can_be_read",)),
    Fault("a file of its header alone, without a manifest", SLC1, f"partial: usual hours are empty; {ITS_SWITCH}",
          change(SLC, lambda text: text.partition("\n")[0] + "\n"), {WEST: "partial"}, SLC1, lost=FILE["slc1"]),
    Fault("the same bytes under another name, without a manifest", SLC1, "nothing", once_more(SLC, f"{WEST}/slc1/zz-sent-again-{{day}}T12.csv"), stays=True),
    Fault("the clock of a switch goes an hour ahead", SLC1, f"partial: its first hour is empty; {ITS_SWITCH}", every_file("slc1", shifted(1)),
          {WEST: "partial"}, SLC1, lost=FILE["slc1"] // 6),
    Fault("a file that was never written to its end", SLC1, f"refused: the rest is NUL bytes; blocked; {ITS_SWITCH}",
          change(SLC, half_and(lambda line: "\0" * 5000)), {WEST: "blocked"}, SLC1, REFUSED, lost=FILE["slc1"]),
    Fault("talk times in another unit", SLC1, f"blocked: half of a switch's parties do not change at once; {ITS_SWITCH}",
          every_file("slc1", rows_changed(cut_short)), {WEST: "blocked"}, SLC1, ("switches.short_calls_are_their_parties_doing",)),
    Fault("attestations are no longer recorded", SLC1, "told as a warning; nobody is held", every_file("slc1", set_column("attestation", "")),
          checks=("switches.attestations_are_recorded",)),

    # the south: what is said of a whole feed
    Fault("all files of a manifest are lost", ALL_OF_SOUTH, f"missing; {ITS_FEED}", lose(*ALL_SOUTH), {SOUTH: "missing"}, ALL_OF_SOUTH, lost=8 * FILE["atl1"]),
    Fault("a feed brings nothing at all", ALL_OF_SOUTH, f"missing; {ITS_FEED}", lose(SOUTH_MANIFEST, *ALL_SOUTH), {SOUTH: "missing"},
          ALL_OF_SOUTH, lost=8 * FILE["atl1"]),
    Fault("a manifest is lost", ALL_OF_SOUTH, "nothing: no usual hour is empty", lose(SOUTH_MANIFEST)),
    Fault("a manifest and a file are lost", ALL_OF_SOUTH, f"partial: usual hours are empty; {ITS_SWITCH}", lose(SOUTH_MANIFEST, ATL), {SOUTH: "partial"}, ATL1,
          lost=FILE["atl1"]),
    Fault("a manifest of words", ALL_OF_SOUTH, f"refused; blocked; {ITS_FEED}", say_instead(SOUTH_MANIFEST, b"all files were sent, sorry for the delay\n"),
          {SOUTH: "blocked"}, ALL_OF_SOUTH, REFUSED),
    Fault("a manifest that lists a path outside its folder", ALL_OF_SOUTH, f"the path is never opened; partial; {ITS_FEED}",
          change(SOUTH_MANIFEST, lambda text: text + "../../../../../../etc/hostname,1,\n"), {SOUTH: "partial"}, ALL_OF_SOUTH),
    Fault("a manifest that promises a row more", ALL_OF_SOUTH, f"partial; {ITS_SWITCH}", promise(SOUTH_MANIFEST, ATL, FILE["atl1"] + 1),
          {SOUTH: "partial"}, ATL1),
    Fault("a trunk changes hands at noon", ("atl1", "mia1", "trunks"), f"blocked: a call of the date would be of two parties; {ITS_FEED}",
          changes_hands, {SOUTH: "blocked"}, ALL_OF_SOUTH, ("reference_data.trunks_name_one_party",), mend=put_reference(TRUNKS)),

    # complaints, notices, reference data
    Fault("no complaints come", ("complaints",), "missing, and told; nobody is held for it", lose(DESK), {"complaints/standard": "missing"},
          checks=("evidence_feeds.every_feed_arrived",)),
    Fault("a web page in place of the complaints", ("complaints",), "refused; rules about complaints are held, no party is",
          web_page(DESK), {"complaints/standard": "blocked"},
          checks=("evidence_feeds.complaints_can_be_read", "evidence_feeds.every_feed_arrived")),
    Fault("the complaints come twice", ("complaints",), "nothing: a complaint is its id", lambda files: files.put(
          "complaints/standard/again-{day}.csv", files.at(DESK).read_bytes() + b"\n"), stays=True),
    Fault("no notices come", ("notices",), "missing, and told; nobody is held for it", lose(NOTICES), {"tracebacks/standard": "missing"},
          checks=("evidence_feeds.every_feed_arrived",)),
    Fault("a web page in place of the notices", ("notices",), "refused; the feed is missing, and told", web_page(NOTICES),
          {"tracebacks/standard": "missing"}, checks=("evidence_feeds.every_feed_arrived",)),
    Fault("customers are renamed", ("customers",), "nothing: a party is its id",
          put_reference(CUSTOMERS, names={"C102": "Now Another Name Ltd", "C202": "日本電話株式会社"}), stays=True),
    Fault("the registry's export comes with a fifth of its rows", ("rmd",), "refused as a broken download: the one before stays in force; told",
          registry_collapsed, checks=("evidence_feeds.no_newer_snapshot_was_refused",)),

    # everywhere
    Fault("the snapshot of the trunks is cut off", EVERYWHERE, "blocked: most calls are nobody's; everybody is on HOLD", trunks_cut_off,
          ALL_BLOCKED, EVERYWHERE, UNMAPPED, mend=put_reference(TRUNKS)),

    # the calendar's own
    Fault("the clocks go back", EVERYWHERE, "nothing where times carry their offset. Local times of the hour that comes twice are read as of "
          "the first: without a manifest the second looks empty, partial; parties on such switches are on HOLD", nothing, {WEST: "partial"}, ("den1", "slc1"),
          day=date(2026, 11, 1), stays=True),
    Fault("a leap day", EVERYWHERE, "nothing", nothing, day=date(2028, 2, 29), stays=True),
    Fault("the clocks go forward", EVERYWHERE, "nothing", nothing, day=date(2028, 3, 12), stays=True),
    Fault("calls from the future", EVERYWHERE, "blocked: the clock of every switch is ahead; everybody is on HOLD", nothing,
          ALL_BLOCKED, EVERYWHERE, ("call_files.no_call_ends_after_its_file_came",), day=datetime.now(UTC).date(), stays=True),
]  # fmt: skip
