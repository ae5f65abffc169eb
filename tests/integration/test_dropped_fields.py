"""A field that the payload has no more is gone at the target, too, and every face says so beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.integration.conftest import converge, row_of, step
from tests.integration.test_audit import audited, found
from tests.integration.test_rest_partner import OPTIONS, crm
from thirdparty.capture import backfill
from thirdparty.connectors.base import fields_of
from thirdparty.connectors.leaving import Leaving, OnLeave
from thirdparty.connectors.rest.configured import ConfiguredRest
from thirdparty.declaration import AtTarget
from thirdparty.models import Attempt, Finding
from thirdparty.observe.explain import explain
from thirdparty.observe.preview import preview
from thirdparty.testing import FakeRestTarget, Reply
from users.models import User
from users.synced import Person, person

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["crm"]

OWN = {"token": "t0ken", "collection": "/people", "key_field": "login"}
METHODS = pytest.mark.parametrize("method", ["PUT", "PATCH"])


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
    partner(options=OPTIONS | OWN | {"update_method": "PATCH"})
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


# -- payloads that leave out what is empty ------------------------------------------------


@pytest.fixture
def sparse(crm: FakeRestTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    """People without an e-mail address have no such field."""
    sends = Person.payload

    def payload(self: Person, obj: User, target: AtTarget) -> Mapping[str, Any] | None:
        sent = sends(self, obj, target)
        return sent and {name: value for name, value in sent.items() if name != "email" or value}

    monkeypatch.setattr(Person, "payload", payload)


def person_with(email: str = "") -> User:
    made: User = User.objects.create(name="Ada", phone="1", email=email)
    return made


def edit(user: User, **values: Any) -> None:
    User.objects.filter(pk=user.pk).update(**values)


@METHODS
@pytest.mark.parametrize("lands", ["at once", "late"])
def test_one_that_an_unanswered_update_had_is_taken_away_once_the_doubt_is_over(
    crm: FakeRestTarget, sparse: None, partner: Callable[..., None], method: str, lands: str
) -> None:
    partner(options=OPTIONS | OWN | {"update_method": method})
    user = person_with()
    converge()
    edit(user, email="ada@example.org")
    if lands == "late":
        crm.answer_instead(Reply(lost=True))
    else:
        crm.lose_next_answer()
    step(user)
    assert row_of(user).state == "unknown"
    edit(user, email="")
    step(user)
    if lands == "late":
        crm.items["people"][held(crm)["id"]]["email"] = "ada@example.org"
    converge()
    assert not held(crm).get("email")
    assert found(audited()) == {"equal": 1}


@pytest.mark.parametrize("offered", [("query", "list"), ()])
def test_one_that_an_unanswered_request_had_is_taken_away_by_a_patch(
    crm: FakeRestTarget, sparse: None, partner: Callable[..., None], offered: tuple[str, ...]
) -> None:
    partner(options=OPTIONS | OWN | {"update_method": "PATCH"}, capabilities=offered)
    user = person_with()
    converge()
    edit(user, email="ada@example.org")
    crm.lose_next_answer()
    step(user)
    edit(user, email="")
    converge()
    assert not held(crm).get("email")


def test_one_that_an_unanswered_add_had_is_taken_away(
    crm: FakeRestTarget, sparse: None, partner: Callable[..., None]
) -> None:
    partner(options=OPTIONS | OWN | {"update_method": "PATCH"})
    user = person_with("ada@example.org")
    crm.lose_next_answer()
    step(user)
    edit(user, email="")
    converge()
    assert not held(crm).get("email")


def test_one_that_was_sent_before_our_own_code_failed_is_taken_away(
    crm: FakeRestTarget, sparse: None, partner: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    partner(options=OPTIONS | OWN | {"update_method": "PATCH"})
    user = person_with()
    converge()
    edit(user, email="ada@example.org")
    update = ConfiguredRest.update
    with monkeypatch.context() as failing:

        def sent_and_failed(self: ConfiguredRest, *args: Any, **options: Any) -> None:
            update(self, *args, **options)
            raise ValueError

        failing.setattr(ConfiguredRest, "update", sent_and_failed)
        step(user)
    assert held(crm)["email"] == "ada@example.org"
    edit(user, email="")
    converge()
    assert not held(crm).get("email")


@METHODS
def test_one_that_was_sent_under_another_secret_is_taken_away(
    crm: FakeRestTarget, sparse: None, partner: Callable[..., None], settings: Any, method: str
) -> None:
    partner(options=OPTIONS | OWN | {"update_method": method})
    user = person_with("ada@example.org")
    converge()
    settings.SECRET_KEY = "another" * 8
    edit(user, email="")
    owe_again()
    assert not held(crm).get("email")


def test_what_others_write_into_it_later_is_theirs(
    crm: FakeRestTarget, sparse: None, partner: Callable[..., None]
) -> None:
    partner(options=OPTIONS | OWN | {"update_method": "PATCH"})
    user = person_with("ada@example.org")
    converge()
    edit(user, email="")
    converge()
    crm.items["people"][held(crm)["id"]]["email"] = "partner@own.example"
    edit(user, name="Eva")
    converge()
    owe_again()
    assert (held(crm)["name"], held(crm)["email"]) == ("Eva", "partner@own.example")


def test_the_fields_of_a_deactivated_record_are_the_connectors_own(
    crm: FakeRestTarget, partner: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its `comparable` names none of them."""
    monkeypatch.setattr(ConfiguredRest, "inactive", {"active": False})
    monkeypatch.setattr(ConfiguredRest, "active", {"active": True})
    monkeypatch.setattr(ConfiguredRest, "update_method", "PATCH")
    monkeypatch.setattr(ConfiguredRest, "comparable", lambda _, payload: fields_of(payload))
    partner(options=OPTIONS | OWN | {"update_method": "PATCH"}, leaving=Leaving(OnLeave.DEACTIVATE))
    user = person_with()
    for is_active in (True, False, True):
        edit(user, is_active=is_active)
        converge()
        assert held(crm)["active"] is is_active
