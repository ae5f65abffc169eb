"""Whatever is declared, and whatever is written: what is to be held differs only where its generation rose."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction

from tests.declared import random_writes
from tests.declared.conftest import Declare
from tests.declared.random_writes import IRRELEVANT, SCOPES, WATCHED, WRITES, Snapshot
from thirdparty.capture.triggers import plan
from thirdparty.declaration import lookups, synced
from thirdparty.declaration.source import Source

pytestmark = pytest.mark.django_db

DECLARATIONS = 30
"""Each with some writes. Drawn evenly, from numbered seeds: a generator that prefers small examples draws few columns."""
MOST_WATCHED = 4
WRITES_EACH = 14


def hold(declare: Declare, seeds: int = DECLARATIONS) -> None:
    """Try that many declarations with some writes each. Raises `AssertionError`, naming both."""
    for seed in range(seeds):
        draw = random.Random(seed)
        watch, scope = tuple(draw.sample(WATCHED, draw.randint(0, MOST_WATCHED))), draw.choice(SCOPES)
        with rolled_back():
            declare(random_writes.declaration(watch, scope))
            random_writes.populate()
            before = Snapshot.taken(watch, scope)
            for _ in range(WRITES_EACH):
                name, which, what = draw.choice([*WRITES, *IRRELEVANT]), draw.randrange(6), draw.randrange(6)
                (WRITES | IRRELEVANT)[name](which, what)
                after = Snapshot.taken(watch, scope)
                said = f"seed {seed}: {name} ({which}, {what}) of {watch} within {scope}"
                assert after.unowed_since(before) == [], said
                assert name not in IRRELEVANT or after.generations == before.generations, said
                before = after


@contextmanager
def rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_what_is_to_be_held_differs_only_where_the_generation_rose(declare: Declare) -> None:
    hold(declare)


def _without_a_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order's note is read, and not watched."""
    own_columns = Source.own_columns
    monkeypatch.setattr(Source, "own_columns", lambda self: [name for name in own_columns(self) if name != "note"])


def _without_a_far_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read of related rows is not watched."""
    resolved = lookups.resolved

    def blind(*args: Any, **options: Any) -> lookups.Lookup:
        found = resolved(*args, **options)
        hops = (replace(hop, watched=()) if not hop.refers else hop for hop in found.hops)
        return replace(found, hops=tuple(hops))

    monkeypatch.setattr(synced, "resolved", blind)


def _without_entering(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of a related row makes no record."""
    monkeypatch.setattr(plan.Plan, "_scope_leads_on", lambda _: False)


@pytest.mark.parametrize("bug", [_without_a_column, _without_a_far_column, _without_entering])
def test_a_seeded_bug_is_found(
    declare: Declare, bug: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(monkeypatch)
    with pytest.raises(AssertionError, match="seed"):
        hold(declare, 200)
