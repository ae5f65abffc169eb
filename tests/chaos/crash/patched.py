"""The Celery application of the use with crash points in it: ``celery -A tests.chaos.crash.patched worker``."""

from __future__ import annotations

from typing import Any

from celery.signals import worker_init

from tests.chaos.crash.application import application

app = application()


@worker_init.connect
def _install(**_: Any) -> None:
    # Django is set up by now; the children, forked later, inherit what is wrapped here.
    from tests.chaos.crash.points import Points
    from tests.chaos.crash.uses import current_use

    current_use().declare()
    Points().install_in_worker()
