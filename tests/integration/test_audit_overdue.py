"""An audit that should have come to its end, and has not, is told of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from tests.integration.test_audit import Offer, audited, found, offer, people
from thirdparty import protect, targets
from thirdparty.audit import runner
from thirdparty.connectors.errors import Transient
from thirdparty.connectors.landcloud.connector import LandcloudConnector
from thirdparty.models import Audit, Target
from thirdparty.observe.audits import Course, LastAudits, last_audits
from thirdparty.observe.reasons import Reason, Severity, reasons
from thirdparty.observe.status import status
from thirdparty.sandbox.client import SandboxControl

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["offer"]

KIND = "users.user"


@pytest.fixture(autouse=True)
def _daily(settings: Any, offer: Offer) -> None:
    settings.SYNC_AUDIT_EVERY_HOURS = 24
    Target.objects.update(behind_since=None)


def begun(*, hours_ago: float) -> Audit:
    audit = runner.begin("partner", KIND)
    return moved(audit, hours=hours_ago)


def moved(audit: Audit, *, hours: float) -> Audit:
    """As if it had been so many hours ago."""
    Audit.objects.filter(pk=audit.pk).update(
        started_at=F("started_at") - timedelta(hours=hours), finished_at=F("finished_at") - timedelta(hours=hours)
    )
    audit.refresh_from_db()
    return audit


def overdue() -> list[Reason]:
    return [reason for reason in reasons() if reason.code == "audit_overdue"]


def test_an_audit_that_never_ends_is_overdue_after_twice_its_time() -> None:
    audit = begun(hours_ago=49)
    [reason] = overdue()
    assert (reason.severity, reason.target, reason.kind, reason.since) == (
        Severity.ACT, "partner", KIND, audit.started_at,
    )  # fmt: skip
    assert reason.sentence.startswith(f"No finished audit has compared {KIND} with what it holds since ")
    assert reason.sentence.endswith("; one is due every 24 hours.")


@pytest.mark.parametrize("hours", [0, 47])
def test_an_audit_that_is_under_way_within_its_time_is_not_overdue(hours: int) -> None:
    begun(hours_ago=hours)
    assert overdue() == []


def test_a_target_of_which_the_last_audit_was_finished_long_ago_is_overdue(sandbox: SandboxControl) -> None:
    people(1)
    last = moved(audited(), hours=49)
    assert [reason.since for reason in overdue()] == [last.started_at]
    moved(last, hours=-10)
    assert overdue() == []


def test_audits_that_fail_each_time_are_overdue() -> None:
    for hours in (60, 40, 20):
        audit = begun(hours_ago=hours)
        Audit.objects.filter(pk=audit.pk).update(finished_at=F("started_at"), failure="the listing ended early")
    assert len(overdue()) == 1


def test_an_audit_that_was_answered_nothing_is_no_fresh_one(offer: Offer, monkeypatch: pytest.MonkeyPatch) -> None:
    people(1)
    offer("query")
    before = moved(audited(), hours=49)

    def silent(*_: Any, **__: Any) -> Any:
        raise Transient("timeout", "no answer")

    monkeypatch.setattr(LandcloudConnector, "find", silent)
    monkeypatch.setattr(runner, "_PAUSE_SECONDS", 0.0)
    audit = moved(audited(), hours=25)
    assert (audit.failure, found(audit)) == ("", {"not_comparable": 1})
    assert last_audits(["partner"])["partner"].since == before.started_at
    assert len(overdue()) == 1


def test_an_audit_of_a_target_that_is_to_hold_nothing_yet_is_a_fresh_one() -> None:
    audit = audited()
    assert last_audits(["partner"])["partner"].since == audit.started_at


def test_the_age_is_that_of_the_kind_that_waits_longest_and_none_until_each_has_an_audit() -> None:
    early = Course(finished=datetime(2026, 1, 1, tzinfo=UTC))
    late = Course(finished=datetime(2026, 1, 2, tzinfo=UTC))
    assert LastAudits({"a": late, "b": early}).since == early.finished
    assert LastAudits({"a": late, "b": Course()}).since is None
    assert LastAudits().since is None


def test_a_kind_that_is_declared_no_more_is_not_waited_for() -> None:
    last = audited()
    former = begun(hours_ago=200)
    Audit.objects.filter(pk=former.pk).update(kind="shop.former", finished_at=F("started_at"), phase="ended")
    assert last_audits(["partner"])["partner"].since == last.started_at
    assert overdue() == []


def test_an_audit_of_a_sample_does_not_stand_for_one_of_all(offer: Offer) -> None:
    people(1)
    begun(hours_ago=49)
    sample = runner.begin("partner", KIND, percent=50)
    assert runner.go_on(sample.pk, seconds=20).failure == ""
    assert len(overdue()) == 1


def test_after_a_long_pause_the_next_audit_has_its_time() -> None:
    moved(audited(), hours=200)
    begun(hours_ago=23)
    assert overdue() == []
    Audit.objects.filter(finished_at=None).update(started_at=F("started_at") - timedelta(hours=2))
    assert len(overdue()) == 1


@pytest.mark.parametrize("why", ["never", "nothing to ask by", "paused", "away", "catching up"])
def test_where_no_audit_is_to_be_none_is_overdue(settings: Any, offer: Offer, why: str) -> None:
    begun(hours_ago=49)
    assert len(overdue()) == 1
    match why:
        case "never":
            settings.SYNC_AUDIT_EVERY_HOURS = 0
        case "nothing to ask by":
            offer()
        case "paused":
            protect.pause("partner", "closed")
        case "away":
            Target.objects.update(enabled=False)
        case _:
            targets.owe_anew("partner")
    assert overdue() == []


def test_the_metrics_tell_of_it_where_none_was_ever_finished(at_work: None) -> None:
    begun(hours_ago=49)
    assert status().targets["partner"]["audit_age_seconds"] is None
    lines = Client().get("/metrics").content.decode().splitlines()
    told = [line for line in lines if line.startswith("usersync_reasons{") and "audit_overdue" in line]
    assert [line.rsplit(" ", 1)[1] for line in told] == ["1.0"]
