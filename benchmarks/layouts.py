"""The layouts that made-up calls are written in: how a record of each feed reads, as an SQL expression over `made_calls.sql`.

Another feed is another entry of `LAYOUTS`. Rows with `damage = 'start'` must carry a start that is no time; rows with
`damage = 'end'` end before they start already; of rows with `damage = 'cut'`, calls.py writes one half.

A record is as long as the switch's: columns of which the feed takes nothing are there, too, with a zero or a text over and over.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from include.ingest import declarations
from include.ingest.declarations import Declaration

Columns = dict[str, str]
"""An SQL expression by column, never null: concat_ws would leave a null out."""


@dataclass(frozen=True)
class Layout:
    """A file of a feed: the head, a record per attempt, the foot. Each ends its own lines."""

    record: str
    """An SQL expression of text, never null."""
    head: str = ""
    foot: str = ""
    parser: str = ""
    """The named parsers that the feed's declaration needs; empty where lines and columns will do."""


def standard() -> Layout:
    """Tollgate's own, with the clock of New York in winter: local time, milliseconds, offset."""
    columns = {
        "call_id": "call_id", "attempt": "attempt", "switch_id": "switch_id",
        "start_time": _start(_iso8601("start_at")), "answer_time": f"coalesce({_iso8601('answer_at')}, '')", "end_time": _iso8601("end_at"),
        "ingress_trunk": "ingress_trunk", "egress_trunk": "egress_trunk", "source_ip": "source_ip",
        "calling_number": "calling_number", "asserted_number": "asserted_number", "called_number": "called_number",
        "sip_code": "sip_code", "release_party": "release_party", "attestation": "attestation", "verstat": "verstat",
        "signer": "signer", "orig_id": "orig_id",
    }  # fmt: skip
    return Layout(head=_line_of(columns), record=_line(columns.values()))


def asterisk() -> Layout:
    """`Master.csv` of 21 columns as cdr_csv writes it: text in quotes, whole seconds of UTC, trunks within channel names."""
    columns = {
        "accountcode": _quoted("''"), "src": _quoted("calling_number"), "dst": _quoted("called_number"), "dcontext": _quoted("'from-trunk'"),
        "clid": _quoted("calling_number"), "channel": _quoted(CHANNEL), "dstchannel": _quoted(DSTCHANNEL),
        "lastapp": _quoted("'Dial'"), "lastdata": _quoted("'PJSIP/' || called_number || '@' || egress_trunk"),
        "start": _quoted(_start(_seconds("start_at"))), "answer": _quoted(_seconds("answer_at")), "end": _quoted(_seconds("end_at")),
        "duration": DURATION, "billsec": BILLSEC, "disposition": _quoted(DISPOSITION), "amaflags": _quoted("'DOCUMENTATION'"),
        "uniqueid": _quoted(UNIQUEID), "userfield": _quoted("''"), "peeraccount": _quoted("''"), "linkedid": _quoted("call_id"),
        "sequence": "attempt",
    }  # fmt: skip
    return Layout(record=_line(columns.values()))


def asterisk_custom() -> Layout:
    """cdr_custom of 19 columns: all but the sequence in quotes, the caller's name in doubled ones. Every attempt has an id of its own."""
    columns = {
        "clid": _quoted("""'""Caller ' || n || '"" <' || calling_number || '>'"""), "src": _quoted("calling_number"), "dst": _quoted("called_number"),
        "dcontext": _quoted("'from-trunk'"), "channel": _quoted(CHANNEL), "dstchannel": _quoted(DSTCHANNEL), "lastapp": _quoted("'Dial'"),
        "lastdata": _quoted("'PJSIP/' || called_number || '@' || egress_trunk || ',30'"), "start": _quoted(_start(_seconds("start_at"))),
        "answer": _quoted(_seconds("answer_at")), "end": _quoted(_seconds("end_at")), "duration": _quoted(DURATION), "billsec": _quoted(BILLSEC),
        "disposition": _quoted(DISPOSITION), "amaflags": _quoted("'DOCUMENTATION'"), "accountcode": _quoted("''"), "uniqueid": _quoted(UNIQUEID),
        "userfield": _quoted("''"), "sequence": "attempt",
    }  # fmt: skip
    return Layout(record=_line(columns.values()))


def pbxware() -> Layout:
    """All in quotes but NULL, the caller's name in quotes that are not doubled. What ends before it starts has a negative duration."""
    columns = {
        "AcctId": "n", "tenant": "'200'", "clid": """'"Caller ' || n || '" <' || calling_number || '>'""", "src": "calling_number",
        "dst": "called_number", "dcontext": "'t-200'", "channel": CHANNEL, "dstchannel": DSTCHANNEL, "lastapp": "'Dial'", "lastdata": "''",
        "calldate": _start(_seconds("start_at")), "duration": DURATION, "billsec": BILLSEC, "billamount": "''", "disposition": DISPOSITION,
        "amaflags": "'3'", "accountcode": "''", "uniqueid": UNIQUEID, "userfield": "''", "linkedid": "call_id", "sequence": "attempt",
        "agiuniqueid": "''", "trunk": "''", "did": "''", "sipcallid": "call_id", "inboundsipcallid": "''",
    }  # fmt: skip
    return Layout(head=_line_of(f'"{name}"' for name in columns), record=_line(map(_quoted_or_null, columns.values())))


def freeswitch() -> Layout:
    """25 columns, all in quotes. Every attempt has a uuid of its own."""
    columns = {
        "caller_id_name": "'Caller ' || n", "caller_id_number": "calling_number", "destination_number": "called_number", "context": "'public'",
        "start_stamp": _start(_seconds("start_at")), "answer_stamp": _seconds("answer_at"), "end_stamp": _seconds("end_at"),
        "duration": DURATION, "billsec": BILLSEC,
        "hangup_cause": _of_status({200: "NORMAL_CLEARING", 486: "USER_BUSY", 487: "ORIGINATOR_CANCEL", 404: "UNALLOCATED_NUMBER",
                                    503: "NORMAL_TEMPORARY_FAILURE", 603: "CALL_REJECTED"}, "NO_ANSWER"),
        "uuid": UUID, "bleg_uuid": "''", "accountcode": "'acme'", "read_codec": "'PCMU'", "write_codec": "'PCMU'",
        "sip_gateway_name": "ingress_trunk", "sip_network_ip": "source_ip", "asserted_identity": ASSERTED, "identity": IDENTITY,
        "verstat": "verstat", "verstat_detailed": "case when verstat = '' then '' else verstat || '-' || attestation end",
        "attestation_sent": "''", "term_status": "sip_code",
        "hangup_disposition": _of_party("recv_bye", "send_bye", "send_refuse"), "sip_call_id": "call_id",
    }  # fmt: skip
    return Layout(record=_line(map(_quoted, columns.values())), parser="passport, sip_user")


def kamailio() -> Layout:
    """Every extra column that docs/feeds.md names, in quotes; an empty one is NULL."""
    columns = {
        "id": "n", "start_time": _start(_seconds("start_at")), "end_time": _seconds("end_at"), "duration": f"{DURATION} || '.000'",
        "callid": "call_id", "sip_code": "sip_code", "answer_time": _seconds("answer_at"), "src_user": "calling_number", "src_domain": "source_ip",
        "src_ip": "source_ip", "src_trunk": "ingress_trunk", "dst_ouser": "'99' || called_number", "dst_user": "called_number",
        "dst_domain": "'203.0.113.1'", "dst_trunk": "egress_trunk", "asserted_identity": ASSERTED, "identity": IDENTITY, "verstat": "verstat",
    }  # fmt: skip
    return Layout(head=_line_of(columns), record=_line(map(_quoted_or_null, columns.values())), parser="passport, sip_user")


def opensips() -> Layout:
    """CDR mode: `time` is that of the final answer. What ends before it starts has a negative duration, or its answer before the INVITE."""
    columns = {
        "id": "n", "method": "'INVITE'", "from_tag": "call_id[1:8]", "to_tag": "call_id[9:16]", "callid": "call_id", "sip_code": "sip_code",
        "sip_reason": REASON, "time": _seconds("coalesce(answer_at, end_at)"), "duration": BILLSEC,
        "ms_duration": _between("answer_at", "end_at", "millisecond"), "setuptime": _between("start_at", "coalesce(answer_at, end_at)"),
        "created": _start(_seconds("start_at")), "src_user": "calling_number", "src_domain": "source_ip", "src_ip": "source_ip",
        "src_trunk": "ingress_trunk", "dst_ouser": "'99' || called_number", "dst_user": "called_number", "dst_domain": "'203.0.113.1'",
        "dst_trunk": "egress_trunk", "asserted_identity": ASSERTED, "identity": IDENTITY, "verstat": "verstat",
    }  # fmt: skip
    return Layout(head=_line_of(columns), record=_line(map(_quoted_or_null, columns.values())), parser="passport, sip_user")


def cisco_cucm() -> Layout:
    """129 columns and both header lines, in another order than CUCM's, for they are found by name. Of texts only those taken are in quotes."""
    texts = {
        "callingPartyNumber": "calling_number", "finalCalledPartyNumber": "called_number", "origDeviceName": "ingress_trunk",
        "destDeviceName": "egress_trunk", "globalCallId_ClusterID": "switch_id", "outpulsedCallingPartyNumber": "''", "origIpv4v6Addr": "source_ip",
    }  # fmt: skip
    integers = {
        "cdrRecordType": "1", "globalCallID_callManagerId": "4", "globalCallID_callId": CALL_NUMBER,
        "origLegCallIdentifier": "2 * n", "destLegIdentifier": "2 * n + 1",
        "dateTimeOrigination": _start("epoch_ms(start_at) // 1000"), "dateTimeConnect": "coalesce(epoch_ms(answer_at) // 1000, 0)",
        "dateTimeDisconnect": "epoch_ms(end_at) // 1000", "duration": BILLSEC,
        # The lowest byte first. The last byte of the made-up addresses is below 128, so that none is negative.
        "origIpAddr": "list_reduce(list_reverse(string_split(source_ip, '.'))::integer[], lambda high, low: high * 256 + low)",
        "origCause_value": f"case when release_party = 'caller' then {Q850} else 0 end",
        "destCause_value": f"case when release_party = 'caller' then 0 else {Q850} end",
    }  # fmt: skip
    columns = _whole("cisco_cucm", integers | {name: _quoted(text) for name, text in texts.items()}, "0")
    types = ("VARCHAR(50)" if name in texts else "INTEGER" for name in columns)
    return Layout(head=_line_of(f'"{name}"' for name in columns) + _line_of(types), record=_line(columns.values()), parser="little_endian_ip")


def vos3000() -> Layout:
    """52 columns in another order than the switch's, for they are found by name. The talk time is rounded up."""
    columns = {
        "callere164": "calling_number", "calleraccesse164": "calling_number", "calleee164": "called_number",
        "calleeaccesse164": "'8888#' || called_number", "callerip": "source_ip", "callergatewayid": "ingress_trunk",
        "calleegatewayid": "egress_trunk", "starttime": _start("epoch_ms(start_at)"), "stoptime": "epoch_ms(end_at)",
        "holdtime": f"({_between('answer_at', 'end_at', 'millisecond')} + 999) // 1000", "flowno": "n", "softswitchname": "'vos-' || switch_id",
        "softswitchcallid": CALL_NUMBER, "enddirection": _of_party("0", "1", "2"), "endreason": "sip_code",
    }  # fmt: skip
    columns = _whole("vos3000", columns, "0")
    return Layout(head=_line_of(columns), record=_line(columns.values()))


def netsapiens() -> Layout:
    """Calls that came in by a connection, which has its address for a name; times with the offset of New York."""
    reasons = _of_status({486: "Term: Busy", 487: "Orig: Cancel", 404: "Term: No Dial Rule"}, "Term: ' || sip_code || '")
    columns = {
        "call-orig-call-id": "call_id", "call-leg-ordinal-index": "attempt", "call-direction": "1", "call-orig-match-uri": "'sip*@' || source_ip",
        "call-orig-ip-address": "source_ip", "call-orig-from-user": "calling_number",
        "call-orig-caller-id": "regexp_replace(calling_number, '[^0-9]', '', 'g')", "call-orig-request-user": "called_number",
        "call-term-match-uri": "'sip*@' || egress_trunk", "call-term-to-uri": _uri("called_number", "egress_trunk"),
        "call-start-datetime": _start(_iso8601("start_at")), "call-answer-datetime": f"coalesce({_iso8601('answer_at')}, '')",
        "call-disconnect-datetime": _iso8601("end_at"), "call-talking-duration-seconds": BILLSEC,
        "call-disconnect-reason-text": f"case when sip_code = 200 then {_of_party('Orig: Bye', 'Term: Bye', '')} else {reasons} end",
    }  # fmt: skip
    columns = _whole("netsapiens", columns, "''")
    return Layout(head=_line_of(columns), record=_line(columns.values()))


def twilio() -> Layout:
    """A call has one start: that of its answer, where it was answered. Accounts stand for trunks, and every attempt has a SID of its own."""
    time = "'%a, %d %b %Y %H:%M:%S +0000'"
    columns = {
        "Call SID": f"'CA' || {ID}", "Parent Call SID": "''", "Account SID": "'AC' || md5(ingress_trunk)", "From": "calling_number",
        "To": "called_number",
        "Status": _of_status({200: "completed", 486: "busy", 603: "busy", 487: "canceled", 404: "failed", 503: "failed"}, "no-answer"),
        "Direction": "'trunking-terminating'", "Start Time": _quoted(_start(f"strftime(coalesce(answer_at, start_at), {time})")),
        "End Time": _quoted(f"strftime(end_at, {time})"), "Duration": BILLSEC, "Price": "'-0.01'", "Price Unit": "'USD'",
    }  # fmt: skip
    return Layout(head=_line_of(columns), record=_line(columns.values()))


def telnyx() -> Layout:
    """What a connection sent out; every attempt has a leg of its own."""
    columns = {
        "call_leg_id": UUID, "sip_call_id": "call_id", "connection_id": "hash(ingress_trunk)", "direction": "'outbound'",
        "origination_number": "calling_number", "terminating_number": "called_number", "start_timestamp_utc": _start(_seconds("start_at")),
        "answer_timestamp": _seconds("answer_at"), "end_timestamp": _seconds("end_at"), "hangup_code": Q850,
    }  # fmt: skip
    columns = _whole("telnyx", columns, "0")
    return Layout(head=_line_of(columns), record=_line(columns.values()))


def didww() -> Layout:
    """The export of today, with three times and an id."""
    columns = {
        "Date/Time Start (UTC)": _start(_seconds("start_at")), "Date/Time Connect (UTC)": _seconds("answer_at"),
        "Date/Time End (UTC)": _seconds("end_at"), "Status": "'answered'", "Source": "calling_number", "Source Name": "''",
        "Destination DID": "called_number", "Duration (sec)": BILLSEC, "Attempt": "attempt", "Disconnect Code": "sip_code", "Response": REASON,
        "Disconnect Initiator": _of_party("Origination", "Destination", "DIDWW"), "Voice IN Trunk": "egress_trunk",
        "Destination": _uri("called_number", "'192.0.2.9'"), "Trunk Group": "''", "Capacity Group": "''", "Toll-free (USD)": "'0.0'",
        "PSTN (USD)": "'0.0'", "Metered (USD)": "'0.0'", "CNAM IN (USD)": "'0.0'", "Total (USD)": "'0.0'", "Call ID": "call_id",
    }  # fmt: skip
    return Layout(head=_line_of(columns), record=_line(columns.values()))


def sansay_vsx() -> Layout:
    """60 fields with semicolons, local time with the minutes that it is west of Greenwich, NA where there is none."""
    time = "'%a %b %d %H:%M:%S %Y'"
    values = {
        "sequence": "lpad(cast(n as varchar), 9, '0')", "kind": "'R'", "session": "call_id", "start": _start(_new_york("start_at", time)),
        "answer": f"coalesce({_new_york('answer_at', time)}, 'NA')", "release": _new_york("end_at", time), "minutes_west": "300",
        "cause_text": f"case when sip_code = 200 then 'EndedByRemoteUser' else {REASON} end",
        "cause": "case when sip_code = 200 then 16 else sip_code end", "initiator": _of_party("O", "T", "N"), "ingress": "ingress_trunk",
        "source_number": "calling_number", "source_host": "source_ip", "destination_number": "called_number", "egress": "egress_trunk",
        "duration_ms": _between("answer_at", "end_at", "millisecond"), "asserted": "asserted_number",
    }  # fmt: skip
    return Layout(record=_line(_placed("sansay_vsx", values, "''", "'SIP'"), ";"))


def broadworks() -> Layout:
    """146 fields between the file's first and last record, a backslash before commas: calls that users of a group sent to a route."""
    time = "'%Y%m%d%H%M%S.%g'"
    record_id = f"lpad(cast(n as varchar), 10, '0') || 'as1' || strftime(end_at, {time}) || '1-050000'"
    values = {
        "record_id": record_id, "service_provider": "'Acme\\, Inc.'", "type": "'Normal'", "direction": "'Originating'", "calling": "calling_number",
        "called": "called_number", "start": _start(f"strftime(start_at, {time})"), "answer": f"coalesce(strftime(answer_at, {time}), '')",
        "release": f"strftime(end_at, {time})", "termination_cause": f"lpad(cast({Q850} as varchar), 3, '0')", "network_translated": "called_number",
        "releasing_party": _of_party("local", "remote", "none"), "route": "egress_trunk", "network_call_id": "call_id", "group": "ingress_trunk",
        "local_call_id": CALL_NUMBER,
    }  # fmt: skip
    first, last = (f"000000000{number}as120261116000000.0001-050000,,{what}\n" for number, what in enumerate(("Start", "End")))
    return Layout(head=f"version=22.0 encoding=ISO-8859-1\n{first}", record=_line(_placed("broadworks", values, "''")), foot=last)


def acme_csv() -> Layout:
    """STOP of 175 fields: text in quotes, name-addrs with quotes of their own inside, local time with its zone."""
    time = "'%H:%M:%S.%g EST %b %d %Y'"
    called = _uri("called_number", "'192.0.2.1'")
    texts = {
        "session": "call_id", "calling": f"""'"CALLER, ' || n || '"<' || {_uri('calling_number', 'source_ip')} || '>;tag=' || call_id[1:8]""",
        "called": f"'<' || {called} || '>;tag=' || call_id[9:16]", "setup": _start(f"upper({_new_york('start_at', time)})"),
        "connect": f"coalesce(upper({_new_york('answer_at', time)}), '')", "disconnect": f"upper({_new_york('end_at', time)})",
        "egress_realm": "egress_trunk", "ingress_realm": "ingress_trunk", "asserted": ASSERTED,
    }  # fmt: skip
    values = {
        "kind": "2", "box": "'192.0.2.1'", "session_time": BILLSEC, "q850": Q850, "ingress_remote": "source_ip",
        "initiator": _of_party("1", "2", "3"), "sip_status": "sip_code", "sequence": "n",
    }  # fmt: skip
    media = ("'\"core\"'", "'192.0.2.10'", "10000", "0", "0", "0", "'\"localhost:65544\"'", "'\"PCMU\"'", "''", "''")
    quoted = {name: _quoted(text) for name, text in texts.items()}
    return Layout(record=_line(_placed("acme_csv", values | quoted, *media, record="2")), parser="sip_user")


def ribbon_act() -> Layout:
    """A title, a STOP of 300 fields for every answered attempt and an ATTEMPT of 217 for every other one, as of 12.x with the Identity header.

    Tenths of a second of local time; what the SIP legs said is a CSV within a field.
    """
    day, time = "'%m/%d/%Y'", "'%H:%M:%S.%g'"
    common = {
        "gateway": "switch_id", "accounting_id": "'0x' || upper(call_id[1:16])", "zone": "'GMT-05:00-Eastern(US)'",
        "start_date": _start(_new_york("start_at", day)), "start_time": f"{_new_york('start_at', time)}[:10]", "end_date": _new_york("end_at", day),
        "end_time": f"{_new_york('end_at', time)}[:10]", "reason": Q850, "calling": "calling_number", "called": "called_number",
        "attempt": "attempt", "ingress": "ingress_trunk", "ingress_data": _leg("calling_number", "source_ip"), "dialled": "called_number",
        "initiator": _of_party("1", "2", "0"), "egress": "switch_id || ':' || egress_trunk", "egress_data": _leg("called_number", "'203.0.113.1'"),
        "incoming_calling": "calling_number", "ingress_remote": "source_ip", "identity": _quoted(IDENTITY),
    }  # fmt: skip
    stop = common | {"kind": "'STOP'", "service": _between("answer_at", "end_at", "millisecond") + " // 10"}
    attempt = common | {"kind": "'ATTEMPT'"}
    records = [_line(_placed("ribbon_act", values, "''", "0", "''", record=kind)) for kind, values in (("STOP", stop), ("ATTEMPT", attempt))]
    return Layout(
        head=f"Ribbon Communications, Inc.{0:073}ACT20261116000000\n",
        record="case when sip_code = 200 then {} else {} end".format(*records),
        parser="inner_csv, passport",
    )


def _leg(number: str, host: str) -> str:
    """44 values: protocol, Call-ID, From and To, request URI, P-Asserted-Identity, contacts, and what ended it."""
    ended = "case when sip_code = 200 then 'BYE' else cast(sip_code as varchar) end"
    values = {
        1: "'SIP'", 2: "call_id", 3: "'%22' || calling_number || '%22;tag=' || call_id[1:8]", 4: "';tag=' || call_id[9:16]", 5: "0",
        9: _uri(number, host), 10: ASSERTED, 13: _uri("calling_number", host), 14: _uri("called_number", host), 19: ended,
    }  # fmt: skip
    return _quoted(_joined([values.get(place, "''") for place in range(1, 45)]))


def _placed(feed: str, values: Columns, *others: str, record: str | None = None) -> list[str]:
    """A record of the feed's first layout of that kind, `others` in turn where the layout names no column."""
    layout = next(layout for layout in _declaration(feed).layouts if layout.record == record)
    named = {place: values[name] for name, place in layout.columns.items()}
    return [named.get(place, others[place % len(others)]) for place in range(1, layout.width + 1)]


def _whole(feed: str, columns: Columns, other: str) -> Columns:
    """With the columns that the feed's declaration leaves out."""
    return columns | dict.fromkeys(sorted(_declaration(feed).ignored - columns.keys()), other)


def _declaration(feed: str) -> Declaration:
    return declarations.parse("cdr", feed, declarations.BUILT_IN / "cdr" / f"{feed}.yaml")


def _line_of(names: Iterable[str]) -> str:
    return ",".join(names) + "\n"


def _line(values: Iterable[str], delimiter: str = ",") -> str:
    return f"{_joined(values, delimiter)} || chr(10)"


def _joined(values: Iterable[str], delimiter: str = ",") -> str:
    return f"concat_ws('{delimiter}', {', '.join(values)})"


def _start(time: str) -> str:
    return f"case when damage = 'start' then '0000-00-00' else cast({time} as varchar) end"


def _new_york(instant: str, form: str) -> str:
    return f"strftime({instant} - interval 5 hours, {form})"


def _iso8601(instant: str) -> str:
    return _new_york(instant, "'%Y-%m-%dT%H:%M:%S.%g-05:00'")


def _seconds(instant: str) -> str:
    return f"coalesce(strftime({instant}, '%Y-%m-%d %H:%M:%S'), '')"


def _between(since: str, until: str, unit: str = "second") -> str:
    return f"coalesce(date_diff('{unit}', {since}, {until}), 0)"


def _quoted(text: str) -> str:
    return f"""'"' || {text} || '"'"""


def _quoted_or_null(text: str) -> str:
    return "coalesce(" + _quoted(f"nullif(cast({text} as varchar), '')") + ", 'NULL')"


def _uri(number: str, host: str) -> str:
    """Withheld callers may be a URI already."""
    return f"case when starts_with({number}, 'sip:') then {number} else 'sip:' || {number} || '@' || {host} || ':5060;user=phone' end"


def _of_status(texts: dict[int, str], other: str) -> str:
    return "case sip_code " + " ".join(f"when {status} then '{text}'" for status, text in texts.items()) + f" else '{other}' end"


def _of_party(caller: str, called: str, network: str) -> str:
    return f"case release_party when 'caller' then '{caller}' when 'called' then '{called}' else '{network}' end"


def _base64url(text: str) -> str:
    return f"translate(to_base64(encode({text})), '+/=', '-_')"


CALL_NUMBER = "n - attempt + 1"
ID = "md5(call_id || attempt)"
UUID = f"cast(cast({ID} as uuid) as varchar)"
DURATION, BILLSEC = _between("start_at", "end_at"), _between("answer_at", "end_at")
CHANNEL, DSTCHANNEL = "'PJSIP/' || ingress_trunk || '-' || call_id[1:8]", "'PJSIP/' || egress_trunk || '-' || call_id[9:16]"
UNIQUEID = "epoch_ms(start_at) // 1000 || '.' || n"
DISPOSITION = _of_status({200: "ANSWERED", 486: "BUSY", 603: "BUSY", 503: "FAILED"}, "NO ANSWER")
REASON = _of_status({200: "OK", 486: "Busy Here", 487: "Request Terminated", 404: "Not Found", 503: "Service Unavailable", 603: "Decline"},
                    "Temporarily Unavailable")  # fmt: skip
Q850 = "case sip_code when 200 then 16 when 486 then 17 when 487 then 16 when 404 then 1 when 503 then 34 when 603 then 21 else 19 end"
ASSERTED = f"case when asserted_number = '' then '' else '<' || {_uri('asserted_number', 'source_ip')} || '>' end"
HEADER = base64.urlsafe_b64encode(b'{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example.com/a.pem"}').decode().rstrip("=")
CLAIMS = (
    """'{"attest":"' || attestation || '","dest":{"tn":["' || called_number || '"]},"iat":' || epoch_ms(start_at) // 1000 """
    """|| ',"orig":{"tn":"' || calling_number || '"},"origid":"' || orig_id || '"}'"""
)
IDENTITY = (
    f"case when attestation = '' then '' else '{HEADER}.' || {_base64url(CLAIMS)} || '.' || sha256(call_id) || md5(call_id)[:22] "
    "|| ';info=<https://cert.example.com/a.pem>;alg=ES256;ppt=shaken' end"
)
"""An Identity header with a signature of the right length."""

LAYOUTS = {
    f"cdr/{layout.__name__}": layout()
    for layout in (
        standard, asterisk, asterisk_custom, pbxware, freeswitch, kamailio, opensips, cisco_cucm, vos3000, netsapiens, twilio, telnyx, didww,
        sansay_vsx, broadworks, acme_csv, ribbon_act,
    )
}  # fmt: skip
