"""The client works where gevent has put its own sockets in the place of Python's, as in ``celery worker --pool gevent``."""

from __future__ import annotations

import subprocess
import sys

from tests.unit.rawserver import answers, http, serving

CALLS = """
import gevent.monkey
gevent.monkey.patch_all()
import gevent, sys
from tests.unit.calling import post, session_to

calls = [gevent.spawn(lambda: post(session_to(sys.argv[1])).body) for _ in range(3)]
gevent.joinall(calls, raise_error=True, timeout=20)
print([call.value for call in calls])
"""


def test_calls_are_made_by_greenlets_at_the_same_time() -> None:
    with serving(answers(http(200, b"fine"))) as server:
        command = [sys.executable, "-c", CALLS, f"http://127.0.0.1:{server.port}"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.stdout.strip() == str([b"fine"] * 3), ended.stderr[-2000:]
