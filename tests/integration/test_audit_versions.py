"""An audit compares by one version of the declaration: the database's, and that of the process that goes on with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models.functions import Now

from tests.integration.test_audit import KIND, Offer, finished, found, offer, people
from thirdparty.audit import conclusions, runner, schedule
from thirdparty.capture import catch_up
from thirdparty.declaration import registry
from thirdparty.models import Comparison, Declaration, Finding
from users.synced import Person

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["offer"]


@pytest.fixture(autouse=True)
def _level(offer: Offer) -> Iterator[None]:
    catch_up.go_on("partner", seconds=30)
    yield
    Declaration.objects.update_or_create(kind=KIND, defaults={"version": 1})


def database_has(version: int) -> None:
    Declaration.objects.filter(kind=KIND).update(version=version, since=Now())


@pytest.mark.parametrize("version", [2, 0], ids=["older", "newer"])
def test_a_process_of_another_version_begins_none(version: int, settings: Any) -> None:
    settings.SYNC_AUDIT_EVERY_HOURS = 24
    people(1)
    database_has(version)
    assert schedule.begin_due("partner") == []
    with pytest.raises(runner.CannotAudit, match="this process has version 1"):
        runner.begin("partner", KIND)


def test_one_that_a_process_of_another_version_meets_is_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    people(2)
    begun = runner.begin("partner", KIND, mends=True)
    monkeypatch.setattr(Person, "version", 2)
    audit = runner.go_on(begun.pk, seconds=5)
    assert (audit.finished_at, audit.lease_token, audit.counts) == (None, None, {})
    monkeypatch.setattr(Person, "version", 1)
    assert found(finished(audit)) == {"equal": 2}


def test_one_that_was_begun_by_another_version_ends_and_says_so() -> None:
    people(2)
    begun = runner.begin("partner", KIND, mends=True)
    database_has(2)
    audit = runner.go_on(begun.pk, seconds=5)
    assert "another version" in audit.failure
    assert not Finding.objects.exists()


def test_nothing_is_concluded_once_the_version_has_risen(monkeypatch: pytest.MonkeyPatch) -> None:
    people(2)
    begun = runner.begin("partner", KIND, mends=True)
    concluding = conclusions._with_what_targets_alter

    def rises_meanwhile(compared: Any) -> Any:
        database_has(2)
        return concluding(compared)

    monkeypatch.setattr(conclusions, "_with_what_targets_alter", rises_meanwhile)
    assert "another version" in finished(begun).failure
    assert not Comparison.objects.exists()


def test_one_of_what_is_declared_no_more_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    people(1)
    begun = runner.begin("partner", KIND)
    Declaration.objects.filter(kind=KIND).delete()
    monkeypatch.delitem(registry._declared, KIND)
    audit = runner.go_on(begun.pk, seconds=5)
    assert "is declared no more" in audit.failure
