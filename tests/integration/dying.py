"""Work whose process is killed in the middle: forks of ``-m tests.integration.dying``, one for each line.

A line holds the place, the kind of strict write or one of `DRAIN`, `CATCH_UP` and `QUESTION`, and the user's uuid (null for a
create); the answer is the wait status of its fork. A drain dies only of that user's record. Only here, where no thread runs, does a fork of a Django process get as far as it should.
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
    "about to ask": ("thirdparty.run.calling", "exchange", BEFORE),
    "answered, not settled": ("thirdparty.store", "settle", BEFORE),
    "settled, not applied": ("thirdparty.consistency.strict.applying", "apply", BEFORE),
    "written, not committed": ("thirdparty.store.strict_rows", "acknowledge", AFTER),
    "applied": ("thirdparty.consistency.strict.applying", "apply", AFTER),
    "taking back": ("thirdparty.store.strict_rows", "owe_undoing", AFTER),
    "taken back": ("thirdparty.consistency.strict.taking_back", "take_back", AFTER),
}
MEETING_PLACES = {
    "two rows meet, nothing is decided": ("thirdparty.store.settling", "meet", BEFORE),
    "the other row has lost the id, nothing is committed": ("thirdparty.store.settling", "meet", AFTER),
    "both rows are committed": ("thirdparty.run.results", "write_results", AFTER),
}
"""Where two rows have one remote id."""
CATCH_UP_PLACES = {
    "a batch is locked": ("thirdparty.store.owing", "lock", AFTER),
    "a batch is owed, not committed": ("thirdparty.store.owing", "_owe", AFTER),
    "a batch is committed, its place is not noted": ("thirdparty.capture.catch_up", "_move", BEFORE),
    "its place is noted": ("thirdparty.capture.catch_up", "_move", AFTER),
}
QUESTION_PLACES = {
    "the question is taken": ("thirdparty.store.manual", "take_question", AFTER),
    "about to be asked": ("thirdparty.observe.inquiry", "look_up", BEFORE),
    "answered, the guard not told": ("thirdparty.observe.inquiry", "look_up", AFTER),
    "the guard is told": ("thirdparty.run.guard_decision", "of_question", AFTER),
}
OLD, NEW = "old", "new"
DRAIN, CATCH_UP, QUESTION = "drain", "catch up", "question"
_PLACES = PLACES | MEETING_PLACES | CATCH_UP_PLACES | QUESTION_PLACES


def main() -> None:
    django.setup()
    # Imported now, once for all forks.
    from thirdparty.capture import catch_up  # noqa: F401
    from thirdparty.observe import inquiry  # noqa: F401
    from thirdparty.run import drain  # noqa: F401
    from users import consistency  # noqa: F401

    for line in sys.stdin:
        place, kind, user_uuid = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                _die_at(*_PLACES[place], only=user_uuid if kind == DRAIN and place in PLACES else None)
                _work(kind, user_uuid)
            finally:
                os._exit(1)
        print(os.waitpid(child, 0)[1], flush=True)  # noqa: T201  # for the test that asked


def _work(kind: str, user_uuid: str | None) -> None:
    match kind:
        case "drain":
            _drain()
        case "catch up":
            _catch_up()
        case "question":
            _ask(user_uuid)
        case _:
            _write(kind, user_uuid)


def _catch_up() -> None:
    from thirdparty.capture import catch_up

    catch_up.go_on("partner")
    os._exit(0)


def _ask(user_uuid: str | None) -> None:
    from thirdparty.models import Record
    from thirdparty.observe import inquiry
    from users.synced import person

    assert user_uuid is not None
    inquiry.held(Record.objects.of(person(UUID(user_uuid))).get(), polled=True)
    os._exit(0)


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
