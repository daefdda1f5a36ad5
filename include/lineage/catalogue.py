"""The catalogues of metrics, rules, checks and controls as documentation: pages of docs/ and the descriptions of the marts' columns.

`python -m include.lineage.catalogue` writes them anew from `dbt_project/seeds/metrics.csv` and `rules.csv`, from `expectations/` and
from `include/lineage/controls.yaml`; a test fails where they say something else. `make docs` makes pages of the same catalogues.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from include.decisions.words import OPERATORS
from include.lake.dbt import PROJECT, seed
from include.quality.suites import GATES, Check, Suite, load
from include.settings import REPOSITORY

DOCS = REPOSITORY / "docs"
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


@dataclass(frozen=True)
class Sheet:
    """One table of a catalogue. Cells are texts in which `` ` `` encloses code; the first of a row is its name."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    heading: str = ""
    words: str = ""


@dataclass(frozen=True)
class Catalogue:
    """What a page of docs/, and a page of the documentation's site, are made of. Words are Markdown, one line of the file each."""

    name: str
    title: str
    words: str
    sheets: tuple[Sheet, ...]


def markdown(catalogue: Catalogue) -> str:
    parts = [f"# {catalogue.title}", "", catalogue.words]
    for sheet in catalogue.sheets:
        parts += ["", *([f"## {sheet.heading}", "", sheet.words, ""] if sheet.heading else [])]
        parts += [f"| {' | '.join(sheet.header)} |", "|" + "---|" * len(sheet.header)]
        parts += ["| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in sheet.rows]
    return "\n".join([*parts, ""])


def metrics(rows: list[Row]) -> Catalogue:
    shown = ("label", "unit", "numerator_words", "denominator_words", "boundary", "time_window", "min_sample", "party_kind", "source")
    return Catalogue(
        "metrics",
        "Metrics",
        "Every metric of a party and UTC service date, made from `dbt_project/seeds/metrics.csv` by `python -m include.lineage.catalogue`.\n"
        "`intermediate.party_metrics_daily` has them in long form with numerator, denominator and, of shares, both 95 % Wilson bounds;\n"
        "the risk marts have them as columns. Sources: [sources.md](sources.md).",
        (
            Sheet(
                ("metric", "name", "unit", "numerator", "denominator", "boundary", "window", "least sample", "parties", "source"),
                tuple((f"`{row['metric']}`", *(row[key] for key in shown)) for row in rows),
            ),
        ),
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


def rules(rows: list[Row]) -> Catalogue:
    by_code: dict[str, list[Row]] = {}
    for rule in rows:
        by_code.setdefault(rule["rule_code"], []).append(rule)
    told = []
    for code, conditions in by_code.items():
        alternatives: dict[str, list[str]] = {}
        for rule in conditions:
            alternatives.setdefault(rule["alternative"], []).append(condition(rule))
        fires = "; or ".join(" and ".join(filter(None, each)) for each in alternatives.values())
        first = conditions[0]
        told.append((
            f"`{code}`", first["tier"], first["evidence"], first["party_kind"], fires, first["exempt_traits"].replace(" ", ", "),
            first["effective_from"], first["words"], first["source"],
        ))  # fmt: skip
    return Catalogue(
        "rules",
        "Rules",
        "The published rule set, made from `dbt_project/seeds/rules.csv` by `python -m include.lineage.catalogue`. Published thresholds teach\n"
        "evasion: an installation has its own in a private file, and tries it first ([runbook.md](runbook.md), Private rules).\n"
        "The strictest tier of the rules that fire is the recommendation. Evidence of the kinds behaviour, complaint and baseline is judged\n"
        "only on days whose calls are all there; behaviour reaches SUSPEND only beside evidence of another kind. Surely: by the 95 % Wilson\n"
        "bound of the share, and not by the share itself.",
        (Sheet(("rule", "tier", "evidence", "parties", "fires where", "exempt", "since", "what it means", "source"), tuple(told)),),
    )


REACH = {
    "arriving_data": "What fails here holds what rests on the data that failed, and nothing else: the parties on the switches that the failed rows name; where\n"
    "they name a feed alone, all its parties; of complaints and of the registry the rules, not the parties. Evidence of other kinds still counts.",
    "marts": "What fails here stops every recommendation of the date.",
}


def checks(gates: dict[str, list[Suite]]) -> Catalogue:
    return Catalogue(
        "checks",
        "Checks",
        "Every check of the two gates, made from `expectations/` by `python -m include.lineage.catalogue`. "
        "A critical one blocks, a warning is recorded.\n"
        "A person may override a critical one on a date, unless it says never ([runbook.md](runbook.md), When a gate blocks). What each run found stands\n"
        "in `ops.gate_results` and as a page below `$TOLLGATE_HOME/data-docs/`, with the queries as they were asked.",
        tuple(
            Sheet(
                ("check", "severity", "override", "what must hold", "when it fails"),
                tuple(
                    (f"`{suite.name}.{check.name}`", check.severity, overriding(check), check.expected.strip(), check.remedy.strip())
                    for suite in suites
                    for check in suite.checks
                ),
                gate,
                REACH[gate],
            )
            for gate, suites in gates.items()
        ),
    )


def overriding(check: Check) -> str:
    if check.severity != "critical":
        return ""
    return "with a reason" if check.overridable else "never"


def controls() -> Catalogue:
    """The control matrix of controls.yaml."""
    given = yaml.safe_load(Path(__file__).with_name("controls.yaml").read_text(encoding="utf-8"))
    listed = ("enforced", "evidence", "tests")
    return Catalogue(
        "controls",
        "Controls",
        given["words"].strip(),
        tuple(
            Sheet(
                ("control", "what could happen", "what prevents or shows it", "where it is enforced", "evidence", "test"),
                tuple(
                    (f"`{row['control']}`", row["risk"], row["how"], *("; ".join(f"`{each}`" for each in row[key]) for key in listed))
                    for row in section["controls"]
                ),
                section["heading"],
                section["words"],
            )
            for section in given["sections"]
        ),
    )


def catalogues() -> list[Catalogue]:
    return [metrics(seed("metrics")), rules(seed("rules")), checks({gate: load(gate) for gate in GATES}), controls()]


def pages() -> dict[Path, str]:
    """Every file that is made of the catalogue, and what it has to say."""
    return {
        **{DOCS / f"{catalogue.name}.md": markdown(catalogue) for catalogue in catalogues()},
        **{path: described(path.read_text(encoding="utf-8"), seed("metrics")) for path in DESCRIBED},
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
