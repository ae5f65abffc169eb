"""A target whose connector does not go with what is declared for it is refused at the start, by name and with a hint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from django.core.exceptions import ImproperlyConfigured

from thirdparty import checks
from thirdparty.connectors.base import Capabilities
from thirdparty.connectors.rest.connector import RestConnector
from users.synced import Person

HERE = "tests.integration.test_connector_checks"


class OrdersOnly(RestConnector):
    collection: ClassVar[dict[str, str]] = {"shop.order": "/orders"}


class WithoutKeys(RestConnector):
    """Of a partner whose people have no login."""

    collection = "/people"


class Forgetful(RestConnector):
    """Of a partner that keeps no id of ours."""

    collection = "/people"
    key_field = "login"
    external_id_field = ""


@pytest.fixture
def use(partner: Callable[..., None]) -> Callable[..., None]:
    def change(name: str, offered: tuple[str, ...] = ("query",)) -> None:
        options = {"token": "t"}
        partner(connector=f"{HERE}.{name}", options=options, base_url="https://erp.example", capabilities=offered)

    return change


def found() -> list[tuple[str | None, str]]:
    return [(problem.id, problem.msg) for problem in checks.connectors_can_be_made()]


def test_what_goes_together_is_no_problem() -> None:
    assert found() == []


def test_a_connector_that_has_no_place_for_a_declared_kind_is_named(use: Callable[..., None]) -> None:
    use("OrdersOnly")
    assert found() == [
        (
            "thirdparty.E005",
            f"{HERE}.OrdersOnly, the connector of target partner, says nothing of users.user: it names shop.order",
        )
    ]
    with pytest.raises(ImproperlyConfigured, match="TARGET_PARTNER_CONNECTOR"):
        checks.require_sound()


def test_a_declared_natural_key_that_the_connector_has_no_place_for_is_named(use: Callable[..., None]) -> None:
    use("WithoutKeys")
    assert found() == [
        (
            "thirdparty.W111",
            "users.user has a natural key (username), and the connector of target 'partner' has no place for it",
        )
    ]


def test_a_partner_that_keeps_no_id_of_ours_is_not_to_be_queried(use: Callable[..., None]) -> None:
    use("Forgetful")
    [(_, message)] = found()
    assert message.startswith("TARGET_PARTNER_CAPABILITIES: without an external_id_field")
    use("Forgetful", ())
    assert found() == []


def test_a_target_that_nothing_is_declared_for_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Person, "targets", ["elsewhere"])
    assert found() == [("thirdparty.E006", "Nothing is declared for target 'partner'")]


def test_certificates_that_cannot_be_used_are_found_at_the_start(
    use: Callable[..., None], tmp_path: Any, partner: Any
) -> None:
    use("Forgetful", ())
    (tmp_path / "bundle.pem").write_text("no certificate")
    partner(ca_bundle=str(tmp_path / "bundle.pem"))
    [(_, message)] = found()
    assert message.startswith("TARGET_PARTNER_CA_BUNDLE holds no usable certificates")


def test_a_partner_that_keeps_no_id_of_ours_is_sent_none() -> None:
    from thirdparty.connectors.base import RemoteObject
    from thirdparty.connectors.config import TargetConfig

    config = TargetConfig("erp", "rest", "https://erp.example", {"token": "t"}, Capabilities())
    assert Forgetful(config, "users.user").encode(RemoteObject("e", "k", {"name": "Ada"})) == {
        "name": "Ada",
        "login": "k",
    }
