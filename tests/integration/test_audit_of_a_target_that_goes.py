"""A target is retired, or away, while an audit of it is under way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from tests.integration.test_audit import BY_LISTING, BY_LOOK_UP, Offer, finished, found, offer, people
from thirdparty import targets
from thirdparty.audit import runner
from thirdparty.capture import retirement
from thirdparty.connectors.landcloud.connector import LandcloudConnector
from thirdparty.models import Audit
from thirdparty.sandbox.client import SandboxControl
from thirdparty.tasks import run_reconcile

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["offer"]


@pytest.fixture
def away(settings: Any) -> Callable[[], Callable[[], None]]:
    """Take the target out of the settings; what is returned names it again."""

    def leave() -> Callable[[], None]:
        named, settings.SYNC_TARGETS = settings.SYNC_TARGETS, {}
        targets.publish_rows()

        def name_again() -> None:
            settings.SYNC_TARGETS = named
            targets.take_up()

        return name_again

    return leave


def a_while_ago() -> None:
    """Nobody has been told to go on with any audit for two hours."""
    Audit.objects.update(due_at=F("due_at") - timedelta(hours=2))


@pytest.mark.parametrize(("offers", "call"), [(BY_LISTING, "page"), (BY_LOOK_UP, "find")], ids=["listing", "look-up"])
def test_an_audit_of_a_target_that_is_retired_while_it_asks_has_ended(
    offer: Offer, monkeypatch: pytest.MonkeyPatch, offers: tuple[str, ...], call: str
) -> None:
    people(2)
    offer(*offers)
    real = getattr(LandcloudConnector, call)

    def answer(self: LandcloudConnector, *place: Any, **name: Any) -> Any:
        sum(retirement.steps("partner"))
        return real(self, *place, **name)

    monkeypatch.setattr(LandcloudConnector, call, answer)
    audit = runner.go_on(runner.begin("partner", "users.user").pk, seconds=5)
    assert (audit.phase, audit.failure) == ("ended", "its target was retired meanwhile")
    assert audit.finished_at is not None
    assert not Audit.objects.exists()


def test_an_audit_that_has_gone_before_it_is_taken_up_has_ended(offer: Offer) -> None:
    people(1)
    audit = runner.begin("partner", "users.user")
    sum(retirement.steps("partner"))
    assert runner.go_on(audit.pk, seconds=5).failure == "its target was retired meanwhile"


def test_a_process_that_does_not_name_the_target_leaves_its_audit_to_others(
    sandbox: SandboxControl, settings: Any
) -> None:
    people(1)
    audit = runner.begin("partner", "users.user")
    before, settings.SYNC_TARGETS = len(sandbox.ledger()), {}
    audit = runner.go_on(audit.pk, seconds=5)
    assert (audit.finished_at, audit.lease_token, len(sandbox.ledger())) == (None, None, before)


def test_an_audit_goes_on_once_its_target_is_back(away: Callable[[], Callable[[], None]]) -> None:
    people(2)
    audit = runner.begin("partner", "users.user")
    come_back = away()
    run_reconcile()
    come_back()
    assert found(finished(Audit.objects.get(pk=audit.pk))) == {"equal": 2}


def test_an_audit_of_a_target_that_stays_away_ends_and_another_follows_once_it_is_back(
    away: Callable[[], Callable[[], None]], settings: Any
) -> None:
    settings.SYNC_AUDIT_EVERY_HOURS = 24
    people(2)
    audit = runner.begin("partner", "users.user")
    come_back = away()
    a_while_ago()
    run_reconcile()
    audit.refresh_from_db()
    assert audit.failure == "its target is away: SYNC_TARGETS does not name it any more"
    come_back()
    Audit.objects.update(finished_at=F("finished_at") - timedelta(hours=3))
    run_reconcile()
    assert Audit.objects.filter(finished_at=None).exists()


def test_an_audit_of_a_target_that_is_there_is_not_ended_however_late_a_worker_comes(settings: Any) -> None:
    people(1)
    audit = runner.begin("partner", "users.user")
    a_while_ago()
    run_reconcile()
    audit.refresh_from_db()
    assert audit.finished_at is None
