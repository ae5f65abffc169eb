"""The contract of `thirdparty.testing`, kept by every connector that comes with the engine."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest

from thirdparty.connectors.base import Capabilities, Connector, Page, RemoteObject
from thirdparty.connectors.config import TargetConfig
from thirdparty.connectors.landcloud.connector import LandcloudConnector
from thirdparty.connectors.landcloud.settings import PATHS
from thirdparty.connectors.rest.auth import Basic, HeaderAuth, NoAuth
from thirdparty.connectors.rest.configured import ConfiguredRest
from thirdparty.connectors.rest.connector import RestConnector
from thirdparty.connectors.rest.listing import Listing
from thirdparty.sandbox.process import SandboxProcess
from thirdparty.testing import ConnectorContract, FakeRestTarget

SHOP = Path(__file__).parents[2] / "examples" / "shop"
EVERYTHING = Capabilities(query=True, list=True, idempotency=True, versions=True)


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxProcess]:
    with SandboxProcess("--control-port", "0") as process:
        yield process


class TestLandcloud(ConnectorContract):
    @pytest.fixture(
        params=[Capabilities(), Capabilities(query=True, list=True), EVERYTHING],
        ids=["nothing", "reads", "everything"],
    )
    def connector(self, request: pytest.FixtureRequest, running: SandboxProcess) -> Iterator[Connector]:
        offered = [name for name in ("query", "list", "idempotency", "versions") if getattr(request.param, name)]
        running.control.reset()
        running.control.faults(capabilities=offered, unique_usernames=True)
        options = {"app_secret": "sandbox-secret", "default_password": "first-password", "paths": PATHS}
        connector = LandcloudConnector(
            TargetConfig("partner", "landcloud", running.url, options, request.param), "users.user"
        )
        yield connector
        connector.close()

    @pytest.fixture
    def make(self) -> Any:
        def make(number: int, edits: int) -> RemoteObject:
            held = {"name": f"张伟 {edits}", "phone": str(number), "email": "", "role_ids": ["7", "12"]}
            return RemoteObject(str(UUID(int=number)), f"user{number}", held)

        return make


class Erp(RestConnector):
    collection = "/orders"
    key_field = "number"


class Patching(Erp):
    update_method = "PATCH"
    inactive: ClassVar[dict[str, Any]] = {"active": False}
    active: ClassVar[dict[str, Any]] = {"active": True}
    auth = Basic()


class Conditional(Erp):
    conditional = True
    auth = HeaderAuth("X-Api-Key")


class Paged(Erp):
    listing = Listing(items_field="data", cursor_parameter="p", limit_parameter="per_page")


class Keyless(Erp):
    key_field = ""
    auth = NoAuth()


class TestRest(ConnectorContract):
    collection = Erp
    options: ClassVar[dict[str, Any]] = {"token": "t0ken-of-the-erp"}
    target: ClassVar[dict[str, Any]] = {}
    optional_field = "lines"

    @pytest.fixture
    def erp(self) -> FakeRestTarget:
        return FakeRestTarget(**self.target)

    @pytest.fixture
    def connector(self, erp: FakeRestTarget) -> Iterator[Connector]:
        with erp.running() as url:
            offered = Capabilities(query=True, list=True, idempotency=True, rename=True)
            connector = self.collection(TargetConfig("erp", "rest", url, self.options, offered), "shop.order")
            yield connector
            connector.close()

    @pytest.fixture
    def make(self) -> Any:
        def make(number: int, edits: int) -> RemoteObject:
            held = {"total": f"{edits}.00", "lines": ["tea", "茶"], "note": None, "paid": True}
            return RemoteObject(f"live.shop.order.{number}", f"N-{number}", held)

        return make

    def test_a_partner_that_gives_the_same_page_again_and_again_fails_and_is_told_so(
        self, erp: FakeRestTarget, connector: Connector, make: Any
    ) -> None:
        erp.ignores_cursor = True
        with pytest.raises(pytest.fail.Exception, match="shows the same items under another cursor"):
            self.test_a_listing_has_every_record_once_however_short_its_pages(connector, make)

    def test_a_partner_that_goes_on_with_empty_pages_for_ever_fails_and_is_told_so(
        self, connector: Connector, make: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(type(connector), "page", lambda _, cursor, **__: Page((), str(int(cursor or 0) + 1)))
        with pytest.raises(pytest.fail.Exception, match="has not ended after 200 pages; the last names '200'"):
            self.test_a_listing_has_every_record_once_however_short_its_pages(connector, make)


class TestConfiguredRest(TestRest):
    collection = ConfiguredRest
    options: ClassVar[dict[str, Any]] = {option.name: option.default for option in ConfiguredRest.options} | {
        "token": "t0ken-of-the-erp", "collection": "/orders", "key_field": "number",
    }  # fmt: skip


class TestPatchingRest(TestRest):
    collection = Patching
    options: ClassVar[dict[str, Any]] = {"username": "us", "password": "a-long-password"}
    target: ClassVar[dict[str, Any]] = {"id_in_location": True, "page_size": 2}


class TestConditionalRest(TestRest):
    collection = Conditional
    target: ClassVar[dict[str, Any]] = {"etags": True}
    reads_before_updates = True


class TestPagedRest(TestRest):
    collection = Paged
    target: ClassVar[dict[str, Any]] = {"items_field": "data", "cursor_parameter": "p", "limit_parameter": "per_page"}


class TestKeylessRest(TestRest):
    collection = Keyless
    options: ClassVar[dict[str, Any]] = {}
    target: ClassVar[dict[str, Any]] = {"key_field": ""}


class ShopsErp(RestConnector):
    """The whole of a connector to the ERP of `examples/shop`, which was written apart from the engine."""

    collection: ClassVar[dict[str, str]] = {"shop.order": "/orders", "shop.customer": "/customers"}
    key_field: ClassVar[dict[str, str]] = {"shop.order": "number", "shop.customer": ""}
    listing = Listing(items_field="results", next_field="next", cursor_parameter="after")
    capabilities = Capabilities(query=True, list=True, idempotency=True)


class TestShopsErp(ConnectorContract):
    absent_id = "O999999"

    @pytest.fixture
    def connector(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connector]:
        monkeypatch.syspath_prepend(SHOP)
        server = importlib.import_module("erp.server").Server(("127.0.0.1", 0), token="erp-token")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        config = TargetConfig("erp", "rest", url, {"token": "erp-token"}, ShopsErp.capabilities)
        customer = ShopsErp(config, "shop.customer")
        held = {"name": "Ada", "email": "a@x.example", "phone": "1"}
        self.customer = customer.add(RemoteObject("live.shop.customer.1", "", held), version=1, idempotency_key="c")
        connector = ShopsErp(config, "shop.order")
        yield connector
        connector.close()
        customer.close()
        server.shutdown()
        server.server_close()

    @pytest.fixture
    def make(self, connector: Connector) -> Any:  # noqa: ARG002  # whose customer the orders are of
        def make(number: int, edits: int) -> RemoteObject:
            held = {"customer": self.customer, "total": f"{edits}.00", "lines": ["tea", "茶"]}
            return RemoteObject(f"live.shop.order.{number}", f"N-{number}", held)

        return make
