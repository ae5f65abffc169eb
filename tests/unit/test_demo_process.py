"""A child process is started, killed, frozen and restarted as promised, and never outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from syncproject.demo import leash
from syncproject.demo.ports import Port
from syncproject.demo.process import Process, ProcessError
from syncproject.demo.stack import ROOT

START_SECONDS = 20.0
FOREVER = "import time\nprint('ready', flush=True)\ntime.sleep(600)"
TICKING = "import time\nwhile True:\n print('tick', flush=True)\n time.sleep(0.01)"
WITH_A_CHILD = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, '-c', {FOREVER!r}])
print('child', child.pid, flush=True)
child.wait()
"""
DEAF = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FOREVER
POLITE = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit('goodbye'))\n" + FOREVER
PARENT = """
import sys, time
from pathlib import Path
from syncproject.demo.process import Process
process = Process(name="child", command=[sys.executable, "-c", sys.argv[2]], log=Path(sys.argv[1]))
process.start()
time.sleep(600 if sys.argv[3] == "stay" else 0.5)
"""

Make = Callable[..., Process]


def says(word: str) -> Callable[[Process], bool]:
    return lambda process: word in process.output()


def python(code: str, *, log: Path, word: str) -> Process:
    return Process(name="child", command=[sys.executable, "-c", code], log=log, env={}, ready=says(word))


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Process] = []

    def make(code: str, *, word: str = "ready") -> Process:
        process = python(code, log=tmp_path / f"{len(made)}.log", word=word)
        made.append(process)
        process.start()
        process.wait_ready(within_seconds=START_SECONDS)
        return process

    yield make
    for process in made:
        process.kill()


def runs(pid: int) -> bool:
    """Whether the process exists and is no zombie (whoever adopted it may take long to reap it)."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            return stat.read_text().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone(pid: int, *, within_seconds: float = START_SECONDS) -> bool:
    deadline = time.monotonic() + within_seconds
    while runs(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def child_of(process: Process) -> int:
    return int(process.output().split()[1])


def test_a_started_process_runs_in_a_group_of_its_own(make: Make) -> None:
    process = make(FOREVER)
    assert process.alive
    assert os.getpgid(process.pid) == process.pid != os.getpgid(0)


def test_a_process_that_dies_before_it_is_ready_shows_what_it_said(tmp_path: Path) -> None:
    code = "import sys; print('the port is taken'); sys.exit(3)"
    process = python(code, log=tmp_path / "log", word="never")
    process.start()
    with pytest.raises(ProcessError, match=r"child is dead \(exit code 3\)(?s:.*)the port is taken"):
        process.wait_ready(within_seconds=START_SECONDS)
    assert not process.alive


def test_a_process_that_never_gets_ready_is_given_up_at_the_deadline(make: Make) -> None:
    process = make(FOREVER)
    process.ready = says("never")
    with pytest.raises(ProcessError, match=r"not ready within 0\.1 s"):
        process.wait_ready(within_seconds=0.1)


def test_kill_reaches_the_children_too(make: Make) -> None:
    process = make(WITH_A_CHILD, word="ready")
    child = child_of(process)
    process.kill()
    assert not process.alive
    assert gone(child)


def test_what_a_dead_process_left_behind_is_killed_when_its_death_is_noticed(make: Make) -> None:
    process = make(WITH_A_CHILD, word="ready")
    child = child_of(process)
    os.kill(process.pid, signal.SIGKILL)
    assert gone(process._popen.pid if process._popen else 0)
    assert not process.alive
    assert gone(child)


def test_terminate_lets_a_process_end_by_itself(make: Make) -> None:
    process = make(POLITE)
    process.terminate(within_seconds=START_SECONDS)
    assert "goodbye" in process.output()
    assert not process.alive


def test_terminate_kills_a_process_that_will_not_end(make: Make) -> None:
    process = make(DEAF)
    process.terminate(within_seconds=0.1)
    assert not process.alive


def test_a_frozen_process_does_nothing_until_it_is_thawed(make: Make) -> None:
    process = make(TICKING, word="tick")
    process.freeze()
    time.sleep(0.05)
    before = len(process.output())
    time.sleep(0.15)
    assert process.alive
    assert len(process.output()) == before
    process.thaw()
    deadline = time.monotonic() + START_SECONDS
    while len(process.output()) == before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(process.output()) > before


def test_a_frozen_process_can_be_killed(make: Make) -> None:
    process = make(FOREVER)
    process.freeze()
    process.kill()
    assert not process.alive


def test_a_restart_gives_a_new_process_and_forgets_the_old_output(make: Make) -> None:
    process = make(FOREVER)
    before = process.pid
    process.restart(within_seconds=START_SECONDS)
    assert process.pid != before
    assert not runs(before)
    assert process.output() == "ready\n"
    assert process.log.read_text() == "ready\nready\n"


def test_starting_a_running_process_is_refused(make: Make) -> None:
    with pytest.raises(RuntimeError, match="runs already"):
        make(FOREVER).start()


def test_the_pid_of_a_stopped_process_is_not_handed_out(make: Make) -> None:
    process = make(FOREVER)
    process.kill()
    with pytest.raises(RuntimeError, match="not running"):
        _ = process.pid


@pytest.mark.parametrize("end", ["kill -9", "exit"])
def test_no_process_outlives_its_parent(tmp_path: Path, end: str) -> None:
    log = tmp_path / "log"
    stay = "stay" if end == "kill -9" else "leave"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(log), WITH_A_CHILD, stay])
    deadline = time.monotonic() + START_SECONDS
    while not (log.exists() and "ready" in log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    child = int(log.read_text().split()[1])
    if end == "kill -9":
        parent.kill()
    parent.wait(START_SECONDS)
    assert gone(child)


def test_the_leash_lets_go_of_groups_that_ended_before() -> None:
    assert leash.groups_left(["+5\n", "+6\n", "-5\n"]) == {6}


def test_a_held_port_is_given_to_nobody_else() -> None:
    held = Port()
    other = Port(preferred=held.number)
    assert other.number != held.number
    number = held.release()
    again = Port(preferred=number)
    assert again.number == number
    other.release()
    again.release()


def test_a_port_whose_server_is_away_for_a_while_is_no_other_processs() -> None:
    number = Port().release()
    asked = f"from syncproject.demo.ports import Port; print(Port({number}).number)"
    told = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(told.stdout) != number
    assert Port(number).release() == number
