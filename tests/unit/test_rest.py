"""What a REST partner is asked, and what is made of its answers, beyond the contract of every connector."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from django.core.exceptions import ImproperlyConfigured

from thirdparty.connectors.base import Capabilities, RemoteObject, RemoteRecord
from thirdparty.connectors.config import TargetConfig
from thirdparty.connectors.errors import (
    AccessDenied,
    AlreadyExists,
    CapabilityMissing,
    OutcomeUnknown,
    Rejected,
    TargetError,
    Transient,
    VersionConflict,
)
from thirdparty.connectors.rest.auth import Auth, Basic, Bearer, HeaderAuth, NoAuth
from thirdparty.connectors.rest.connector import RestConnector
from thirdparty.connectors.rest.listing import Listing
from thirdparty.testing import FakeRestTarget, Reply

READS = Capabilities(query=True, list=True)
ORDER = RemoteObject("live.shop.order.7", "N-7", {"total": "1.00"})
ITEM = {"id": 42, "external_id": "live.shop.order.7", "number": "N-7", "total": "1.00"}
CREDENTIALS = {"token": "t0ken", "username": "us", "password": "pass:word"}


class Erp(RestConnector):
    collection: ClassVar[dict[str, str]] = {"shop.order": "/orders", "shop.customer": "/customers"}
    key_field: ClassVar[dict[str, str]] = {"shop.order": "number", "shop.customer": "email"}


@pytest.fixture
def erp() -> FakeRestTarget:
    return FakeRestTarget()


@contextmanager
def towards(
    erp: FakeRestTarget, kind: type[RestConnector] = Erp, offered: Capabilities = READS, of: str = "shop.order"
) -> Iterator[RestConnector]:
    with erp.running() as url:
        connector = kind(TargetConfig("erp", "rest", f"{url}", CREDENTIALS, offered, timeout_seconds=5.0), of)
        yield connector
        connector.close()


def add(connector: RestConnector, obj: RemoteObject = ORDER) -> str:
    return connector.add(obj, version=1, idempotency_key="key-1")


def failure_of(erp: FakeRestTarget, reply: Reply, kind: type[RestConnector] = Erp) -> TargetError:
    erp.answer_instead(reply)
    with towards(erp, kind) as connector, pytest.raises(TargetError) as caught:
        add(connector)
    return caught.value


class Crm(RestConnector):
    collection = "/people"
    key_field = "email"
    update_method = "PATCH"
    inactive: ClassVar[dict[str, bool]] = {"active": False}
    active: ClassVar[dict[str, bool]] = {"active": True}


# What is asked


def test_a_deactivation_sends_the_inactive_fields_alone_and_an_update_activates(erp: FakeRestTarget) -> None:
    with towards(erp, Crm) as crm:
        remote_id = add(crm)
        crm.deactivate(remote_id, version=2)
        assert erp.items["people"][remote_id]["active"] is False
        crm.update(remote_id, ORDER, version=3)
    assert [request.method for request in erp.requests] == ["POST", "PATCH", "PATCH"]
    assert erp.requests[1].json() == {"active": False}
    assert erp.items["people"][remote_id]["active"] is True


def test_a_payload_that_names_the_field_of_activity_itself_is_sent_as_it_is(erp: FakeRestTarget) -> None:
    with towards(erp, Crm) as crm:
        remote_id = add(crm, RemoteObject("7", "N-7", {"active": False}))
    assert erp.items["people"][remote_id]["active"] is False


def test_a_partner_that_only_takes_whole_items_cannot_deactivate(erp: FakeRestTarget) -> None:
    class Whole(Crm):
        update_method = "PUT"

    assert not Whole.can_deactivate()
    with towards(erp, Whole) as crm, pytest.raises(CapabilityMissing):
        crm.deactivate("1", version=1)


def test_a_connector_that_does_not_say_what_an_active_item_is_is_refused() -> None:
    class Half(Crm):
        active: ClassVar[dict[str, bool]] = {}

    with pytest.raises(ImproperlyConfigured, match="`active` has to name the fields of `inactive`"):
        Half(TargetConfig("crm", "rest", "https://crm.example", CREDENTIALS, READS), "users.user")


def test_an_add_posts_payload_external_id_and_key_to_the_collection_of_its_kind(erp: FakeRestTarget) -> None:
    with towards(erp) as connector:
        add(connector)
    with towards(erp, of="shop.customer") as connector:
        add(connector, RemoteObject("live.shop.customer.1", "a@x.example", {"name": "Ada"}))
    order, customer = erp.requests
    assert (order.method, order.path) == ("POST", "/orders")
    assert order.json() == {"total": "1.00", "external_id": "live.shop.order.7", "number": "N-7"}
    assert customer.path == "/customers"
    assert customer.json() == {"name": "Ada", "external_id": "live.shop.customer.1", "email": "a@x.example"}


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (Bearer(), "authorization", "Bearer t0ken"),
        (Basic(), "authorization", "Basic dXM6cGFzczp3b3Jk"),
        (HeaderAuth("X-Api-Key"), "x-api-key", "t0ken"),
        (NoAuth(), "authorization", None),
    ],
)
def test_each_way_to_say_who_calls_makes_its_header(
    erp: FakeRestTarget, auth: Auth, header: str, value: str | None
) -> None:
    with towards(erp, type("Authorised", (Erp,), {"auth": auth})) as connector:
        add(connector)
    assert erp.requests[0].headers.get(header) == value


@pytest.mark.parametrize(("offered", "key"), [(READS, None), (Capabilities(idempotency=True), "key-1")])
def test_an_idempotency_key_is_sent_where_it_is_honoured(
    erp: FakeRestTarget, offered: Capabilities, key: str | None
) -> None:
    with towards(erp, offered=offered) as connector:
        add(connector)
    assert erp.requests[0].headers.get("idempotency-key") == key


def test_an_id_is_one_part_of_the_path_whatever_it_holds(erp: FakeRestTarget) -> None:
    with towards(erp) as connector:
        assert connector.find(remote_id="../a?b#c d/é") is None
    assert erp.requests[0].path == "/orders/..%2Fa%3Fb%23c%20d%2F%C3%A9"


def test_an_update_that_depends_on_the_state_sends_the_tag_that_it_has_read() -> None:
    erp = FakeRestTarget(etags=True)
    with towards(erp, type("Conditional", (Erp,), {"conditional": True})) as connector:
        remote_id = add(connector)
        connector.update(remote_id, RemoteObject(ORDER.external_id, ORDER.key, {"total": "2.00"}), version=2)
    assert [request.method for request in erp.requests] == ["POST", "GET", "PUT"]
    assert erp.items["orders"][remote_id]["total"] == "2.00"


# What is made of the answers


def test_the_id_of_a_new_item_is_the_last_part_of_its_location() -> None:
    with towards(FakeRestTarget(id_in_location=True)) as connector:
        assert add(connector) == "1"


def test_a_location_may_be_a_whole_address(erp: FakeRestTarget) -> None:
    erp.answer_instead(Reply(201, headers={"Location": "https://erp.example/orders/a%2Fb/?v=1"}))
    with towards(erp) as connector:
        assert add(connector) == "a/b"


def test_a_lost_answer_to_an_add_is_unknown_and_a_look_up_finds_what_it_made(erp: FakeRestTarget) -> None:
    erp.lose_next_answer()
    with towards(erp) as connector:
        with pytest.raises(OutcomeUnknown):
            add(connector)
        found = connector.find(external_id=ORDER.external_id)
    assert found is not None
    assert (found.remote_id, found.key) == ("1", "N-7")


def test_a_conflict_means_that_the_key_is_taken_and_a_look_up_by_it_tells_by_whom(erp: FakeRestTarget) -> None:
    erp.items["orders"] = {"9": {"id": "9", "number": "n-7", "total": "3.00"}}
    erp.answer_instead(Reply(409, {"title": "Conflict"}))
    with towards(erp, type("Loose", (Erp,), {"lookup": lambda _self, _field, _value: {}})) as connector:
        with pytest.raises(AlreadyExists) as taken:
            add(connector)
        found = connector.find(key="N-7")
    assert taken.value.remote_id is None
    assert found is not None
    assert (found.remote_id, found.external_id, found.payload["total"]) == ("9", "", "3.00")  # type: ignore[index]  # a mapping


def test_a_partner_may_say_in_its_own_way_that_a_key_is_taken(erp: FakeRestTarget) -> None:
    def is_taken(_self: RestConnector, status: int, body: Any) -> bool:
        return status == 422 and body["code"] == "duplicate"

    kind = type("Wordy", (Erp,), {"is_taken": is_taken})
    assert isinstance(failure_of(erp, Reply(422, {"code": "duplicate", "id": 9}), kind), AlreadyExists)
    assert isinstance(failure_of(erp, Reply(422, {"code": "negative"}), kind), Rejected)


def test_a_precondition_that_failed_is_a_newer_version(erp: FakeRestTarget) -> None:
    with towards(erp) as connector:
        remote_id = add(connector)
        erp.answer_instead(Reply(412))
        with pytest.raises(VersionConflict):
            connector.update(remote_id, ORDER, version=2)


@pytest.mark.parametrize("status", [404, 405, 410])
def test_a_collection_that_is_not_there_is_no_fault_of_a_record(erp: FakeRestTarget, status: int) -> None:
    assert isinstance(failure_of(erp, Reply(status)), AccessDenied)
    erp.answer_instead(Reply(status), Reply(status))
    with towards(erp) as connector:
        with pytest.raises(CapabilityMissing):
            connector.find(external_id="x")
        with pytest.raises(CapabilityMissing):
            connector.page(None, limit=1)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"type": "about:blank", "title": "Bad", "detail": "total is negative"}, "total is negative"),
        ({"title": "Unprocessable"}, "Unprocessable"),
        ({"message": "no stock"}, "no stock"),
        ({"error": {"message": "no stock"}}, "no stock"),
        (
            {"title": "Invalid", "errors": [{"pointer": "#/total", "detail": "negative"}, {"detail": "no lines"}]},
            "Invalid: negative; no lines",
        ),
        ({"errors": {"total": ["is negative", "is odd"]}}, "total: is negative; is odd"),
        ("no", "no"),
        (["a", 1], "a"),
        (None, "answered HTTP 422"),
        (b"<html>", "answered HTTP 422"),
    ],
)
def test_a_refusal_is_told_in_the_words_of_the_partner(erp: FakeRestTarget, body: Any, message: str) -> None:
    assert failure_of(erp, Reply(422, body)).message == message


def test_a_partner_that_ignores_a_parameter_is_not_believed(erp: FakeRestTarget) -> None:
    erp.answer_instead(Reply(200, [ITEM]), Reply(200, [ITEM]), Reply(200, {**ITEM, "id": 43}))
    with towards(erp) as connector:
        for asked in ({"external_id": "another"}, {"key": "another"}, {"remote_id": "42"}):
            with pytest.raises(Transient):
                connector.find(**asked)


def test_what_no_database_stores_is_replaced(erp: FakeRestTarget) -> None:
    erp.items["orders"] = {"9": {**ITEM, "id": "9", "note": "a\x00\nb", "number": "N\x00"}}
    with towards(erp) as connector:
        found = connector.find(remote_id="9")
    assert found is not None
    assert (found.key, found.payload["note"]) == ("N\ufffd", "a\ufffd\nb")  # type: ignore[index]  # a mapping


# Listings


def listed(erp: FakeRestTarget, listing: Listing, cursor: str | None = None) -> tuple[list[str], str | None]:
    with towards(erp, type("Listed", (Erp,), {"listing": listing})) as connector:
        page = connector.page(cursor, limit=2)
    return [record.remote_id for record in page.records], page.next_cursor


@pytest.mark.parametrize(
    ("listing", "body", "following"),
    [
        (Listing(), [ITEM], "2"),
        (Listing(), [], None),
        (Listing("data"), {"data": [ITEM]}, "2"),
        (Listing("data", "next"), {"data": [ITEM], "next": "abc"}, "abc"),
        (Listing("data", "next"), {"data": [ITEM], "next": 7}, "7"),
        (Listing("data", "next"), {"data": [ITEM], "next": None}, None),
        (Listing("results", "next"), {"results": [ITEM], "next": "http://x/orders?limit=2&page=2"}, "2"),
        (Listing("results", "next", "cursor"), {"results": [ITEM], "next": "/orders?cursor=cD0y"}, "cD0y"),
    ],
)
def test_a_page_says_where_the_listing_goes_on(
    erp: FakeRestTarget, listing: Listing, body: Any, following: str | None
) -> None:
    erp.answer_instead(Reply(200, body))
    assert listed(erp, listing) == ([] if body == [] else ["42"], following)


def test_an_item_that_is_read_without_its_key_is_not_the_one_that_is_looked_for_by_it(erp: FakeRestTarget) -> None:
    class Forgets(Erp):
        def decode(self, item: Mapping[str, Any]) -> RemoteRecord:
            return replace(super().decode(item), key=None)

    erp.answer_instead(Reply(200, [ITEM]))
    with towards(erp, Forgets) as connector, pytest.raises(Transient, match="items of another number"):
        connector.find(key="N-1")


def test_a_page_is_asked_for_by_cursor_and_size(erp: FakeRestTarget) -> None:
    erp.answer_instead(Reply(200, []))
    listed(erp, Listing(cursor_parameter="p", limit_parameter="size"), "3")
    assert erp.requests[0].path == "/orders?size=2&p=3"


@pytest.mark.parametrize(
    "body",
    [
        None,
        {"next": None},
        {"data": {}, "next": None},
        {"data": [7], "next": None},
        {"data": [{"number": "no id"}], "next": None},
        {"data": [ITEM]},
        {"data": [ITEM], "next": ""},
        {"data": [ITEM], "next": False},
        {"data": [ITEM], "next": "c"},
        {"data": [ITEM], "next": "http://x/orders?other=1"},
    ],
)
def test_a_listing_that_does_not_say_how_it_goes_on_is_never_taken_for_the_end(erp: FakeRestTarget, body: Any) -> None:
    erp.answer_instead(Reply(200, body))
    with pytest.raises(Transient):
        listed(erp, Listing("data", "next"), "c")


def test_a_listing_that_is_cut_is_asked_for_again_later(erp: FakeRestTarget) -> None:
    erp.items["orders"] = {str(number): {**ITEM, "id": str(number)} for number in range(9)}
    erp.cut_next_answer()
    with pytest.raises(Transient):
        listed(erp, Listing())


# A partner's own form


class Nested(RestConnector):
    """As somebody writes it for a partner with envelopes and other names."""

    collection = "/v2/orders"
    external_id_field = "reference"
    key_field = "orderNumber"

    def encode(self, obj: RemoteObject) -> Mapping[str, Any]:
        return {"order": super().encode(obj)}

    def decode(self, item: Mapping[str, Any]) -> Any:
        return super().decode(item["order"])

    def lookup(self, field: str, value: str) -> Mapping[str, str]:
        return {"filter": f"{field} eq {json.dumps(value)}"}


def test_a_partner_with_other_names_takes_some_lines(erp: FakeRestTarget) -> None:
    item = {"id": 42, "reference": ORDER.external_id, "orderNumber": "N-7", "total": "1.00"}
    erp.answer_instead(Reply(201, headers={"Location": "/v2/orders/42"}), Reply(200, [{"order": item}]))
    with towards(erp, Nested) as connector:
        assert add(connector) == "42"
        found = connector.find(key="n-7")
    assert found is not None
    assert (found.remote_id, found.external_id, found.key) == ("42", ORDER.external_id, "N-7")
    post, get = erp.requests
    assert post.json() == {"order": {"total": "1.00", "reference": ORDER.external_id, "orderNumber": "N-7"}}
    assert get.path == "/v2/orders?filter=orderNumber+eq+%22n-7%22"
