"""What happens to the machinery while a date is processed, and in words for docs/reliability.md. The tests: test_faults_of_machinery.py."""

from __future__ import annotations

from tests.faults import machine
from tests.faults.machine import Hurt

AT_EVERY_STAGE: dict[str, Hurt] = {
    "the running task is killed": machine.kill_tasks,
    "the api-server is killed": machine.kill_api_server,
    "PostgreSQL is killed": machine.kill_postgres,
    "the scheduler is killed": machine.kill_scheduler,
}
"""With SIGKILL, again at each stage that one date reaches."""

ONCE: dict[str, Hurt] = {
    "the supervisor is killed": machine.kill_supervisor,
    "PostgreSQL is restarted": machine.restart_postgres,
    "the publishing session is disconnected": machine.disconnect_publisher,
}
"""While the lake's tables are built and published."""

WORDS: dict[str, tuple[str, str]] = {
    "the running task is killed": ("the task is tried again after 15 s", "by itself"),
    "the scheduler is killed": ("the supervisor starts another, which takes up the tasks of the first after a minute", "by itself"),
    "the api-server is killed": ("the supervisor starts another; a task outlives it", "by itself"),
    "PostgreSQL is killed": ("tasks fail and are tried again; open transactions never were; the supervisor starts the server", "by itself"),
    "the supervisor is killed": ("the kernel tells Airflow's parts to stop", "with `make up`"),
    "PostgreSQL is restarted": ("as when it is killed", "by itself"),
    "the publishing session is disconnected": ("nothing of the date is published; the task is tried again", "by itself"),
    "the disk is full": ("loading and building fail and are tried again; no file stands half written", "by itself, when there is room within the retries"),
    "the landing folder cannot be written to": ("nothing: it is only read", "by itself"),
    "files are stamped by a clock that is ahead": ("nothing: a file is whole when it no longer changes", "by itself"),
    "one date twice at once": ("its runs take turns; the second changes nothing", "by itself"),
    "two dates at once": ("their runs take turns", "by itself"),
    "Airflow forgets everything": ("nothing: verdicts, receipts and the ledger are the warehouse's", "by itself"),
    "a date comes forty days late": ("it is built, and the dates after it with it; their verdicts stand", "by itself"),
}
"""Fault -> what it leads to, how it ends."""
