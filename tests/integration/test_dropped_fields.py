"""A field that the payload has no more is gone at the target, too, and every face says so beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.integration.conftest import converge
from tests.integration.test_audit import audited, found
from tests.integration.test_rest_partner import OPTIONS, crm
from thirdparty.capture import backfill
from thirdparty.declaration import AtTarget
from thirdparty.models import Attempt, Finding
from thirdparty.observe.explain import explain
from thirdparty.observe.preview import preview
from thirdparty.testing import FakeRestTarget
from users.models import User
from users.synced import Person, person

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["crm"]


@pytest.fixture
def user(crm: FakeRestTarget, monkeypatch: pytest.MonkeyPatch) -> User:
    """Somebody who is level, of a declaration that has no e-mail address in its payload from now on."""
    made = User.objects.create(name="Ada", phone="1", email="ada@example.org")
    converge()
    assert held(crm)["email"] == "ada@example.org"
    sends = Person.payload

    def payload(self: Person, obj: User, target: AtTarget) -> Mapping[str, Any] | None:
        sent = sends(self, obj, target)
        return sent and {name: value for name, value in sent.items() if name != "email"}

    monkeypatch.setattr(Person, "payload", payload)
    return made


def held(crm: FakeRestTarget) -> Mapping[str, Any]:
    [item] = crm.items["people"].values()
    return item


def owe_again() -> None:
    sum(backfill.steps("partner"))
    converge()


def test_a_put_leaves_it_out(crm: FakeRestTarget, user: User) -> None:
    owe_again()
    assert "email" not in held(crm)


def test_a_patch_names_it_as_empty(crm: FakeRestTarget, user: User, partner: Callable[..., None]) -> None:
    own = {"token": "t0ken", "collection": "/people", "key_field": "login", "update_method": "PATCH"}
    partner(options=OPTIONS | own)
    owe_again()
    assert held(crm)["email"] is None


def test_it_is_written_once(crm: FakeRestTarget, user: User) -> None:
    owe_again()
    owe_again()
    assert list(Attempt.objects.order_by("id").values_list("call", flat=True)).count("update") == 1


def test_what_others_keep_in_a_field_that_was_never_ours_stays_theirs(crm: FakeRestTarget, user: User) -> None:
    crm.items["people"][held(crm)["id"]]["note"] = "likes tea"
    owe_again()
    assert found(audited()) == {"equal": 1}


def test_an_audit_says_that_it_differs_and_that_ours_is_ahead(crm: FakeRestTarget, user: User) -> None:
    assert found(audited()) == {"differing": 1}
    finding = Finding.objects.get()
    assert (finding.fields, finding.ahead) == (["email"], "ours")


def test_the_preview_says_the_same_asked_or_not(crm: FakeRestTarget, user: User) -> None:
    told, asked = preview("partner"), preview("partner", ask=True)
    assert (told.fields, told.counts["update"]) == (asked.fields, asked.counts["update"]) == ({"email": 1}, 1)
    assert told.changes == asked.changes == {"empty": 1}


def test_the_explanation_shows_what_the_target_still_holds(crm: FakeRestTarget, user: User) -> None:
    [explained] = explain(person(user.uuid), ask_target=True)
    [difference] = explained.difference or ()
    assert (difference.field, difference.wanted, difference.found) == ("email", None, "ada@example.org")
