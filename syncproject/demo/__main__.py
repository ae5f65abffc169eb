"""``python -m syncproject.demo``: starts everything, tells the story, stays until Ctrl-C."""

from __future__ import annotations

import signal
import sys
from types import FrameType

_INTERRUPTED = 130  # what shells say of a program that Ctrl-C ended


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # Only the first one counts: what it sets off is quick and must run to its end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    # Before the imports, which take long enough to be interrupted.
    for _signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(_signal, _interrupt)

    from syncproject.demo.show import main

    sys.exit(main())
