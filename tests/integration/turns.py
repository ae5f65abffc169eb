"""A process that calls a target as often as its guard lets it: ``python -m tests.integration.turns CALLS``.

It takes turns in handfuls, as a backlog does, looks up somebody who does not exist at each, and prints the
moments (epoch seconds) at which its calls began.
"""

from __future__ import annotations

import json
import sys
import time
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import django

HANDFUL = 40


def fullest_second(moments: list[float]) -> int:
    """How many of these moments, in their order, any one second holds at most."""
    return max(bisect_left(moments, moment + 1.0) - n for n, moment in enumerate(moments))


def main() -> None:
    django.setup()
    from thirdparty import protect, targets
    from thirdparty.protect import Admission

    began: list[float] = []

    def call(admission: Admission, nth: int) -> None:
        if admission.await_turn(nth):
            began.append(time.time())
            targets.any_connector("partner").find(external_id=str(uuid4()))

    calls = int(sys.argv[1])
    with ThreadPoolExecutor(HANDFUL) as threads:
        while len(began) < calls:
            admission = protect.admit("partner", min(HANDFUL, calls - len(began)))
            if not admission.granted:
                time.sleep(admission.wait_seconds + 0.01)
            for call_made in [threads.submit(call, admission, nth) for nth in range(admission.granted)]:
                call_made.result()
    print(json.dumps(began))  # noqa: T201  # for the test that started it


if __name__ == "__main__":
    main()
