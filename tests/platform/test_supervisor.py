"""What is left behind by a supervisor that was killed, and what only looks like it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from include.platform import supervisor

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def component() -> Iterator[psutil.Process]:
    """A Python process that leads a session of its own, as a component does."""
    process = subprocess.Popen(SLEEPER, start_new_session=True)
    yield psutil.Process(process.pid)
    process.kill()
    process.wait()


def killed(component: psutil.Process, earlier: float = 0) -> supervisor.State:
    """The state that a supervisor left which started `component`, `earlier` seconds before its real start."""
    started = component.create_time() - earlier
    return supervisor.State(pid=2**22 + 1, started=started - 5, sessions=[(component.pid, started)])


def test_a_component_is_left_behind(component: psutil.Process):
    assert supervisor.left_behind(killed(component)) == [component]


def test_members_of_its_session_are_found_when_it_is_dead():
    script = f"import subprocess; print(subprocess.Popen({SLEEPER!r}, stdout=subprocess.DEVNULL).pid, flush=True); input()"
    command, pipe = [sys.executable, "-c", script], subprocess.PIPE
    leader = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True)
    member = psutil.Process(int(leader.stdout.readline()))
    state = killed(psutil.Process(leader.pid))
    leader.communicate("\n")
    try:
        assert supervisor.left_behind(state) == [member]
    finally:
        member.kill()


def test_a_pid_used_again_is_not_ours(component: psutil.Process):
    """After a reboot, the number in the file may be any program's."""
    assert supervisor.left_behind(killed(component, earlier=3600)) == []


def test_another_program_in_the_session_is_not_ours():
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        assert supervisor.left_behind(killed(psutil.Process(process.pid))) == []
    finally:
        process.kill()
        process.wait()


def test_a_state_whose_pid_is_used_again_does_not_run(component: psutil.Process):
    now = component.create_time()
    assert supervisor.State(component.pid, now).running()
    assert not supervisor.State(component.pid, now - 3600).running()
    component.kill()
    component.wait()
    assert not supervisor.State(component.pid, now).running()


def test_a_zombie_does_not_run():
    process = subprocess.Popen([sys.executable, "-c", ""])
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.05)
    assert not supervisor.State(process.pid, psutil.Process(process.pid).create_time()).running()
    process.wait()
