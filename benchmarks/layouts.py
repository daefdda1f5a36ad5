"""The layouts that made-up calls are written in: how a record of each feed reads, as an SQL expression over `made_calls.sql`.

Another feed is another entry of `LAYOUTS`. Rows with `damage = 'start'` must carry a start that is no time; rows with
`damage = 'end'` end before they start already; of rows with `damage = 'cut'`, calls.py writes one half.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """A file of a feed: the head, a record per attempt, the foot. Each ends its own lines."""

    record: str
    """An SQL expression of text, never null."""
    head: str = ""
    foot: str = ""
    parser: str = ""
    """The named parser that the feed's declaration needs; empty where lines and columns will do."""


def standard() -> Layout:
    """Tollgate's own, with the clock of New York in winter: local time, milliseconds, offset."""
    columns = {
        "call_id": "call_id", "attempt": "attempt", "switch_id": "switch_id",
        "start_time": f"case when damage = 'start' then '0000-00-00' else {_iso8601('start_at')} end",
        "answer_time": f"coalesce({_iso8601('answer_at')}, '')",
        "end_time": _iso8601("end_at"),
        "ingress_trunk": "ingress_trunk", "egress_trunk": "egress_trunk", "source_ip": "source_ip",
        "calling_number": "calling_number", "asserted_number": "asserted_number", "called_number": "called_number",
        "sip_code": "sip_code", "release_party": "release_party", "attestation": "attestation", "verstat": "verstat",
        "signer": "signer", "orig_id": "orig_id",
    }  # fmt: skip
    return Layout(head=",".join(columns) + "\n", record=f"concat_ws(',', {', '.join(columns.values())}) || chr(10)")


def asterisk() -> Layout:
    """`Master.csv` of 21 columns as cdr_csv writes it: text in quotes, whole seconds of UTC, trunks within channel names."""
    disposition = (
        "case when sip_code = 200 then 'ANSWERED' when sip_code in (486, 603) then 'BUSY' when sip_code = 503 then 'FAILED' else 'NO ANSWER' end"
    )
    columns = {
        "accountcode": _quoted("''"), "src": _quoted("calling_number"), "dst": _quoted("called_number"), "dcontext": _quoted("'from-trunk'"),
        "clid": _quoted("calling_number"),
        "channel": _quoted("'PJSIP/' || ingress_trunk || '-' || call_id[1:8]"),
        "dstchannel": _quoted("'PJSIP/' || egress_trunk || '-' || call_id[9:16]"),
        "lastapp": _quoted("'Dial'"), "lastdata": _quoted("'PJSIP/' || called_number || '@' || egress_trunk"),
        "start": _quoted(f"case when damage = 'start' then '0000-00-00' else {_seconds('start_at')} end"),
        "answer": _quoted(f"coalesce({_seconds('answer_at')}, '')"), "end": _quoted(_seconds("end_at")),
        "duration": "date_diff('second', start_at, end_at)", "billsec": "coalesce(date_diff('second', answer_at, end_at), 0)",
        "disposition": _quoted(disposition), "amaflags": _quoted("'DOCUMENTATION'"),
        "uniqueid": _quoted("epoch_ms(start_at) // 1000 || '.' || n"), "userfield": _quoted("''"), "peeraccount": _quoted("''"),
        "linkedid": _quoted("call_id"), "sequence": "attempt",
    }  # fmt: skip
    return Layout(record=f"concat_ws(',', {', '.join(columns.values())}) || chr(10)")


def _iso8601(instant: str) -> str:
    return f"strftime({instant} - interval 5 hours, '%Y-%m-%dT%H:%M:%S.%g-05:00')"


def _seconds(instant: str) -> str:
    return f"strftime({instant}, '%Y-%m-%d %H:%M:%S')"


def _quoted(text: str) -> str:
    return f"""'"' || {text} || '"'"""


LAYOUTS = {"cdr/standard": standard(), "cdr/asterisk": asterisk()}
