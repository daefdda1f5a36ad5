"""Verdicts in words, and names out of files that stay names wherever the words are shown."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import jinja2
import markdown_it
import pytest

from include.decisions import words

CATALOGUE = words.Catalogue(
    rules={
        "SDC6_HIGH": {"words": "Too many short calls", "source": "S-51; S-61"},
        "SMALL_N_ALERT": {"words": "Too few calls to be sure", "source": "S-59"},
        "TB_REPEAT": {"words": "Traced twice", "source": "S-14"},
        "ACD_LOW": {"words": "Calls are short", "source": None},
        "RMD_ABSENT": {"words": "Not in the registry", "source": "47 CFR 64.6305(g)"},
        "CLEAN": {"words": "No rule fired", "source": None},
    },
    metrics={
        "share_le_6s": {"label": "Calls of 6 s or less", "unit": "share"},
        "tracebacks_30d_linked": {"label": "Traced calls", "unit": "count"},
        "tracebacks_after_termination_30d": {"label": "Traced calls after a termination", "unit": "count"},
        "acd_seconds": {"label": "Average call duration", "unit": "seconds"},
        "rmd_absent": {"label": "Not listed", "unit": "flag"},
    },
)


def hit(rule_code: str, metric: str = "share_le_6s", **other: Any) -> dict[str, Any]:
    given = {
        "rule_code": rule_code, "metric": metric, "numerator": 1290, "denominator": 2500, "value": 0.516, "bound": 0.4964,
        "bound_kind": "lower", "operator": ">", "threshold": 0.15, "min_sample": 100,
    }  # fmt: skip
    return given | other


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (0.1234, "share", "12.3 %"),
        (1, "share", "100.0 %"),
        (1234567, "count", "1,234,567"),
        (2.5, "ratio", "2.5"),
        (43, "seconds", "43 s"),
        (43.25, "seconds", "43.2 s"),
        (None, "share", "unknown"),
        (3, None, "3"),
    ],
)
def test_figures(value: float | None, unit: str | None, told: str):
    assert words.figure(value, unit) == told


def test_a_share_is_told_with_its_counts_its_bound_its_limit_and_its_source():
    assert words.reason(hit("SDC6_HIGH"), CATALOGUE) == (
        "SDC6_HIGH: Too many short calls. Calls of 6 s or less: 51.6 % (1,290 of 2,500; with 95 % confidence at least 49.6 %); "
        "the rule asks for more than 15.0 % of at least 100 [S-51; S-61]."
    )


def test_an_upper_bound_and_a_point():
    assert "with 95 % confidence at most 49.6 %); the rule asks for less than" in words.reason(
        hit("SDC6_HIGH", bound_kind="upper", operator="<"), CATALOGUE
    )
    assert words.reason(hit("SDC6_HIGH", bound_kind="point", min_sample=0), CATALOGUE) == (
        "SDC6_HIGH: Too many short calls. Calls of 6 s or less: 51.6 % (1,290 of 2,500); the rule asks for more than 15.0 % [S-51; S-61]."
    )


def test_a_count_has_no_denominator():
    counted = hit("TB_REPEAT", "tracebacks_30d_linked", value=2, numerator=2, denominator=None, bound_kind="point", operator=">=", threshold=2, min_sample=0)
    assert words.reason(counted, CATALOGUE) == "TB_REPEAT: Traced twice. Traced calls: 2; the rule asks for at least 2 [S-14]."


def test_seconds():
    short = hit("ACD_LOW", "acd_seconds", value=19.96, bound_kind="point", operator="<=", threshold=60, min_sample=200)
    assert words.reason(short, CATALOGUE) == (
        "ACD_LOW: Calls are short. Average call duration: 20.0 s; the rule asks for at most 60 s of at least 200."
    )


def test_a_flag_needs_no_figures_but_its_source():
    assert words.reason(hit("RMD_ABSENT", "rmd_absent", value=1), CATALOGUE) == "RMD_ABSENT: Not in the registry [47 CFR 64.6305(g)]."
    

def test_a_rule_that_is_no_longer_in_the_catalogue():
    assert words.reason(hit("GONE", "some_metric"), CATALOGUE) == "GONE: some_metric."


def test_a_rule_that_fires_for_several_metrics_names_the_one_that_did():
    returned = hit("TB_REPEAT", "tracebacks_after_termination_30d", value=1, bound_kind="point", operator=">=", threshold=1, min_sample=0)
    assert words.reason(returned, CATALOGUE) == (
        "TB_REPEAT: Traced twice. Traced calls after a termination: 1; the rule asks for at least 1 [S-14]."
    )
    doubtful = hit("SMALL_N_ALERT", numerator=6, denominator=24, value=0.25, bound=0.25, bound_kind="point", min_sample=20)
    assert words.reason(doubtful, CATALOGUE) == (
        "SMALL_N_ALERT: Too few calls to be sure. Calls of 6 s or less: 25.0 % (6 of 24); the rule asks for more than 15.0 % of at least 20 [S-59]."
    )


def test_reasons_stand_in_the_order_of_their_codes_those_without_a_hit_last():
    payload = {"reason_codes": ["NEVER_HEARD_OF", "TB_REPEAT", "CLEAN", "SDC6_HIGH"], "hits": [hit("SDC6_HIGH"), hit("TB_REPEAT")]}
    told = words.reasons(payload, CATALOGUE)
    assert [sentence.split(":")[0] for sentence in told] == ["TB_REPEAT", "SDC6_HIGH", "NEVER_HEARD_OF", "CLEAN"]
    assert told[2:] == ["NEVER_HEARD_OF: NEVER_HEARD_OF.", "CLEAN: No rule fired."]


NAMES = [
    "*bold* [x](http://evil) <script>alert(1)</script>",
    "**x** _y_ ~~z~~ <b>fat</b> &lt;b&gt; \\*",
    "![pixel](https://evil.example/p.png)",
    "see https://evil.example or www.evil.example or me@evil.example",
    "`code` and ``more`` ```",
    "`",
    "{{ 7*7 }}",
    "{{{ 7*7 }}}",
    "{% raw %} {% set x = 1 %}",
    "{# gone #} {%- if true -%}",
    "# heading",
    "- item",
    "a\n\n# heading\n- item",
    "a\r\nb\tc\u2028d",
    "\u202egnirts\u200b",
    "| a | b |",
    "[x]: http://evil",
    "",
    "  ",
    "Ørsted & Söhne, Inc. (d/b/a “Fön”)",
]


EXAMPLES = ["call x@nyc1, 2026-11-16 20:00:00 UTC, +1212555xxxx to +1646555xxxx, 3.500 s"]


def case_of(name: str, **payload: Any) -> dict[str, Any]:
    given = {
        "legal_name": name, "recommendation": "SUSPEND", "reason_codes": ["SDC6_HIGH"], "hits": [hit("SDC6_HIGH")],
        "traceback_ids": [], "linked_party_ids": [], "ruleset_version": "3f2a",
    }  # fmt: skip
    return {
        "case_id": "R20261116-abc", "recommendation_id": "R20261117-def", "service_date": date(2026, 11, 17),
        "party_kind": "customer", "party_id": "C1", "party_state": "restricted", "verdicts_before": ["2026-11-15 MONITOR"],
        "decided_before": ["2026-11-10 reject by olga: a `mistake`"], "payload": given | payload,
    }  # fmt: skip


def tokens_of(text: str) -> list:
    """What a Markdown reader makes of a text: block tokens and the inline tokens in them."""
    blocks = markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    return [token for block in blocks for token in (block, *(block.children or ()))]


def kinds(text: str) -> list[str]:
    return [token.type for token in tokens_of(text)]


def shown(name: str) -> str:
    """A name as a reader of the body sees it."""
    return next(token.content for token in tokens_of(words.code(name)) if token.type == "code_inline")


@pytest.mark.parametrize("name", NAMES)
def test_no_name_formats_or_links_anything_in_a_review(name: str):
    """The body has the same structure whatever the name, and the name is code, in which nothing is a link either."""
    usual = words.review_body(case_of("Kestrel Bank"), CATALOGUE, EXAMPLES)
    odd = words.review_body(case_of(name), CATALOGUE, EXAMPLES)
    assert kinds(odd) == kinds(usual)
    assert not {"link_open", "image", "html_inline", "html_block", "heading_open"} & set(kinds(odd))


@pytest.mark.parametrize("where", ["traceback_ids", "linked_party_ids"])
@pytest.mark.parametrize("name", NAMES)
def test_no_id_out_of_a_file_does_either(name: str, where: str):
    usual, odd = (words.review_body(case_of("x", **{where: [given, "T2"]}), CATALOGUE, EXAMPLES) for given in ("T1", name))
    assert kinds(odd) == kinds(usual)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_a_name_is_run_where_airflow_renders_a_template(name: str):
    case = case_of(name, traceback_ids=[name], linked_party_ids=[name]) | {"party_id": name}
    for text in (words.review_body(case, CATALOGUE, EXAMPLES), words.review_subject(case)):
        assert jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(text).render() == text


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (NAMES[0], NAMES[0]),
        ("{{ 7*7 }}", "{ { 7*7 }}"),
        ("{% raw %}", "{ % raw %}"),
        ("`code` and ``more`` ```", "`code` and ``more`` ```"),
        ("a\n\n# heading", "a # heading"),
        ("\u202egnirts\u200b", "gnirts"),
        ("", "(no name)"),
        ("Ørsted & Söhne, Inc. (d/b/a “Fön”)", "Ørsted & Söhne, Inc. (d/b/a “Fön”)"),
        ("x" * 300, "x" * 119 + "…"),
    ],
)
def test_a_name_stays_readable(name: str, told: str):
    assert shown(name) == told


def test_a_body_says_what_is_asked_and_why_and_where_to_look():
    case = case_of("Kestrel Bank", traceback_ids=["T1", "T2"], linked_party_ids=["C2"], recommendation="RESTRICT")
    body = words.review_body(case, CATALOGUE, EXAMPLES)
    assert "**RESTRICT** customer `Kestrel Bank` (`C1`), service date 2026-11-17" in body
    assert "cap its call rate" in body
    assert f"For example:\n\n- `{EXAMPLES[0]}`\n" in body
    assert "- SDC6_HIGH: Too many short calls." in body
    assert "Traced calls: `T1`, `T2`. Linked parties, counted together: `C2`." in body
    assert "State of the party now: restricted. Verdicts before: 2026-11-15 MONITOR. Decided before: `` 2026-11-10 reject by olga: a `mistake` ``." in body
    assert "only a release that two people sign (`make release`) leads back to active" in body
    assert "State of the party now: no longer in the reference data." in words.review_body(case | {"party_state": None}, CATALOGUE, EXAMPLES)
    assert "`make explain ID=R20261117-def`" in body
    assert "All its trunks: `tg-1`, `tg-2`." in words.review_body(case_of("x", trunks=["tg-1", "tg-2"]), CATALOGUE, EXAMPLES)
    assert words.review_body(case_of("x"), CATALOGUE, EXAMPLES).count("none") == 3


def test_a_subject_is_one_line_that_fits_a_mapped_tasks_label():
    assert words.review_subject(case_of("Kestrel Bank")) == "SUSPEND Kestrel Bank (C1)"
    long = words.review_subject(case_of("name\n" * 200) | {"party_id": "C" * 300})
    assert len(long) <= 250
    assert long.isprintable()


def notice_of(text: str, **other: Any) -> dict[str, Any]:
    """A row of the worklist in which everything out of a file says `text`."""
    given = {
        "traceback_id": text, "requester": text, "campaign": text, "search_state": "matched_customer", "party_kind": "customer", "party_id": text,
        "match_window_seconds": 5, "calls_from_others": 2, "received_at": datetime(2026, 11, 18, 15, tzinfo=UTC),
        "due_at": datetime(2026, 11, 19, 15, tzinfo=UTC), "legal_due_at": datetime(2026, 11, 20, 13, tzinfo=UTC), "recurrence": text or None,
        "answer_draft": f"Traceback {text}, call of 2026-11-16.\nThe call was originated by our customer {text}, C1.",
    }  # fmt: skip
    return given | other


@pytest.mark.parametrize("name", NAMES)
def test_no_text_of_a_notice_formats_or_links_anything(name: str):
    """Of the body without its draft the structure is the same whatever the text; the draft is lines of code."""
    usual, odd = (
        words.notice_body(notice_of(text, party_id=text or "x", recurrence=text or "x", answer_draft="A draft.")) for text in ("Kestrel Bank", name)
    )
    assert kinds(odd) == kinds(usual)
    whole = kinds(words.notice_body(notice_of(name, party_id=name or "x", recurrence=name or "x")))
    assert whole.count("code_inline") > kinds(odd).count("code_inline")
    assert not {"link_open", "image", "html_inline", "html_block", "heading_open"} & set(whole)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_a_notice_is_run_where_airflow_renders_a_template(name: str):
    notice = notice_of(name)
    for text in (words.notice_body(notice), words.notice_subject(notice), words.mitigation_subject(notice)):
        assert jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(text).render() == text


@pytest.mark.parametrize("name", NAMES)
def test_no_word_of_a_release_formats_links_or_runs_anything(name: str):
    def body(text: str) -> str:
        request = {"party": f"customer {text}", "approver": "olga", "cause": text, "evidence": text, "limits": text}
        return words.release_body(request, {"legal_name": text, "state": "suspended"})

    assert kinds(body(name)) == kinds(body("Kestrel Bank"))
    for text in (body(name), words.release_subject({"party": f"customer {name}"})):
        assert jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(text).render() == text


def test_the_questions_of_a_notice_are_one_line_that_fits_a_mapped_tasks_label():
    assert words.notice_subject(notice_of("T1")) == "Answer traceback T1 by 2026-11-19 15:00 UTC"
    assert words.mitigation_subject(notice_of("T1")) == "What was done about the caller of traceback T1?"
    for subject in (words.notice_subject, words.mitigation_subject):
        long = subject(notice_of("name\n" * 200))
        assert len(long) <= 250
        assert long.isprintable()


def draft_of(body: str) -> list[str]:
    """The paragraphs that are nothing but code: the lines of the draft."""
    alone = (token.children[0] for token in tokens_of(body) if token.type == "inline" and len(token.children) == 1)
    return [child.content for child in alone if child.type == "code_inline"]


def test_a_notice_says_what_was_found_by_when_to_answer_and_what_to_write():
    body = words.notice_body(notice_of("x", requester="itg", campaign="Bank-Impers", party_id="C1", recurrence="the same party, cut off on 2026-11-16"))
    assert body.startswith("**The call is our customer's**: customer `C1`, found within 5 s of the time given. 2 calls to that number")
    assert "Asked by `itg`, campaign `Bank-Impers`. Received 2026-11-18 15:00 UTC, due 2026-11-19 15:00 UTC" in body
    assert "by the rule's business hours 2026-11-20 13:00 UTC." in body
    assert "It recurs: `the same party, cut off on 2026-11-16`." in body
    assert draft_of(body) == ["Traceback x, call of 2026-11-16.", "The call was originated by our customer x, C1."]


def test_a_name_of_several_lines_leaves_no_hole_in_the_draft():
    assert draft_of(words.notice_body(notice_of("a\n\n# heading"))) == ["Traceback a", "# heading, call of 2026-11-16.", "The call was originated by our customer a", "# heading, C1."]


def test_a_notice_of_which_little_is_known():
    nothing = {"requester": None, "campaign": None, "party_kind": None, "party_id": None, "match_window_seconds": None, "calls_from_others": 0}
    body = words.notice_body(notice_of("x", search_state="no_record", recurrence=None, **nothing))
    assert body.startswith("**We have no record of it, and our records of those hours are complete**.\n")
    assert "Asked by `unknown`, campaign `unknown`." in body
    assert "recurs" not in body


def test_every_outcome_of_a_search_has_words():
    for state in words.STATES:
        assert words.STATES[state] in words.notice_body(notice_of("x", search_state=state))
