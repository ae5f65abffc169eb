"""Bugs that are put into the audit on purpose: the tests see each of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration import test_audit, test_audit_listings
from tests.integration.test_audit import BY_LISTING, BY_LOOK_UP, LIST_ONLY, Offer, offer
from tests.integration.test_audit_listings import Listed, listed
from thirdparty.audit import conclusions, listing, records
from thirdparty.audit.questions import Questions
from thirdparty.audit.verdict import Look
from thirdparty.connectors.base import Page
from thirdparty.models.audit import Verdict
from thirdparty.sandbox.client import SandboxControl

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["listed", "offer"]


@pytest.fixture
def seen() -> Any:
    """The test fails."""
    return pytest.raises(AssertionError)


def test_an_empty_page_taken_for_the_end_is_seen(
    sandbox: SandboxControl, offer: Offer, monkeypatch: pytest.MonkeyPatch, seen: Any
) -> None:
    real = Questions.ask

    def ask(self: Questions, *args: Any, **options: Any) -> Any:
        answer = real(self, *args, **options)
        return Page((), None) if isinstance(answer, Page) and not answer.records else answer

    monkeypatch.setattr(Questions, "ask", ask)
    with seen:
        test_audit_listings.test_an_empty_page_is_no_end(sandbox, offer, monkeypatch, BY_LISTING)


@pytest.mark.parametrize("offers", [BY_LISTING, BY_LOOK_UP], ids=["listing", "look-up"])
def test_a_newer_edit_of_ours_taken_for_drift_is_seen(
    sandbox: SandboxControl, offer: Offer, monkeypatch: pytest.MonkeyPatch, seen: Any, offers: tuple[str, ...]
) -> None:
    monkeypatch.setattr(Look, "busy", "")
    with seen:
        test_audit.test_a_newer_edit_of_ours_is_no_drift(sandbox, offer, offers)


def test_a_single_look_is_seen(
    sandbox: SandboxControl, offer: Offer, monkeypatch: pytest.MonkeyPatch, seen: Any
) -> None:
    for module in (listing, records):
        monkeypatch.setattr(module, "unsettled", lambda *_: "")
    with seen:
        test_audit.test_an_edit_that_is_pushed_while_the_target_is_asked_is_no_drift(
            sandbox, offer, BY_LOOK_UP, monkeypatch
        )


def test_an_extra_record_that_is_mended_away_is_seen(
    sandbox: SandboxControl, offer: Offer, monkeypatch: pytest.MonkeyPatch, seen: Any
) -> None:
    monkeypatch.setattr(conclusions, "MENDED", (*conclusions.MENDED, Verdict.EXTRA))
    with seen:
        test_audit.test_one_of_ours_that_is_not_to_be_there_is_not_deleted_by_an_audit(sandbox, offer, BY_LISTING)


def test_missing_without_a_confirmation_is_seen(
    offer: Offer, listed: Listed, monkeypatch: pytest.MonkeyPatch, seen: Any
) -> None:
    monkeypatch.setattr(records, "_looked_up", lambda *_: None)
    with seen:
        test_audit_listings.test_an_item_that_moved_between_two_pages_is_not_missing(offer, listed, BY_LISTING)


def test_one_listing_where_two_are_needed_is_seen(
    offer: Offer, listed: Listed, monkeypatch: pytest.MonkeyPatch, seen: Any
) -> None:
    monkeypatch.setattr(listing, "_following", lambda _: "records")
    with seen:
        test_audit_listings.test_an_item_that_moved_between_two_pages_is_not_missing(offer, listed, LIST_ONLY)


def test_a_listing_that_is_believed_to_be_whole_is_seen(
    listed: Listed, offer: Offer, monkeypatch: pytest.MonkeyPatch, seen: Any
) -> None:
    monkeypatch.setattr(records, "_require_whole", lambda *_: None)
    with seen:
        test_audit_listings.test_a_listing_that_ends_early_ends_the_audit(listed)


def test_what_is_altered_by_the_target_and_pushed_for_ever_is_seen(
    sandbox: SandboxControl, offer: Offer, monkeypatch: pytest.MonkeyPatch, seen: Any
) -> None:
    monkeypatch.setattr(conclusions, "_with_what_targets_alter", list)
    with seen:
        test_audit.test_what_a_target_alters_again_after_it_was_mended_is_not_pushed_for_ever(sandbox, monkeypatch)
