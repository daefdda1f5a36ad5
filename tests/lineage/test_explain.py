"""A recommendation explained down to file and line: what is printed is compared with the landing files themselves."""

from __future__ import annotations

import csv
import gzip
import re
import shutil
from pathlib import Path

import duckdb
import pytest
from processed_world import MONDAY, TUESDAY, ProcessedWorld

from include.lineage import explain
from include.operations import report

BEHAVIOUR = ("SDC6_HIGH", "SHORT30_MANY_ANI", "ABANDON_HIGH", "DNO_VOLUME", "FOREIGN_US_CID", "UNAPPROVED_CID", "IMPROPER_A")
"""Rules of behaviour that fire in the demo world, whose numerators attempts can be counted for."""


def explained(world: ProcessedWorld, day, party_id: str) -> str:
    return explain.explain(world.settings, world.verdict(day, party_id)["recommendation_id"])


def text_of(path: Path) -> str:
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()


def line_of(path: Path, number: int) -> str:
    return text_of(path).split("\n")[number - 1]


def places(text: str) -> list[tuple[str, int]]:
    """The files and lines that a text names, in its order."""
    return [(path, int(line)) for path, line in re.findall(r"^ +(\S+/\S+) line (\d+)", text, re.MULTILINE)]


@pytest.fixture(scope="module")
def every_text(processed_world: ProcessedWorld) -> dict[str, str]:
    """Everything there is to be explained, explained."""
    found = processed_world.rows("select recommendation_id from decisions.ledger where entry_type = 'recommendation'")
    return {row["recommendation_id"]: explain.explain(processed_world.settings, row["recommendation_id"]) for row in found}


def test_a_traced_call_stands_where_the_explanation_says(processed_world: ProcessedWorld):
    notices = [
        notice for notice in processed_world.expected.notices
        if notice.match_status == "unique" and notice.calls[0].party_id in ("C1031", "C1032", "C1034")
    ]  # fmt: skip
    assert notices
    for notice in notices:
        (call,) = notice.calls
        text = explained(processed_world, TUESDAY, call.party_id)
        assert (call.file, call.line) in places(text)
        line = line_of(processed_world.settings.landing / call.file, call.line)
        assert call.call_id in line
        assert f"{call.call_id}, " in text
        (place,) = re.findall(rf"^  notice {notice.traceback_id} .*\n +(\S+) line (\d+)", text, re.MULTILINE)
        assert place[0] == notice.file
        if notice.file.endswith(".csv"):
            assert notice.traceback_id in line_of(processed_world.settings.landing / notice.file, int(place[1]))


def test_every_line_that_behaviour_is_explained_with_holds_its_call(every_text: dict[str, str], processed_world: ProcessedWorld):
    shown = 0
    for text in every_text.values():
        for call_id, path, line in re.findall(r"^  call (\S+), .*\n +(\S+) line (\d+)", text, re.MULTILINE):
            assert call_id in line_of(processed_world.settings.landing / path, int(line))
            shown += 1
    assert shown > 20


def test_what_is_counted_again_is_what_was_recorded(every_text: dict[str, str], processed_world: ProcessedWorld):
    hits = processed_world.rows(
        "select rule_code, count(*) as hits from marts.rule_hits_daily where evidence = 'behaviour' group by rule_code"
    )
    assert {row["rule_code"] for row in hits} == {*BEHAVIOUR, "DIALER_ON_CONV"}
    everything = "\n".join(every_text.values())
    assert everything.count("counted again from the lake") == sum(row["hits"] for row in hits if row["rule_code"] in BEHAVIOUR)
    assert "(recorded: " not in everything


def test_a_count_that_differs_is_said(own_world: ProcessedWorld):
    recommendation_id = own_world.verdict(MONDAY, "C1027")["recommendation_id"]
    own_world.tamper(
        f"""
        update decisions.ledger set payload = jsonb_set(payload, '{{hits,0,numerator}}', '999999')
        where recommendation_id = '{recommendation_id}'
        """
    )
    assert "(recorded: 999,999)" in explain.explain(own_world.settings, recommendation_id)


def test_a_removed_upstream_stands_on_the_line_of_the_earlier_snapshot(processed_world: ProcessedWorld):
    text = explained(processed_world, TUESDAY, "U209")
    assert "RMD_REMOVED" in text
    assert "listed before, in:" in text
    ((path, line),) = places(text)
    assert MONDAY.isoformat() in path
    (upstream,) = processed_world.rows(
        "select * from lake.upstream_registry_daily where upstream_id = 'U209' and service_date = %(day)s", day=TUESDAY
    )
    assert upstream["rmd_number"] in line_of(processed_world.settings.landing / path, line)
    assert upstream["rmd_snapshot_from"] == TUESDAY
    newest = next((processed_world.settings.landing / "reference/rmd").glob(f"*{TUESDAY}*"))
    assert upstream["rmd_number"] not in text_of(newest)
    assert newest.name in text


def test_an_absent_upstream_stands_on_its_own_line_and_in_no_snapshot(processed_world: ProcessedWorld):
    text = explained(processed_world, TUESDAY, "U210")
    assert "listed in no snapshot" in text
    ((path, line),) = places(text)
    assert path.startswith("reference/upstreams/")
    assert next(csv.reader([line_of(processed_world.settings.landing / path, line)]))[0] == "U210"


def test_an_authoritys_notice_stands_on_its_line(processed_world: ProcessedWorld):
    text = explained(processed_world, TUESDAY, "C1036")
    assert "LEGAL_NOTICE" in text
    found = [place for place in places(text) if place[0].startswith("reference/enforcement_notices/")]
    assert found
    for path, line in found:
        assert ",customer,C1036," in line_of(processed_world.settings.landing / path, line)


def test_missing_data_name_the_missing_file(processed_world: ProcessedWorld):
    text = explained(processed_world, TUESDAY, "C1037")
    (missing,) = processed_world.expected.missing
    assert "DATA_INCOMPLETE" in text
    assert missing.removeprefix("cdr/asterisk/") in text


def test_a_chain_ends_at_receipts_that_add_up_and_names_its_gates_and_runs(processed_world: ProcessedWorld):
    text = explained(processed_world, TUESDAY, "C1031")
    sums = re.findall(r"^  (\S+): ([\d,]+) = ([\d,]+) \+ ([\d,]+) \+ ([\d,]+), ", text, re.MULTILINE)
    assert {path for path, *_ in sums} == {path for path, _ in places(text)}
    for _, *counts in sums:
        read, *parts = (int(count.replace(",", "")) for count in counts)
        assert read == sum(parts)
    entry = processed_world.verdict(TUESDAY, "C1031")
    assert entry["hash"] in text
    assert f"Made by run first__{TUESDAY}" in text
    assert "gate arriving_data: " in text
    assert f"(run first__{TUESDAY})" in text.replace("\n    ", " ")
    assert "waits for a person" in text


def test_an_unknown_id_is_said_to_be_unknown(processed_world: ProcessedWorld):
    with pytest.raises(explain.UnknownRecommendation, match="no recommendation R0 in the ledger: marts.recommendations has"):
        explain.explain(processed_world.settings, "R0")


def test_the_entry_that_restated_it_is_named_the_last_of_several(own_world: ProcessedWorld):
    first = own_world.verdict(MONDAY, "C1027")["recommendation_id"]
    for time in range(3):
        own_world.damage(
            f"update marts.customer_risk_daily set score = score + 1 where customer_id = 'C1027' and service_date = '{MONDAY}'"
        )
        own_world.judge(MONDAY, f"restated {time}")
    last = own_world.verdict(MONDAY, "C1027")["recommendation_id"]
    assert last != first
    assert f"restated later: {last}" in explain.explain(own_world.settings, first)


def test_a_file_that_is_gone_from_the_landing_folder_is_said_to_be(processed_world: ProcessedWorld, tmp_path: Path):
    (notice,) = (n for n in processed_world.expected.notices if n.calls and n.calls[0].party_id == "C1032" and n.match_status == "unique")
    gone = processed_world.settings.landing / notice.calls[0].file
    shutil.move(gone, tmp_path / "kept")
    try:
        text = explained(processed_world, TUESDAY, "C1032")
    finally:
        shutil.move(tmp_path / "kept", gone)
    assert f"{notice.calls[0].file} line {notice.calls[0].line}  (no longer in the landing folder)" in text
    assert f"{gone} | sed" not in text


def test_nobodys_telephone_number_is_ever_printed(every_text: dict[str, str], processed_world: ProcessedWorld):
    calls = str(processed_world.settings.lake / "calls" / "*" / "*.parquet")
    numbers = duckdb.execute(
        "select distinct unnest([calling_number, called_number]) as number from read_parquet($1)", [calls]
    ).fetchall()
    national = {number[-10:] for (number,) in numbers if number and len(re.sub(r"\D", "", number)) >= 10}
    assert len(national) > 1000
    reports = [report.full(processed_world.settings, day) + report.outcome(processed_world.settings, day) for day in processed_world.days]
    for text in (*every_text.values(), *reports):
        # Also as people write them, with dashes, dots or brackets in between.
        digits = set(re.findall(r"(?<![0-9a-f])\d{10}(?![0-9a-f])", re.sub(r"(?<=\d)[-. ()](?=\d)", "", text)))
        digits |= {found[1:] for found in re.findall(r"(?<![0-9a-f])1\d{10}(?![0-9a-f])", text)}
        assert not digits & national
        assert not re.search(r"\+\d{9,}", text)


def test_explaining_needs_no_more_than_the_auditor_may(processed_world: ProcessedWorld, monkeypatch: pytest.MonkeyPatch):
    """With the passwords of all other roles gone it still works."""
    for secret in processed_world.settings.secrets.iterdir():
        if secret.name.startswith("pg_") and secret.name != "pg_auditor":
            monkeypatch.setattr(Path, "read_text", _refusing(Path.read_text, secret))
    assert explained(processed_world, TUESDAY, "C1031")


def _refusing(read, secret: Path):
    def reading(path: Path, *arguments, **given):
        assert path != secret, f"{secret.name} was read"
        return read(path, *arguments, **given)

    return reading
