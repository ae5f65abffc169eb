"""Each fault of the sandbox as a client meets it."""

import hashlib
import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from thirdparty.sandbox.client import SandboxControl
from thirdparty.sandbox.process import SandboxProcess

HEADERS = {"Content-Type": "application/json", "authToken": hashlib.md5(b"sandbox-secret").hexdigest()}
ANNA = {"username": "anna1", "password": "0" * 32}
PATIENCE_SECONDS = 0.3


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxProcess]:
    with SandboxProcess("--control-port", "0") as process:
        yield process


@pytest.fixture
def sandbox(running: SandboxProcess) -> SandboxProcess:
    running.control.reset()
    return running


@pytest.fixture
def control(sandbox: SandboxProcess) -> SandboxControl:
    return sandbox.control


def add(sandbox: SandboxProcess, **options: Any) -> requests.Response:
    options = {"timeout": 5, "allow_redirects": False} | options
    return requests.post(f"{sandbox.url}/user/add", json.dumps(ANNA), headers=HEADERS, **options)


@contextmanager
def adding(sandbox: SandboxProcess) -> Iterator[http.client.HTTPConnection]:
    parts = urlsplit(sandbox.url)
    with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)) as connection:
        connection.request("POST", "/user/add", json.dumps(ANNA), HEADERS)
        yield connection


def eventually(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until, "it did not come true within 10 seconds"
        time.sleep(0.01)


def applied(control: SandboxControl) -> bool:
    return len(control.users()) == 1


STATUSES = ["400", "401", "403", "404", "405", "408", "409", "413", "415", "422", "425", "429"]


@pytest.mark.parametrize("status", [*STATUSES, "500", "502", "503", "504"])
def test_an_http_error_is_answered_and_nothing_applied(
    sandbox: SandboxProcess, control: SandboxControl, status: str
) -> None:
    control.faults(rates={status: 1})
    assert add(sandbox).status_code == int(status)
    (entry,) = control.ledger()
    assert (entry["fault"], entry["http"], entry["status"], applied(control)) == (status, int(status), None, False)
    assert control.stats()["faults"] == {status: 1}


def test_the_group_5xx_answers_one_of_four(sandbox: SandboxProcess, control: SandboxControl) -> None:
    control.faults(**{"5xx": True})
    assert add(sandbox).status_code in (500, 502, 503, 504)


@pytest.mark.parametrize(("given", "sent"), [(2, "2"), (0.5, "0.5"), ("Fri, 31 Dec 2100 23:59:59 GMT",) * 2])
@pytest.mark.parametrize("status", ["425", "429", "503"])
def test_retry_after_is_sent_as_given(
    sandbox: SandboxProcess, control: SandboxControl, status: str, given: object, sent: str
) -> None:
    control.faults(rates={status: 1}, retry_after=given)
    assert add(sandbox).headers["Retry-After"] == sent


@pytest.mark.parametrize("status", ["busy", "invalid", "unknown_status"])
def test_a_business_status_is_answered_and_nothing_applied(
    sandbox: SandboxProcess, control: SandboxControl, status: str
) -> None:
    control.faults(rates={status: 1})
    assert (add(sandbox).json()["status"], applied(control)) == (status, False)


def test_apply_then_500_applies_first(sandbox: SandboxProcess, control: SandboxControl) -> None:
    control.faults(apply_then_500=True)
    assert (add(sandbox).status_code, applied(control)) == (500, True)


@pytest.mark.parametrize(("fault", "takes_effect"), [("cut", False), ("apply_then_cut", True)])
def test_a_cut_connection_closes_without_an_answer(
    sandbox: SandboxProcess, control: SandboxControl, *, fault: str, takes_effect: bool
) -> None:
    control.faults(rates={fault: 1})
    with adding(sandbox) as connection, pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()
    assert (applied(control), control.ledger()[0]["http"]) == (takes_effect, None)


def test_a_connection_can_be_cut_in_the_middle_of_the_body(sandbox: SandboxProcess, control: SandboxControl) -> None:
    control.faults(apply_then_cut_body=True)
    with adding(sandbox) as connection, pytest.raises(http.client.IncompleteRead):
        connection.getresponse().read()
    assert applied(control)


@pytest.mark.parametrize(("fault", "takes_effect"), [("hang", False), ("apply_then_hang", True)])
def test_a_hanging_request_is_never_answered(
    sandbox: SandboxProcess, control: SandboxControl, *, fault: str, takes_effect: bool
) -> None:
    control.faults(rates={fault: 1})
    with pytest.raises(requests.ReadTimeout):
        add(sandbox, timeout=PATIENCE_SECONDS)
    assert (applied(control), control.ledger()[0]["http"]) == (takes_effect, None)
    eventually(lambda: control.stats()["in_flight"] == 0)


def test_a_late_application_takes_effect_after_the_client_has_gone(
    sandbox: SandboxProcess, control: SandboxControl
) -> None:
    control.faults(late_apply=True, late_seconds=0.5)
    with pytest.raises(requests.ReadTimeout):
        add(sandbox, timeout=0.1)
    eventually(lambda: applied(control))
    assert control.stats()["late"] == {"pending": 0, "done": 1}


def test_a_late_application_can_answer_504_at_once(sandbox: SandboxProcess, control: SandboxControl) -> None:
    control.faults(late_apply=True, late_seconds=60, late_answer="504")
    assert (add(sandbox).status_code, applied(control)) == (504, False)
    assert control.stats()["late"] == {"pending": 1, "done": 0}


def test_a_request_waits_for_the_latency_and_is_applied_though_its_client_left(
    sandbox: SandboxProcess, control: SandboxControl
) -> None:
    control.faults(latency_seconds=1, latency_jitter_seconds=0.1)
    with pytest.raises(requests.ReadTimeout):
        add(sandbox, timeout=0.1)
    eventually(lambda: applied(control))
    assert control.ledger()[0]["http"] is None


@pytest.mark.parametrize("applies", [True, False])
@pytest.mark.parametrize("fault", ["bad_json", "wrong_shape", "missing_data", "html"])
def test_a_garbled_answer_is_a_200_that_says_nothing(
    sandbox: SandboxProcess, control: SandboxControl, *, fault: str, applies: bool
) -> None:
    control.faults(rates={fault: 1}, apply_before_garbage=applies)
    response = add(sandbox)
    assert (response.status_code, applied(control)) == (200, applies)
    try:
        body = response.json()
    except requests.JSONDecodeError:
        assert fault in ("bad_json", "html")
    else:
        assert "data" not in body


@pytest.mark.parametrize(("fault", "headers_arrive"), [("slow_headers", False), ("slow_body", True)])
def test_a_slow_answer_drips_byte_by_byte(
    sandbox: SandboxProcess, control: SandboxControl, *, fault: str, headers_arrive: bool
) -> None:
    control.faults(rates={fault: 1}, drip_seconds=0.05)
    with adding(sandbox) as connection:
        assert isinstance(connection.sock, socket.socket)
        chunks = [connection.sock.recv(65536) for _ in range(4)]
    assert (b"\r\n\r\n" in chunks[0]) == headers_arrive
    assert not chunks[-1].endswith(b"}")
    assert applied(control)


def test_a_slow_answer_is_whole_in_the_end(sandbox: SandboxProcess, control: SandboxControl) -> None:
    control.faults(slow_drip=True, drip_seconds=0)
    assert add(sandbox).json()["data"] == "r1"


def test_a_giant_body_has_the_size_that_was_asked_for(sandbox: SandboxProcess, control: SandboxControl) -> None:
    control.faults(giant_body=True, giant_bytes=5_000_000)
    response = add(sandbox)
    assert (len(response.json()["message"]), response.json()["data"]) == (5_000_000, "r1")


def test_a_gzip_bomb_is_small_on_the_wire_and_huge_unpacked(sandbox: SandboxProcess, control: SandboxControl) -> None:
    control.faults(gzip_bomb=True)
    response = add(sandbox, stream=True)
    assert response.headers["Content-Encoding"] == "gzip"
    assert int(response.headers["Content-Length"]) < 500_000
    assert sum(len(chunk) for chunk in response.iter_content(1 << 20)) > 100_000_000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_leads_into_a_trap_that_the_ledger_shows(
    sandbox: SandboxProcess, control: SandboxControl, status: int
) -> None:
    control.faults(redirect=True, redirect_status=status)
    assert add(sandbox).status_code == status
    assert control.stats()["requests"] == {"add": 1}
    assert add(sandbox, allow_redirects=True).json()["status"] == "ok"
    assert (control.ledger()[-1]["path"], applied(control)) == ("/redirected", False)


def test_user_exists_can_hide_the_id(sandbox: SandboxProcess, control: SandboxControl) -> None:
    control.faults(user_exists_without_id=True)
    assert add(sandbox).json()["data"] == "r1"
    assert add(sandbox).json()["data"] is None
    assert [entry.get("fault") for entry in control.ledger()] == [None, None, "user_exists_without_id"]


def test_faults_can_be_for_a_username_whose_later_calls_name_only_the_id(
    sandbox: SandboxProcess, control: SandboxControl
) -> None:
    control.faults(busy=True, only={"usernames": ["anna1"], "calls": ["update"]})
    assert add(sandbox).json()["status"] == "ok"
    url = f"{sandbox.url}/user/update"
    body = json.dumps({"userId": "r1", "name": "Anna"})
    assert requests.post(url, body, headers=HEADERS, timeout=5).json()["status"] == "busy"


def test_faults_can_be_for_the_first_requests_only(sandbox: SandboxProcess, control: SandboxControl) -> None:
    control.faults(busy=True, only={"first": 2})
    assert [add(sandbox).json()["status"] for _ in range(3)] == ["busy", "busy", "ok"]


def test_refuse_closes_the_business_port_and_heal_opens_it(sandbox: SandboxProcess, control: SandboxControl) -> None:
    parts = urlsplit(sandbox.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as idle:
        control.faults(refuse=True)
        with pytest.raises(ConnectionResetError):
            idle.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((parts.hostname, parts.port), timeout=5)
    control.heal()
    assert add(sandbox).status_code == 200
    assert control.stats()["requests"] == {"add": 1}


def test_some_connections_can_be_refused(sandbox: SandboxProcess, control: SandboxControl) -> None:
    control.faults(refuse=0.5)
    refused = 0
    for _ in range(60):
        try:
            add(sandbox)
        except requests.ConnectionError:
            refused += 1
    assert 0 < refused < 60
    assert control.stats()["requests"] == {"add": 60 - refused}


def test_with_a_single_port_refuse_resets_business_calls_and_control_still_answers() -> None:
    with SandboxProcess() as sandbox:
        sandbox.control.faults(refuse=True)
        with adding(sandbox) as connection, pytest.raises(ConnectionResetError):
            connection.getresponse()
        assert sandbox.control.ledger() == []
        sandbox.control.heal()
        assert add(sandbox).status_code == 200


def test_the_control_port_takes_no_business_calls(sandbox: SandboxProcess) -> None:
    response = requests.post(f"{sandbox.control_url}/user/add", json.dumps(ANNA), headers=HEADERS, timeout=5)
    assert (response.status_code, sandbox.control.ledger()) == (404, [])
