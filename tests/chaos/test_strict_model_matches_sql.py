"""The model's statements of strict writes are the real ones: on every row that it reaches, on this database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from django.db import transaction
from django.db.models.functions import Now

from tests.chaos.model.decision import key_of
from tests.chaos.model.materialised import LEASE_SECONDS, TOKEN, USERNAME, VISIBILITY_SECONDS, put, seen
from tests.chaos.model.strict import statements
from tests.chaos.model.strict.configurations import daily
from tests.chaos.model.strict.exploration import explored
from tests.chaos.model.uses.users import UUIDS
from tests.chaos.test_model_matches_sql import facts
from thirdparty import store, targets
from thirdparty.decide.lease import Lease, Terms
from thirdparty.models import StrictWrite
from thirdparty.models.strict_write import Action
from thirdparty.store import strict_rows
from users.models import User
from users.synced import person

pytestmark = pytest.mark.django_db

HOLDER = "s" * 32


@cache
def asked() -> dict[Callable[..., Any], dict[tuple[Any, ...], Any]]:
    """By statement: all arguments that the explorations gave to it, and what it answered."""
    found: dict[Callable[..., Any], dict[tuple[Any, ...], Any]] = defaultdict(dict)
    for configuration in daily():
        for (function, *arguments), answer in explored(configuration).memo.answers.items():
            if function.__module__ == statements.__name__:
                found[function][tuple(arguments)] = answer
    return found


@pytest.fixture(autouse=True)
def _in_use() -> None:
    targets.publish_rows()


def stands() -> None:
    StrictWrite.objects.all().delete()
    StrictWrite.objects.create(
        kind="users.user", object_id=UUIDS[0].hex, action=Action.UPDATE, natural_key=USERNAME, candidate={}, base="", token=HOLDER,
        expires_at=Now() + timedelta(hours=1),
    )  # fmt: skip


def claimed(strict: str | None) -> Lease | None:
    leases = store.claim([key_of(0)], Terms(LEASE_SECONDS, VISIBILITY_SECONDS), strict=strict)
    return leases[0] if leases else None


def test_a_claim_for_a_candidate() -> None:
    cases = asked()[statements.claim]
    assert len(cases) > 20
    for (row,), expected in cases.items():
        put(row, has_user=True)
        stands()
        with transaction.atomic():
            held = claimed(HOLDER)
        if expected is None:
            assert held is None, row
            assert seen() == row
            continue
        after, expected_held = expected
        assert held is not None, row
        assert seen() == after, row
        assert held.token != TOKEN
        assert facts(held) == expected_held, row


def test_nobody_but_its_holder_claims_while_it_stands() -> None:
    for (row,) in asked()[statements.claim]:
        put(row, has_user=True)
        stands()
        for strict in (None, "o" * 32):
            assert claimed(strict) is None, row
            assert seen() == row


def test_owing_the_undoing() -> None:
    cases = asked()[statements.owe_undoing]
    assert len(cases) > 50
    for (row,), expected in cases.items():
        put(row, has_user=True)
        strict_rows.owe_undoing(person(UUIDS[0]))
        assert seen() == expected, row


def test_a_user_who_comes_or_is_changed() -> None:
    cases = asked()[statements.wanted]
    assert len(cases) > 5
    for number_of_change, ((row,), expected) in enumerate(cases.items()):
        put(row, has_user=True)
        User.objects.filter(uuid=UUIDS[0]).update(name=f"change {number_of_change}")
        assert seen() == expected, row


def test_acknowledging_what_was_accepted() -> None:
    cases = asked()[statements.acknowledge]
    assert len(cases) > 5
    for (row, adopted), expected in cases.items():
        put(row, has_user=True)
        strict_rows.acknowledge(key_of(0), adopted=adopted)
        assert seen() == expected, row
