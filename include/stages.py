"""What each Airflow task does: one function per stage, called by the DAGs and by nothing that needs Airflow.

Every stage may be run again for the same service date, by hand or after a crash, with the same result.
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

import psycopg

from include import settings as configuration
from include.alerts import alerts
from include.alerts.alerts import Alert
from include.audit import audit
from include.decisions import actions, ledger, notices, overrides, proof, releases, reviews, words
from include.ingest import load
from include.lake import build, builds
from include.lineage import chain
from include.quality import gate
from include.retention import retention
from include.settings import Settings

log = logging.getLogger(__name__)


def load_new_files(kind: str, day: date | None) -> list[str]:
    """Load what lies new in the landing folder; returns the dates, built or being built, other than `day`, that must be built again."""
    settings = configuration.load()
    summary = load.load_new_files(settings, kind)
    log.info(summary.describe())
    with psycopg.connect(settings.url("loader")) as connection:
        ledger.append_receipts(connection, f"ingest_{kind}", datetime.now(UTC))
        connection.commit()
        begun = builds.dates_begun(connection)
    gone = _days_without_calls(settings)
    processed = [other for other in begun if other not in gone]
    # A snapshot speaks from its date on; calls, complaints, notices and manifests speak for their own dates.
    changed = [other for other in processed if other >= min(summary.dates, default=date.max)] if kind == "reference" else summary.dates
    return [other.isoformat() for other in processed if other in set(changed) and other != day]


def build_lake(day: date) -> None:
    """Turn the day's calls into daily tables, match complaints and notices, and publish all of it to the warehouse."""
    settings = configuration.load()
    if entry := _days_without_calls(settings).get(day):
        raise ValueError(f"{day} cannot be built again: its calls were deleted at the end of their period (ledger entry {entry}). What was decided stands")
    published = build.build_lake(settings, day, _processed_days(settings, "transformer"))
    log.info("published %s", ", ".join(f"{model} {rows}" for model, rows in published.items()))


def check_arriving_data(day: date, run: str) -> str:
    """Gate 1. Its outcome does not stop the run: what it blocks is held in the marts, feed by feed."""
    outcome = _log_results("arriving_data", gate.run_gate(configuration.load(), "transformer", "arriving_data", day, run))
    if outcome == "blocked":
        _tell_of_the_block()
    return outcome


def build_marts(day: date, run: str) -> None:
    """Build the risk marts of the day, and of later processed days, whose verdicts may rest on it."""
    settings = configuration.load()
    build.build_marts(settings, day, _processed_days(settings, "transformer"))
    with psycopg.connect(settings.url("transformer")) as connection:
        connection.execute(
            """
            insert into ops.processed_days (service_date, processed_at, first_processed_at, run) values (%(day)s, %(now)s, %(now)s, %(run)s)
            on conflict (service_date) do update set processed_at = excluded.processed_at, run = excluded.run
            """,
            {"day": day, "now": datetime.now(UTC), "run": run},
        )


def check_marts(day: date, run: str) -> list[str]:
    """Gate 2, for the day and the later days that were built with it. Returns the dates that pass.

    For a date that it blocks nothing is appended, and the ledger says so.
    """
    settings = configuration.load()
    days = [day, *(later for later in _processed_days(settings, "recommender") if later > day)]
    outcomes = {checked: _log_results(f"marts of {checked}", gate.run_gate(settings, "recommender", "marts", checked, run)) for checked in days}
    passed = [checked.isoformat() for checked, outcome in outcomes.items() if outcome != "blocked"]
    if len(passed) < len(days):
        _tell_of_the_block()
    return passed


def append_recommendations(days: list[date], run: str) -> int:
    """Append the verdicts of these days to the ledger; returns how many are new or restated."""
    appended = 0
    with psycopg.connect(configuration.load().url("recommender")) as connection:
        for day in days:
            appended += ledger.append_recommendations(connection, day, run)
        # Calls that have come since may be those that notices of a day not built yet speak of.
        notices.append_recommendations(connection, run)
        notices.append_transitions(connection, datetime.now(UTC))
    log.info("%s: %d new or restated recommendations", ", ".join(map(str, days)), appended)
    return appended


def load_notices() -> list[str]:
    """Load what lies new of notices; returns the processed dates that were built without a notice received on them.

    Asked of the warehouse, so that a date is not forgotten when a task is killed between its load and its re-opening.
    """
    settings = configuration.load()
    load_new_files("tracebacks", None)
    with psycopg.connect(settings.url("loader")) as connection:
        found = connection.execute(
            """
            select distinct service_date
            from ops.processed_days
            join ops.file_service_dates as dates using (service_date)
            join ops.file_receipts as receipts using (file)
            left join lateral (
                select max(builds.known_at) as known_at
                from ops.builds
                where builds.stage = 'lake'
                    and builds.ended_at is not null
                    and builds.run ->> 'service_date' = processed_days.service_date::text
            ) as built on true
            where receipts.kind = 'tracebacks'
                and dates.rows > 0
                and receipts.loaded_at > coalesce(built.known_at, processed_days.processed_at)
            order by service_date
            """
        ).fetchall()
    gone = _days_without_calls(settings)
    return [day.isoformat() for (day,) in found if day not in gone]


def match_notices() -> None:
    """Search the lake for the calls of notices that nobody has searched for yet."""
    days = build.match_notices(configuration.load())
    log.info("searched for the calls of notices received on %s", ", ".join(map(str, days)) or "no day")


def act_on_notices(run: str) -> list[str]:
    """Append what notices make of parties at once, and every change of their state; returns the dates that a person is to be asked about."""
    with psycopg.connect(configuration.load().url("recommender")) as connection:
        recommended = notices.append_recommendations(connection, run)
        changes = notices.append_transitions(connection, datetime.now(UTC))
        waiting = {notice["service_date"] for notice in notices.open_notices(connection, None)}
    log.info("%d changes of state; new recommendations on %s", changes, ", ".join(map(str, recommended)) or "no day")
    return [day.isoformat() for day in sorted({*recommended, *waiting})]


def open_cases(day: date, dag_run_id: str) -> list[dict[str, Any]]:
    """What to ask a person about the day and later days restated with it: the arguments of one review task per case."""
    settings = configuration.load()
    with psycopg.connect(settings.url("recommender")) as connection:
        cases = reviews.open_cases(connection, day, dag_run_id)
        catalogue = ledger.catalogue(connection)
    return [
        {
            "case_id": case["case_id"],
            "subject": words.review_subject(case),
            "body": words.review_body(case, catalogue, chain.examples(settings, case["recommendation_id"])),
        }
        for case in cases
    ]


def open_rest(day: date, dag_run_id: str) -> list[dict[str, Any]]:
    """What to have a person look through of the day beside its cases: the arguments of one task, or of none."""
    with psycopg.connect(configuration.load().url("recommender")) as connection:
        asked = reviews.open_rest(connection, day, dag_run_id)
    return [{"case_id": rest["case_id"], "subject": words.rest_subject(rest), "body": words.rest_body(rest)} for rest in asked]


def open_notices(dag_run_id: str) -> list[dict[str, Any]]:
    """Which notices to ask a person about: the arguments of one task per notice."""
    with psycopg.connect(configuration.load().url("recommender")) as connection:
        asked = notices.ask(connection, dag_run_id)
    return [
        {
            "traceback_id": notice["traceback_id"],
            "subject": words.notice_subject(notice),
            "body": words.notice_body(notice),
            "draft": notice["answer_draft"],
            "afterwards": words.mitigation_subject(notice),
        }
        for notice in asked
    ]


def record_response(traceback_id: str, draft: str, answer: dict[str, Any]) -> None:
    """Write to the ledger that a person answered the requester of a notice."""
    with psycopg.connect(configuration.load().url("recommender")) as connection:
        notices.record_response(connection, traceback_id, draft, **_given(answer))


def record_mitigation(traceback_id: str, answer: dict[str, Any]) -> None:
    """Write to the ledger what a person says was done about the traced caller."""
    with psycopg.connect(configuration.load().url("recommender")) as connection:
        notices.record_mitigation(connection, traceback_id, answer["chosen_options"][0], **_given(answer))


def open_blocks(dag_run_id: str) -> list[dict[str, Any]]:
    """Which blocks of gates to ask a person about, of any date: the arguments of one task per check and date."""
    with psycopg.connect(configuration.load().url("recommender")) as connection:
        asked = overrides.ask(connection, dag_run_id)
    return [
        {
            "case_id": block["case_id"],
            "subject": words.block_subject(block),
            "body": words.block_body(block),
            "second": words.confirmation_subject(block),
        }
        for block in asked
    ]


def record_block_answer(case_id: str, answer: dict[str, Any]) -> dict[str, str] | None:
    """Write to the ledger what a person answered about a block; returns what a second one is to be told and who the first was, None where nothing changes."""
    until = str((answer.get("params_input") or {}).get("until") or "")
    given = _given(answer)
    with psycopg.connect(configuration.load().url("recommender")) as connection:
        wanted = overrides.answer(connection, case_id, answer["chosen_options"][0], until=until, at=datetime.now(UTC), **given)
    log.info("%s: %s", case_id, "a second person is asked" if wanted else "nothing changes")
    return {"first": given["actor"], "body": words.confirmation_body(wanted)} if wanted else None


def record_confirmation(case_id: str, answer: dict[str, Any]) -> str | None:
    """Write to the ledger what a second person answered about an override; returns the date to build again, None where nothing changed."""
    with psycopg.connect(configuration.load().url("recommender")) as connection:
        day = overrides.confirm(connection, case_id, answer["chosen_options"][0], at=datetime.now(UTC), **_given(answer))
    log.info("%s: %s", case_id, f"{day} is built again" if day else "nothing changes")
    return day.isoformat() if day else None


def want_release(request_id: str, approver: str, said: dict[str, str]) -> dict[str, Any]:
    """What a second person is asked about a release that a first one wants, and of whom.

    ValueError for a request that says too little or of a party that nothing holds back; LookupError for an unknown one.
    """
    request = releases.Request(request_id, approver=approver, **said)
    party = releases.party(request.party)
    with psycopg.connect(configuration.load().url("recommender")) as connection:
        stands = releases.party_state(connection, *party)
    releases.refuse_active(*party, stands)
    wanted = asdict(request)
    return {"request": wanted, "first": approver, "subject": words.release_subject(wanted), "body": words.release_body(wanted, stands)}


def record_release(request: dict[str, str], answer: dict[str, Any]) -> None:
    """Write to the ledger what a second person answered about a release, and the release itself where it is confirmed."""
    with psycopg.connect(configuration.load().url("recommender")) as connection:
        released = releases.answer(connection, releases.Request(**request), answer["chosen_options"][0], at=datetime.now(UTC), **_given(answer))
    log.info("%s: %s", request["request_id"], f"active from {released.on} on, watched until {released.watch_until}" if released else "nothing changes")


def _given(answer: dict[str, Any]) -> dict[str, Any]:
    """Who answered, when, and the words that go with it."""
    return {
        "comment": str((answer.get("params_input") or {}).get("comment") or ""),
        "actor": answer["responded_by_user"]["name"],
        "answered_at": _instant(answer["responded_at"]),
    }


def escalate() -> None:
    """Write to the ledger which cases nobody answered in 24 hours, and warn of each."""
    with psycopg.connect(configuration.load().url("recommender")) as connection:
        cases = ledger.escalate(connection, datetime.now(UTC))
    for case in cases:
        log.warning(
            "case %s: nobody has answered %s of %s %s, open since %s UTC",
            case["case_id"], case["recommendation"], case["party_kind"], case["party_id"], f"{case['open_since']:%Y-%m-%d %H:%M}",
        )  # fmt: skip
    log.info("%d cases escalated", len(cases))


def record_review(case_id: str, answer: dict[str, Any]) -> None:
    """Write a person's answer to the ledger, with who gave it and when."""
    with psycopg.connect(configuration.load().url("recommender")) as connection:
        reviews.record(connection, case_id, decision=answer["chosen_options"][0].lower(), **_given(answer))


def record_rest(case_id: str, answer: dict[str, Any]) -> None:
    """Write to the ledger that a person looked through what else was said of a day."""
    with psycopg.connect(configuration.load().url("recommender")) as connection:
        reviews.record_rest(connection, case_id, **_given(answer))


def deliver_actions() -> None:
    """Deliver the orders that were not delivered yet."""
    delivered = actions.deliver(configuration.load(), datetime.now(UTC))
    log.info("%d orders delivered", delivered)


def publish_head() -> None:
    """Publish the ledger's head outside the database."""
    settings = configuration.load()
    with psycopg.connect(settings.url("auditor")) as connection:
        entry = proof.publish_head(settings, connection, datetime.now(UTC))
    log.info("%s", f"published the ledger's head, entry {entry}" if entry else "the ledger's head is published already")


def enforce_retention(run: str) -> dict[str, int]:
    """Delete what is past its period, with an entry in the ledger; returns how many rows, by table."""
    deleted = retention.enforce(configuration.load(), datetime.now(UTC), run)
    log.info("past their period: %s", ", ".join(f"{rows} rows of {table}" for table, rows in deleted.items()) or "nothing")
    return deleted


def audit_controls(run: str) -> str:
    """Check the ledger and the receipts, make a sample of past recommendations again, and keep the outcome in the ledger; returns it."""
    done = audit.audit(configuration.load(), run, size=3)
    for told in [*done["problems"], *(told for made in done["recomputed"] for told in made["differing"])]:
        log.error(told)
    for made in done["recomputed"]:
        log.info("%s (%s): %d parties compared; %s", made["service_date"], made["recorded_at"], made["compared"], made["not_recomputed"] or "recomputed")
    return done["outcome"]


def raise_alerts() -> None:
    """Raise, end and tell alerts as things stand now."""
    alerts.sweep(configuration.load(), datetime.now(UTC))


def alert_failed_task(run: str, run_id: str, task_id: str, map_index: int) -> None:
    """Alert people to a task that failed for good. `run` names the DAG and its service date, `map_index` is -1 for a task that is not mapped."""
    task = task_id if map_index < 0 else f"{task_id} {map_index}"
    message = (
        f"Task {task} of {run} has failed, and is not tried again by itself. Its log in Airflow says why (run {run_id}); "
        "mend that, then clear the task."
    )
    _alert("failed_task", f"{run}: {task}", message)


def alert_failed_run(run: str, run_id: str) -> None:
    """Alert people to a run that failed, unless they are told of a task of it already."""
    with psycopg.connect(configuration.load().url("notifier")) as connection:
        known = alerts.is_open(connection, "failed_task", run)
    if not known:
        message = f"{run} has failed without a word of its tasks: one was killed. See which in Airflow (run {run_id}), and clear it."
        _alert("failed_task", f"{run}: killed", message)


def alert_late_run(run: str, run_id: str, seconds: int) -> None:
    """Alert people to a run that has not ended `seconds` after it was queued."""
    message = f"{run} has not ended {seconds / 3600:g} hours after it was queued. See in Airflow what it waits for (run {run_id}), and make status."
    _alert("late_run", run, message)


def _alert(kind: str, subject: str, message: str) -> None:
    settings, now = configuration.load(), datetime.now(UTC)
    with psycopg.connect(settings.url("notifier")) as connection:
        alerts.raise_one(connection, Alert(kind, subject, "critical", now, message), now)
    alerts.deliver(settings, now)


def end_alerts_of_run(run: str) -> None:
    """End what was alerted of earlier runs of this DAG and service date: one has succeeded."""
    with psycopg.connect(configuration.load().url("notifier")) as connection:
        for kind in ("failed_task", "late_run"):
            alerts.end(connection, kind, run, datetime.now(UTC))


def _instant(value: datetime | str) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _processed_days(settings: Settings, role: str) -> list[date]:
    with psycopg.connect(settings.url(role)) as connection:
        return [row[0] for row in connection.execute("select service_date from ops.processed_days order by 1").fetchall()]


def _days_without_calls(settings: Settings) -> dict[date, int]:
    with psycopg.connect(settings.url("transformer")) as connection:
        return retention.dates_without_calls(connection)


def _log_results(name: str, results: list[gate.Result]) -> str:
    for result in results:
        if not result.success:
            log.warning("%s: %s %s: %s. %s", name, result.name, result.outcome, result.observed, result.check.remedy)
    outcome = gate.outcome(results)
    log.info("gate %s: %s", name, outcome)
    return outcome


def _tell_of_the_block() -> None:
    """At once, without failing the gate: what cannot be told now is told by the next sweep, within five minutes."""
    try:
        raise_alerts()
    except (psycopg.Error, RuntimeError):
        log.exception("alerts could not be raised after the gate")
