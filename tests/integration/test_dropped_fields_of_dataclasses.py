"""As `test_dropped_fields`, where payloads are dataclasses: those of the declaration, and those that the connector reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.conftest import converge, row_of, step
from tests.integration.test_audit import audited, found
from tests.integration.test_dropped_fields import METHODS, OWN, crm, held, owe_again
from tests.integration.test_rest_partner import OPTIONS
from thirdparty.connectors.base import RemoteRecord
from thirdparty.connectors.rest.configured import ConfiguredRest
from thirdparty.declaration import AtTarget
from thirdparty.models import Attempt, Finding
from thirdparty.observe.explain import explain
from thirdparty.observe.preview import preview
from thirdparty.testing import FakeRestTarget
from users.models import User
from users.synced import Person, person

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["crm"]


@dataclass(frozen=True)
class Held:
    """What was sent of a person."""

    name: str
    email: str


@dataclass(frozen=True)
class HeldLess:
    """The same without the field that was removed."""

    name: str


@pytest.fixture(params=["the item as it is", "a dataclass"])
def tells(request: pytest.FixtureRequest) -> bool:
    """Whether the connector says of the field that was removed what the partner holds in it."""
    return request.param == "the item as it is"


@pytest.fixture
def user(crm: FakeRestTarget, monkeypatch: pytest.MonkeyPatch, *, tells: bool) -> User:
    """Somebody who is level, of a declaration whose payload is a dataclass, which has no e-mail address from now on."""
    kept = [Held]
    decode = ConfiguredRest.decode

    def payload(self: Person, obj: User, target: AtTarget) -> Any:
        return made_of(kept[0], {"name": obj.name, "email": obj.email})

    def decoded(self: ConfiguredRest, item: Mapping[str, Any]) -> RemoteRecord:
        found = decode(self, item)
        read = made_of(kept[0], {"name": item.get("name"), "email": item.get("email")})
        return RemoteRecord(found.remote_id, found.external_id, found.key, read)

    monkeypatch.setattr(Person, "payload", payload)
    if not tells:
        monkeypatch.setattr(ConfiguredRest, "decode", decoded)
    made = User.objects.create(name="Ada", phone="1", email="ada@example.org")
    converge()
    assert held(crm)["email"] == "ada@example.org"
    kept[0] = HeldLess  # type: ignore[assignment]  # as a new version of the code has it
    return made


def made_of(kind: Any, values: Mapping[str, Any]) -> Any:
    return kind(**{name: values[name] for name in kind.__dataclass_fields__})


@METHODS
def test_it_is_taken_away_when_all_is_owed_again(
    crm: FakeRestTarget, user: User, partner: Callable[..., None], method: str
) -> None:
    partner(options=OPTIONS | OWN | {"update_method": method})
    owe_again()
    assert not held(crm).get("email")


@METHODS
def test_it_is_taken_away_with_the_next_edit(
    crm: FakeRestTarget, user: User, partner: Callable[..., None], method: str
) -> None:
    partner(options=OPTIONS | OWN | {"update_method": method})
    User.objects.filter(pk=user.pk).update(name="Eva")
    converge()
    assert not held(crm).get("email")


@METHODS
def test_it_is_taken_away_after_an_update_that_was_not_answered(
    crm: FakeRestTarget, user: User, partner: Callable[..., None], method: str
) -> None:
    partner(options=OPTIONS | OWN | {"update_method": method})
    User.objects.filter(pk=user.pk).update(name="Eva")
    crm.lose_next_answer()
    step(user)
    assert row_of(user).state == "unknown"
    converge()
    assert not held(crm).get("email")


def test_it_is_written_once(crm: FakeRestTarget, user: User) -> None:
    owe_again()
    owe_again()
    assert list(Attempt.objects.order_by("id").values_list("call", flat=True)).count("update") == 1


def test_an_audit_says_that_it_differs_and_that_ours_is_ahead(crm: FakeRestTarget, user: User) -> None:
    assert found(audited()) == {"differing": 1}
    finding = Finding.objects.get()
    assert (finding.fields, finding.ahead) == (["email"], "ours")


def test_an_audit_finds_nothing_once_it_was_taken_away(crm: FakeRestTarget, user: User) -> None:
    owe_again()
    assert found(audited()) == {"equal": 1}


def test_the_preview_says_the_same_asked_or_not(crm: FakeRestTarget, user: User) -> None:
    told, asked = preview("partner"), preview("partner", ask=True)
    assert (told.fields, told.counts["update"]) == (asked.fields, asked.counts["update"]) == ({"email": 1}, 1)
    assert told.changes == asked.changes == {"empty": 1}


def test_the_explanation_shows_what_the_target_still_holds_as_far_as_the_connector_tells(
    crm: FakeRestTarget, user: User, *, tells: bool
) -> None:
    [explained] = explain(person(user.uuid), ask_target=True)
    [difference] = explained.difference or ()
    still = "ada@example.org" if tells else "not told"
    assert (difference.field, difference.wanted, difference.found) == ("email", None, still)
