"""The catalogue of metrics, rules and checks as documentation: pages of docs/ and the descriptions of the marts' columns.

`python -m include.lineage.catalogue` writes them anew from `dbt_project/seeds/metrics.csv` and `rules.csv` and from `expectations/`;
a test fails where they say something else.
"""

from __future__ import annotations

import re
from pathlib import Path

from include.decisions.words import OPERATORS
from include.lake.dbt import PROJECT, seed
from include.quality.suites import GATES, Check, Suite, load
from include.settings import REPOSITORY

MARTS = PROJECT / "models" / "marts"
DESCRIBED = (MARTS / "customer_risk_daily.yml", MARTS / "upstream_risk_daily.yml")
"""Where columns are named by metrics."""

Row = dict[str, str]


def description(metric: Row) -> str:
    """A metric in a sentence, as a column's description says it."""
    told = sentence(metric["numerator_words"])
    if metric["kind"] == "count":
        return f"{told}."
    part = {"share": ", as a share (0 to 1) of ", "ratio": ", divided by "}[metric["kind"]]
    return f"{told}{part}{metric['denominator_words']}; null where there are none."


def sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def described(text: str, metrics: list[Row]) -> str:
    """The text of a model's YAML with the descriptions of the columns that are metrics."""
    sentences = {metric["metric"]: description(metric) for metric in metrics}
    columns, *rest = re.split(r"(?m)^(?=anchors:|unit_tests:)", text, maxsplit=1)

    def told(match: re.Match[str]) -> str:
        return match[1] + (f'"{sentences[match[2]]}"' if match[2] in sentences else match[3])

    return re.sub(r"( {6}- name: (\w+)\n {8}description: )(.*)", told, columns) + "".join(rest)


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def metrics_page(metrics: list[Row]) -> str:
    """docs/metrics.md."""
    rows = [
        "| metric | name | unit | numerator | denominator | boundary | window | least sample | parties | source |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(
            "| "
            + " | ".join(
                cell(m[key]) if key != "metric" else f"`{m[key]}`"
                for key in ("metric", "label", "unit", "numerator_words", "denominator_words", "boundary", "time_window", "min_sample", "party_kind", "source")
            )
            + " |"
            for m in metrics
        ),
    ]
    return "\n".join(
        [
            "# Metrics",
            "",
            "Every metric of a party and UTC service date, made from `dbt_project/seeds/metrics.csv` by `python -m include.lineage.catalogue`.",
            "`intermediate.party_metrics_daily` has them in long form with numerator, denominator and, of shares, both 95 % Wilson bounds;",
            "the risk marts have them as columns. Sources: [sources.md](sources.md).",
            "",
            *rows,
            "",
        ]
    )


def condition(rule: Row) -> str:
    """One condition of a rule in words."""
    if not rule["metric"]:
        return ""
    bound = "surely " if rule["bound"] != "point" else ""
    limit = f"{float(rule['threshold']) * 100:g} % of its peers' figures" if rule["compared_with"] == "peers" else rule["threshold"]
    floor = f", of at least {rule['min_sample']}" if rule["min_sample"] not in ("", "0") else ""
    new = f" ({rule['min_sample_new']} of new customers)" if rule["min_sample_new"] else ""
    return f"`{rule['metric']}` {bound}{OPERATORS[rule['operator']]} {limit}{floor}{new}"


def rules_page(rules: list[Row]) -> str:
    """docs/rules.md."""
    by_code: dict[str, list[Row]] = {}
    for rule in rules:
        by_code.setdefault(rule["rule_code"], []).append(rule)
    rows = ["| rule | tier | evidence | parties | fires where | exempt | since | what it means | source |", "|---|---|---|---|---|---|---|---|---|"]
    for code, conditions in by_code.items():
        alternatives: dict[str, list[str]] = {}
        for rule in conditions:
            alternatives.setdefault(rule["alternative"], []).append(condition(rule))
        fires = "; or ".join(" and ".join(filter(None, told)) for told in alternatives.values())
        first = conditions[0]
        rows.append(
            f"| `{code}` | {first['tier']} | {first['evidence']} | {first['party_kind']} | {cell(fires)} | {first['exempt_traits'].replace(' ', ', ')} "
            f"| {first['effective_from']} | {cell(first['words'])} | {first['source']} |"
        )
    return "\n".join(
        [
            "# Rules",
            "",
            "The published rule set, made from `dbt_project/seeds/rules.csv` by `python -m include.lineage.catalogue`. Published thresholds teach",
            "evasion: an installation has its own in a private file, and tries it first ([runbook.md](runbook.md), Private rules).",
            "The strictest tier of the rules that fire is the recommendation. Evidence of the kinds behaviour, complaint and baseline is judged",
            "only on days whose calls are all there; behaviour reaches SUSPEND only beside evidence of another kind. Surely: by the 95 % Wilson",
            "bound of the share, and not by the share itself.",
            "",
            *rows,
            "",
        ]
    )


REACH = {
    "arriving_data": "What fails here holds what rests on the data that failed, and nothing else: the parties on the switches that the failed rows name; where\n"
    "they name a feed alone, all its parties; of complaints and of the registry the rules, not the parties. Evidence of other kinds still counts.",
    "marts": "What fails here stops every recommendation of the date.",
}


def checks_page(gates: dict[str, list[Suite]]) -> str:
    """docs/checks.md."""
    parts = [
        "# Checks",
        "",
        "Every check of the two gates, made from `expectations/` by `python -m include.lineage.catalogue`. A critical one blocks, a warning is recorded.",
        "A person may override a critical one on a date, unless it says never ([runbook.md](runbook.md), When a gate blocks). What each run found stands",
        "in `ops.gate_results` and as a page below `$TOLLGATE_HOME/data-docs/`, with the queries as they were asked.",
    ]
    for gate, suites in gates.items():
        parts += ["", f"## {gate}", "", REACH[gate], "", "| check | severity | override | what must hold | when it fails |", "|---|---|---|---|---|"]
        parts += [
            f"| `{suite.name}.{check.name}` | {check.severity} | {overriding(check)} | {cell(check.expected.strip())} | {cell(check.remedy.strip())} |"
            for suite in suites
            for check in suite.checks
        ]
    return "\n".join([*parts, ""])


def overriding(check: Check) -> str:
    if check.severity != "critical":
        return ""
    return "with a reason" if check.overridable else "never"


def pages() -> dict[Path, str]:
    """Every file that is made of the catalogue, and what it has to say."""
    metrics = seed("metrics")
    docs = REPOSITORY / "docs"
    return {
        docs / "metrics.md": metrics_page(metrics),
        docs / "rules.md": rules_page(seed("rules")),
        docs / "checks.md": checks_page({gate: load(gate) for gate in GATES}),
        **{path: described(path.read_text(encoding="utf-8"), metrics) for path in DESCRIBED},
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
