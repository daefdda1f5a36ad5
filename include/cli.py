"""The command line behind the Makefile: `python -m include.cli <command>`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg

from include import settings as installation
from include.decisions import actions, overrides, proof, releases
from include.ingest.declarations import BadDeclaration
from include.operations import backfill as backfills
from include.operations import notices, report
from include.platform import PlatformError, airflow, lifecycle, turns
from include.platform.airflow_api import AirflowApi
from include.settings import Settings


def up(settings: Settings, _: argparse.Namespace) -> int:
    lifecycle.up(settings)
    return status(settings, _)


def down(settings: Settings, _: argparse.Namespace) -> int:
    lifecycle.down(settings)
    print("stopped")
    return 0


def status(settings: Settings, _: argparse.Namespace) -> int:
    healthy, rows = lifecycle.status(settings)
    width = max(len(what) for what, _ in rows)
    for what, how in rows:
        print(f"{what:<{width}}  {how}")
    return 0 if healthy else 1


def migrate(settings: Settings, _: argparse.Namespace) -> int:
    lifecycle.migrate(settings)
    return 0


def warehouse_url(settings: Settings, _: argparse.Namespace) -> int:
    print(settings.url("bi_reader"))
    return 0


def backfill(settings: Settings, arguments: argparse.Namespace) -> int:
    days = backfills.days_between(arguments.first, arguments.last)
    lifecycle.up(settings)
    return process_days(settings, days)


def notice(settings: Settings, _: argparse.Namespace) -> int:
    lifecycle.up(settings)
    began = time.monotonic()
    with AirflowApi(settings) as api:
        failed = notices.handle(api, say=lambda text: print(f"[{time.monotonic() - began:4.0f} s] {text}", flush=True))
    if failed:
        print(f"FAILED: {failed}")
        return 1
    print(f"\n{report.notices(settings)}")
    return 0


def process_days(settings: Settings, days: list[date]) -> int:
    """Process the dates with visible progress; 0 when each ended in recommendations, a HOLD or a block."""
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:4.0f} s] {text}", flush=True)

    failed = 0
    with AirflowApi(settings) as api:
        for outcome in backfills.backfill(api, days, say):
            failed += bool(outcome.failed)
            say(f"{outcome.day} FAILED: {outcome.failed}" if outcome.failed else f"{outcome.day} {report.outcome(settings, outcome.day)}")
    return 1 if failed else 0


def run_demo(settings: Settings, _: argparse.Namespace) -> int:
    from include.demo import landing as demo  # its libraries would slow every other command

    began = time.monotonic()
    turns.make_home(settings)
    days = demo.put_in_place(settings.landing)
    lifecycle.up(settings)
    print(f"\n{len(days)} days of the demo world, {days[0]} to {days[-1]}, through the DAGs:")
    failed = process_days(settings, days)
    print(f"\n{report.full(settings, days[-1])}\n\n{report.where_to_look(settings)}\n\n{time.monotonic() - began:.0f} s in all, without set-up")
    return failed


def run_explain(settings: Settings, arguments: argparse.Namespace) -> int:
    from include.lineage import explain  # the same

    print(explain.explain(settings, arguments.recommendation_id))
    return 0


def docs(settings: Settings, _: argparse.Namespace) -> int:
    from include.lineage import site  # the same

    began = time.monotonic()
    page = site.build(settings, say=lambda text: print(f"[{time.monotonic() - began:4.0f} s] {text}", flush=True))
    print(page)
    return 0


def release(settings: Settings, arguments: argparse.Namespace) -> int:
    kind, party_id = releases.party(arguments.party)
    signed = releases.Signed(**{name: getattr(arguments, name) for name in releases.FIELDS})
    with psycopg.connect(settings.url("recommender")) as connection:
        released = releases.release(connection, kind, party_id, signed, datetime.now(UTC))
    print(f"{kind} {party_id} is active from {released.on} (UTC) on, and watched until {released.watch_until}")
    return 0


def override(settings: Settings, arguments: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    signed = overrides.Signed.at(now, arguments.by, arguments.second, arguments.reason, arguments.until)
    day, feeds = arguments.day, arguments.feeds.replace(",", " ").split()
    with psycopg.connect(settings.url("recommender")) as connection:
        named = overrides.override(connection, day, arguments.gate, arguments.check, feeds, signed, now)
    print(f"{arguments.check} passes on {day} until {signed.until:%Y-%m-%d %H:%M} UTC" + (f", for {', '.join(named)}" if named else ""))
    with AirflowApi(settings) as api:
        if not api.healthy():
            print(f"The platform does not run: have the date judged with it by `make up` and `make backfill FROM={day} TO={day}`")
            return 0
        try:
            backfills.process_again(api, day, "override", say=print)
        except backfills.RunFailed as error:
            print(f"{day} FAILED: {error}")
            return 1
    print(f"{day} {report.outcome(settings, day)}")
    return 0


def acknowledge(settings: Settings, arguments: argparse.Namespace) -> int:
    with psycopg.connect(settings.url("recommender")) as connection:
        actions.acknowledge(connection, arguments.action_id, arguments.by, arguments.note, datetime.now(UTC))
    print(f"{arguments.action_id} is acknowledged")
    return 0


def verify(settings: Settings, arguments: argparse.Namespace) -> int:
    from include.audit import audit  # its libraries would slow every other command

    with psycopg.connect(settings.url("auditor")) as connection:
        entries, receipts = proof.counts(connection)
        problems = proof.problems(connection, proof.published_heads(settings))
    for problem in problems:
        print(problem)
    print(f"ledger: {entries} entries; receipts: {receipts}; {len(problems) or 'no'} problems")
    differ = False
    for outcome in audit.recompute_sample(settings, arguments.sample):
        print(*audit.told(outcome), sep="\n", flush=True)
        differ = differ or bool(outcome.differences)
    return 1 if problems or differ else 0


def run_preview(settings: Settings, arguments: argparse.Namespace) -> int:
    from include.operations import preview

    try:
        for line in preview.preview(settings, arguments.feed, arguments.file):
            print(line)
    except (BadDeclaration, preview.Doubtful) as error:
        print(f"\ntollgate: {error}", file=sys.stderr)
        return 1
    return 0


def run_dry_run(settings: Settings, arguments: argparse.Namespace) -> int:
    from include.operations import dry_run

    for line in dry_run.dry_run(settings, arguments.rules, arguments.days):
        print(line)
    return 0


def run_airflow(settings: Settings, arguments: argparse.Namespace) -> int:
    """Becomes an Airflow command, with this installation's configuration; what the environment says already, wins."""
    environ = airflow.environment(settings, airflow.load_secrets(settings)) | os.environ
    os.execve(airflow.executable(), ["airflow", *arguments.arguments], environ)


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="tollgate", description=__doc__)
    commands = root.add_subparsers(metavar="command", required=True)

    def command(name: str, run, words: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=words, description=words)
        added.set_defaults(run=run)
        return added

    command("up", up, "start the platform: PostgreSQL and Airflow")
    command("down", down, "stop it, leaving no process")
    command("status", status, "show what runs; ends 0 when all of it is healthy")
    command("migrate", migrate, "bring both databases to this version, without starting Airflow")
    command("warehouse-url", warehouse_url, "print a connection URL for the read-only role bi_reader")
    chosen = command("backfill", backfill, "process service dates, in order, from what lies in the landing folder")
    chosen.add_argument("--from", dest="first", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    chosen.add_argument("--to", dest="last", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    command("notice", notice, "process the traceback notices that lie in the landing folder, at once")
    command("demo", run_demo, "process a made-up week and show what comes of it")
    command("explain", run_explain, "a recommendation, down to files and lines").add_argument("recommendation_id")
    command("docs", docs, "build the documentation of the data: tables, columns, where each comes from, rules, checks, controls")
    signed = command("release", release, "sign a release: the only way back for a party that is restricted, suspended or terminated")
    signed.add_argument("party", help="kind and id, as 'customer C1031'")
    for name, words in releases.FIELDS.items():
        signed.add_argument(f"--{name}", default="", help=words)
    let = command("override", override, "let a failed check of a gate pass on a service date, under two names, for a reason and until an instant")
    let.add_argument("day", type=date.fromisoformat, help="the service date, as YYYY-MM-DD")
    let.add_argument("gate", help="arriving_data or marts")
    let.add_argument("check", help="suite and check, as in ops.gate_results")
    let.add_argument("--by", default="", help="who answers for it")
    let.add_argument("--second", default="", help="who answers for it with the first")
    let.add_argument("--reason", default="", help="why the data can be used although the check failed")
    let.add_argument("--until", default="", help="when it ends, in UTC, as 2026-12-01T18:00; at most 30 days ahead")
    let.add_argument("--feeds", default="", help="only these of the feeds that the check blocks; all of them without it")
    done = command("acknowledge", acknowledge, "say that an order is carried out")
    done.add_argument("action_id", help="as in decisions.actions")
    done.add_argument("--by", default="", help="who carried it out")
    done.add_argument("--note", default="", help="what there is to say about it")
    looked_at = command("preview", run_preview, "what a file is to a feed's declaration; loads nothing")
    looked_at.add_argument("feed", help="kind and name, as cdr/standard")
    looked_at.add_argument("file", type=Path)
    tried = command("dry-run", run_dry_run, "try a changed rule set on the last service dates; changes nothing")
    tried.add_argument("rules", type=Path, help="a file of private rules, with the columns of dbt_project/seeds/rules.csv")
    tried.add_argument("days", type=int, help="how many service dates back")
    verified = command("verify", verify, "check the ledger, its published heads, receipts and gates, and make past recommendations again; ends 1 on any mismatch")
    verified.add_argument("--sample", type=int, default=2, metavar="N", help="how many times that recommendations were appended are made again; 2 without it")
    command("airflow", run_airflow, "run an Airflow command with this installation's configuration").add_argument(
        "arguments", nargs=argparse.REMAINDER
    )
    return root


def main() -> int:
    arguments = parser().parse_args()
    try:
        return arguments.run(installation.load(), arguments)
    except (PlatformError, FileNotFoundError, FileExistsError, ValueError, LookupError) as error:
        print(f"tollgate: {error}", file=sys.stderr)
        return 1
    except psycopg.OperationalError as error:
        print(f"tollgate: the database does not answer (`make up` starts it): {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1  # the reader went away, as `make status | head` does


if __name__ == "__main__":
    sys.exit(main())
