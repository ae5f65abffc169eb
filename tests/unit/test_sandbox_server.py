"""The sandbox as seen on the wire: the contract, the control calls, and a life after kill -9."""

import hashlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from thirdparty.sandbox.client import SandboxControl
from thirdparty.sandbox.process import SandboxProcess

TOKEN = hashlib.md5(b"sandbox-secret").hexdigest()
HEADERS = {"Content-Type": "application/json; charset=utf-8", "authToken": TOKEN}
ANNA = {
    "username": "anna1",
    "password": "0" * 32,
    "name": "Anna",
    "phone": "1",
    "email": "anna@example.com",
    "roleIds": ["7"],
    "externalId": "e1",
    "version": 3,
}


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxProcess]:
    with SandboxProcess() as process:
        yield process


@pytest.fixture
def sandbox(running: SandboxProcess) -> SandboxProcess:
    running.control.reset()
    return running


@pytest.fixture
def control(sandbox: SandboxProcess) -> SandboxControl:
    return sandbox.control


def call(sandbox: SandboxProcess, name: str, body: object, **headers: str) -> requests.Response:
    return requests.post(
        f"{sandbox.url}/user/{name}",
        json.dumps(body),
        headers={**HEADERS, **headers},
        timeout=5,
        allow_redirects=False,
    )


def answer(sandbox: SandboxProcess, name: str, body: object, **headers: str) -> dict[str, Any]:
    response = call(sandbox, name, body, **headers)
    assert response.status_code == 200
    return dict(response.json())


def eventually(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until, "it did not come true within 10 seconds"
        time.sleep(0.01)


def raw(sandbox: SandboxProcess) -> socket.socket:
    parts = urlsplit(sandbox.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=5)


def raw_request(name: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    head = f"POST /user/{name} HTTP/1.1\r\nHost: x\r\nauthToken: {TOKEN}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def test_a_user_can_be_added_queried_updated_listed_and_deleted(sandbox: SandboxProcess) -> None:
    held = {word: value for word, value in ANNA.items() if word != "password"} | {"userId": "r1"}
    assert answer(sandbox, "add", ANNA) == {"status": "ok", "data": "r1", "message": ""}
    assert answer(sandbox, "query", {"externalId": "e1"})["data"] == held
    assert answer(sandbox, "update", {"userId": "r1", "name": "安娜", "version": 4})["data"] == "r1"
    listed = answer(sandbox, "list", {"cursor": None, "limit": 10})["data"]
    assert listed == {"users": [held | {"name": "安娜", "version": 4}], "next": None}
    assert answer(sandbox, "delete", {"userId": "r1"}) == {"status": "ok", "data": None, "message": ""}
    assert answer(sandbox, "delete", {"userId": "r1"})["status"] == "user_not_found"


def test_a_registered_username_is_user_exists_with_its_id(sandbox: SandboxProcess) -> None:
    answer(sandbox, "add", ANNA)
    assert {**answer(sandbox, "add", ANNA), "message": ""} == {"status": "user_exists", "data": "r1", "message": ""}


def test_a_version_that_is_not_above_the_stored_one_is_stale(sandbox: SandboxProcess) -> None:
    answer(sandbox, "add", ANNA)
    assert answer(sandbox, "update", {"userId": "r1", "version": 3})["status"] == "stale"


def test_a_repeated_idempotency_key_applies_nothing_twice(sandbox: SandboxProcess, control: SandboxControl) -> None:
    first = answer(sandbox, "add", ANNA, **{"Idempotency-Key": "k"})
    assert answer(sandbox, "add", ANNA, **{"Idempotency-Key": "k"}) == first
    assert control.stats()["effects"] == {"created": 1}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("add", {}),
        ("add", {**ANNA, "username": ""}),
        ("add", {**ANNA, "username": "x" * 65}),
        ("add", {**ANNA, "username": None}),
        ("add", {**ANNA, "password": "open sesame"}),
        ("add", {**ANNA, "phone": 1}),
        ("add", {**ANNA, "roleIds": "7"}),
        ("add", {**ANNA, "roleIds": [7]}),
        ("add", {**ANNA, "version": "3"}),
        ("add", {**ANNA, "version": True}),
        ("add", {**ANNA, "nickname": "Anni"}),
        ("add", []),
        ("add", None),
        ("update", {"name": "Anna"}),
        ("update", {"userId": "r1", "password": "0" * 32}),
        ("delete", {"userId": 1}),
        ("query", {}),
        ("query", {"userId": "r1", "username": "anna1"}),
        ("list", {"cursor": "next please"}),
        ("list", {"limit": 0}),
    ],
)
def test_a_body_that_is_not_as_the_contract_says_is_invalid(sandbox: SandboxProcess, name: str, body: object) -> None:
    assert answer(sandbox, name, body)["status"] == "invalid"
    assert sandbox.control.users() == []


@pytest.mark.parametrize("content", ["{", "", '{"username": NaN}', "[" * 100_000, b'{"username": "\xff"}'])
def test_a_body_that_is_not_json_is_400(sandbox: SandboxProcess, content: str | bytes) -> None:
    assert requests.post(f"{sandbox.url}/user/add", content, headers=HEADERS, timeout=5).status_code == 400


@pytest.mark.parametrize("kind", ["text/plain", "", "application/json; charset=gbk"])
def test_another_content_type_is_415(sandbox: SandboxProcess, kind: str) -> None:
    assert call(sandbox, "add", ANNA, **{"Content-Type": kind}).status_code == 415


@pytest.mark.parametrize("token", ["", "sandbox-secret", TOKEN.upper()])
def test_another_token_is_401_and_never_in_the_ledger(
    sandbox: SandboxProcess, control: SandboxControl, token: str
) -> None:
    assert call(sandbox, "add", ANNA, authToken=token).status_code == 401
    (entry,) = control.ledger()
    assert (entry["token_ok"], entry["http"], entry["status"]) == (False, 401, None)
    assert TOKEN.upper() not in json.dumps(entry)


def test_other_methods_are_405_and_other_paths_404(sandbox: SandboxProcess) -> None:
    assert requests.get(f"{sandbox.url}/user/add", headers=HEADERS, timeout=5).status_code == 405
    assert call(sandbox, "promote", ANNA).status_code == 404


def test_a_body_over_a_mebibyte_is_413_and_the_connection_goes_on(sandbox: SandboxProcess) -> None:
    with requests.Session() as session:
        session.headers.update(HEADERS)
        assert session.post(f"{sandbox.url}/user/add", b" " * (1 << 20) + b" ", timeout=5).status_code == 413
        assert session.post(f"{sandbox.url}/user/add", json.dumps(ANNA), timeout=5).status_code == 200


@pytest.mark.parametrize("name", ["query", "list"])
def test_a_capability_that_is_off_is_404(sandbox: SandboxProcess, control: SandboxControl, name: str) -> None:
    control.faults(capabilities=[])
    assert call(sandbox, name, {}).status_code == 404


def test_capabilities_stay_when_faults_are_healed(control: SandboxControl) -> None:
    control.faults(capabilities=["list"], unique_usernames=False)
    control.heal()
    assert (control.switches()["capabilities"], control.switches()["unique_usernames"]) == (["list"], False)


def test_pipelined_requests_are_answered_in_their_order(sandbox: SandboxProcess, control: SandboxControl) -> None:
    control.faults(latency_seconds=0.05, only={"calls": ["add"]})
    with raw(sandbox) as client:
        client.sendall(raw_request("add", ANNA) + raw_request("query", {"username": "anna1"}) * 40)
        received = b""
        while received.count(b'{"status"') < 41:
            piece = client.recv(65536)
            assert piece, f"closed after {received!r}"
            received += piece
    answers = [json.loads(part.split(b"\r\n\r\n")[1]) for part in received.split(b"HTTP/1.1 200 OK")[1:]]
    assert answers[0]["data"] == "r1"
    assert {one["data"]["userId"] for one in answers[1:]} == {"r1"}


def test_a_request_may_arrive_byte_by_byte(sandbox: SandboxProcess) -> None:
    with raw(sandbox) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in raw_request("add", ANNA):
            client.send(bytes([byte]))
        assert b'"status":"ok"' in client.recv(65536)


def test_what_is_not_http_is_400_and_closed(sandbox: SandboxProcess) -> None:
    with raw(sandbox) as client:
        client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 400 ")
        assert client.recv(1) == b""


def test_the_ledger_tells_requests_and_effects_in_order(sandbox: SandboxProcess, control: SandboxControl) -> None:
    answer(sandbox, "add", ANNA, **{"Idempotency-Key": "k"})
    answer(sandbox, "delete", {"userId": "r1"})
    add, created, delete, deleted = control.ledger()
    assert {**add, "at": 0, "answered_at": 0} == {
        "seq": 1,
        "at": 0,
        "kind": "request",
        "call": "add",
        "method": "POST",
        "path": "/user/add",
        "token_ok": True,
        "password_sent": True,
        "user_id": None,
        "username": "anna1",
        "external_id": "e1",
        "version": 3,
        "idempotency_key": "k",
        "body": {word: value for word, value in ANNA.items() if word != "password"},
        "status": "ok",
        "http": 200,
        "fault": None,
        "answered_at": 0,
    }
    assert (created["seq"], created["request"], created["effect"]) == (2, 1, "created")
    assert created["record"]["username"] == "anna1"
    assert (delete["username"], delete["external_id"], delete["password_sent"]) == ("anna1", "e1", False)
    assert (deleted["effect"], deleted["record"]) == ("deleted", created["record"])
    assert control.ledger(after=3) == [deleted]


def test_the_operator_works_behind_everybodys_back(sandbox: SandboxProcess, control: SandboxControl) -> None:
    assert control.create(username="bert2")["userId"] == "r1"
    assert control.edit("r1", phone="9")["phone"] == "9"
    assert [user["phone"] for user in control.users()] == ["9"]
    assert control.delete("r1")["username"] == "bert2"
    assert [(entry["call"], entry["effect"], entry["request"]) for entry in control.ledger()] == [
        ("operator", "created", None),
        ("operator", "updated", None),
        ("operator", "deleted", None),
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "http"),
    [
        ("POST", "faults", {"explode": 1}, 400),
        ("POST", "users", {}, 400),
        ("POST", "users", {"username": "anna1", "userId": "r9"}, 400),
        ("POST", "users", {"username": "anna1"}, 409),
        ("POST", "users/r9", {}, 404),
        ("DELETE", "users/r9", None, 404),
        ("GET", "users/r9", None, 404),
        ("GET", "ledger?after=x", None, 400),
        ("GET", "secrets", None, 404),
        ("PUT", "users", {}, 404),
    ],
)
def test_a_wrong_control_call_is_refused_with_a_reason(
    sandbox: SandboxProcess, method: str, path: str, body: object, http: int
) -> None:
    answer(sandbox, "add", ANNA)
    response = requests.request(method, f"{sandbox.url}/_sandbox/{path}", json=body, timeout=5)
    assert (response.status_code, bool(response.json()["error"])) == (http, True)


def test_the_page_shows_the_ledger_and_escapes_it(sandbox: SandboxProcess) -> None:
    answer(sandbox, "add", {**ANNA, "username": "<b>"})
    page = requests.get(f"{sandbox.url}/_sandbox/", timeout=5)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "&lt;b&gt;" in page.text
    assert "<b>" not in page.text


def test_a_reset_drops_the_requests_in_flight(sandbox: SandboxProcess, control: SandboxControl) -> None:
    control.faults(hang=True)
    with raw(sandbox) as client:
        client.sendall(raw_request("add", ANNA))
        eventually(lambda: control.stats()["in_flight"] == 1)
        control.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert (control.stats()["in_flight"], control.ledger(), control.switches()["rates"]) == (0, [], {})


def test_another_secret_gives_another_token() -> None:
    with SandboxProcess("--secret", "other") as sandbox:
        assert call(sandbox, "add", ANNA).status_code == 401
        token = hashlib.md5(b"other").hexdigest()
        assert call(sandbox, "add", ANNA, authToken=token).status_code == 200


def test_capabilities_and_shared_usernames_can_be_chosen_at_the_start() -> None:
    with SandboxProcess("--capabilities", "query", "--shared-usernames") as sandbox:
        switches = sandbox.control.switches()
    assert (switches["capabilities"], switches["unique_usernames"]) == (["query"], False)


def test_sigterm_ends_it_cleanly() -> None:
    sandbox = SandboxProcess()
    assert sandbox.stop() == 0


def test_a_port_that_is_taken_is_an_error_at_the_start(sandbox: SandboxProcess) -> None:
    with pytest.raises(RuntimeError, match="ended with 1"):
        SandboxProcess("--port", sandbox.url.rpartition(":")[2])


def test_records_ledger_and_switches_survive_a_kill(tmp_path: Path) -> None:
    with SandboxProcess("--state", str(tmp_path / "state")) as sandbox:
        answer(sandbox, "add", ANNA)
        sandbox.control.faults(busy=True)
        assert answer(sandbox, "add", {**ANNA, "username": "bert2"})["status"] == "busy"
        before = sandbox.control.users(), sandbox.control.ledger(), sandbox.control.switches()
        sandbox.kill()
        sandbox.restart()
        assert (sandbox.control.users(), sandbox.control.ledger(), sandbox.control.switches()) == before


def test_a_request_in_flight_when_killed_is_in_the_ledger_and_not_applied(tmp_path: Path) -> None:
    with SandboxProcess("--state", str(tmp_path / "state")) as sandbox:
        sandbox.control.faults(latency_seconds=60)
        with raw(sandbox) as client:
            client.sendall(raw_request("add", ANNA))
            eventually(lambda: sandbox.control.stats()["in_flight"] == 1)
            sandbox.kill()
        sandbox.restart()
        (entry,) = sandbox.control.ledger()
        assert (entry["kind"], entry["http"], sandbox.control.users()) == ("request", None, [])


def test_a_late_application_happens_even_after_a_kill(tmp_path: Path) -> None:
    with SandboxProcess("--state", str(tmp_path / "state")) as sandbox:
        sandbox.control.faults(late_apply=True, late_answer="504", late_seconds=1)
        assert call(sandbox, "add", ANNA).status_code == 504
        sandbox.kill()
        sandbox.restart()
        eventually(sandbox.control.users)
        request, effect = sandbox.control.ledger()
        assert (request["http"], effect["request"], effect["effect"]) == (504, request["seq"], "created")
        assert sandbox.control.stats()["late"] == {"pending": 0, "done": 1}
