"""Which version of people's mapping a process has. By version n, everybody has a role ``mapping-n`` besides their own.

The role ends with a number as all roles of a run do: whoever has a later one is as new.
"""

from __future__ import annotations

import os

VARIABLE = "CHAOS_MAPPING"
"""The environment's variable that holds it; absent where the mapping has no versions in a run."""
NAME = "mapping"
KIND = "users.user"
"""Of whom it is, as the product calls them."""


def version() -> int:
    """Of this process; 0 where there are none."""
    return int(os.environ.get(VARIABLE, "0"))


def role(number: int) -> str:
    """What everybody has at the third parties by this version."""
    return f"{NAME}-{number}"


def use(number: int) -> None:
    """Have this process be of that version from now on."""
    from users.synced import Person  # needs the app registry

    os.environ[VARIABLE] = str(number)
    Person.version = number
