"""The audit at a partner of another kind: an ordinary REST API, whose pages have numbers and end with an empty one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.integration.conftest import converge, row_of
from tests.integration.test_audit import audited, found
from tests.integration.test_rest_partner import OPTIONS, crm
from thirdparty.audit import listing, runner
from thirdparty.capture import backfill
from thirdparty.connectors.base import Page
from thirdparty.connectors.rest.configured import ConfiguredRest
from thirdparty.models import Finding
from thirdparty.testing import FakeRestTarget
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["crm"]


@pytest.fixture
def people(crm: FakeRestTarget, monkeypatch: pytest.MonkeyPatch) -> list[User]:
    """Five, on three pages."""
    monkeypatch.setattr(listing, "PER_PAGE", 2)
    made = [User.objects.create(name=f"P{number}", phone=str(number)) for number in range(5)]
    converge()
    return made


def item(crm: FakeRestTarget, user: User) -> str:
    remote_id = row_of(user).remote_id
    assert remote_id is not None
    return remote_id


def test_what_agrees_is_equal_and_costs_a_call_for_each_page_and_the_empty_one(
    crm: FakeRestTarget, people: list[User]
) -> None:
    audit = audited()
    assert (audit.failure, found(audit), audit.counts["calls"]) == ("", {"equal": 5}, 4)


def test_what_is_missing_differs_or_is_too_much_is_found_and_mended(crm: FakeRestTarget, people: list[User]) -> None:
    first, second, *_others = people
    crm.items["people"][item(crm, first)]["name"] = "Somebody"
    del crm.items["people"][item(crm, second)]
    crm.items["people"]["99"] = {"id": "99", "login": "stranger", "name": "Stranger"}
    assert found(audited(mends=True)) == {"equal": 3, "differing": 1, "missing": 1, "extra": 1}
    assert Finding.objects.get(verdict="differing").fields == ["name"]
    converge()
    assert found(audited()) == {"equal": 5, "extra": 1}


def test_a_removal_that_shifts_the_pages_makes_nobody_missing(
    crm: FakeRestTarget, people: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was the first of the second page is the last of the first one by then, and on no page at all."""
    first, *_others = people
    real, pages = listing.step, []

    def step(*args: object) -> None:
        real(*args)  # type: ignore[arg-type]  # as they come
        pages.append(1)
        if len(pages) == 1:
            first.delete()
            converge()

    monkeypatch.setattr(listing, "step", step)
    audit = audited(mends=True)
    assert audit.failure == ""
    assert "missing" not in found(audit)
    converge()
    assert len(crm.items["people"]) == 4


def test_a_partner_that_gives_the_same_page_whatever_is_asked_for_ends_the_audit(
    crm: FakeRestTarget, people: list[User]
) -> None:
    crm.ignores_cursor = True
    crm.requests.clear()
    audit = runner.go_on(runner.begin("partner", "users.user").pk, seconds=2)
    assert audit.failure == "the target's listing goes in a circle: it shows the same items under another cursor"
    assert len(crm.requests) == 2


def test_pages_that_come_round_again_under_new_cursors_end_the_audit(
    crm: FakeRestTarget, people: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = ConfiguredRest.page, []

    def page(self: ConfiguredRest, cursor: str | None, *, limit: int) -> Page:
        asked.append(cursor)
        return replace(real(self, str((int(cursor or 1) - 1) % 3 + 1), limit=limit), next_cursor=str(len(asked) + 1))

    monkeypatch.setattr(ConfiguredRest, "page", page)
    audit = runner.go_on(runner.begin("partner", "users.user").pk, seconds=5)
    assert audit.failure.startswith("the target's listing goes in a circle")
    assert len(asked) < 10


def test_where_no_natural_keys_are_kept_a_record_without_our_id_under_an_id_of_ours_is_not_ours(
    crm: FakeRestTarget, partner: Callable[..., None]
) -> None:
    partner(options=OPTIONS | {"token": "t0ken", "collection": "/people", "key_field": ""})
    crm.key_field = ""
    User.objects.create(name="Ada", phone="1")
    converge()
    crm.items["people"] = {"1": {"id": "1", "name": "Theirs", "phone": "9"}}
    assert found(audited()) == {"missing": 1, "extra": 1}


def test_where_no_natural_keys_are_kept_an_id_that_was_given_to_another_of_ours_is_left_to_them(
    crm: FakeRestTarget, partner: Callable[..., None]
) -> None:
    partner(options=OPTIONS | {"token": "t0ken", "collection": "/people", "key_field": ""})
    crm.key_field = ""
    ada, bob = (User.objects.create(name=name, phone=name) for name in ("Ada", "Bob"))
    converge()
    bobs = crm.items["people"][item(crm, bob)]
    crm.items["people"] = {item(crm, ada): {**bobs, "id": item(crm, ada)}}
    crm.requests.clear()
    sum(backfill.steps("partner"))
    converge()
    assert not [put for put in crm.requests if put.method == "PUT" and str(ada.uuid).encode() in put.body]
    assert found(audited()) == {"equal": 2}
