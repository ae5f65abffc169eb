"""A worker of one version of people's declaration, until its input ends: ``python -m tests.integration.of_version 2 migrate``.

By that version, each name is sent with it: "ada, by version 2".
"""

from __future__ import annotations

import select
import sys
from collections.abc import Mapping
from typing import Any

import django


def main() -> None:
    django.setup()
    from django.core.management import call_command

    from thirdparty.declaration import AtTarget
    from thirdparty.run.drain import drain
    from thirdparty.tasks import reconcile_tick
    from users.models import User
    from users.synced import Person

    version = int(sys.argv[1])
    sends = Person.payload

    def payload(self: Person, obj: User, target: AtTarget) -> Mapping[str, Any] | None:
        made = sends(self, obj, target)
        return made and {**made, "name": f"{obj.name}, by version {version}"}

    Person.version = version
    Person.payload = payload  # type: ignore[method-assign]  # a process of another version
    if "migrate" in sys.argv:
        call_command("migrate", verbosity=0)
    print("ready", flush=True)  # noqa: T201  # for the test
    while not select.select([sys.stdin], [], [], 0.02)[0]:
        drain("partner", seconds=0.5)
        reconcile_tick(True)


if __name__ == "__main__":
    main()
