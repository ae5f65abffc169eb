"""Strict writes whose process is killed in the middle: forks of ``-m tests.integration.dying``, one for each line.

A line holds the place, the kind of write, and the user's uuid (null for a create); the answer is the wait status of
its fork. Only here, where no thread runs, does a fork of a Django process get as far as it should.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any
from uuid import UUID

import django

BEFORE, AFTER = "before", "after"
PLACES = {
    "opened": ("users.sync.strict.asking", "ask_all", BEFORE),
    "claimed, nothing sent": ("users.sync.ask", "ask", BEFORE),
    "answered, not settled": ("users.sync.outbox", "settle", BEFORE),
    "settled, not applied": ("users.sync.strict.applying", "apply", BEFORE),
    "written, not committed": ("users.sync.outbox.strict_rows", "acknowledge", AFTER),
    "applied": ("users.sync.strict.applying", "apply", AFTER),
    "taking back": ("users.sync.outbox.strict_rows", "owe_undoing", AFTER),
    "taken back": ("users.sync.strict.taking_back", "take_back", AFTER),
}
OLD, NEW = "old", "new"


def main() -> None:
    django.setup()
    # Imported now, once for all forks.
    from users import consistency  # noqa: F401

    for line in sys.stdin:
        place, kind, user_uuid = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                _die_at(*PLACES[place])
                _write(kind, user_uuid)
            finally:
                os._exit(1)
        print(os.waitpid(child, 0)[1], flush=True)  # noqa: T201  # for the test that asked


def _write(kind: str, user_uuid: str | None) -> None:
    from users import consistency
    from users.consistency import Consistency, Mode

    strict = Consistency(Mode.STRICT)
    if user_uuid is None:
        consistency.create({"name": NEW, "phone": "1"}, consistency=strict)
    elif kind == "update":
        consistency.update(UUID(user_uuid), {"name": NEW}, consistency=strict)
    else:
        consistency.delete(UUID(user_uuid), consistency=strict)


def _die_at(module_name: str, name: str, when: str) -> None:
    module = sys.modules[module_name]
    real = getattr(module, name)

    def dying(*arguments: Any, **options: Any) -> Any:
        if when == AFTER:
            real(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(module, name, dying)


if __name__ == "__main__":
    main()
