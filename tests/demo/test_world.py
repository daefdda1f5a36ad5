"""The demo world holds what it says it holds, and the same arguments write the same bytes."""

import csv
import hashlib
import io
import json
from datetime import date, datetime, timedelta, timezone

import pandas as pd
import phonenumbers
import pytest

from include.demo import numbers, personas, reference
from include.demo.world import write_world
from tests.demo import reading

MONDAY = date(2026, 11, 16)
BEHAVIOUR = {"SDC6_HIGH", "SHORT30_MANY_ANI", "ABANDON_HIGH", "DNO_VOLUME", "FOREIGN_US_CID"}


class Sample:
    def __init__(self, landing, days, attempts):
        self.landing, self.days = landing, days
        self.expected = write_world(landing, first_day=MONDAY, days=days, attempts=attempts, seed=7)
        self.calls = reading.calls(landing)
        self.dates = [MONDAY + timedelta(days=d) for d in range(days)]


@pytest.fixture(scope="module", params=[(2, 5_000), (3, 20_000), (7, 60_000)], ids=lambda p: f"{p[0]}days-{p[1]}")
def sample(request, tmp_path_factory):
    return Sample(tmp_path_factory.mktemp("world"), *request.param)


def digests(landing):
    return {str(p.relative_to(landing)): hashlib.sha256(p.read_bytes()).hexdigest() for p in landing.rglob("*") if p.is_file()}


def test_same_arguments_write_the_same_bytes_and_touch_nothing_twice(tmp_path):
    def write(name, seed):
        write_world(tmp_path / name, first_day=MONDAY, days=2, attempts=5_000, seed=seed)
        return digests(tmp_path / name)

    first, again = write("a", 7), write("b", 7)
    assert first == again
    written = {p: p.stat().st_mtime_ns for p in (tmp_path / "a").rglob("*")}
    write("a", 7)
    assert written == {p: p.stat().st_mtime_ns for p in (tmp_path / "a").rglob("*")}
    other = write("c", 8)
    calls = [path for path in first if path.startswith("cdr/") and "manifest" not in path]
    assert all(first[path] != other.get(path) for path in calls)


def test_a_file_that_is_there_is_never_changed(tmp_path):
    write_world(tmp_path, first_day=MONDAY, days=2, attempts=5_000, seed=7)
    with pytest.raises(FileExistsError, match="never change"):
        write_world(tmp_path, first_day=MONDAY, days=2, attempts=5_000, seed=8)


def test_one_day_is_no_world(tmp_path):
    with pytest.raises(ValueError, match="2 days"):
        write_world(tmp_path, first_day=MONDAY, days=1, attempts=5_000, seed=7)


def test_manifests_agree_with_the_files(sample):
    listed, missing = {}, {}
    for path in sample.landing.glob("cdr/*/manifest-*.csv"):
        for entry in csv.DictReader(path.open()):
            file = path.parent / entry["file"]
            key = str(file.relative_to(sample.landing))
            if not file.exists():
                missing[key] = int(entry["rows"])
                continue
            assert hashlib.sha256(file.read_bytes()).hexdigest() == entry["sha256"]
            lines = reading.content(file).count(b"\n") - (1 if "standard" in file.parts else 0)
            assert lines == int(entry["rows"]), key
            listed[key] = int(entry["rows"])
    assert missing == sample.expected.missing and len(missing) == 1
    assert str(sample.dates[-1]) in next(iter(missing))
    assert listed == {path: totals.rows for path, totals in sample.expected.files.items()}


def test_damage_stands_where_it_says(sample):
    for path, totals in sample.expected.files.items():
        rows = reading.file_rows(sample.landing, sample.landing / path)
        found = rows[rows.fault.ne("")].set_index("line").fault.to_dict()
        assert found == {**dict(totals.rejected), **{line: "duplicate" for line in totals.duplicates}}, path
        assert totals.accepted == (rows.fault == "").sum()
    faults = [what for totals in sample.expected.files.values() for _, what in totals.rejected]
    assert set(faults) == {"fields", "time", "negative"}


def test_totals_by_party_and_day(sample):
    counted = sample.calls.groupby(["party_kind", "party_id", "day"]).agg(
        attempts=("call_id", "size"), calls=("call_id", "nunique"), answered=("answered", "count")
    )
    # A call whose last attempt alone lies in the missing file is in the totals' calls only if its first one arrived.
    told = {key: (t.attempts, t.calls, t.answered) for key, t in sample.expected.totals.items() if t.attempts}
    found = {key: tuple(row) for key, row in zip(counted.index, counted.to_numpy().tolist())}
    assert found == told


def test_calls_over_midnight_lie_in_the_next_days_file(sample):
    utc_end = sample.calls.ended.dt.strftime("%Y-%m-%d")
    assert (utc_end == sample.calls.file.str.extract(r"(\d{4}-\d\d-\d\d)T")[0]).all()
    assert (sample.calls.day.astype(str) != utc_end).any()


def test_route_advance_shares_the_call_and_the_last_attempt_decides(sample):
    standard = sample.calls[sample.calls.file.str.startswith("cdr/standard")].sort_values("started", kind="stable")
    attempts = standard.groupby("call_id").agg(n=("call_id", "size"), answers=("answered", "count"), last=("answered", "last"))
    several = attempts[attempts.n > 1]
    assert 0.01 < len(several) / len(attempts) < 0.06
    assert (attempts.answers <= 1).all() and several["last"].notna().sum() == several.answers.sum()


def test_notices_are_about_the_calls_that_they_name(sample):
    for notice in sample.expected.notices:
        path = sample.landing / notice.file
        if path.suffix == ".json":
            told = json.loads(path.read_text())
            told = told if isinstance(told, list) else [told]
        else:
            told = list(csv.DictReader(path.open()))
        row = next(r for r in told if r["traceback_id"] == notice.traceback_id)
        call_at, received = (datetime.fromisoformat(row[key]) for key in ("call_at", "received_at"))
        assert call_at < received and received.astimezone(timezone.utc).date() == notice.received
        width = timedelta(seconds=1 if len(row["call_at"]) > len("2026-11-20T13:34-05:00") else 60)
        fits = sample.calls[
            sample.calls.called.eq(e164(row["called_number"]))
            & (sample.calls.started >= call_at)
            & (sample.calls.started < call_at + width)
        ]
        assert len(fits) == {"unique": 1, "multiple": 2, "none": 0}[notice.match_status] == len(notice.calls)
        assert fits.answered.notna().all()
        assert {(c.file, c.line, c.call_id, c.party_id) for c in notice.calls} == set(
            fits[["file", "line", "call_id", "party_id"]].itertuples(index=False, name=None)
        )
        # No other call to that number, however wide a reader's window is.
        assert sample.calls.called.eq(e164(row["called_number"])).sum() == len(fits)


def e164(number):
    return number.removeprefix("+")


def test_notices_cover_the_kinds_and_every_day_has_a_file(sample):
    assert len(list(sample.landing.glob("tracebacks/standard/*"))) == sample.days
    assert [n.match_status for n in sample.expected.notices].count("unique") == 5
    assert {"multiple", "none"} <= {n.match_status for n in sample.expected.notices}
    assert {c.party_kind for n in sample.expected.notices for c in n.calls if n.match_status == "unique"} == {"customer", "upstream"}


def test_behaviour_of_every_party_and_day_is_as_expected(sample):
    """The behaviour rules, computed from the files alone, fire exactly where the personas say."""
    cast = {party.id: party for party in personas.load().parties}
    forbidden = tuple(reading.reference(sample.landing, "dno").number.str.strip("+*"))
    canadian = {str(npa) for npa in numbers.area_codes("CANADA")}
    for (kind, party_id, day), verdict in sample.expected.verdicts.items():
        party = cast[party_id]
        mine = sample.calls[(sample.calls.party_id == party_id) & (sample.calls.day == day)]
        if not len(mine) or verdict.recommendation == "HOLD":
            continue
        approved = "APPROVED_DIALER_OK" in verdict.reason_codes
        foreign = party.record.get("country", "US") != "US" and not party.record.get("us_caller_id_recourse", False)
        codes = reading.behaviour_codes(mine, approved, foreign, canadian, forbidden)
        assert codes == BEHAVIOUR & set(verdict.reason_codes), (party_id, day)
        if not BEHAVIOUR & set(verdict.reason_codes) and not approved and len(mine) >= 100:
            # Nobody else comes near a threshold.
            talk = mine.talk.dropna()
            assert reading.wilson_lower((talk <= 6).sum(), len(talk)) < 0.11, (party_id, day)
            assert reading.wilson_lower(mine.cancelled.sum(), len(mine)) < 0.15, (party_id, day)


def test_approved_dialers_call_from_declared_numbers_only(sample):
    declared = reading.reference(sample.landing, "campaigns")
    approved = {p for (_, p, _), v in sample.expected.verdicts.items() if "APPROVED_DIALER_OK" in v.reason_codes}
    assert approved == set(declared.customer_id) and len(approved) >= 4
    for party_id in approved:
        mine = sample.calls[sample.calls.party_id == party_id]
        assert mine.calling.isin(declared.calling_number[declared.customer_id == party_id].str[1:]).all()
        assert (mine.talk.dropna() <= 6).mean() > 0.15  # without the declaration they would stand out


def test_the_newest_day_shows_every_verdict_and_most_parties_are_left_alone(sample):
    newest = [v for (_, _, day), v in sample.expected.verdicts.items() if day == sample.dates[-1]]
    count = pd.Series([v.recommendation for v in newest]).value_counts()
    assert count["NO_ACTION"] > len(newest) / 2
    assert 5 <= count["HOLD"] <= 7 and count["RESTRICT"] >= 3 and count["SUSPEND"] >= 5
    codes = {code for v in sample.expected.verdicts.values() for code in v.reason_codes}
    assert codes == BEHAVIOUR | {
        "TB_ORIGINATED", "TB_REPEAT", "LEGAL_NOTICE", "RMD_ABSENT", "RMD_REMOVED", "DATA_INCOMPLETE", "APPROVED_DIALER_OK", "CLEAN",
        "NEW_CUSTOMER",
    }  # fmt: skip


def test_every_party_has_a_verdict_on_every_day_and_a_trunk(sample):
    cast = personas.load()
    assert len(sample.expected.verdicts) == len(cast.parties) * sample.days
    assert sample.calls.party_id.notna().all()
    assert {p.id for p in cast.parties} <= set(reading.reference(sample.landing, "trunks").party_id)


def test_complaints_match_at_the_level_they_say(sample):
    told = {}
    for path in sample.landing.glob("complaints/standard/*"):
        told |= {row["complaint_id"]: row for row in csv.DictReader(io.StringIO(path.read_text()))}
    assert told.keys() == {c.complaint_id for c in sample.expected.complaints}
    customers = sample.calls[sample.calls.party_kind == "customer"]
    for complaint in sample.expected.complaints:
        row = told[complaint.complaint_id]
        by_caller = customers[customers.calling == "1" + row["calling_number"]]
        if complaint.level == "1":
            call_at = datetime.fromisoformat(row["call_at"])
            near = by_caller[(by_caller.started >= call_at) & (by_caller.started < call_at + timedelta(minutes=1))]
            assert set(near[near.called == "1" + row["called_number"]].party_id) == {complaint.party_id}
        elif complaint.level in ("2", "3"):
            seen = set(by_caller[by_caller.day == date.fromisoformat(row["call_at"])].party_id)
            assert seen == {complaint.party_id} if complaint.level == "2" else len(seen) > 1
        else:
            assert not len(by_caller)
    levels = {(c.level, c.received) for c in sample.expected.complaints}
    assert {level for level, _ in levels} == {"1", "2", "3", "V", "U"}


def test_a_filer_disappears_from_the_registry_in_the_middle(sample):
    snapshots = sorted(sample.landing.glob("reference/rmd/*"))
    first, later = (set(pd.read_csv(path, dtype=str).number) for path in snapshots)
    assert first - later == {reference.rmd_number(personas.load().party("U209"))} and not later - first
    ours = reading.reference(sample.landing, "upstreams").set_index("upstream_id").rmd_number
    assert set(ours) - first == {ours["U210"]}


def test_real_files_are_as_published(sample):
    for name, folder in (("dnc_complaint_numbers_2021-07-08.csv", "complaints/ftc_csv"), ("npa_report_2020-03-04.csv", "reference/nanp")):
        assert (sample.landing / folder / name).read_bytes() == reference.real(name)
    listing = reading.content(sorted(sample.landing.glob("reference/rmd/*"))[0])
    assert listing.startswith(reference.real("rmd-final_2024.csv"))


def test_no_demo_party_is_a_real_filer():
    real = pd.read_csv(io.BytesIO(reference.real("rmd-final_2024.csv")), dtype=str, keep_default_na=False)
    cast = personas.load()
    names = {p.name.lower() for p in cast.parties} | {d["name"].lower() for d in cast.downstreams}
    assert not names & set(real.business_name.str.lower().str.strip())
    ours = [p for p in cast.parties if p.kind == "upstream"]
    assert not {reference.rmd_number(p) for p in ours} & set(real.number)
    assert not {reference.frn(p) for p in ours} & set(real.frn.str.zfill(10))


def test_made_up_numbers_are_valid_us_numbers_and_the_emergency_centres_are_not(sample):
    def valid_us(number):
        parsed = phonenumbers.parse("+" + number)
        return phonenumbers.is_valid_number(parsed) and phonenumbers.region_code_for_number(parsed) == "US"

    robocaller = sample.calls[sample.calls.party_id == "C1026"].calling
    assert all(valid_us(number) for number in robocaller.head(300))
    centre = sample.calls[sample.calls.party_id == "C1019"].calling.unique()
    assert not any(valid_us(number) for number in centre)


def test_numbers_come_in_the_shapes_that_switches_write(sample):
    written = pd.concat(
        [pd.read_csv(p, dtype=str, usecols=["calling_number", "called_number"]) for p in sample.landing.glob("cdr/standard/*/*.gz")]
    )
    for shape in (r"\+1\d{10}", r"1\d{10}", r"\d{10}", r"sip:\+1\d{10}@.+", "anonymous", r"\+44\d+"):
        assert written.calling_number.str.fullmatch(shape).any(), shape
    assert written.called_number.str.fullmatch(r"01144\d+").any()
