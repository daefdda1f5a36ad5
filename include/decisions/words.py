"""Verdicts in words: what a rule hit says, for people who know no SQL. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

OPERATORS = {">": "more than", ">=": "at least", "<": "less than", "<=": "at most", "=": "exactly"}

BOUNDS = {"lower": "at least", "upper": "at most"}


@dataclass(frozen=True)
class Catalogue:
    """What the words of a hit are taken from. A hit may be of a rule or a metric that is in it no longer."""

    rules: dict[str, dict[str, Any]]
    """By rule code: words, evidence, source."""
    metrics: dict[str, dict[str, Any]]
    """By metric: label, unit, numerator, denominator, calls_where."""


def figure(value: float | None, unit: str | None) -> str:
    """A number as people write it: shares in per cent, counts without decimals."""
    if value is None:
        return "unknown"
    if unit == "share":
        return f"{float(value) * 100:.1f} %"
    number = float(value)
    return (f"{number:,.0f}" if number == int(number) else f"{number:,.1f}") + (" s" if unit == "seconds" else "")


def plain(text: str, longest: int = 120) -> str:
    """A name out of somebody's file as one line of visible characters, harmless where Airflow renders a Jinja template."""
    visible = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    cut = visible if len(visible) <= longest else visible[: longest - 1] + "…"
    return re.sub(r"\{(?=[{%#])", "{ ", cut) or "(no name)"


def code(text: str, longest: int = 120) -> str:
    """The same as Markdown code, in which nothing is markup and nothing becomes a link, however many backticks it holds."""
    shown = plain(text, longest)
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    edge = " " if "`" in (shown[0], shown[-1]) else ""
    return f"{fence}{edge}{shown}{edge}{fence}"


def reason(hit: dict[str, Any], catalogue: Catalogue) -> str:
    """One sentence for one rule hit: the rule, the measured figure with its counts and bound, the limit and its source."""
    rule = catalogue.rules.get(hit["rule_code"], {})
    sentence = f"{hit['rule_code']}: {rule.get('words') or hit['metric']}"
    if hit["metric"] in catalogue.metrics:
        sentence += measured(hit, catalogue.metrics[hit["metric"]])
    return sentence + (f" [{rule['source']}]" if rule.get("source") else "") + "."


def measured(hit: dict[str, Any], metric: dict[str, Any]) -> str:
    """The figure of a rule hit beside the limit that the rule sets; nothing of a flag, of which the rule's words say all."""
    unit = metric["unit"]
    if unit == "flag":
        return ""
    told = f". {metric['label']}: {figure(hit['value'], unit)}"
    if unit == "share" and hit.get("denominator"):
        told += f" ({figure(hit['numerator'], 'count')} of {figure(hit['denominator'], 'count')}"
        if hit["bound_kind"] != "point":
            told += f"; with 95 % confidence {BOUNDS[hit['bound_kind']]} {figure(hit['bound'], unit)}"
        told += ")"
    told += f"; the rule asks for {OPERATORS.get(hit['operator'], hit['operator'])} {figure(hit['threshold'], unit)}"
    return told + (f" of at least {figure(hit['min_sample'], 'count')}" if hit.get("min_sample") else "")


def reasons(payload: dict[str, Any], catalogue: Catalogue) -> list[str]:
    """The sentences of a recommendation, its own reason codes first and in their order."""
    codes = payload["reason_codes"]
    hits = {hit["rule_code"]: hit for hit in payload["hits"]}
    told = [reason(hits[code], catalogue) for code in codes if code in hits]
    silent = [f"{code}: {catalogue.rules.get(code, {}).get('words') or code}." for code in codes if code not in hits]
    return told + silent


def review_subject(case: dict[str, Any]) -> str:
    """A case in one line, as plain text that is short enough for the label of a mapped task (250 characters)."""
    return f"{case['payload']['recommendation']} {plain(case['payload']['legal_name'])} ({plain(case['party_id'], 60)})"


def review_body(case: dict[str, Any], catalogue: Catalogue, examples: list[str]) -> str:
    """What a reviewer reads, as Markdown. What comes out of files stands in it as code: nobody formats it by his name.

    `examples` are some of the rows that the reasons rest on, numbers masked.
    """
    payload = case["payload"]
    linked = ", ".join(map(code, payload["linked_party_ids"])) or "none known"
    traced = ", ".join(map(code, payload["traceback_ids"])) or "none"
    trunks = ", ".join(map(code, payload.get("trunks", ()))) or "none known"
    steps = {
        "SUSPEND": "stop all traffic of the whole party, all its trunks, today, while it is investigated",
        "RESTRICT": "cap its call rate and channels, pin its caller IDs to the verified list, open no new trunks",
    }
    return "\n".join(
        [
            f"**{payload['recommendation']}** {case['party_kind']} {code(payload['legal_name'])} ({code(case['party_id'])}), "
            f"service date {case['service_date']}",
            "",
            f"What it means: {steps[payload['recommendation']]}.",
            "",
            "Why:",
            "",
            *(f"- {sentence}" for sentence in reasons(payload, catalogue)),
            "",
            *(["For example:", "", *(f"- {code(example, 300)}" for example in examples), ""] if examples else []),
            f"Traced calls: {traced}. Linked parties, counted together: {linked}.",
            "",
            f"All its trunks: {trunks}.",
            "",
            f"State of the party now: {case['party_state'] or 'no longer in the reference data'}. "
            f"Verdicts before: {', '.join(case['verdicts_before']) or 'none'}. Decided before: {'; '.join(map(code, case['decided_before'])) or 'nothing'}.",
            "",
            f"Rule set {payload['ruleset_version']}. The whole chain down to file and line: `make explain ID={case['recommendation_id']}`.",
            "",
            "Approve: it is ordered at once of those who operate the switches, for the whole party, and quiet days change nothing after it: only a release "
            "that two people sign (`make release`) leads back to active; 30 days of watch follow. Reject: nothing is ordered, and the case is asked about "
            "again only when the verdict or its reasons change. Say why: without a comment you are asked again. Either answer goes to the ledger under your name.",
        ]
    )


STATES = {
    "matched_customer": "The call is our customer's",
    "matched_upstream": "The call came through an upstream",
    "matched_unknown_trunk": "The call came on a trunk that no party is known to own",
    "ambiguous": "Several calls fit: name none of them",
    "no_record": "We have no record of it, and our records of those hours are complete",
    "undetermined_data_gap": "Our records of those hours are not complete: find the missing files before saying that there is no record",
}
"""What each outcome of a search means for the person who answers."""


BLOCKED = {
    "arriving_data": "Parties that the feeds serve are on HOLD: their behaviour is not judged, evidence still counts",
    "marts": "Nothing is recommended for the date, for anybody",
}
"""What a block of each gate does."""


MITIGATIONS = {
    "Caller warned": "caller_warned",
    "Caller restricted": "caller_restricted",
    "Caller terminated": "caller_terminated",
    "Upstream notified": "upstream_notified",
    "No fault found": "no_fault_found",
}
"""What a person may say was done about the traced caller, and the state that the notice is in from then on."""


def notice_subject(notice: dict[str, Any]) -> str:
    """A notice in one line, as plain text."""
    return f"Answer traceback {plain(notice['traceback_id'], 80)} by {notice['due_at']:%Y-%m-%d %H:%M} UTC"


def mitigation_subject(notice: dict[str, Any]) -> str:
    """What is asked once the requester is answered, as plain text."""
    return f"What was done about the caller of traceback {plain(notice['traceback_id'], 80)}?"


def notice_body(notice: dict[str, Any]) -> str:
    """What the person who answers a requester reads, as Markdown."""
    found = STATES[notice["search_state"]]
    party = f": {notice['party_kind']} {code(notice['party_id'])}" if notice["party_id"] else ""
    window = f", found within {notice['match_window_seconds']:,} s of the time given" if notice["match_window_seconds"] else ""
    others = f" {notice['calls_from_others']} calls to that number at about that time came from another number." if notice["calls_from_others"] else ""
    draft = [text for line in notice["answer_draft"].splitlines() if line.strip() for text in (code(line, 400), "")]
    return "\n".join(
        [
            f"**{found}**{party}{window}.{others}",
            "",
            f"Asked by {code(notice['requester'] or 'unknown')}, campaign {code(notice['campaign'] or 'unknown')}. Received {notice['received_at']:%Y-%m-%d %H:%M} UTC, "
            f"due {notice['due_at']:%Y-%m-%d %H:%M} UTC; by the rule's business hours {notice['legal_due_at']:%Y-%m-%d %H:%M} UTC.",
            "",
            *([f"It recurs: {code(notice['recurrence'])}.", ""] if notice["recurrence"] else []),
            "A draft of the answer:",
            "",
            *draft,
            "Send the answer to the requester, then confirm here that it is sent. What is done about the caller is asked next.",
        ]
    )


def block_subject(block: dict[str, Any]) -> str:
    """A gate's block in one line, as plain text."""
    return f"{block['service_date']} is blocked: {plain(block['check'])}"


def block_body(block: dict[str, Any]) -> str:
    """What the person reads who may let a failed check pass, as Markdown. What was found comes out of files: it stands as code."""
    feeds = ", ".join(map(code, block["feeds"]))
    return "\n".join(
        [
            f"**The gate {block['gate']} blocks {block['service_date']}**: check {code(block['check'])}" + (f", feeds {feeds}." if feeds else "."),
            "",
            f"Expected: {block['expected']}.",
            "",
            f"Found, and how often: {code(block['observed'] or 'nothing on record', 600)}",
            "",
            f"What to do: {block['remedy']} When the missing or corrected file arrives, the date is judged again by itself, and whatever is "
            "answered here after that changes nothing.",
            "",
            f"Leave blocked: it stays as it is. {BLOCKED[block['gate']]}.",
            "",
            f"Override: once a second person confirms it, whatever this check finds on {block['service_date']}" + (f" in {feeds}" if feeds else "")
            + ", these figures or others, passes until the instant that you name, or for 7 days. The date is judged again at once. Every other check, "
            "feed and date is held as before. Once the override has ended, the next run of the gate blocks again.",
            "",
            "Say why: without a comment you are asked again. It goes to the ledger under your name and is shown with the data of the date.",
        ]
    )


def confirmation_subject(block: dict[str, Any]) -> str:
    """What a second person is asked about an override, as plain text."""
    return f"Confirm an override: {block['service_date']}, {plain(block['check'])}"


def confirmation_body(wanted: dict[str, Any]) -> str:
    """What the second person reads, of whom an override needs two, as Markdown."""
    return "\n".join(
        [
            f"{code(wanted['actor'])} wants the check {code(wanted['check'])} of the gate {wanted['gate']} to pass until {wanted['until'][:16].replace('T', ' ')} UTC, because:",
            "",
            code(wanted["comment"], 2000),
            "",
            "What the check found stands in the question that was answered, in `ops.gate_results` and on the gate's page.",
            "",
            "Confirm: the override stands under both names, and the date is judged again. Refuse: it stays blocked. Say why: without a comment you are asked again.",
        ]
    )


def release_subject(request: dict[str, str]) -> str:
    """What a second person is asked about a release, as plain text."""
    return f"Release {plain(request['party'], 80)}?"


def release_body(request: dict[str, str], stands: dict[str, Any]) -> str:
    """What the second person reads, of whom a release needs two, as Markdown. `stands` is what the party is called and its state."""
    return "\n".join(
        [
            f"{code(request['approver'])} wants {code(request['party'])}, {code(stands['legal_name'])}, to be active again. It is {stands['state']}.",
            "",
            f"What it was restrained for: {code(request['cause'], 2000)}",
            "",
            f"The evidence of its compliance since: {code(request['evidence'], 2000)}",
            "",
            f"The new limits that it goes on with: {code(request['limits'], 2000)}",
            "",
            "Confirm: the release stands under both names, its trunks and numbers are ordered to be lifted, and it is watched for 30 days. "
            "Refuse: it stays as it is. Say why: without a comment you are asked again.",
        ]
    )


def rest_subject(rest: dict[str, Any]) -> str:
    """A day's other verdicts in one line, as plain text."""
    return f"{rest['service_date']}: " + ", ".join(f"{rest['counts'][verdict]} {verdict}" for verdict in ("HOLD", "MONITOR", "NO_ACTION") if verdict in rest["counts"])


def rest_body(rest: dict[str, Any]) -> str:
    """What a person reads once a day about the parties that need no decision, as Markdown."""
    parties = [
        f"- {party['recommendation']} {party['party_kind']} {code(party['legal_name'])} ({code(party['party_id'])}): {', '.join(map(code, party['reason_codes']))}"
        for party in rest["parties"]
    ]
    return "\n".join(
        [
            f"What was found on {rest['service_date']} of parties that need no decision: watched (MONITOR), not judged because data are missing (HOLD), or with nothing against them.",
            "",
            *(parties or ["Nobody is watched and nobody is on hold."]),
            "",
            "All of them, with figures: `marts.customer_risk_daily` and `marts.upstream_risk_daily`. Seen: you looked through them; say what you noticed. "
            "It goes to the ledger under your name and changes no verdict.",
        ]
    )
