"""How alerts reach people: the log always, e-mail and a webhook where they are configured."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from include.platform.secrets import secret
from include.settings import Settings, is_this_machine

log = logging.getLogger(__name__)

SECONDS = 15
"""How long a mail server or a webhook may take to answer."""

WEBHOOK_KEY = "alert_webhook_key"
SMTP_PASSWORD = "smtp_password"
"""Files in `$TOLLGATE_HOME/secrets`. The first is made where it is missing, the second is written by a person."""

Row = dict[str, Any]


class Failed(RuntimeError):
    """A channel did not take the alerts; the message says why, and holds no secret."""


@dataclass(frozen=True)
class Channel:
    name: str
    send: Callable[[list[Row]], None]
    """Takes rows of `ops.alerts` and returns when they are told. Errors: Failed."""


def configured(settings: Settings) -> list[Channel]:
    """The channels of this installation; the log, which cannot fail, first."""
    found = [Channel("log", write_log)]
    if settings.alert_email_to:
        found.append(Channel("email", lambda alerts: send_email(settings, alerts)))
    if settings.alert_webhook_url:
        found.append(Channel("webhook", lambda alerts: post(settings, alerts)))
    return found


def write_log(alerts: list[Row]) -> None:
    for alert in alerts:
        log.log(logging.ERROR if alert["severity"] == "critical" else logging.WARNING, "ALERT %s: %s", alert["kind"], alert["message"])


def line(alert: Row) -> str:
    over = f" It is over since {alert['ended_at'].astimezone(UTC):%Y-%m-%d %H:%M} UTC." if alert["ended_at"] else ""
    return f"{alert['severity'].upper()} {alert['kind']}, since {alert['since'].astimezone(UTC):%Y-%m-%d %H:%M} UTC: {alert['message']}{over}"


def email(alerts: list[Row], sender: str, recipients: tuple[str, ...]) -> EmailMessage:
    """One message for all of them, as plain text. What stands in the subject line is counts and kinds, nothing out of files."""
    message = EmailMessage()
    critical = sum(alert["severity"] == "critical" for alert in alerts)
    kinds = ", ".join(sorted({alert["kind"].replace("_", " ") for alert in alerts}))
    message["Subject"] = f"Tollgate: {len(alerts)} alert{'s' if len(alerts) > 1 else ''}, {critical} critical ({kinds})"
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid("tollgate", domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n\n".join([*map(line, alerts), "What each means and what to do: docs/runbook.md. Open alerts: make status."]))
    return message


def send_email(settings: Settings, alerts: list[Row]) -> None:
    server = urlsplit(settings.smtp_url)
    user, password = unquote(server.username or ""), smtp_password(settings)
    message = email(alerts, settings.alert_email_from, settings.alert_email_to)
    try:
        with connected(server.scheme, server.hostname, server.port) as smtp:
            if user:
                smtp.login(user, password)
            refused = smtp.send_message(message)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise Failed(without_secret(f"{server.hostname}: {type(error).__name__}: {error}", password)) from None
    if refused:
        # The others have it: to send it to all again would tell them twice.
        log.warning("the mail server refused %s of %s recipients of an alert", len(refused), len(settings.alert_email_to))


def connected(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    """A session with the mail server, encrypted wherever it leaves this machine."""
    verified = ssl.create_default_context()
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=SECONDS, context=verified)
    smtp = smtplib.SMTP(host, port or 587, timeout=SECONDS)
    try:
        smtp.ehlo()
        if smtp.has_extn("starttls"):
            smtp.starttls(context=verified)
        elif not is_this_machine(host):
            raise Failed(f"{host} offers no STARTTLS, and alerts leave this machine encrypted or not at all")
    except BaseException:
        smtp.close()
        raise
    return smtp


def smtp_password(settings: Settings) -> str:
    """From the URL, else from the secret file; empty where neither has one."""
    given = unquote(urlsplit(settings.smtp_url).password or "")
    path = settings.secrets / SMTP_PASSWORD
    return given or (path.read_text().strip() if path.is_file() else "")


def post(settings: Settings, alerts: list[Row]) -> None:
    """POST them as one JSON document, signed."""
    body = json.dumps({"alerts": [document(alert) for alert in alerts]}, ensure_ascii=False).encode()
    post_signed(settings.alert_webhook_url, secret(settings, WEBHOOK_KEY), body)


def post_signed(url: str, key: str, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    """POST a JSON document, signed with a key; returns an answer of 2xx. Errors: Failed, for any other and for none."""
    timestamp = str(int(datetime.now(UTC).timestamp()))
    host = urlsplit(url).hostname
    signed = {
        "Content-Type": "application/json",
        "X-Tollgate-Timestamp": timestamp,
        "X-Tollgate-Signature": signature(key, timestamp, body),
    }
    try:
        answer = httpx.post(url, content=body, headers=signed | (headers or {}), timeout=SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        # Not its words: they may hold the address, which for many services is a secret.
        raise Failed(f"{host}: {type(error).__name__}") from None
    if not answer.is_success:
        raise Failed(f"{host} answered {answer.status_code}")
    return answer


def document(alert: Row) -> Row:
    instants = {name: alert[name] and alert[name].astimezone(UTC).isoformat() for name in ("since", "raised_at", "ended_at")}
    return {"id": alert["alert_id"], **{name: alert[name] for name in ("kind", "subject", "severity", "message")}, **instants}


def signature(key: str, timestamp: str, body: bytes) -> str:
    """`sha256=` and the HMAC-SHA256, in hexadecimal, of the timestamp, a dot and the body."""
    return "sha256=" + hmac.new(key.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def without_secret(text: str, password: str) -> str:
    return text.replace(password, "***") if password else text
