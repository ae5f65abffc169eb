"""Somebody of the shop who writes for a while: ``-m tests.chaos.shop.writer SEED SECONDS``. Says how much in the end.

On a busy machine for longer, up to four times: a run counts by what was written, not by the time that it took.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from contextlib import suppress

import django

PAUSE_SECONDS = 0.15
_LEAST_PER_SECOND = 2.0
_LONGEST = 4


def main() -> None:
    os.environ["SEED"], seconds = sys.argv[1], float(sys.argv[2])
    django.setup()
    from django.db import DatabaseError

    from tests.acceptance.shop_writes import WRITES, dice, write_something
    from tests.chaos.shop.renumbering import RENUMBERINGS

    written: Counter[str] = Counter()
    began = time.monotonic()
    least = seconds * _LEAST_PER_SECOND
    while (passed := time.monotonic() - began) < seconds or (written.total() < least and passed < _LONGEST * seconds):
        with suppress(DatabaseError):
            written[write_something(WRITES | RENUMBERINGS)] += 1
        time.sleep(dice.uniform(0, 2 * PAUSE_SECONDS))
    print(f"wrote {written.total()} times", flush=True)  # noqa: T201  # for who started it


if __name__ == "__main__":
    main()
