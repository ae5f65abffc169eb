"""Listings that are not what they seem: empty, cut off, in a circle, failing half-way, with items that move between pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import converge
from tests.integration.test_audit import BY_LISTING, LIST_ONLY, Offer, audited, finished, found, offer, people, remote
from thirdparty.audit import listing, runner
from thirdparty.connectors.base import Page
from thirdparty.connectors.landcloud.connector import LandcloudConnector
from thirdparty.models import Finding, Record
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["offer"]

Listed = Callable[[Callable[[Page, str | None], Page]], None]


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Listed:
    """Change what the target's pages say, two items on each."""
    monkeypatch.setattr(listing, "PER_PAGE", 2)
    real = LandcloudConnector.page

    def change(changed: Callable[[Page, str | None], Page]) -> None:
        def page(self: LandcloudConnector, cursor: str | None, *, limit: int) -> Page:
            return changed(real(self, cursor, limit=limit), cursor)

        monkeypatch.setattr(LandcloudConnector, "page", page)

    return change


both = pytest.mark.parametrize("offers", [BY_LISTING, LIST_ONLY], ids=["with look-up", "list only"])


@both
def test_an_empty_listing_is_not_taken_for_an_empty_target(
    offer: Offer, listed: Listed, offers: tuple[str, ...]
) -> None:
    people(5)
    offer(*offers)
    listed(lambda *_: Page((), None))
    audit = audited(mends=True)
    assert audit.failure
    assert not Finding.objects.filter(verdict="missing").exists()
    assert set(Record.objects.values_list("generation", flat=True)) == {1}


def test_a_listing_that_ends_early_ends_the_audit(listed: Listed) -> None:
    people(9)
    listed(lambda page, _: Page(page.records, None))
    audit = audited(mends=True)
    assert audit.failure == (
        "the listing ended early: 1 records that it does not show are there when they are looked up"
    )
    assert not Finding.objects.filter(verdict="missing").exists()


def test_a_listing_that_ends_early_twice_is_not_believed_where_nothing_can_be_looked_up(
    offer: Offer, listed: Listed
) -> None:
    people(9)
    offer(*LIST_ONLY)
    listed(lambda page, _: Page(page.records, None))
    audit = audited(mends=True)
    assert audit.failure.startswith("more than 50% of 9 records are in neither of two listings")
    assert set(Record.objects.values_list("generation", flat=True)) == {1}


@both
def test_an_empty_page_is_no_end(
    sandbox: SandboxControl, offer: Offer, monkeypatch: pytest.MonkeyPatch, offers: tuple[str, ...]
) -> None:
    first, *_others = people(6)
    sandbox.edit(remote(sandbox, first), phone="999")
    offer(*offers)

    real = LandcloudConnector.page

    def page(self: LandcloudConnector, cursor: str | None, *, limit: int) -> Page:
        if cursor is None:
            return Page((), "gap")
        return real(self, None if cursor == "gap" else cursor, limit=limit)

    monkeypatch.setattr(LandcloudConnector, "page", page)
    audit = audited()
    assert (audit.failure, found(audit)) == ("", {"equal": 5, "differing": 1})
    assert audit.counts["listed"] == 6 * (1 if "query" in offers else 2)


@both
def test_an_item_that_moved_between_two_pages_is_not_missing(
    offer: Offer, listed: Listed, offers: tuple[str, ...]
) -> None:
    people(6)
    offer(*offers)
    first_time = iter([True])

    def moved(page: Page, cursor: str | None) -> Page:
        return Page(page.records[1:], page.next_cursor) if cursor is not None and next(first_time, False) else page

    listed(moved)
    audit = audited(mends=True)
    assert (audit.failure, found(audit)) == ("", {"equal": 6})


def test_a_difference_that_only_the_listing_shows_is_none(listed: Listed) -> None:
    """A cache behind the listing, say: the record itself tells."""
    people(3)
    from dataclasses import replace

    def stale(page: Page, _: str | None) -> Page:
        return replace(
            page, records=tuple(replace(each, payload={**each.payload, "name": "Old"}) for each in page.records)
        )

    listed(stale)
    audit = audited(mends=True)
    assert (audit.failure, found(audit)) == ("", {"equal": 3})


def test_an_extra_record_that_only_the_listing_shows_is_none(sandbox: SandboxControl, listed: Listed) -> None:
    people(2)
    stranger = sandbox.create(username="stranger", name="S", phone="1")

    def seen(page: Page, _: str | None) -> Page:
        if any(each.remote_id == stranger["userId"] for each in page.records):
            sandbox.delete(stranger["userId"])
        return page

    listed(seen)
    assert found(audited()) == {"equal": 2}
    assert not Finding.objects.exists()


def test_a_listing_that_fails_half_way_goes_on_where_it_failed(sandbox: SandboxControl, listed: Listed) -> None:
    people(6)
    listed(lambda page, _: page)
    audit = runner.begin("partner", "users.user")
    sandbox.faults(rates={"503": 1.0}, only={"calls": ["list"], "first": 2}, retry_after=0)
    audit = finished(audit)
    assert (audit.failure, found(audit)) == ("", {"equal": 6})


def test_a_listing_that_goes_on_failing_ends_the_audit_and_nothing_is_missing(
    sandbox: SandboxControl, listed: Listed, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(6)
    monkeypatch.setattr(runner, "_PAUSE_SECONDS", 0.0)

    def broken(page: Page, cursor: str | None) -> Page:
        from thirdparty.connectors.errors import Transient

        if cursor is not None:
            raise Transient("unreadable", "the answer cannot be read")
        return page

    listed(broken)
    audit = audited(mends=True)
    assert audit.failure.startswith("10 calls failed one after the other")
    assert not Finding.objects.exists()


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_listing_that_goes_in_a_circle_ends_the_audit(listed: Listed, length: int) -> None:
    people(2 * length)
    asked = []

    def in_a_circle(page: Page, cursor: str | None) -> Page:
        asked.append(cursor)
        return Page(page.records, page.next_cursor or "r0")

    listed(in_a_circle)
    audit = audited(mends=True)
    assert audit.failure == "the target's listing goes in a circle"
    assert len(asked) < 20


def test_one_record_that_cannot_be_looked_up_does_not_end_the_audit(
    sandbox: SandboxControl, offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from thirdparty.connectors.errors import Transient

    first, *_others = people(4)
    offer("query")
    poison, real = remote(sandbox, first), LandcloudConnector.find

    def find(self: LandcloudConnector, **name: Any) -> Any:
        if name.get("remote_id") == poison:
            raise Transient("http_500", "no")
        return real(self, **name)

    monkeypatch.setattr(LandcloudConnector, "find", find)
    monkeypatch.setattr(runner, "_PAUSE_SECONDS", 0.0)
    audit = audited()
    assert (audit.failure, found(audit)) == ("", {"equal": 3, "not_comparable": 1})


@pytest.mark.parametrize("offers", [("query",), BY_LISTING], ids=["records", "extra records"])
def test_look_ups_that_fail_far_apart_do_not_end_the_audit(
    offer: Offer, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch, offers: tuple[str, ...]
) -> None:
    """Every fifth fails once; between the ticks nothing is kept but the row."""
    from thirdparty.connectors.errors import Transient

    people(15)
    if "list" in offers:
        for number in range(15):
            sandbox.create(username=f"stranger{number}", name="S", phone=str(number))
    offer(*offers)
    asked, real = [], LandcloudConnector.find

    def find(self: LandcloudConnector, **name: Any) -> Any:
        asked.append(name)
        if len(asked) % 5 == 0:
            raise Transient("http_500", "no")
        return real(self, **name)

    monkeypatch.setattr(LandcloudConnector, "find", find)
    monkeypatch.setattr(runner, "MOST_FAILURES", 3)
    monkeypatch.setattr(runner, "_PAUSE_SECONDS", 0.0)
    audit = runner.begin("partner", "users.user")
    for _ in range(40):
        if audit.finished_at is None:
            audit = runner.go_on(audit.pk, seconds=5, most_calls=1)
    assert len(asked) > 15
    assert (audit.failure, audit.counts["equal"]) == ("", 15)


def test_a_target_that_answers_no_look_up_ends_the_audit_though_each_tick_makes_one(
    offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from thirdparty.connectors.errors import Transient

    def find(*_: Any, **__: Any) -> Any:
        raise Transient("http_500", "no")

    people(6)
    offer("query")
    monkeypatch.setattr(LandcloudConnector, "find", find)
    monkeypatch.setattr(runner, "_PAUSE_SECONDS", 0.0)
    audit = runner.begin("partner", "users.user")
    for _ in range(30):
        if audit.finished_at is None:
            audit = runner.go_on(audit.pk, seconds=5, most_calls=1)
    assert audit.failure.startswith("10 calls failed one after the other")


def test_a_record_that_is_added_while_the_target_is_listed_is_not_missing(offer: Offer, listed: Listed) -> None:
    people(3)
    offer(*LIST_ONLY)
    late: list[User] = []

    def added(page: Page, _: str | None) -> Page:
        if not late:
            late.append(User.objects.create(name="Late", phone="2"))
            converge()
        return page

    listed(added)
    audit = audited(mends=True)
    assert "missing" not in found(audit)
    assert set(Record.objects.values_list("generation", flat=True)) == {1}


def test_peoples_edits_go_before_an_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    from thirdparty.audit import questions

    [user] = people(1)
    User.objects.filter(pk=user.pk).update(phone="2")
    monkeypatch.setattr(questions, "YIELD_SECONDS", 60.0)
    audit = runner.begin("partner", "users.user")
    assert runner.go_on(audit.pk, seconds=0.3).counts.get("calls", 0) == 0
    converge()
    assert finished(audit).counts["calls"] == 1


def test_a_backlog_that_never_ends_does_not_keep_an_audit_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backlog has taken each turn a quarter of a second ahead, whenever the audit asks for one."""
    from thirdparty import protect
    from thirdparty.audit import questions
    from thirdparty.protect import Admission

    people(1)
    real = protect.admit

    def admit(target: str, most: int = 1, *, patience_seconds: float, **options: Any) -> Admission:
        if patience_seconds <= protect.HANDFUL_SECONDS:
            return Admission(0, "the rate is used up", wait_seconds=0.01)
        return real(target, most, patience_seconds=patience_seconds, **options)

    monkeypatch.setattr(protect, "admit", admit)
    monkeypatch.setattr(questions, "STARVED_AFTER_SECONDS", 60.0)
    audit = runner.begin("partner", "users.user")
    assert runner.go_on(audit.pk, seconds=0.2).counts.get("calls", 0) == 0
    monkeypatch.setattr(questions, "STARVED_AFTER_SECONDS", 0.05)
    assert finished(audit).failure == ""


def test_an_audit_of_a_paused_target_asks_nothing(sandbox: SandboxControl) -> None:
    from thirdparty import protect

    people(1)
    before = len(sandbox.ledger())
    protect.pause("partner", "closed")
    audit = runner.begin("partner", "users.user")
    assert runner.go_on(audit.pk, seconds=0.3).finished_at is None
    assert len(sandbox.ledger()) == before
    protect.resume("partner")
    assert finished(audit).failure == ""


def test_a_page_costs_one_call_whatever_is_on_it(listed: Listed) -> None:
    people(6)
    listed(lambda page, _: page)
    assert audited().counts["calls"] == 3


@pytest.mark.parametrize("offers", [BY_LISTING, ("query",)], ids=["listing", "look-up"])
def test_our_own_code_that_fails_ends_the_audit(
    offer: Offer, monkeypatch: pytest.MonkeyPatch, offers: tuple[str, ...]
) -> None:
    people(1)
    offer(*offers)
    monkeypatch.setattr(runner, "_PAUSE_SECONDS", 0.0)

    def broken(*_: Any) -> None:
        raise KeyError("name")

    monkeypatch.setattr(LandcloudConnector, "comparable", broken)
    audit = runner.go_on(runner.begin("partner", "users.user").pk, seconds=5)
    assert audit.failure == "10 calls failed one after the other, the last with KeyError in our own code"
