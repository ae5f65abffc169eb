"""Random walks through writes, deaths and restores end with everybody at the target once.

``WALKS=500 WALKS_FROM=1000`` takes more of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.chaos import walk
from tests.chaos.run.options import World
from tests.chaos.walk import Walk
from tests.integration.conftest import _replaceable_targets, partner, sandbox, sandbox_url  # noqa: F401  # fixtures
from thirdparty.sandbox.client import SandboxControl

WALKS, FROM = int(os.environ.get("WALKS", "6")), int(os.environ.get("WALKS_FROM", "0"))
STEPS = 40
ASKED = ("query", "list")
WORLDS = {
    "usernames are unique": World(ASKED, unique_usernames=True),
    "usernames are shared": World(ASKED, unique_usernames=False),
    "everything, usernames are unique": World((*ASKED, "idempotency", "versions"), unique_usernames=True),
    "everything, usernames are shared": World((*ASKED, "idempotency", "versions"), unique_usernames=False),
}
Broken = Callable[..., Iterator[str]]


@pytest.fixture
def broken(sandbox: SandboxControl, sandbox_url: str, partner: Callable[..., None], settings: Any) -> Broken:  # noqa: F811
    settings.SYNC_LEASE_SECONDS = 600
    settings.SYNC_RETRY_BACKOFF_SECONDS = settings.SYNC_RETRY_BACKOFF_MAX_SECONDS = 0.001
    walk.begin()

    def found(world: World, seeds: range, *, quiet: bool) -> Iterator[str]:
        partner(capabilities=world.capabilities, visibility_seconds=0.03)
        for seed in seeds:
            one = Walk(seed, world, lambda: SandboxControl(sandbox_url), quiet)
            lines = one.broken(STEPS)
            if lines:
                yield "\n".join([f"walk {seed}", *lines, *one.done])

    return found


@pytest.mark.parametrize("quiet", [True, False], ids=["paused until the backfill", "sending all the time"])
@pytest.mark.parametrize("name", WORLDS)
def test_a_walk_ends_with_everybody_there_once(broken: Broken, name: str, *, quiet: bool) -> None:
    found = list(broken(WORLDS[name], range(FROM, FROM + WALKS), quiet=quiet))
    assert not found, "\n\n".join(found)


def test_walks_find_that_nothing_is_owed_after_a_restore(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk.backfill, "steps", lambda _: [])
    assert next(broken(WORLDS["usernames are shared"], range(60), quiet=True))
