"""How the textbook application fared: what it lost, doubled and left stale."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

from syncproject.demo.comparison import Comparison
from syncproject.demo.comparison import compare as compared
from tests.chaos.run.expectation import person
from tests.chaos.run.options import TARGETS
from thirdparty.sandbox.client import SandboxControl
from users.models import RoleMapping, User

_LONGEST_BACKOFF_SECONDS = 30.0
BOUND_SECONDS = 180.0


def converge(control: SandboxControl, say: Callable[[str], None]) -> float:
    """Wait until nothing was asked of the third party for longer than the longest backoff. Seconds until then.

    Nothing in that application knows whether it is done, so this is all that there is to go by.
    """
    began = changed = time.monotonic()
    requests = -1
    while time.monotonic() < began + BOUND_SECONDS and time.monotonic() < changed + _LONGEST_BACKOFF_SECONDS + 5:
        now = sum(control.stats()["requests"].values())
        if now != requests:
            requests, changed = now, time.monotonic()
        time.sleep(0.5)
    say("the textbook application asks for nothing any more")
    return changed - began


def compare(control: SandboxControl) -> Comparison:
    """As the product is compared, but for usernames, which this application never claims to keep."""
    records = control.users()
    called = {UUID(record["externalId"]): record["username"] for record in records}
    users = User.objects.filter(is_superuser=False).prefetch_related("groups")
    mappings = RoleMapping.objects.filter(target=TARGETS[0]).select_related("group")
    roles = {mapping.group.name: mapping.remote_role_id for mapping in mappings}
    return compared([person(user, called.get(user.uuid, "")) for user in users], records, role_ids=roles)
