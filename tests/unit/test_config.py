"""Wrong settings stop the start, with the setting's name and a hint."""

import os
import subprocess
import sys
import traceback
from importlib.metadata import EntryPoint, EntryPoints
from typing import ClassVar

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from syncproject.env import broker_url, database, request_rate
from thirdparty.connectors import registry
from thirdparty.connectors.base import Capabilities, Connector, RemoteObject
from thirdparty.connectors.config import load_targets
from thirdparty.connectors.http.proxy import Proxy
from thirdparty.connectors.leaving import Leaving, OnLeave
from thirdparty.connectors.options import Option
from thirdparty.connectors.rest.connector import RestConnector

GOOD = {
    "SYNC_TARGETS": "partner",
    "TARGET_PARTNER_BASE_URL": "https://partner.example/api/",
    "TARGET_PARTNER_APP_SECRET": "s3cret",
    "TARGET_PARTNER_DEFAULT_PASSWORD": "f1rst",
}


def test_a_target_is_read_from_its_settings() -> None:
    env = GOOD | {
        "TARGET_PARTNER_RATE": "50/s",
        "TARGET_PARTNER_CAPABILITIES": "query, versions",
        "TARGET_PARTNER_TIMEOUT_SECONDS": "0.5",
        "TARGET_PARTNER_PATHS": "add=/u/new",
    }
    target = load_targets(env)["partner"]
    assert target.base_url == "https://partner.example/api"
    assert target.rate_per_second == 50.0
    assert target.timeout_seconds == 0.5
    assert (target.capabilities.query, target.capabilities.versions, target.capabilities.list) == (True, True, False)
    assert (target.options["paths"]["add"], target.options["paths"]["update"]) == ("/u/new", "/user/update")


class Bare(Connector):
    """A partner that needs neither secret nor password."""

    def add(self, obj: RemoteObject, *, version: int, idempotency_key: str) -> str:
        raise NotImplementedError

    def update(self, remote_id: str, obj: RemoteObject, *, version: int) -> None:
        raise NotImplementedError

    def delete(self, remote_id: str) -> None:
        raise NotImplementedError


class Choosy(Bare):
    options = (
        Option("token", "what the partner's page calls its API key"),
        Option("colour", "of the partner", default="red"),
        Option("depth", "of the partner", default=1, read=int),
    )
    supports = Capabilities(query=True, list=True)
    capabilities = Capabilities(query=True)


HERE = "tests.unit.test_config"
OWN = {"SYNC_TARGETS": "erp", "TARGET_ERP_BASE_URL": "https://erp.example"}


def test_a_connector_may_need_no_setting_of_its_own() -> None:
    target = load_targets(OWN | {"TARGET_ERP_CONNECTOR": f"{HERE}.Bare"})["erp"]
    assert (target.options, target.capabilities) == ({}, Capabilities())


def test_a_connector_is_given_the_settings_that_it_declares() -> None:
    target = load_targets(
        OWN | {"TARGET_ERP_CONNECTOR": f"{HERE}.Choosy", "TARGET_ERP_TOKEN": "t0ken", "TARGET_ERP_DEPTH": "3"}
    )["erp"]
    assert target.options == {"token": "t0ken", "colour": "red", "depth": 3}
    assert target.capabilities == Capabilities(query=True)
    assert "t0ken" not in repr(target)


@pytest.mark.parametrize(
    ("chosen", "capabilities"),
    [("none", Capabilities()), ("list", Capabilities(list=True)), ("list,query", Capabilities(query=True, list=True))],
)
def test_settings_say_what_a_target_offers_of_what_its_connector_supports(
    chosen: str, capabilities: Capabilities
) -> None:
    env = OWN | {"TARGET_ERP_CONNECTOR": f"{HERE}.Choosy", "TARGET_ERP_TOKEN": "t", "TARGET_ERP_CAPABILITIES": chosen}
    assert load_targets(env)["erp"].capabilities == capabilities


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"CONNECTOR": "soap"}, "TARGET_ERP_CONNECTOR is 'soap'; use one of .*landcloud.* or a dotted path"),
        ({"CONNECTOR": f"{HERE}.Nothing"}, "TARGET_ERP_CONNECTOR is .* cannot be imported"),
        ({"CONNECTOR": "nowhere.Nothing"}, "TARGET_ERP_CONNECTOR is .* cannot be imported"),
        ({"CONNECTOR": f"{HERE}.GOOD"}, "TARGET_ERP_CONNECTOR is .* no subclass of thirdparty.Connector"),
        ({"CONNECTOR": f"{HERE}.Choosy"}, "TARGET_ERP_TOKEN is not set: what the partner's page calls its API key"),
        ({"CONNECTOR": f"{HERE}.Choosy", "TOKEN": "t", "DEPTH": "deep"}, "TARGET_ERP_DEPTH"),
        ({"CONNECTOR": f"{HERE}.Choosy", "TOKEN": "t", "CAPABILITIES": "versions"}, "use any of query, list, or none"),
        ({}, "TARGET_ERP_APP_SECRET is not set: .* TARGET_ERP_CONNECTOR names another"),
    ],
)
def test_what_is_wrong_with_a_connector_is_said_with_a_hint(settings: dict[str, str], complaint: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=complaint):
        load_targets(OWN | {f"TARGET_ERP_{name}": value for name, value in settings.items()})


def test_an_ordinary_rest_partner_takes_settings_alone() -> None:
    env = OWN | {"TARGET_ERP_CONNECTOR": "rest", "TARGET_ERP_TOKEN": "t", "TARGET_ERP_COLLECTION": "/orders/"}
    target = load_targets(env)["erp"]
    assert target.options["collection"] == "/orders"
    assert target.capabilities == Capabilities(query=True, list=True)
    for setting, value in {"COLLECTION": "orders", "UPDATE_METHOD": "POST"}.items():
        with pytest.raises(ImproperlyConfigured, match=f"TARGET_ERP_{setting} is"):
            load_targets(env | {f"TARGET_ERP_{setting}": value})


def test_an_installed_package_names_its_connectors_by_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("bare", f"{HERE}:Bare", registry.ENTRY_POINTS)
    monkeypatch.setattr(registry, "entry_points", lambda **wanted: EntryPoints([point]).select(**wanted))
    assert load_targets(OWN | {"TARGET_ERP_CONNECTOR": "bare"})["erp"].connector == "bare"


class _Deactivates(RestConnector):
    collection = "/people"
    update_method = "PATCH"
    inactive: ClassVar[dict[str, bool]] = {"active": False}
    active: ClassVar[dict[str, bool]] = {"active": True}


def leaving(**settings: str) -> Leaving:
    env = GOOD | {f"TARGET_PARTNER_{name}": value for name, value in settings.items()}
    return load_targets(env)["partner"].leaving


def test_what_leaves_is_deleted_at_once_unless_a_setting_says_otherwise() -> None:
    assert leaving() == Leaving(OnLeave.DELETE, None)
    assert leaving(ON_LEAVE="leave") == Leaving(OnLeave.LEAVE, None)
    assert leaving(ON_LEAVE_DELETE_AFTER_DAYS="30") == Leaving(OnLeave.DELETE, 30.0)
    kind = f"{__name__}._Deactivates"
    assert leaving(CONNECTOR=kind, TOKEN="t", ON_LEAVE="deactivate") == Leaving(OnLeave.DEACTIVATE, None)


def test_a_connector_that_cannot_deactivate_is_refused_with_what_to_do_instead() -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        leaving(ON_LEAVE="deactivate")
    assert str(refused.value) == (
        "TARGET_PARTNER_ON_LEAVE is 'deactivate', and connector landcloud cannot deactivate a record whose object is gone; "
        "use delete (with TARGET_PARTNER_ON_LEAVE_DELETE_AFTER_DAYS, if they are to stay for a while) or leave"
    )


def test_what_is_left_for_good_is_not_deleted_after_some_days() -> None:
    with pytest.raises(ImproperlyConfigured, match="TARGET_PARTNER_ON_LEAVE_DELETE_AFTER_DAYS"):
        leaving(ON_LEAVE="leave", ON_LEAVE_DELETE_AFTER_DAYS="30")


def test_no_target_at_all_is_fine() -> None:
    assert load_targets({}) == {}


def test_secrets_do_not_show_in_the_repr() -> None:
    shown = repr(load_targets(GOOD))
    assert "s3cret" not in shown
    assert "f1rst" not in shown


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SYNC_TARGETS", "Bad Name"),
        ("SYNC_TARGETS", "partner,partner"),
        ("TARGET_PARTNER_CONNECTOR", "soap"),
        ("TARGET_PARTNER_BASE_URL", ""),
        ("TARGET_PARTNER_BASE_URL", "ftp://x"),
        ("TARGET_PARTNER_BASE_URL", "https://user:pw@x/"),
        ("TARGET_PARTNER_BASE_URL", "http://partner.example"),
        ("TARGET_PARTNER_BASE_URL", "https://partner.example:99999"),
        ("TARGET_PARTNER_BASE_URL", "https://partner.example:abc/api"),
        ("TARGET_PARTNER_BASE_URL", "https://partner.example:-1"),
        ("TARGET_PARTNER_BASE_URL", "https://partner.example:0"),
        ("TARGET_PARTNER_BASE_URL", "https://[::1/api"),
        ("TARGET_PARTNER_BASE_URL", "https://:443"),
        ("TARGET_PARTNER_BASE_URL", "https://partner.example/a b"),
        ("TARGET_PARTNER_BASE_URL", "https://partner.example/用户"),
        ("TARGET_PARTNER_PATHS", "add=/用户"),
        ("TARGET_PARTNER_KEEP_ALIVE", "sometimes"),
        ("TARGET_PARTNER_PROXY", "proxy.example:3128"),
        ("TARGET_PARTNER_PROXY", "https://proxy.example:3128"),
        ("TARGET_PARTNER_PROXY", "socks5://proxy.example:1080"),
        ("TARGET_PARTNER_PROXY", "http://proxy.example"),
        ("TARGET_PARTNER_PROXY", "http://proxy.example:99999"),
        ("TARGET_PARTNER_PROXY", "http://:3128"),
        ("TARGET_PARTNER_PROXY", "http://proxy.example:3128/path"),
        ("TARGET_PARTNER_APP_SECRET", ""),
        ("TARGET_PARTNER_DEFAULT_PASSWORD", ""),
        ("TARGET_PARTNER_CAPABILITIES", "query,telepathy"),
        ("TARGET_PARTNER_TIMEOUT_SECONDS", "soon"),
        ("TARGET_PARTNER_TIMEOUT_SECONDS", "0"),
        ("TARGET_PARTNER_TIMEOUT_SECONDS", "nan"),
        ("TARGET_PARTNER_VISIBILITY_SECONDS", "-1"),
        ("TARGET_PARTNER_RATE", "fast"),
        ("TARGET_PARTNER_RATE", "0/s"),
        ("TARGET_PARTNER_ALLOW_HTTP", "perhaps"),
        ("TARGET_PARTNER_ADOPT", "all"),
        ("TARGET_PARTNER_ON_LEAVE", "forget"),
        ("TARGET_PARTNER_ON_LEAVE", "deactivate"),
        ("TARGET_PARTNER_ON_LEAVE_DELETE_AFTER_DAYS", "soon"),
        ("TARGET_PARTNER_ON_LEAVE_DELETE_AFTER_DAYS", "0"),
        ("TARGET_PARTNER_ON_LEAVE_DELETE_AFTER_DAYS", "inf"),
        ("TARGET_PARTNER_CA_BUNDLE", "/nowhere.pem"),
        ("TARGET_PARTNER_PATHS", "ad=/x"),
        ("TARGET_PARTNER_PATHS", "add=x"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(setting: str, value: str) -> None:
    env = GOOD | {setting: value}
    if setting == "TARGET_PARTNER_ALLOW_HTTP":
        env["TARGET_PARTNER_BASE_URL"] = "http://partner.example"
    with pytest.raises(ImproperlyConfigured, match=setting):
        load_targets(env)


@pytest.mark.parametrize("url", ["https://partner.example:8443/api", "https://[::1]:8443", "https://[::1]"])
def test_an_address_with_a_port_that_can_be_is_taken(url: str) -> None:
    assert load_targets(GOOD | {"TARGET_PARTNER_BASE_URL": url})["partner"].base_url == url


def test_connections_are_kept_unless_a_setting_says_otherwise() -> None:
    assert load_targets(GOOD)["partner"].keep_alive
    assert not load_targets(GOOD | {"TARGET_PARTNER_KEEP_ALIVE": "false"})["partner"].keep_alive


def test_a_proxy_is_read_with_its_credentials() -> None:
    env = GOOD | {"TARGET_PARTNER_PROXY": "http://me:p%40ss@proxy.example:3128"}
    target = load_targets(env)["partner"]
    assert target.proxy == Proxy("proxy.example", 3128, "me:p@ss")
    assert "p@ss" not in repr(target)


@pytest.mark.parametrize("bad", ["ftp://me:s3same@proxy.example:1", "http://me:s3same@proxy.example:abc"])
def test_a_complaint_about_a_proxy_does_not_show_its_credentials(bad: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="TARGET_PARTNER_PROXY") as caught:
        load_targets(GOOD | {"TARGET_PARTNER_PROXY": bad})
    assert "s3same" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("url", ["", "direct"])
def test_without_a_proxy_the_way_is_direct(url: str) -> None:
    assert load_targets(GOOD | {"TARGET_PARTNER_PROXY": url})["partner"].proxy is None


@pytest.mark.parametrize("rate", ["fast", "0/s", "-1/s", "5", "5/fortnight", "1.5/s"])
def test_a_wrong_rate_of_requests_is_refused_by_name(rate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_API_RATE", rate)
    with pytest.raises(ImproperlyConfigured, match="SYNC_API_RATE"):
        request_rate(environ.Env(), "SYNC_API_RATE", "100/s")


@pytest.mark.parametrize(
    "url",
    [
        "redis://a:6379/0;redis://b:6379/0",
        "rediss://a/0",
        "redis+socket:///run/redis.sock",
        "sentinel://a:26379;sentinel://b:26379",
        "amqp://guest@a//;amqps://guest@b//",
    ],
)
def test_brokers_that_reach_other_processes_are_taken_as_they_are_also_several(url: str) -> None:
    assert broker_url(url) == url


def test_valkey_is_spoken_to_as_redis() -> None:
    assert broker_url("valkey://a/0; valkeys://b/0;valkey+socket:///s") == "redis://a/0;rediss://b/0;redis+socket:///s"


@pytest.mark.parametrize(
    "url",
    [
        "", "memory://", "filesystem://", "sqla+sqlite:///x", "localhost:6379", "sqs://x",
        "redis://a;amqp://b", "redis://a;", "redis://a;memory://",
    ],
)  # fmt: skip
def test_a_broker_that_reaches_nobody_or_shows_nothing_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="CELERY_BROKER_URL"):
        broker_url(url)


@pytest.mark.parametrize("url", ["", "mysql://x/y", "nonsense"])
def test_a_database_without_triggers_of_ours_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        database(url, timeout_seconds=1.0)


def test_options_of_the_database_url_are_kept_beside_the_lock_timeout() -> None:
    known = database("postgres://u@h/d?options=-c%20search_path%3Dapp", timeout_seconds=1.5)
    assert "-c search_path=app" in known["OPTIONS"]["options"]
    assert "-c lock_timeout=1500" in known["OPTIONS"]["options"]


def test_a_lock_timeout_in_the_database_url_names_the_setting_that_leases_are_measured_by() -> None:
    with pytest.raises(ImproperlyConfigured, match="SYNC_DATABASE_TIMEOUT_SECONDS"):
        database("postgres://u@h/d?options=-c%20lock_timeout%3D90s", timeout_seconds=1.0)


@pytest.mark.parametrize(
    ("option", "threshold"), [("", 5), ("?prepare_threshold=0", 0), ("?prepare_threshold=none", None)]
)
def test_statements_are_prepared_but_where_the_database_url_says_none(option: str, threshold: int | None) -> None:
    known = database(f"postgres://u@h/d{option}", timeout_seconds=1.0)
    assert known["OPTIONS"]["prepare_threshold"] == threshold


def test_a_threshold_of_preparing_that_is_no_number_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="prepare_threshold"):
        database("postgres://u@h/d?prepare_threshold=often", timeout_seconds=1.0)


def test_other_options_of_an_sqlite_url_are_kept() -> None:
    options = database("sqlite:////tmp/x?cached_statements=7", timeout_seconds=1.0)["OPTIONS"]
    assert (str(options["cached_statements"]), options["transaction_mode"]) == ("7", "IMMEDIATE")


def test_workers_and_hints_speak_to_valkey_as_to_redis_though_celery_reads_the_variable_itself() -> None:
    code = (
        "import syncproject.celery as c; print([c.app.connection_for_read().transport_cls, "
        "c.app.connection_for_write().transport_cls, c.app.conf.broker_write_url])"
    )
    env = os.environ | {"CELERY_BROKER_URL": "valkey://a/0"}
    done = subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "['redis', 'redis', 'redis://a/0']"
