"""A recommendation explained, as text and as a page: from its ledger entry through rules, metrics and gates down to lines of files.

The page, `$TOLLGATE_HOME/explained/<recommendation id>.html`, says the same as the text. It stands alone, and only the user of the
installation can read it: it holds lines of call records. Telephone numbers are masked in both.
"""

from __future__ import annotations

import json
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from include.decisions.words import OPERATORS, figure
from include.files import replace
from include.lineage.chain import Count, Explained, Finding, Place, Row, gather, instant
from include.lineage.raw_lines import File, masked
from include.quality import data_docs
from include.settings import Settings
from include.text import visible, visible_lines

TEMPLATES = Path(__file__).with_name("templates")
WIDTH = 100
LONGEST = 500
"""Characters of anything that a person wrote."""


def explain(settings: Settings, recommendation_id: str) -> str:
    """The whole chain as text, which ends with the address of the page that is written beside. Errors: UnknownRecommendation."""
    explained = gather(settings, recommendation_id)
    return f"{text(explained)}\n\nThe same as a page: {write(settings.home / 'explained', explained)}"


def text(explained: Explained) -> str:
    """What is in it is shown as visible characters: it steers no terminal, and stays in the line it belongs to."""
    parts = (verdict(explained), reasons(explained), followed(explained), files(explained), made_from(explained))
    return "\n".join(visible(line) for part in parts for line in part)


def write(folder: Path, explained: Explained) -> Path:
    """Write the page; returns where."""
    target = folder / f"{quote(explained.recommendation_id, safe='')}.html"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    page = data_docs.template("explained", TEMPLATES).render(
        it=explained, entry=explained.entry, payload=explained.entry["payload"], state=state_of_case(explained),
        rules=hash_of_rules(explained), instant=instant, asked=asked, defined=defined, again=again, happened=happened, order=order,
        command=command, unread=unread,
    )  # fmt: skip
    replace(target, visible_lines(page), mode=0o600)
    return target


def wrapped(words: str, first: str = "", rest: str = "    ") -> list[str]:
    return textwrap.wrap(words, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)


def verdict(explained: Explained) -> Iterator[str]:
    entry, payload = explained.entry, explained.entry["payload"]
    yield f"{explained.recommendation_id}: {payload['recommendation']} {entry['party_kind']} {entry['party_id']} {payload['legal_name']}"
    yield f"  service date {entry['service_date']} (UTC), data {payload['data_status']}, rule set {payload['ruleset_version']}"
    yield f"    {hash_of_rules(explained)}"
    yield f"  ledger entry {entry['entry_id']}, appended {instant(entry['recorded_at'])} by {entry['actor']}"
    yield f"    hash {entry['hash']}, after {entry['previous_hash'][:12]}…"
    if state := state_of_case(explained):
        yield f"  case {payload['case_id']}: {state}"
    if entry["restated_by"]:
        yield f"  restated later: {entry['restated_by']}"
    if payload["linked_party_ids"]:
        yield f"  linked parties, counted together: {', '.join(payload['linked_party_ids'])}"


def hash_of_rules(explained: Explained) -> str:
    if not explained.ruleset:
        return "the rules of that version are not on record"
    kept = "the rules on record are those that judged" if explained.ruleset["is_unchanged"] else "THE RULES ON RECORD ARE OTHERS than its version says"
    return f"SHA-256 of its rules {explained.ruleset['sha256']}; {kept}"


def state_of_case(explained: Explained) -> str:
    """How the review of the case stands; empty where nobody is asked."""
    reviews = [entry for entry in explained.afterwards if entry["entry_type"] == "review"]
    if reviews:
        review = reviews[0]
        comment = f': "{cut(review["payload"]["comment"])}"' if review["payload"].get("comment") else ""
        return f"{review['payload']['decision']} by {review['actor']}, {instant(review['recorded_at'])}{comment}"
    if explained.entry["payload"]["recommendation"] not in ("SUSPEND", "RESTRICT"):
        return ""
    escalated = [entry for entry in explained.afterwards if entry["entry_type"] == "escalation"]
    return "waits for a person" + (f", escalated {instant(escalated[0]['recorded_at'])}" if escalated else "")


def reasons(explained: Explained) -> Iterator[str]:
    for finding in explained.findings:
        yield ""
        yield from wrapped(finding.words, rest="  ")
        yield from behind(explained, finding)
    yield from (f"  - {reason}" for reason in explained.data_reasons)


def behind(explained: Explained, finding: Finding) -> Iterator[str]:
    """Figures, rule, metric and query of a reason, and the rows of files that it rests on."""
    if finding.hit:
        yield from wrapped(figures(finding.hit), "  ")
    for rule in finding.rules:
        yield from wrapped(f"rule {rule['alternative']}.{rule['condition']} as it judged: {asked(rule)}", "  ")
    if finding.metric:
        yield from wrapped(defined(finding.metric), "  ")
    if finding.count:
        yield f"  {again(finding.count, finding.hit)}"
        yield from (f"    {line}".rstrip() for line in finding.count.query.split("\n"))
    for evidence in finding.evidence:
        yield f"  {evidence.words}"
        for place in evidence.places:
            yield from standing(explained.files[place.receipt_id], place)


def figures(hit: Row) -> str:
    """The measured figures as they were compared, to the last digit."""
    told = {
        "numerator": hit["numerator"], "denominator": hit["denominator"], "value": hit["value"], f"{hit['bound_kind']} bound": hit["bound"],
        f"threshold {hit['operator']}": hit["threshold"], "least sample": hit.get("min_sample"),
    }  # fmt: skip
    return ", ".join(f"{name} {value}" for name, value in told.items() if value is not None)


def asked(rule: Row) -> str:
    """One condition of a rule in words, and what comes of it."""
    told = rule["metric"] or "no metric"
    if rule["metric"]:
        bound = {"lower": "lower 95 % bound ", "upper": "upper 95 % bound "}.get(rule["bound"], "")
        limit = f"what {rule['threshold']:.0%} of its peers have at most" if rule["compared_with"] == "peers" else f"{rule['threshold']:g}"
        told += f": {bound}{OPERATORS[rule['operator']]} {limit}"
    if rule["min_sample"]:
        told += f", of at least {rule['min_sample']}" + (f" ({rule['min_sample_new']} of new customers)" if rule["min_sample_new"] else "")
    return (
        f"{told}: {rule['tier']}"
        + (f"; not of parties with {rule['exempt_traits'].replace(' ', ', ')}" if rule["exempt_traits"] else "")
        + f"; in force from {rule['effective_from']}"
        + (f" to {rule['effective_to']}" if rule["effective_to"] else "")
        + (f"; source {rule['source']}" if rule["source"] else "")
        + ("; the installation's own" if rule["is_private"] else "")
    )


def defined(metric: Row) -> str:
    """A metric's definition."""
    made_of = metric["numerator_words"] + (f", of {metric['denominator_words']}" if metric["denominator_words"] else "")
    told = {
        "unit": metric["unit"], "boundary": metric["boundary"], "window": metric["time_window"], "least sample": metric["min_sample"],
        "source": metric["source"], "counted where": metric["calls_where"],
    }  # fmt: skip
    return f"{metric['label']}: {made_of}; " + "; ".join(f"{name} {value}" for name, value in told.items() if value)


def again(count: Count, hit: Row) -> str:
    """A figure made again, beside the one on record where they differ."""
    told = f"{count.made}: {of(count.numerator, count.denominator)}"
    return told if count.is_as_recorded else f"{told} (recorded: {of(hit['numerator'], hit['denominator'])})"


def of(numerator: float | None, denominator: float | None) -> str:
    return figure(numerator, "count") + ("" if denominator is None else f" of {figure(denominator, 'count')}")


def standing(file: File, place: Place) -> Iterator[str]:
    """Where a line stands, how to look at it, and the line itself."""
    if place.line is None:
        yield f"    {file.path}"
        return
    yield f"    {file.path} line {place.line}" + ("" if file.is_as_loaded else f"  ({file.remark})")
    if file.is_as_loaded:
        yield f"      {command(file, place)}"
        yield f"      | {file.lines[place.line]}" if place.line in file.lines else f"      {unread(file)}"


def command(file: File, place: Place) -> str:
    """How to look at a line oneself, with its numbers."""
    shown = f"{'zcat' if file.path.endswith('.gz') else 'cat'} {shlex.quote(str(file.address))}"
    return shown if file.receipt["lines"] else f"{shown} | sed -n {place.line}p"


def unread(file: File) -> str:
    """Why a line of a file that is as it was is not shown."""
    return file.receipt["lines"] or "the line could not be reached"


def followed(explained: Explained) -> Iterator[str]:
    if explained.afterwards:
        yield ""
        yield "What people did"
    for entry in explained.afterwards:
        who = f"{instant(entry['recorded_at'])} {entry['entry_type']} by {entry['actor']}"
        yield from wrapped(f"{who}: {happened(entry['payload'])} (ledger entry {entry['entry_id']})", "  ")
    for action in explained.actions:
        yield from wrapped(f"order: {order(action)}", "  ")


def happened(payload: Row) -> str:
    """What an entry of the ledger says, whatever its type, but for the case that it is about; what was decided first."""
    names = sorted(payload, key=lambda name: name not in ("decision", "action", "comment"))
    return "; ".join(f"{name.replace('_', ' ')}: {cut(payload[name])}" for name in names if name != "case_id" and payload[name] not in (None, "", [], {}))


def order(action: Row) -> str:
    """An order, and what became of it."""
    undone = [words for name, words in (("delivered", "not delivered yet"), ("acknowledged_at", "not acknowledged yet")) if not action.get(name)]
    return "; ".join([happened(action), *undone])


def cut(value: Any) -> str:
    """A value in one short line, with telephone numbers masked."""
    told = value if isinstance(value, str) else ", ".join(map(str, value)) if isinstance(value, list) else json.dumps(value)
    told = masked(told)
    return told if len(told) <= LONGEST else f"{told[:LONGEST]}…"


def files(explained: Explained) -> Iterator[str]:
    if explained.files:
        yield ""
        yield "Files, by the SHA-256 of their bytes: rows read = accepted + rejected + duplicate"
    for file in explained.files.values():
        row = file.receipt
        yield (
            f"  {row['path']}: {row['rows_read']:,} = {row['rows_accepted']:,} + {row['rows_rejected']:,} + {row['rows_duplicate']:,}, "
            f"{row['state']} {row['loaded_at']:%Y-%m-%d %H:%M} UTC"
        )
        yield f"    {row['file']}"
        yield f"    {file.remark}"


def made_from(explained: Explained) -> Iterator[str]:
    given = explained.entry["payload"]["inputs"]
    yield ""
    yield f"Made by run {given['run']} from {given['receipts']['count']} receipts (SHA-256 over their ids: {given['receipts']['sha256'][:16]}…)"
    for gate in explained.gates:
        found = f"; {gate['not_passed']}" if gate["remarks"] else ", all passed"
        yield from wrapped(f"gate {gate['gate']}: {gate['checks']} checks{found} (run {gate['run']})", "  ")
    for override in explained.overrides:
        feeds = f" for {', '.join(override['feeds'])}" if override["feeds"] else ""
        yield from wrapped(
            f"{override['check']} failed and was overridden{feeds} by {override['by']} until {override['until']:%Y-%m-%d %H:%M} UTC: "
            f"\"{override['reason']}\" (ledger entry {override['entry_id']})",
            "  ",
        )
    versions = ", ".join(f"{name} {version}" for name, version in given.get("versions", {}).items())
    yield from wrapped(f"with {versions}" if versions else "versions of the software: not on record", "  ")
