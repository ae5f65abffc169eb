"""Work whose process is killed in the middle: forks of ``-m tests.integration.dying``, one for each line.

A line holds the place, the kind of strict write or `DRAIN`, and the user's uuid (null for a create); the answer is the
wait status of its fork. A drain dies only of that user's record. Only here, where no thread runs, does a fork of a Django process get as far as it should.
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
    "opened": ("thirdparty.consistency.strict.asking", "ask_all", BEFORE),
    "claimed, nothing sent": ("thirdparty.run.calling", "call_target", BEFORE),
    "about to ask": ("thirdparty.run.calling", "_call", BEFORE),
    "answered, not settled": ("thirdparty.store", "settle", BEFORE),
    "settled, not applied": ("thirdparty.consistency.strict.applying", "apply", BEFORE),
    "written, not committed": ("thirdparty.store.strict_rows", "acknowledge", AFTER),
    "applied": ("thirdparty.consistency.strict.applying", "apply", AFTER),
    "taking back": ("thirdparty.store.strict_rows", "owe_undoing", AFTER),
    "taken back": ("thirdparty.consistency.strict.taking_back", "take_back", AFTER),
}
OLD, NEW = "old", "new"
DRAIN = "drain"


def main() -> None:
    django.setup()
    # Imported now, once for all forks.
    from thirdparty.run import drain  # noqa: F401
    from users import consistency  # noqa: F401

    for line in sys.stdin:
        place, kind, user_uuid = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                _die_at(*PLACES[place], only=user_uuid if kind == DRAIN else None)
                _drain() if kind == DRAIN else _write(kind, user_uuid)
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


def _drain() -> None:
    from thirdparty.run.drain import drain

    drain("partner", seconds=5)
    os._exit(0)


def _die_at(module_name: str, name: str, when: str, *, only: str | None) -> None:
    module = sys.modules[module_name]
    real = getattr(module, name)

    def dying(*arguments: Any, **options: Any) -> Any:
        spared = only is not None and arguments[0].lease.external_id != only
        result = real(*arguments, **options) if spared or when == AFTER else None
        if not spared:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(module, name, dying)


if __name__ == "__main__":
    main()
