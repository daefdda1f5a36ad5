"""Run a gate's suites with Great Expectations against PostgreSQL and record what each check found."""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import psycopg

from include.decisions import overrides
from include.decisions.overrides import Override
from include.quality import data_docs
from include.quality.data_docs import Page
from include.quality.suites import Check, Suite, load, on_day
from include.settings import Settings
from include.text import visible

EXAMPLES = 5
"""Offending rows shown in a result; their number is always there."""


@dataclass(frozen=True)
class Result:
    """What one check found on one service date."""

    suite: str
    check: Check
    success: bool
    observed: str
    affected: tuple[str, ...]
    """What the offending rows reach: their feed, as `cdr/standard`, or one switch of it, as `cdr/standard@nyc1`, where they have such columns."""
    overridden: tuple[str, ...] = ()
    """Of these, what overrides let pass."""
    overrides: tuple[int, ...] = ()
    """Ledger entries of the overrides that were in force."""

    @property
    def name(self) -> str:
        return f"{self.suite}.{self.check.name}"

    @property
    def outcome(self) -> str:
        if self.success:
            return "passed"
        if self.check.severity != "critical":
            return "passed_with_warnings"
        return "overridden" if self.overrides and self.overridden == self.affected else "blocked"


def run_gate(settings: Settings, role: str, gate: str, day: date, run: str) -> list[Result]:
    """Run every suite of a gate for one service date, reading and recording as `role`; a run repeated replaces its results.

    What is recorded is digested into the ledger. A failed check passes where an override is in force now.
    """
    suites = load(gate)
    found = [result for suite in suites for result in validate(settings.url(role, scheme="postgresql+psycopg"), suite, day)]
    now = datetime.now(UTC)
    with psycopg.connect(settings.url(role)) as connection:
        given = overrides.in_force(connection, gate, day, now)
        results = [let_pass(result, given) for result in found]
        record(connection, gate, day, run, results, now)
        connection.execute("select decisions.append_gate(%s, %s, %s, %s)", (run, gate, day, now))
        connection.commit()
        data_docs.write(settings.data_docs, Page(gate, day, run, outcome(results), now), suites, results)
        data_docs.write_index(settings.data_docs, newest_runs(connection))
    return results


def let_pass(result: Result, given: list[Override]) -> Result:
    """A failed critical result with the overrides that are about it: of its check, and of a feed that it names, or of none where it names none."""
    if result.outcome != "blocked" or not result.check.overridable:
        return result
    about = [
        override
        for override in given
        if override.check == result.name and (set(override.feeds) & set(result.affected) if result.affected else not override.feeds)
    ]
    feeds = {feed for override in about for feed in override.feeds}
    return replace(result, overridden=tuple(feed for feed in result.affected if feed in feeds), overrides=tuple(override.entry_id for override in about))


def validate(url: str, suite: Suite, day: date) -> list[Result]:
    """Run one suite. An expectation that cannot be evaluated has failed: nothing passes by accident.

    ValueError, naming suite and check, for an expectation that does not exist or does not take its arguments.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx  # five seconds of imports that only the gates need

    logging.getLogger("great_expectations").setLevel(logging.ERROR)  # it tells at length how it is built
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = gx.data_context.types.base.ProgressBarsConfig(globally=False)
    source = context.data_sources.add_postgres("warehouse", connection_string=url)
    query = f"select * from (\n{on_day(suite.batch, day)}\n) as batch"  # the library takes nothing that begins with `with`
    batch = source.add_query_asset(suite.name, query=query).add_batch_definition_whole_table("day")
    expectations = context.suites.add(gx.ExpectationSuite(name=suite.name))
    # Checks may look at other tables than their batch; the library prints a remark for each that does.
    with contextlib.redirect_stdout(io.StringIO()):
        for check in suite.checks:
            expectations.add_expectation(_expectation(suite, check, day))
        definition = context.validation_definitions.add(gx.ValidationDefinition(name=suite.name, data=batch, suite=expectations))
        found = definition.run(result_format="COMPLETE")
    by_name = {outcome.expectation_config.meta["check"]: outcome for outcome in found.results}
    results = [_result(suite, check, by_name[check.name]) for check in suite.checks]
    return [_with_every_feed(url, suite, day, result, by_name[result.check.name]) for result in results]


def _expectation(suite: Suite, check: Check, day: date):
    from great_expectations import expectations as gxe

    arguments = {key: on_day(value, day) for key, value in check.arguments.items()}
    try:
        return getattr(gxe, check.expectation)(**arguments, severity=check.severity, meta={"check": check.name})
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"expectations/{suite.gate}/{suite.name}.yaml: check {check.name}: {check.expectation} is no expectation of "
            f"great_expectations.expectations, or does not take these arguments: {error}"
        ) from error


def _result(suite: Suite, check: Check, outcome) -> Result:
    raised = _exception(outcome.exception_info)
    if raised:
        return Result(suite.name, check, False, f"could not be evaluated: {raised}", ())
    rows = _unexpected_rows(outcome)
    observed = outcome.result.get("observed_value", outcome.result.get("unexpected_count"))
    examples = "; ".join(", ".join(f"{key} {value}" for key, value in row.items() if value is not None) for row in rows[:EXAMPLES])
    return Result(suite.name, check, bool(outcome.success), visible(f"{observed}" + (f": {examples}" if examples else "")), _reach(rows))


def _reach(rows: list[dict]) -> tuple[str, ...]:
    return tuple(sorted({row["feed"] + (f"@{row['switch_id']}" if row.get("switch_id") else "") for row in rows if row.get("feed")}))


def _unexpected_rows(outcome) -> list[dict]:
    return (outcome.result.get("details") or {}).get("unexpected_rows") or []


def _with_every_feed(url: str, suite: Suite, day: date, result: Result, outcome) -> Result:
    """The library hands over the first 200 offending rows; a feed that only later rows name is affected too."""
    if not result.affected or outcome.result["observed_value"] == len(_unexpected_rows(outcome)):
        return result
    offending = result.check.arguments["unexpected_rows_query"]
    columns = "feed, to_jsonb(offending) ->> 'switch_id' as switch_id"
    feeds = {"unexpected_rows_query": f"select distinct {columns} from (\n{offending}\n) as offending"}
    (named,) = validate(url, replace(suite, checks=(replace(result.check, arguments=feeds),)), day)
    return replace(result, affected=named.affected)


def _exception(info: dict) -> str | None:
    """The message of an expectation that raised: on its own, or one per metric that it needed."""
    per_metric = [metric for metric in info.values() if isinstance(metric, dict)] or [info]
    messages = {metric["exception_message"] for metric in per_metric if metric.get("raised_exception")}
    return "; ".join(sorted(messages)) or None


def record(connection: psycopg.Connection, gate: str, day: date, run: str, results: list[Result], recorded_at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into ops.gate_results (
                run, gate, "check", suite, service_date, outcome, severity, observed, expected, affected, overridden, overrides,
                remedy, recorded_at
            ) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            on conflict (run, gate, service_date, "check") do update
            set outcome = excluded.outcome, severity = excluded.severity, observed = excluded.observed,
                expected = excluded.expected, affected = excluded.affected, overridden = excluded.overridden,
                overrides = excluded.overrides, remedy = excluded.remedy, recorded_at = excluded.recorded_at
            """,
            [
                (
                    run, gate, result.name, result.suite, day, result.outcome, result.check.severity,
                    result.observed[:2000], result.check.expected, list(result.affected), list(result.overridden),
                    list(result.overrides), None if result.success else result.check.remedy, recorded_at,
                )
                for result in results
            ],
        )  # fmt: skip


def newest_runs(connection: psycopg.Connection) -> list[Page]:
    """The last thousand runs of gates, newest service dates and newest runs first."""
    found = connection.execute(
        """
        select gate, service_date, run, array_agg(distinct outcome), max(recorded_at)
        from ops.gate_results
        group by gate, service_date, run
        order by service_date desc, max(recorded_at) desc
        limit 1000
        """
    )
    return [Page(gate, day, run, worst(outcomes), recorded_at.astimezone(UTC)) for gate, day, run, outcomes, recorded_at in found]


def outcome(results: list[Result]) -> str:
    """The gate's outcome: the worst of its checks."""
    return worst(result.outcome for result in results)


def worst(outcomes: Iterable[str]) -> str:
    found = set(outcomes)
    return next((outcome for outcome in ("blocked", "overridden", "passed_with_warnings") if outcome in found), "passed")
