"""A target is looked at now and then though nobody saves: an outage is seen, and its end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.integration.conftest import converge
from thirdparty import tasks
from thirdparty.models import Target
from thirdparty.observe.reasons import reasons
from thirdparty.protect.circuit_breaker import FAILURES_TO_OPEN
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
AGO = timedelta(minutes=2)


@pytest.fixture(autouse=True)
def _all_is_well(sandbox: SandboxControl, at_work: None) -> None:
    Target.objects.update(behind_since=None, swept=True, fence=None)


def tick(**standing: Any) -> Target:
    """A tick of the reconciler to which the last look is long ago; how the target stands then."""
    Target.objects.update(**({"looked_at": timezone.now() - AGO} | standing))
    tasks.run_reconcile()
    return Target.objects.get()


def looks(sandbox: SandboxControl) -> int:
    return len([entry for entry in sandbox.ledger() if entry["kind"] == "request"])


def test_a_target_that_nothing_is_due_for_is_looked_at_once_a_minute(sandbox: SandboxControl) -> None:
    tick()
    assert looks(sandbox) == 1
    tasks.run_reconcile()
    assert looks(sandbox) == 1


def test_an_outage_is_seen_while_nobody_saves_and_so_is_its_end(sandbox: SandboxControl) -> None:
    sandbox.faults(rates={"503": 1})
    for nth in range(1, FAILURES_TO_OPEN + 1):
        assert tick().breaker == ("open" if nth == FAILURES_TO_OPEN else "closed")
    assert [(reason.code, reason.target) for reason in reasons()] == [("breaker_open", "partner")]
    assert "HTTP 503" in reasons()[0].sentence
    assert tick(blocked_until=None).breaker == "open"
    sandbox.heal()
    assert tick(blocked_until=None).breaker == "closed"
    assert [reason.code for reason in reasons() if reason.severity == "act"] == []


def test_a_secret_that_is_no_longer_taken_is_seen_while_nobody_saves(sandbox: SandboxControl) -> None:
    sandbox.faults(rates={"401": 1})
    assert tick().paused_by_guard
    assert "TARGET_PARTNER_APP_SECRET" in reasons()[0].sentence


def test_one_look_that_is_answered_forgets_those_that_were_not(sandbox: SandboxControl) -> None:
    sandbox.faults(rates={"503": 1})
    assert tick().failed_keys
    sandbox.heal()
    assert tick().failed_keys == []


def test_a_target_that_something_is_due_for_is_left_to_what_is_due(sandbox: SandboxControl) -> None:
    User.objects.create_user(name="Ada", phone="1")
    tick()
    assert looks(sandbox) == 0
    converge()


@pytest.mark.parametrize("why", ["paused", "silent"])
def test_nobody_looks_while_nothing_is_to_be_sent(sandbox: SandboxControl, why: str) -> None:
    tick(**({"paused": True} if why == "paused" else {"blocked_until": timezone.now() + AGO}))
    assert looks(sandbox) == 0
