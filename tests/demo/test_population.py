"""The population holds what its labels say, read back from its files alone; and the same arguments write the same bytes."""

import csv
import hashlib
import ipaddress
import json
from datetime import date, timedelta

import pandas as pd
import pytest
import yaml

from include.demo import population
from include.demo.population import GRAVE, write_population
from tests.demo import reading

MONDAY, DAYS, CUSTOMERS, VOLUME = date(2026, 11, 16), 14, 50, 0.05
PERSONAS = yaml.safe_load(open(population.__file__.replace(".py", ".yaml"), encoding="utf-8"))


class Sample:
    def __init__(self, landing):
        self.landing = landing
        self.made = write_population(landing, seed=3, first_day=MONDAY, days=DAYS, customers=CUSTOMERS, volume=VOLUME)
        self.calls = reading.calls(landing)
        self.customers = reading.reference(landing, "customers").set_index("customer_id")

    def of(self, persona):
        return {party: label for (_, party), label in self.made.labels.items() if label.persona == persona}

    def attempts(self, persona):
        return self.calls[self.calls.party_id.isin(self.of(persona))]

    def notices(self):
        """Traceback notices by id, as they lie in the landing folder."""
        found = {}
        for path in self.landing.glob("tracebacks/standard/*"):
            told = json.loads(path.read_text()) if path.suffix == ".json" else list(csv.DictReader(path.open()))
            found |= {row["traceback_id"]: row for row in (told if isinstance(told, list) else [told])}
        return found


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return Sample(tmp_path_factory.mktemp("population"))


def digests(landing):
    return {str(p.relative_to(landing)): hashlib.sha256(p.read_bytes()).hexdigest() for p in landing.rglob("*") if p.is_file()}


def test_same_arguments_write_the_same_bytes(tmp_path):
    def write(name, seed):
        made = write_population(tmp_path / name, seed=seed, first_day=MONDAY, days=4, customers=42, volume=0.01)
        return made, digests(tmp_path / name)

    first, again, other = write("a", 3), write("b", 3), write("c", 4)
    assert first == again
    calls = [path for path in first[1] if path.startswith("cdr/") and "manifest" not in path]
    assert calls and all(first[1][path] != other[1].get(path) for path in calls)


def test_too_few_or_too_many_days_or_too_few_customers_are_no_population(tmp_path):
    for days in (3, 31):
        with pytest.raises(ValueError, match="4 to 30 days"):
            write_population(tmp_path, seed=3, first_day=MONDAY, days=days)
    with pytest.raises(ValueError, match="too few for every persona"):
        write_population(tmp_path, seed=3, first_day=MONDAY, days=4, customers=20)


def test_every_persona_is_there(sample):
    for kind in ("customer", "upstream"):
        assert {label.persona for (k, _), label in sample.made.labels.items() if k == kind} == PERSONAS[f"{kind}s"].keys()
    assert sum(kind == "customer" for kind, _ in sample.made.labels) == CUSTOMERS


def test_only_the_bad_deserve_more_than_nothing(sample):
    for (kind, party), label in sample.made.labels.items():
        record = PERSONAS[f"{kind}s"][label.persona]
        is_bad = any(stream.get("bad") for stream in record["streams"])
        assert is_bad == (label.first_bad_call is not None), party
        if not is_bad:
            assert set(label.verdicts.values()) <= {"NO_ACTION", "HOLD"}, party


def test_suspension_is_deserved_from_the_day_on_which_evidence_lies_in_the_folder(sample):
    told, customers = sample.notices(), sample.customers
    assert told.keys() == {n.traceback_id for n in sample.made.notices} and len(told) >= 8
    traced: dict[str, list] = {}
    for notice in sample.made.notices:
        (call,) = notice.calls
        traced.setdefault(call.party_id, []).append((notice.received, told[notice.traceback_id]["violation_class"]))
    named = reading.reference(sample.landing, "enforcement_notices")
    registry = sorted(sample.landing.glob("reference/rmd/*"))
    listed = [set(pd.read_csv(path, dtype=str).number) for path in registry]
    ours = reading.reference(sample.landing, "upstreams").set_index("upstream_id").rmd_number
    seen = set()
    for (kind, party), label in sample.made.labels.items():
        since = [date.fromisoformat(row.received_at[:10]) for row in named.itertuples() if row.party_id == party]
        if kind == "customer":
            together = customers.index[customers.payment_ref == customers.payment_ref[party]]
            since += [day for day, violation in traced.get(party, ()) if violation in GRAVE]
            since += sorted(day for other in together for day, _ in traced.get(other, ()))[1:2]
        elif ours[party] not in listed[0]:
            since.append(MONDAY)
        elif ours[party] not in listed[1]:
            since.append(date.fromisoformat(registry[1].name[4:14]))
        expected = max(min(since), min(label.verdicts)) if since else None
        assert {day for day, verdict in label.verdicts.items() if verdict == "SUSPEND"} == {
            day for day in label.verdicts if expected and day >= expected
        }, party
        seen |= {label.persona} if expected else set()
    assert {"live_scam", "snowshoe_traced", "removed_from_registry", "absent_from_registry", "returned_robocaller", "named_by_authority"} <= seen


def test_three_traces_make_an_upstream_deserve_restriction(sample):
    for party, label in sample.of("traced_thrice").items():
        received = sorted(n.received for n in sample.made.notices if n.calls[0].party_id == party)
        assert len(received) == 3 and label.evidence_backed
        assert {day for day, verdict in label.verdicts.items() if verdict != "NO_ACTION" and verdict != "HOLD"} == {
            day for day, verdict in label.verdicts.items() if day >= received[2] and verdict != "HOLD"
        }


def test_a_returned_robocaller_pays_as_the_one_that_was_cut_off_and_fell_silent(sample):
    for party, label in sample.of("returned_robocaller").items():
        (before,) = [other for other in sample.of("cut_off_robocaller") if sample.customers.payment_ref[other] == sample.customers.payment_ref[party]]
        silent_since = sample.calls[sample.calls.party_id == before].day.max()
        assert silent_since < min(label.verdicts) and sample.made.labels["customer", before].verdicts[max(label.verdicts)] == "SUSPEND"


def test_files_that_never_arrive_hold_the_parties_of_their_switch_and_nobody_else(sample):
    listed = {}
    for path in sample.landing.glob("cdr/*/manifest-*"):
        listed |= {path.parent / row["file"]: path for row in csv.DictReader(path.open())}
    missing = {str(path.relative_to(sample.landing)) for path in listed if not path.exists()}
    assert missing == {lost.path for lost in sample.made.lost} and missing
    switches = reading.reference(sample.landing, "trunks").groupby("party_id").switch_id.agg(set)
    torn = {(lost.switch, lost.day) for lost in sample.made.lost}
    for (_, party), label in sample.made.labels.items():
        for day, verdict in label.verdicts.items():
            is_torn = any((switch, day) in torn for switch in switches[party])
            assert (verdict == "HOLD") == (is_torn and verdict != "SUSPEND"), (party, day)
    for kind, party, day in sample.made.shares_a_feed:
        assert not any((switch, day) in torn for switch in switches[party])


def test_a_party_is_labelled_from_the_snapshot_on_that_names_it(sample):
    first_named = {}
    for path in sorted(sample.landing.glob("reference/customers/*")):
        for party in pd.read_csv(path, dtype=str).customer_id:
            first_named.setdefault(party, max(date.fromisoformat(path.stem[-10:]), MONDAY))
    assert first_named == {party: min(label.verdicts) for (kind, party), label in sample.made.labels.items() if kind == "customer"}
    assert len(set(first_named.values())) > 3


def test_the_first_bad_call_is_the_first_call_of_those_who_came_to_do_harm(sample):
    begun = sample.calls.groupby("party_id").started.min()
    for persona in ("snowshoe", "one_ring", "live_scam", "number_cycler", "neighbor_spoofer"):
        for party, label in sample.of(persona).items():
            assert abs(begun[party] - label.first_bad_call) < timedelta(seconds=1), party  # asterisk writes whole seconds
            assert label.first_bad_call.date() == min(label.verdicts)


def test_habits_show_in_the_calls(sample):
    calls, caller_ids = sample.calls, reading.reference(sample.landing, "caller_ids")
    cycled = sample.attempts("number_cycler")
    assert set(cycled.calling) <= {number.strip("+") for number in caller_ids.number}
    assert (cycled.talk.dropna() < 30).mean() > 0.4
    spoofed = sample.attempts("neighbor_spoofer")
    assert (spoofed.calling.str[:7] == spoofed.called.str[:7]).mean() > 0.4
    impossible = sample.attempts("invalid_spoofer")
    assert impossible.calling.str.match(r"1([01]|[249]11)").mean() > 0.03
    for party, label in sample.of("hacked_pbx").items():
        attacked = calls[(calls.party_id == party) & calls.day.isin([day for day, verdict in label.verdicts.items() if verdict == "RESTRICT"])]
        own = tuple(n.strip("+*") for n in caller_ids.number[caller_ids.customer_id == party])
        foreign = attacked[~attacked.calling.str.startswith(own) & (attacked.calling != "")]
        assert len(foreign) > 10 and foreign.started.dt.hour.between(5, 12).all()
    victims = sample.of("spoof_victim")
    complaints = pd.concat([pd.read_csv(path, dtype=str) for path in sample.landing.glob("complaints/standard/*")])
    for party in victims:
        number = caller_ids.number[caller_ids.customer_id == party].iloc[0].strip("+*") + "00"
        assert (complaints.calling_number == number[1:]).sum() > 50 and not (calls.calling == number).any()


def test_forwarded_and_blended_calls_and_our_outage_stand_in_the_standard_files(sample):
    written = pd.concat([pd.read_csv(p, dtype=str) for p in sorted(sample.landing.glob("cdr/standard/*/*.gz"))])
    assert all(ipaddress.ip_address(address) for address in written.source_ip.dropna().unique() if address.count(".") == 3)
    (first, *_) = sample.of("forwarding_office")
    own = reading.reference(sample.landing, "caller_ids").query("customer_id == @first").number.iloc[0].strip("*")
    offices = written[written.ingress_trunk.str.startswith(f"{first.lower()}-", na=False) & written.asserted_number.notna()]
    assert offices.asserted_number.str.startswith(own).all()
    assert 0.01 < (~offices.calling_number.str.contains(own[2:], regex=False) & (offices.calling_number != "anonymous")).mean() < 0.6
    for party in sample.of("blended"):
        theirs = written[written.ingress_trunk.str.startswith(f"{party.lower()}-", na=False)]
        assert theirs.source_ip.nunique() == 2 and theirs.signer.nunique() == 2
        assert 0 < theirs.source_ip.value_counts(normalize=True).iloc[1] < 0.3

    outage = sample.made.outage
    start = pd.to_datetime(written.start_time, utc=True, format="ISO8601", errors="coerce").dt.as_unit("ms").astype("int64")
    within = (start >= outage.since) & (start < outage.until) & written.egress_trunk.str.startswith(f"d{301 + outage.egress}-", na=False)
    assert within.sum() > 10
    assert (written.sip_code[within] == "503").mean() > outage.share - 0.2
    assert (written.sip_code[~within] == "503").mean() < 0.1
