"""The ERP of the example project is an ordinary REST server, with the faults that such servers have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.acceptance.shop import Erp

CUSTOMER = {"external_id": "shop.customer.1", "name": "Ada", "email": "ada@example.org", "phone": "1"}


@pytest.fixture
def erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erp]:
    erp = Erp(tmp_path_factory.mktemp("erp"))
    erp.start()
    yield erp
    erp.stop()


def order(customer: str, **other: Any) -> dict[str, Any]:
    return {
        "external_id": "shop.order.1",
        "number": "A1",
        "customer": customer,
        "total": "9.50",
        "lines": [["TEA", 1]],
    } | other


def make(erp: Erp, collection: str, body: dict[str, Any], **headers: str) -> requests.Response:
    return erp.call("POST", f"/{collection}", json=body, headers=headers)


def test_what_was_created_is_found_by_its_address_its_external_id_and_its_key(erp: Erp) -> None:
    customer = make(erp, "customers", CUSTOMER)
    assert (customer.status_code, customer.headers["ETag"]) == (201, '"1"')
    made = make(erp, "orders", order(customer.json()["id"]))
    read = erp.call("GET", made.headers["Location"])
    assert read.json() == made.json() == {"id": read.json()["id"]} | order(customer.json()["id"])
    for query in ("external_id=shop.order.1", "number=A1"):
        assert erp.call("GET", f"/orders?{query}").json() == {"results": [read.json()], "next": None}
    assert erp.call("GET", "/orders?number=A2").json() == {"results": [], "next": None}


def test_an_order_of_a_customer_that_the_erp_does_not_hold_is_refused(erp: Erp) -> None:
    refused = make(erp, "orders", order("C77"))
    assert (refused.status_code, refused.json()["detail"]) == (422, "customer: customers has no C77")
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_a_customer_with_orders_cannot_be_removed(erp: Erp) -> None:
    customer = make(erp, "customers", CUSTOMER).json()["id"]
    at = make(erp, "orders", order(customer)).headers["Location"]
    assert erp.call("DELETE", f"/customers/{customer}").status_code == 409
    assert erp.call("DELETE", at).status_code == 204
    assert erp.call("DELETE", f"/customers/{customer}").status_code == 204
    assert erp.content() == {"customers": [], "orders": []}


def test_a_number_or_an_external_id_is_taken_once(erp: Erp) -> None:
    customer = make(erp, "customers", CUSTOMER).json()["id"]
    make(erp, "orders", order(customer))
    assert make(erp, "orders", order(customer, external_id="shop.order.2")).status_code == 409
    assert make(erp, "orders", order(customer, number="A2")).status_code == 409


def test_the_same_idempotency_key_gets_the_first_answer_and_applies_nothing_twice(erp: Erp) -> None:
    first = make(erp, "customers", CUSTOMER, **{"Idempotency-Key": "k"})
    again = make(erp, "customers", CUSTOMER, **{"Idempotency-Key": "k"})
    assert (again.status_code, again.json()) == (201, first.json())
    other = make(erp, "customers", CUSTOMER | {"name": "Eve"}, **{"Idempotency-Key": "k"})
    assert other.status_code == 422
    assert [entry["did"] for entry in erp.ledger()] == ["created"]


def test_a_revision_that_has_passed_replaces_and_removes_nothing(erp: Erp) -> None:
    at = make(erp, "customers", CUSTOMER).headers["Location"]
    replaced = erp.call("PUT", at, json=CUSTOMER | {"phone": "2"}, headers={"If-Match": '"1"'})
    assert (replaced.status_code, replaced.headers["ETag"]) == (200, '"2"')
    assert erp.call("PUT", at, json=CUSTOMER, headers={"If-Match": '"1"'}).status_code == 412
    assert erp.call("DELETE", at, headers={"If-Match": '"1"'}).status_code == 412
    assert erp.content()["customers"][0]["phone"] == "2"


def test_a_listing_comes_in_pages(erp: Erp) -> None:
    for number in range(3):
        make(erp, "customers", CUSTOMER | {"external_id": str(number)})
    first = erp.call("GET", "/customers?limit=2").json()
    last = erp.call("GET", f"/customers?limit=2&after={first['next']}").json()
    assert [each["external_id"] for each in first["results"] + last["results"]] == ["0", "1", "2"]
    assert last["next"] is None


def test_an_unavailable_erp_does_nothing_and_a_broken_or_silent_one_does_it_without_saying_so(erp: Erp) -> None:
    erp.fail(unavailable=1)
    refused = make(erp, "customers", CUSTOMER)
    assert (refused.status_code, refused.headers["Retry-After"], erp.ledger()) == (503, "1", [])
    erp.fail(broken=1)
    assert make(erp, "customers", CUSTOMER).status_code == 500
    erp.fail(silent=1)
    with pytest.raises(requests.ConnectionError):
        make(erp, "customers", CUSTOMER | {"external_id": "2"})
    assert [entry["external_id"] for entry in erp.ledger()] == ["shop.customer.1", "2"]


def test_only_who_has_the_token_is_served(erp: Erp) -> None:
    assert requests.get(f"{erp.url}/customers", timeout=10).status_code == 401
    assert erp.call("GET", "/suppliers").status_code == 404
    assert erp.call("PATCH", "/customers").status_code == 501
