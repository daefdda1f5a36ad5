"""The command line behind the Makefile: `python -m include.cli <command>`."""

from __future__ import annotations

import argparse
import os
import sys

from include import settings as installation
from include.platform import PlatformError, airflow, lifecycle
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
    command("airflow", run_airflow, "run an Airflow command with this installation's configuration").add_argument(
        "arguments", nargs=argparse.REMAINDER
    )
    return root


def main() -> int:
    arguments = parser().parse_args()
    try:
        return arguments.run(installation.load(), arguments)
    except (PlatformError, FileNotFoundError, ValueError) as error:
        print(f"tollgate: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
