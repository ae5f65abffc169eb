"""``python -m tests.chaos.run.seeded.fitting``: names the seeded bugs that do not fit the product any more. Exit 1 where any."""

from __future__ import annotations

import os
import sys

import django


def misfits() -> list[str]:
    """Each bug is seeded into a process of its own, which then makes what the bugs look into: triggers and the claim."""
    from tests.chaos.run.seeded import bugs, operations
    from tests.chaos.run.seeded.registry import BUGS

    known = {**vars(bugs), **vars(operations)}
    return [name for name in BUGS if not _fits(known[name])]


def _fits(bug: object) -> bool:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    try:
        _seeded(bug)
    except BaseException as misfit:  # noqa: BLE001  # whatever it is, it does not fit
        sys.stderr.write(f"{misfit!r}\n")
        os._exit(1)
    os._exit(0)


def _seeded(bug: object) -> None:
    from django.db import connection

    from thirdparty.capture.triggers import sqlite
    from thirdparty.store import choosing
    from thirdparty.store.dialect import SQLITE

    assert callable(bug)
    bug()
    assert sqlite.texts(connection)
    assert choosing._claimable(SQLITE, strict=False)


if __name__ == "__main__":
    django.setup()
    found = misfits()
    sys.stdout.write("\n".join(found))
    sys.exit(int(bool(found)))
