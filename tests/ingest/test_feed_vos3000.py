"""VOS3000: epochs in milliseconds, an answer that only the talk time tells of, and attempts of one call."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

from tests.ingest.desk import Desk
from tests.ingest.switch_files import changed, damaged, expected, loaded, reasons, sample, seconds

VOS = sample("vos3000.csv")


def instant(milliseconds: str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) // 1000, UTC).replace(tzinfo=None, microsecond=int(milliseconds) % 1000 * 1000)


def test_value_by_value(desk: Desk):
    receipt = desk.load_one("cdr/vos3000/2026-11-16.csv", VOS)
    assert (receipt.rows_read, receipt.rows_accepted, receipt.rejected) == (5, 5, [])
    assert set(receipt.notes) == {"unverified", "not_calls"} and receipt.notes["not_calls"] == {"2026-11-16": 1}
    rows = loaded(desk)
    assert rows == {
        line: expected(
            record_kind="stop" if sent["stoptime"] != "0" else "start",
            call_id=sent["softswitchcallid"],
            attempt=int(sent["flowno"]) % 10**9,
            switch_id=sent["softswitchname"] or "vos3000",
            start_at=instant(sent["starttime"]),
            answer_at=instant(sent["stoptime"]) - seconds(sent["holdtime"]) if sent["holdtime"] != "0" else None,
            end_at=instant(sent["stoptime"]) if sent["stoptime"] != "0" else None,
            zone_as_sent="UTC",
            ingress_trunk=sent["callergatewayid"] or sent["callerip"],
            egress_trunk=sent["calleegatewayid"] or None,
            source_ip=sent["callerip"],
            calling_raw=sent["calleraccesse164"] or sent["callere164"],
            called_raw=sent["calleee164"] or sent["calleeaccesse164"],
            sip_code={2: 200, 3: 503, 4: 486, 5: 500, 6: 500}[line],
            release_party={"0": "caller", "1": "called", "2": "network", "": None}[sent["enddirection"]],
        )
        for line, sent in enumerate(csv.DictReader(io.StringIO(VOS)), start=2)
    }
    assert rows[2]["answer_at"] == datetime(2026, 11, 16, 15, 0, 5, 750_000)
    # A route advance: one call, and the order of its attempts.
    assert [(rows[line]["call_id"], rows[line]["attempt"], rows[line]["egress_trunk"]) for line in (3, 4)] == [
        ("77002", 330455247, "carrier-one"),
        ("77002", 330455248, "carrier-two"),
    ]


def test_damaged_rows_are_rejected_with_their_reasons(desk: Desk):
    start, stop = "1794841301000", "1794841321000"
    damages = [
        (start, "1794841301"),
        (start, "2026-11-16 15:01:41"),
        (",1,486,", ",3,486,"),
        (f"{stop},,,0,", f"{stop},,,-1,"),
        ("77002", ""),
        (start, stop[:-4] + "2000"),
    ]
    text = damaged(VOS, 4, damages)
    text = changed(text, 4, (f"{stop},", ","))
    receipt = desk.load_one("cdr/vos3000/2026-11-16.csv", text)
    assert (receipt.rows_read, receipt.rows_accepted) == (13, 5)
    assert reasons(desk, "cdr/vos3000/2026-11-16.csv") == {
        7: ("start_time", "not a time like epoch_ms"),
        8: ("start_time", "not a time like epoch_ms"),
        9: ("release_party", "not one of 0, 1, 2"),
        10: ("answer_time", "holdtime is no duration in s"),
        11: ("call_id", "empty"),
        12: ("end_time", "before start_time"),
        13: ("line", "19 fields where the layout has 52"),
        14: ("end_time", "empty"),
    }
