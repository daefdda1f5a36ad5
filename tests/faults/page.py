"""The tables of docs/reliability.md, from what the tests go through: `python -m tests.faults.page` writes them anew."""

from __future__ import annotations

from pathlib import Path

from tests.faults.faults_of_data import FAULTS
from tests.faults.faults_of_machinery import AT_EVERY_STAGE, WORDS
from tests.faults.machine import STAGES
from tests.faults.season import Fault

PAGE = Path(__file__).resolve().parent.parent.parent / "docs/reliability.md"
BEGIN, END = "<!-- faults -->\n", "<!-- end of faults -->"


def tables() -> str:
    stages = ", ".join(f"`{task}`" for _, task in STAGES)
    machinery = len(AT_EVERY_STAGE) * len(STAGES) + len(WORDS) - len(AT_EVERY_STAGE)
    return "\n".join([
        f"## Faults of data: {len(FAULTS)}",
        "",
        "| fault | what it leads to | how it ends |",
        "|---|---|---|",
        *(f"| {fault.name} | {fault.leads_to} | {ending(fault)} |" for fault in FAULTS),
        "",
        f"## Faults of machinery: {machinery}",
        "",
        f"Each *is killed* of a task, the scheduler, the api-server and PostgreSQL is one fault at each of {stages}.",
        "",
        "| fault | what it leads to | how the date goes on |",
        "|---|---|---|",
        *(f"| {name} | {leads_to} | {ends} |" for name, (leads_to, ends) in WORDS.items()),
        "",
    ])  # fmt: skip


def ending(fault: Fault) -> str:
    if not fault.stays:
        return "what is missing or right comes, and re-opens the date"
    return "a person lets it pass, or not" if fault.status else "as it is"


def page(text: str) -> str:
    """The page with its tables as they should be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + tables() + END + after


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
