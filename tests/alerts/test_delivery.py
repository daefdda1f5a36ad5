"""Alerts reach a real mail server and a real webhook, once each; what fails is tried again and holds up nothing else."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from include import stages
from include.alerts import alerts, channels
from include.alerts.alerts import Alert
from include.platform import lifecycle
from include.settings import Settings
from tests.alerts.receivers import MailServer, Webhook, serving
from tests.running import eventually

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PASSWORD = "p@ss:word/with%signs"


@pytest.fixture
def empty(warehouse: Settings) -> Iterator[Settings]:
    """The warehouse without an alert."""
    yield warehouse
    with psycopg.connect(warehouse.url("owner")) as connection:
        connection.execute("truncate ops.alerts, ops.alert_deliveries")


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with serving(MailServer()) as server:
        yield server


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with serving(Webhook()) as server:
        yield server


def with_mail(settings: Settings, mail: MailServer) -> Settings:
    to = ("desk@example.com", "night@example.com")
    return dataclasses.replace(settings, alert_email_to=to, alert_email_from="tollgate@example.com", smtp_url=f"smtp://tollgate@127.0.0.1:{mail.port}")


def with_webhook(settings: Settings, webhook: Webhook) -> Settings:
    return dataclasses.replace(settings, alert_webhook_url=webhook.url)


def raised(settings: Settings, subject: str = "one", message: str = "Something is so. Do something.", severity: str = "critical") -> None:
    with psycopg.connect(settings.url("notifier")) as connection:
        alerts.raise_one(connection, Alert("failed_task", subject, severity, NOW, message), NOW)


def told(settings: Settings) -> list[tuple[str, str]]:
    with psycopg.connect(settings.url("auditor")) as connection:
        return connection.execute("select subject, channel from ops.alerts join ops.alert_deliveries using (alert_id) order by 1, 2").fetchall()


def test_with_nothing_configured_alerts_are_in_the_table_and_the_log(empty: Settings, caplog: pytest.LogCaptureFixture):
    raised(empty)
    raised(empty, "two", severity="warning")
    with caplog.at_level(logging.WARNING):
        alerts.deliver(empty, NOW)
        alerts.deliver(empty, NOW)
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", "ALERT failed_task: Something is so. Do something."),
        ("WARNING", "ALERT failed_task: Something is so. Do something."),
    ]
    assert told(empty) == [("one", "log"), ("two", "log")]


def test_a_sweep_of_an_installation_without_marts_fails_nothing(empty: Settings):
    alerts.sweep(empty, datetime.now(UTC))
    with psycopg.connect(empty.url("auditor")) as connection:
        assert alerts.open_alerts(connection) == []


def test_a_mail_for_all_that_is_new(empty: Settings, mail: MailServer):
    settings = with_mail(empty, mail)
    (settings.secrets / channels.SMTP_PASSWORD).write_text(PASSWORD + "\n")
    raised(settings)
    raised(settings, "two", "Another thing is so.\r\nBcc: everybody@example.com\r\n\r\n<script>", severity="warning")
    for _ in range(2):
        alerts.deliver(settings, NOW)
    (message,) = mail.messages
    assert message["Subject"] == "Tollgate: 2 alerts, 1 critical (failed task)"
    assert (message["To"], message["From"], message["Bcc"]) == ("desk@example.com, night@example.com", "tollgate@example.com", None)
    assert mail.recipients == ["desk@example.com", "night@example.com"]
    assert message.get_content_type() == "text/plain"
    assert message.get_content().splitlines()[:3] == [
        "CRITICAL failed_task, since 2026-11-20 12:00 UTC: Something is so. Do something.",
        "",
        "WARNING failed_task, since 2026-11-20 12:00 UTC: Another thing is so. Bcc: everybody(at)example.com ‹script›",
    ]
    assert any(command.startswith("AUTH") for command in mail.commands)


def test_a_webhook_gets_a_signed_document(empty: Settings, webhook: Webhook):
    settings = with_webhook(empty, webhook)
    raised(settings)
    for _ in range(2):
        alerts.deliver(settings, NOW)
    ((headers, body),) = webhook.posts
    (alert,) = json.loads(body)["alerts"]
    assert alert.pop("id") > 0
    assert alert == {
        "kind": "failed_task", "subject": "one", "severity": "critical", "message": "Something is so. Do something.",
        "since": "2026-11-20T12:00:00+00:00", "raised_at": "2026-11-20T12:00:00+00:00", "ended_at": None,
    }  # fmt: skip
    key = (settings.secrets / channels.WEBHOOK_KEY).read_text().strip()
    assert abs(int(headers["X-Tollgate-Timestamp"]) - datetime.now(UTC).timestamp()) < 60
    signed = headers["X-Tollgate-Timestamp"].encode() + b"." + body
    assert headers["X-Tollgate-Signature"] == "sha256=" + hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()


def test_a_channel_that_fails_is_tried_again_and_holds_up_no_other(empty: Settings, mail: MailServer, webhook: Webhook, caplog: pytest.LogCaptureFixture):
    settings = with_webhook(with_mail(empty, mail), webhook)
    (settings.secrets / channels.SMTP_PASSWORD).write_text(PASSWORD)
    raised(settings)
    mail.refuses, webhook.status = "AUTH", 500
    with caplog.at_level(logging.WARNING):
        alerts.deliver(settings, NOW)
    assert told(settings) == [("one", "log")]
    _, by_email, by_webhook = caplog.messages
    assert by_email.startswith("alerts were not told by email, and are told with the next run: 127.0.0.1: SMTPAuthenticationError: (535, ")
    assert by_webhook == "alerts were not told by webhook, and are told with the next run: 127.0.0.1 answered 500"
    assert PASSWORD not in caplog.text and "very-secret-path" not in caplog.text
    webhook.status = 200
    alerts.deliver(settings, NOW)
    assert told(settings) == [("one", "log"), ("one", "webhook")]
    mail.refuses = ""
    alerts.deliver(settings, NOW)
    assert told(settings) == [("one", "email"), ("one", "log"), ("one", "webhook")]
    assert (len(mail.messages), len(webhook.alerts())) == (1, 1)


def test_servers_that_are_not_there_fail_nothing(empty: Settings, caplog: pytest.LogCaptureFixture):
    mail, webhook = MailServer(), Webhook()
    mail.server_close()
    webhook.server_close()
    settings = with_webhook(with_mail(empty, mail), webhook)
    raised(settings)
    alerts.deliver(settings, NOW)
    assert told(settings) == [("one", "log")]
    assert "very-secret-path" not in caplog.text


def test_two_at_once_tell_it_once(empty: Settings, webhook: Webhook):
    """Both want to tell the same while the first post is not answered yet."""
    settings = with_webhook(empty, webhook)
    raised(settings)
    webhook.answers.clear()
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(alerts.deliver, settings, NOW) for _ in range(2)]
        try:
            eventually(lambda: waiting_for_the_lock(settings), "one waits for the other")
        finally:
            webhook.answers.set()
        for one in both:
            one.result()
    assert len(webhook.alerts()) == 1


def waiting_for_the_lock(settings: Settings) -> bool:
    with psycopg.connect(settings.url("owner")) as connection:
        return connection.execute("select exists (select from pg_locks where locktype = 'advisory' and not granted)").fetchone()[0]


def test_two_that_raise_the_same_at_once_raise_it_once(empty: Settings):
    start = threading.Barrier(4)

    def raise_it(_: int) -> None:
        start.wait()
        raised(empty)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(raise_it, range(4)))
    with psycopg.connect(empty.url("auditor")) as connection:
        assert connection.execute("select count(*) from ops.alerts").fetchone() == (1,)


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


def test_what_was_killed_before_it_was_remembered_is_told_again(empty: Settings):
    raised(empty)
    sent: list[Any] = []

    def send_and_die(found: list[dict[str, Any]]) -> None:
        sent.append(found)
        raise Killed

    with pytest.raises(Killed), psycopg.connect(empty.url("notifier")) as connection:
        alerts.deliver_some(connection, channels.Channel("log", send_and_die), NOW)
    with psycopg.connect(empty.url("notifier")) as connection:
        assert [alerts.deliver_some(connection, channels.Channel("log", sent.append), NOW) for _ in range(2)] == [1, 0]
    assert [[alert["subject"] for alert in found] for found in sent] == [["one"], ["one"]]


def test_many_are_told_by_the_hundred(empty: Settings, webhook: Webhook):
    settings = with_webhook(empty, webhook)
    with psycopg.connect(settings.url("notifier")) as connection:
        for number in range(120):
            alerts.raise_one(connection, Alert("failed_task", f"number {number}", "warning", NOW, "m"), NOW)
    alerts.deliver(settings, NOW)
    assert [len(json.loads(body)["alerts"]) for _, body in webhook.posts] == [100, 20]
    assert len({alert["subject"] for alert in webhook.alerts()}) == 120


def test_what_was_over_before_a_channel_worked_is_told_for_a_day_and_says_so(empty: Settings, mail: MailServer):
    settings = with_mail(empty, mail)
    raised(settings, "some run: a")
    with psycopg.connect(settings.url("notifier")) as connection:
        alerts.end(connection, "failed_task", "some run", NOW)
    alerts.deliver(settings, NOW + timedelta(hours=25))
    assert mail.messages == []
    alerts.deliver(settings, NOW + timedelta(hours=23))
    (message,) = mail.messages
    assert "It is over since 2026-11-20 12:00 UTC." in message.get_content()


def test_mail_leaves_the_machine_encrypted_or_not_at_all(mail: MailServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(channels, "is_this_machine", lambda host: False)
    with pytest.raises(channels.Failed, match="127.0.0.1 offers no STARTTLS"):
        channels.connected("smtp", "127.0.0.1", mail.port)


def test_the_status_lists_what_is_open(empty: Settings):
    assert lifecycle.alert_status(empty) == "none open"
    raised(empty, severity="warning")
    raised(empty, "two: a", "Worse.")
    with psycopg.connect(empty.url("notifier")) as connection:
        alerts.raise_one(connection, Alert("late_run", "over", "critical", NOW, "m"), NOW)
        alerts.end(connection, "late_run", "over", NOW)
    assert lifecycle.alert_status(empty).splitlines() == [
        "2 open",
        "  CRITICAL failed_task, since 2026-11-20 12:00 UTC: Worse.",
        "  WARNING failed_task, since 2026-11-20 12:00 UTC: Something is so. Do something.",
    ]


# Airflow's events, as its notifiers hand them on.


def failed_tasks(settings: Settings) -> list[tuple[str, bool]]:
    with psycopg.connect(settings.url("auditor")) as connection:
        return connection.execute("select subject, ended_at is null from ops.alerts order by alert_id").fetchall()


def test_a_task_that_fails_in_every_run_is_one_alert_until_a_run_succeeds(empty: Settings):
    for run_id in ("one", "two"):
        stages.alert_failed_task("handle_traceback", run_id, "load", -1)
    stages.alert_failed_task("handle_traceback", "two", "reopen", 3)
    stages.alert_failed_task("build_risk_marts 2026-11-20", "three", "build_lake", -1)
    stages.alert_late_run("build_risk_marts 2026-11-20", "three", 7200)
    stages.end_alerts_of_run("handle_traceback")
    assert failed_tasks(empty) == [
        ("handle_traceback: load", False),
        ("handle_traceback: reopen 3", False),
        ("build_risk_marts 2026-11-20: build_lake", True),
        ("build_risk_marts 2026-11-20", True),
    ]
    stages.end_alerts_of_run("build_risk_marts 2026-11-20")
    stages.alert_failed_task("handle_traceback", "four", "load", -1)
    assert failed_tasks(empty)[2:] == [
        ("build_risk_marts 2026-11-20: build_lake", False),
        ("build_risk_marts 2026-11-20", False),
        ("handle_traceback: load", True),
    ]


# Words.


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("a\r\nSubject: b", "a Subject: b"),
        ("<a href='https://x.example'>", "‹a href='https: //x.example'›"),
        ("[pay](http://x.example) `now` @channel", "(pay)(http: //x.example) 'now' (at)channel"),
        ("{{ ti }}", "{ { ti }}"),
        ("call of 2125550100, (212) 555-0100, +1 212-555-0100 and +442079460958", "call of (number), (number), (number) and (number)"),
        ("2125550100.csv and nyc1_2125550100", "(number).csv and nyc1_(number)"),
        # what looks like a number and is none
        ("R20261122-4083c5c71751 of 2026-11-22 18:00", "R20261122-4083c5c71751 of 2026-11-22 18:00"),
        ("phx1/Master-2026-11-22T18.csv, 1400000000000 rows", "phx1/Master-2026-11-22T18.csv, 1400000000000 rows"),
    ],
)
def test_words_are_harmless(given: str, told: str):
    assert alerts.harmless(given) == told
    assert alerts.harmless(told) == told
