"""The processes of a worker go on sharing with their parent what was loaded before the fork."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROLLUP = Path("/proc/self/smaps_rollup")

# A process of its own: freezing this one would keep what other tests leave behind.
FORK = f"""
import gc, os, sys
from pathlib import Path
import django
import syncproject.celery
from celery import signals
django.setup()
if sys.argv[1] == "as a worker":
    signals.worker_before_create_process.send(sender=None)

def private_kb():
    lines = Path({str(ROLLUP)!r}).read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))

child = os.fork()
if child == 0:
    before = private_kb()
    gc.collect()
    print(private_kb() - before)
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
"""


def kilobytes_that_a_collection_unshares(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", FORK, how], check=True, capture_output=True, text=True)
    return int(done.stdout)


@pytest.mark.skipif(not ROLLUP.exists(), reason="only Linux tells which pages a process shares")
def test_collecting_garbage_in_a_worker_process_unshares_next_to_nothing() -> None:
    assert kilobytes_that_a_collection_unshares("as a worker") * 5 < kilobytes_that_a_collection_unshares("as before")
