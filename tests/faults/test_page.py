"""docs/reliability.md says what the matrix goes through."""

from __future__ import annotations

from tests.faults.faults_of_data import FAULTS
from tests.faults.faults_of_machinery import AT_EVERY_STAGE, ONCE, WORDS
from tests.faults.page import PAGE, page


def test_the_page_has_the_tables_of_the_matrix() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "write it anew: python -m tests.faults.page"


def test_every_fault_has_a_name_of_its_own() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names) >= 50
    assert {*AT_EVERY_STAGE, *ONCE} < set(WORDS)
