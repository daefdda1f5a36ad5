"""Verdicts in words: what a rule hit says, for people who know no SQL. Pure."""

from __future__ import annotations

from typing import Any

OPERATORS = {">": "more than", ">=": "at least", "<": "less than", "<=": "at most", "=": "exactly"}

BOUNDS = {"lower": "at least", "upper": "at most"}


def figure(value: float | None, unit: str | None) -> str:
    """A number as people write it: shares in per cent, counts without decimals."""
    if value is None:
        return "unknown"
    if unit == "share":
        return f"{float(value) * 100:.1f} %"
    number = float(value)
    return f"{number:,.0f}" if number == int(number) else f"{number:,.1f}"


def reason(hit: dict[str, Any], catalogue: dict[str, dict[str, Any]]) -> str:
    """One sentence for one rule hit: the rule, the measured figure with its counts and bound, the limit and its source."""
    rule = catalogue.get(hit["rule_code"], {})
    unit = rule.get("unit")
    sentence = f"{hit['rule_code']}: {rule.get('rule_words') or hit['metric']}"
    if unit in (None, "flag"):
        return sentence + "."
    sentence += f". {rule.get('label') or hit['metric']}: {figure(hit['value'], unit)}"
    if unit == "share" and hit.get("denominator"):
        sentence += f" ({figure(hit['numerator'], 'count')} of {figure(hit['denominator'], 'count')}"
        if hit["bound_kind"] != "point":
            sentence += f"; with 95 % confidence {BOUNDS[hit['bound_kind']]} {figure(hit['bound'], unit)}"
        sentence += ")"
    sentence += f"; the rule asks for {OPERATORS.get(hit['operator'], hit['operator'])} {figure(hit['threshold'], unit)}"
    if hit.get("min_sample"):
        sentence += f" of at least {figure(hit['min_sample'], 'count')}"
    return sentence + (f" [{rule['source']}]" if rule.get("source") else "") + "."


def reasons(payload: dict[str, Any], catalogue: dict[str, dict[str, Any]]) -> list[str]:
    """The sentences of a recommendation, its own reason codes first and in their order."""
    codes = payload["reason_codes"]
    hits = {hit["rule_code"]: hit for hit in payload["hits"]}
    told = [reason(hits[code], catalogue) for code in codes if code in hits]
    silent = [f"{code}: {catalogue.get(code, {}).get('rule_words') or code}." for code in codes if code not in hits]
    return told + silent


def review_body(case: dict[str, Any], catalogue: dict[str, dict[str, Any]]) -> str:
    """What a reviewer reads, as Markdown."""
    payload = case["payload"]
    linked = ", ".join(payload["linked_party_ids"]) or "none known"
    steps = {
        "SUSPEND": "stop all traffic of the whole party, all its trunks, today, while it is investigated",
        "RESTRICT": "cap its call rate and channels, pin its caller IDs to the verified list, open no new trunks",
    }
    return "\n".join(
        [
            f"**{payload['recommendation']}** {case['party_kind']} **{payload['legal_name']}** (`{case['party_id']}`)",
            "",
            f"What it means: {steps[payload['recommendation']]}.",
            "",
            "Why:",
            *(f"- {sentence}" for sentence in reasons(payload, catalogue)),
            "",
            f"Traced calls: {', '.join(payload['traceback_ids']) or 'none'}. Linked parties, counted together: {linked}.",
            "",
            f"Rule set {payload['ruleset_version']}. The whole chain down to file and line: `make explain ID={case['recommendation_id']}`.",
            "",
            "Approve: the recommendation is to be carried out. Reject: it is not; say why. Either answer goes to the ledger under your name.",
        ]
    )
