"""The landcloud connector: every row of the tables in CONTRACT A, against a server of canned answers."""

from __future__ import annotations

import hashlib
import json
import socket
import traceback
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from tests.unit.rawserver import RawServer, answers, http, http_json, serving
from thirdparty.connectors.base import Capabilities, Connector, RemoteObject, RemoteRecord
from thirdparty.connectors.config import TargetConfig
from thirdparty.connectors.errors import (
    AccessDenied,
    AlreadyExists,
    CapabilityMissing,
    NotFound,
    OutcomeUnknown,
    RecordBusy,
    Rejected,
    TargetError,
    Transient,
    VersionConflict,
)
from thirdparty.connectors.landcloud.connector import LandcloudConnector
from thirdparty.connectors.landcloud.settings import PATHS
from thirdparty.connectors.masking import mask, values_of

NOW = 1_800_000_000.0
ALL = Capabilities(query=True, list=True, idempotency=True, versions=True)
NAME, PHONE, EMAIL = "张伟", "13800000001", "zhang.wei@example.com"
USER = RemoteObject(
    external_id="5f0c8b9e-7d0f-4f57-9f0a-3f6a5c1d2e3b",
    key="zhangwei13800000001",
    payload={"name": NAME, "phone": PHONE, "email": EMAIL, "role_ids": ["7", "12"]},
)
HELD = {
    "userId": 42,
    "username": USER.key,
    "name": NAME,
    "phone": PHONE,
    "email": EMAIL,
    "roleIds": [7, "12"],
    "externalId": USER.external_id,
    "version": 3,
}
RECORD = RemoteRecord("42", USER.external_id, USER.key, USER.payload, version=3)
OK = {"status": "ok", "data": "42", "message": ""}

CALLS: dict[str, Callable[[LandcloudConnector], object]] = {
    "add": lambda connector: connector.add(USER, version=5, idempotency_key="key-1"),
    "update": lambda connector: connector.update("42", USER, version=5),
    "delete": lambda connector: connector.delete("42"),
    "query": lambda connector: connector.find(remote_id="42"),
    "list": lambda connector: connector.page(None, limit=100),
}
WRITES = ("add", "update", "delete")
READS = ("query", "list")
EVERY = WRITES + READS


def connector_to(url: str, capabilities: Capabilities = ALL) -> LandcloudConnector:
    config = TargetConfig(
        name="partner",
        connector="landcloud",
        base_url=url,
        options={"app_secret": "the app secret", "default_password": "the default password", "paths": PATHS},
        capabilities=capabilities,
        timeout_seconds=20.0,
    )
    return LandcloudConnector(config, "users.user", clock=lambda: NOW)


def result(call: str, response: bytes, capabilities: Capabilities = ALL) -> object:
    with serving(answers(response)) as server:
        return CALLS[call](connector_to(server.url, capabilities))


def failure(call: str, response: bytes) -> TargetError:
    with pytest.raises(TargetError) as caught:
        result(call, response)
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)
    return caught.value


def sent(call: str, reply: object, capabilities: Capabilities) -> tuple[str, dict[str, str], dict[str, object]]:
    """Path, headers (names in lower case) and body of the request that a call makes."""
    with serving(answers(http_json(reply))) as server:
        CALLS[call](connector_to(server.url, capabilities))
    head, _, body = server.requests[0].decode().partition("\r\n\r\n")
    request_line, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return request_line, headers, json.loads(body)


def test_it_fulfils_the_protocol() -> None:
    connector: Connector = connector_to("http://127.0.0.1:9")
    connector.close()


# What is sent

PROFILE = {
    "name": NAME,
    "phone": PHONE,
    "email": EMAIL,
    "roleIds": ["7", "12"],
    "externalId": USER.external_id,
}
PASSWORD = hashlib.md5(b"the default password").hexdigest()
QUERY_OK = {"status": "ok", "data": HELD, "message": ""}
LIST_OK = {"status": "ok", "data": {"users": [HELD], "next": None}, "message": ""}


@pytest.mark.parametrize(
    ("call", "reply", "path", "body"),
    [
        ("add", OK, "/user/add", {"username": USER.key, "password": PASSWORD, **PROFILE}),
        ("update", OK, "/user/update", {"userId": "42", **PROFILE}),
        ("delete", {**OK, "data": None}, "/user/delete", {"userId": "42"}),
    ],
)
def test_a_write_sends_exactly_what_the_contract_says(
    call: str, reply: object, path: str, body: dict[str, object]
) -> None:
    request_line, headers, sent_body = sent(call, reply, Capabilities())
    assert request_line == f"POST {path} HTTP/1.1"
    assert headers["authtoken"] == hashlib.md5(b"the app secret").hexdigest()
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert "idempotency-key" not in headers
    assert sent_body == body


@pytest.mark.parametrize(
    ("asked", "body"),
    [
        ({"remote_id": "42"}, {"userId": "42"}),
        ({"external_id": USER.external_id}, {"externalId": USER.external_id}),
        ({"key": USER.key}, {"username": USER.key}),
    ],
)
def test_a_look_up_asks_by_the_one_key_given(asked: dict[str, str], body: dict[str, str]) -> None:
    with serving(answers(http_json(QUERY_OK))) as server:
        assert connector_to(server.url).find(**asked) is not None
    assert server.requests[0].startswith(b"POST /user/query ")
    assert json.loads(server.requests[0].partition(b"\r\n\r\n")[2]) == body


@pytest.mark.parametrize("asked", [{}, {"remote_id": "42", "username": "x"}])
def test_a_look_up_by_none_or_two_keys_is_a_mistake_of_ours(asked: dict[str, str]) -> None:
    with pytest.raises(TypeError):
        connector_to("http://127.0.0.1:9").find(**asked)


def test_a_listing_starts_with_a_null_cursor() -> None:
    request_line, _, body = sent("list", LIST_OK, ALL)
    assert (request_line, body) == ("POST /user/list HTTP/1.1", {"cursor": None, "limit": 100})


@pytest.mark.parametrize("call", WRITES)
def test_the_version_is_sent_on_add_and_update_to_targets_that_honour_it(call: str) -> None:
    _, _, body = sent(call, OK, Capabilities(versions=True))
    assert body.get("version") == (None if call == "delete" else 5)


@pytest.mark.parametrize("call", WRITES)
def test_the_idempotency_key_is_sent_on_add_to_targets_that_honour_it(call: str) -> None:
    _, headers, _ = sent(call, OK, Capabilities(idempotency=True))
    assert headers.get("idempotency-key") == ("key-1" if call == "add" else None)


@pytest.mark.parametrize("call", READS)
def test_an_optional_call_that_the_target_lacks_is_not_made(call: str) -> None:
    with serving(answers(http_json(OK))) as server, pytest.raises(CapabilityMissing) as caught:
        CALLS[call](connector_to(server.url, Capabilities()))
    assert (caught.value.capability, server.connections) == (call, 0)


# The table of business statuses


@pytest.mark.parametrize("remote_id", ["42", 42])
def test_ok_on_add_gives_the_remote_id_as_text(remote_id: object) -> None:
    assert result("add", http_json({**OK, "data": remote_id})) == "42"


@pytest.mark.parametrize("call", ["update", "delete"])
def test_ok_on_update_and_delete_needs_no_data(call: str) -> None:
    assert result(call, http_json({"status": "ok"})) is None


@pytest.mark.parametrize(("data", "remote_id"), [("42", "42"), (42, "42"), (None, None), ({}, None), ("", None)])
def test_user_exists_on_add_tells_the_id_where_there_is_one(data: object, remote_id: str | None) -> None:
    error = failure("add", http_json({"status": "user_exists", "data": data, "message": "x"}))
    assert isinstance(error, AlreadyExists)
    assert error.remote_id == remote_id


STATUS_ROWS: list[tuple[str, dict[str, type[TargetError] | None]]] = [
    (
        "user_exists",
        {"add": AlreadyExists, "update": Rejected, "delete": Rejected, "query": Rejected, "list": Rejected},
    ),
    ("user_not_found", {"add": Rejected, "update": NotFound, "delete": NotFound, "query": None, "list": Rejected}),
    (
        "stale",
        {
            "add": VersionConflict,
            "update": VersionConflict,
            "delete": VersionConflict,
            "query": Rejected,
            "list": Rejected,
        },
    ),
    ("busy", dict.fromkeys(EVERY, Transient)),
    ("invalid", dict.fromkeys(EVERY, Rejected)),
    ("maintenance", dict.fromkeys(EVERY, Rejected)),
    ("OK", dict.fromkeys(EVERY, Rejected)),
]


@pytest.mark.parametrize(
    ("status", "call", "error"),
    [(status, call, error) for status, row in STATUS_ROWS for call, error in row.items()],
)
def test_every_business_status_becomes_one_error(status: str, call: str, error: type[TargetError] | None) -> None:
    response = http_json({"status": status, "data": None, "message": "why"})
    if error is None:
        assert result(call, response) is None
    else:
        assert type(failure(call, response)) is error


def test_an_unknown_status_is_the_reason_of_the_rejection_and_its_message_is_kept() -> None:
    error = failure("update", http_json({"status": "maintenance", "message": "back at noon"}))
    assert (error.reason, error.message, error.http_status) == ("maintenance", "back at noon", 200)


# The table of HTTP statuses

HTTP_ROWS: list[tuple[tuple[int, ...], type[TargetError], type[TargetError]]] = [
    ((401, 403, 407, 300, 301, 302, 303, 304, 307, 308), AccessDenied, AccessDenied),
    ((404, 405), AccessDenied, CapabilityMissing),
    ((425, 429, 503), Transient, Transient),
    ((423,), RecordBusy, RecordBusy),
    ((408, 500, 502, 504), OutcomeUnknown, Transient),
    ((501, 505, 507, 520, 599, 600, 999), OutcomeUnknown, Transient),
    ((400, 409, 413, 415, 422), Rejected, Rejected),
    ((402, 406, 410, 412, 418, 451), Rejected, Rejected),
    ((201, 202, 204, 206), OutcomeUnknown, Transient),
]


@pytest.mark.parametrize(
    ("status", "call", "error"),
    [
        (status, call, for_writes if call in WRITES else for_reads)
        for statuses, for_writes, for_reads in HTTP_ROWS
        for status in statuses
        for call in EVERY
    ],
)
def test_every_http_status_becomes_one_error(status: int, call: str, error: type[TargetError]) -> None:
    met = failure(call, http(status))
    assert type(met) is error
    assert met.http_status == status


@pytest.mark.parametrize("status", [425, 429, 503])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("17", 17.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("-3", 0.0),
        ("86400000", 3600.0),
        ("9" * 400, 3600.0),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        (formatdate(NOW + 10**8, usegmt=True), 3600.0),
        ("Fri, 99 Foo 2027 00:00:00 GMT", None),
        ("nan", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_clamped(status: int, header: str, seconds: float | None) -> None:
    error = failure("update", http(status, b"", f"Retry-After: {header}"))
    assert isinstance(error, Transient)
    assert error.retry_after_seconds == seconds


@pytest.mark.parametrize("skew", [-86_400, -120, 0, 120, 86_400])
def test_a_date_of_retry_after_is_measured_by_the_clock_that_wrote_it(skew: int) -> None:
    at, until = (formatdate(NOW + skew + ahead, usegmt=True) for ahead in (0, 90))
    error = failure("update", http(503, b"", f"Date: {at}", f"Retry-After: {until}"))
    assert isinstance(error, Transient)
    assert error.retry_after_seconds == 90.0


@pytest.mark.parametrize("date", ["", "yesterday", "Fri, 99 Foo 2027 00:00:00 GMT"])
def test_without_a_date_of_its_own_retry_after_is_measured_by_our_clock(date: str) -> None:
    error = failure("update", http(503, b"", f"Date: {date}", f"Retry-After: {formatdate(NOW + 90, usegmt=True)}"))
    assert isinstance(error, Transient)
    assert error.retry_after_seconds == 90.0


def test_a_target_that_states_no_wish_leaves_the_delay_to_us() -> None:
    error = failure("update", http(503))
    assert isinstance(error, Transient)
    assert error.retry_after_seconds is None


def test_a_rejection_by_http_status_keeps_the_reason_that_the_target_gave() -> None:
    error = failure("add", http_json({"message": "name is too long"}, 422))
    assert (error.reason, error.message) == ("http_422", "name is too long")


# Charsets


def declared(charset: str, body: bytes) -> bytes:
    return http(200, body, f"Content-Type: application/json;charset={charset}")


NAMED_IN = [
    *[("GBK", "gbk", "张伟"), ("gb2312", "gbk", "刘镕"), ("GB18030", "gb18030", "㐂张"), ("x-gbk", "gbk", "张伟")],
    *[("Big5", "big5", "張偉"), ("iso-8859-1", "latin-1", "José"), ("windows-1252", "cp1252", "“José”")],
    *[
        ("utf-8", "utf-8", "张伟"),
        ('"UTF-8"', "utf-8-sig", "张伟"),
        ("utf-16", "utf-16", "张伟"),
        ("us-ascii", "utf-8", "张"),
    ],
]


@pytest.mark.parametrize(("charset", "codec", "name"), NAMED_IN)
def test_an_answer_is_read_in_the_charset_that_it_declares(charset: str, codec: str, name: str) -> None:
    body = json.dumps({"status": "ok", "data": HELD | {"name": name}}, ensure_ascii=False).encode(codec)
    with serving(answers(declared(charset, body))) as server:
        found = connector_to(server.url).find(remote_id="42")
    assert found is not None
    assert found.payload["name"] == name


@pytest.mark.parametrize("charset", ["klingon", "zip", "hex", "punycode", "unicode_escape", "x" * 500])
def test_a_charset_that_nobody_knows_makes_the_answer_unreadable(charset: str) -> None:
    error = failure("update", declared(charset, json.dumps(OK).encode()))
    assert isinstance(error, OutcomeUnknown)
    assert error.reason == "unreadable"


def test_an_answer_that_is_not_in_its_declared_charset_is_unreadable() -> None:
    error = failure("update", declared("gbk", b'{"status": "ok", "data": "\xff\xff"}'))
    assert isinstance(error, OutcomeUnknown)
    assert error.reason == "unreadable"


# Servers that close after each answer


@pytest.mark.parametrize("call", EVERY)
def test_only_a_read_is_asked_again_when_it_met_the_end_of_its_connection(call: str) -> None:
    held = {
        "status": "ok",
        "data": {"users": [], "next": None} if call == "list" else HELD if call == "query" else "42",
    }

    def closes_at_the_second_request(server: RawServer, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(http_json(held))
        server.read_request(connection)

    with serving(closes_at_the_second_request) as server:
        connector = connector_to(server.url)
        CALLS[call](connector)
        if call in READS:
            CALLS[call](connector)
        else:
            with pytest.raises(OutcomeUnknown):
                CALLS[call](connector)
    assert len(server.requests) == (3 if call in READS else 2)


UNREADABLE = [
    b"",
    b"<html>fine</html>",
    b'{"status": "ok", "data": "42"',
    b'"ok"',
    b"null",
    b"[]",
    b"{}",
    b'{"status": null, "data": "42"}',
    b'{"status": "", "data": "42"}',
    b'{"status": ["ok"], "data": "42"}',
    b"\xff\xfe\xfd",
    b"[" * 100_000,
    b'{"status": "ok", "data": ' + b"9" * 10_000 + b"}",
]


@pytest.mark.parametrize("body", UNREADABLE)
@pytest.mark.parametrize("call", EVERY)
def test_an_unreadable_200_is_an_unknown_outcome_of_a_write_and_a_later_try_of_a_read(call: str, body: bytes) -> None:
    error = failure(call, http(200, body))
    assert type(error) is (OutcomeUnknown if call in WRITES else Transient)
    assert error.reason == "unreadable"


@pytest.mark.parametrize("data", [None, "", " ", True, 1.5, [], {"userId": "42"}, "a\x00b", "\ud800"])
def test_ok_on_add_without_a_usable_id_is_an_unknown_outcome(data: object) -> None:
    assert type(failure("add", http_json({**OK, "data": data}))) is OutcomeUnknown


def test_a_failure_to_connect_is_the_clients_error_unchanged() -> None:
    with serving(answers(b"")) as server:
        url = server.url
    with pytest.raises(Transient) as caught:
        CALLS["add"](connector_to(url))
    assert caught.value.reason == "refused"


def test_a_lost_answer_is_an_unknown_outcome_of_a_write_and_a_later_try_of_a_read() -> None:
    assert type(failure("add", b"HTTP/1.1 garbage\r\n\r\n")) is OutcomeUnknown
    assert type(failure("query", b"HTTP/1.1 garbage\r\n\r\n")) is Transient


# Records and pages


def found(held: object, capabilities: Capabilities = ALL) -> Any:
    record = result("query", http_json({"status": "ok", "data": held}), capabilities)
    assert isinstance(record, RemoteRecord)
    return record


def test_a_record_is_read_with_its_ids_as_text() -> None:
    assert found({**HELD, "unheard_of": {"a": 1}}) == RECORD


def test_what_a_record_leaves_out_is_empty() -> None:
    bare = RemoteRecord("42", "", "x", {"name": "", "phone": "", "email": "", "role_ids": []})
    assert found({"userId": "42", "username": "x", "roleIds": None, "phone": None}) == bare


def test_a_phone_may_be_a_number() -> None:
    assert found({**HELD, "phone": 13800000001}).payload["phone"] == PHONE


def test_a_version_is_nobodys_business_where_the_target_does_not_offer_versions() -> None:
    assert found({**HELD, "version": "1.0-beta"}, Capabilities(query=True)).version is None


def test_characters_that_no_database_stores_are_replaced() -> None:
    assert found({**HELD, "name": "a\x00\ud800b"}).payload["name"] == "a\ufffd\ufffdb"


@pytest.mark.parametrize(
    "held",
    [
        None,
        [],
        {**HELD, "userId": None},
        {**HELD, "userId": ""},
        {**HELD, "userId": True},
        {**HELD, "username": ""},
        {**HELD, "username": None},
        {**HELD, "name": ["a"]},
        {**HELD, "roleIds": "7"},
        {**HELD, "roleIds": [None]},
        {**HELD, "version": "3"},
        {**HELD, "version": True},
    ],
)
def test_a_record_without_what_is_needed_is_no_answer(held: object) -> None:
    error = failure("query", http_json({"status": "ok", "data": held}))
    assert (type(error), error.reason) == (Transient, "unreadable")


@pytest.mark.parametrize("asked", [{"remote_id": "41"}, {"external_id": "another"}, {"key": "another"}])
def test_a_record_that_was_not_asked_for_is_no_answer(asked: dict[str, str]) -> None:
    with serving(answers(http_json(QUERY_OK))) as server, pytest.raises(Transient):
        connector_to(server.url).find(**asked)


@pytest.mark.parametrize(("following", "cursor"), [(None, None), ("abc", "abc"), (2, "2")])
def test_a_page_tells_its_records_and_the_next_cursor(following: object, cursor: str | None) -> None:
    page = CALLS["list"]
    with serving(answers(http_json({"status": "ok", "data": {"users": [HELD], "next": following}}))) as server:
        read = page(connector_to(server.url))
    assert (read.records, read.next_cursor) == ((RECORD,), cursor)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"users": []},
        {"next": None},
        {"users": {}, "next": None},
        {"users": [], "next": ""},
        {"users": [], "next": False},
        {"users": [{}], "next": None},
    ],
)
def test_a_page_without_what_is_needed_is_no_answer(data: object) -> None:
    assert type(failure("list", http_json({"status": "ok", "data": data}))) is Transient


def test_a_listing_that_turns_in_a_circle_is_no_answer() -> None:
    circle = answers(http_json({"status": "ok", "data": {"users": [], "next": "c"}}))
    with serving(circle) as server, pytest.raises(Transient):
        connector_to(server.url).page("c", limit=10)


# Secrets and people's details


@pytest.mark.parametrize("status", [200, 422])
@pytest.mark.parametrize("call", WRITES)
def test_no_error_shows_what_was_sent_once_it_is_masked(call: str, status: int) -> None:
    token = hashlib.md5(b"the app secret").hexdigest()
    secrets = [token, PASSWORD, "the app secret", "the default password"]
    details = [USER.key, NAME, PHONE, EMAIL, USER.external_id]
    told = " | ".join([token, PASSWORD, *details, "13911112222", "other@example.com", "+86 139-1111-2222"])
    error = failure(call, http_json({"status": f"bad {NAME}", "message": told}, status))
    mask(error, [*connector_to("http://127.0.0.1:9").secrets(), USER.external_id, USER.key, *values_of(USER.payload)])
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    hidden = [*secrets, "13911112222", "other@example.com", "139-1111-2222", *details]
    assert [value for value in hidden if value in shown] == []


def test_the_connector_does_not_show_its_secrets() -> None:
    connector = connector_to("http://127.0.0.1:9")
    assert "secret" not in repr(connector)
