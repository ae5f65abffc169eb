"""The way to a target through a forward proxy."""

from __future__ import annotations

import base64
import contextlib
import itertools
import socket
import threading
import traceback
from pathlib import Path

import pytest

from tests.unit.calling import SECRET, SHORT, failure_of, post, session_to
from tests.unit.certificates import make_certificate, server_context
from tests.unit.rawserver import Behaviour, RawServer, answers, http, serving
from thirdparty.connectors.errors import AccessDenied, OutcomeUnknown, Transient
from thirdparty.connectors.http.proxy import Proxy
from thirdparty.connectors.http.session import NOTHING_SENT

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\nVia: a proxy\r\n\r\n"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"), "server")


def through(server: RawServer, credentials: str = "") -> Proxy:
    return Proxy("127.0.0.1", server.port, credentials)


def read_head(server: RawServer, connection: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    server.requests.append(head)
    return head


def carries(server: RawServer, connection: socket.socket, reply: bytes = ESTABLISHED) -> None:
    """What a proxy does after CONNECT: it passes on whatever comes, in both directions."""
    host, _, port = read_head(server, connection).split()[1].decode().rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port))) as target:
        connection.sendall(reply)
        back = threading.Thread(target=pump, args=(target, connection), daemon=True)
        back.start()
        pump(connection, target)
        back.join()


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


def test_a_target_with_tls_is_reached_through_a_tunnel_and_the_proxy_reads_nothing(pem: Path) -> None:
    with serving(answers(http(200, b"fine")), server_context(pem)) as target, serving(carries) as proxy:
        session = session_to(target.url, ca_bundle=str(pem), proxy=through(proxy, "me:word"))
        assert [post(session).body for _ in range(2)] == [b"fine", b"fine"]
    assert (proxy.connections, target.connections) == (1, 1)
    [connect] = proxy.requests
    assert connect.startswith(
        f"CONNECT 127.0.0.1:{target.port} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n".encode()
    )
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"me:word") in connect
    assert SECRET.encode() not in connect
    assert b"proxy-authorization" not in target.requests[0].lower()
    assert target.requests[0].startswith(b"POST /path HTTP/1.1\r\n")


def test_a_tunnel_begins_after_interim_answers_too(pem: Path) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    with (
        serving(answers(http(200, b"fine")), server_context(pem)) as target,
        serving(lambda server, connection: carries(server, connection, interim + ESTABLISHED)) as proxy,
    ):
        assert post(session_to(target.url, ca_bundle=str(pem), proxy=through(proxy))).body == b"fine"


def test_the_certificate_is_checked_through_a_tunnel_too(pem: Path) -> None:
    with serving(answers(http(200, b"fine")), server_context(pem)) as target, serving(carries) as proxy:
        failure = failure_of(session_to(target.url, proxy=through(proxy)))
    assert isinstance(failure, AccessDenied)
    assert (failure.reason, target.requests) == ("tls", [])


def test_a_target_without_tls_is_asked_for_by_its_whole_address() -> None:
    with serving(answers(http(200, b"fine"))) as proxy:
        session = session_to("http://partner.example:81/base", proxy=through(proxy, "me:word"))
        assert post(session).body == b"fine"
    head = proxy.requests[0].partition(b"\r\n\r\n")[0]
    assert head.startswith(b"POST http://partner.example:81/base/path HTTP/1.1\r\n")
    assert b"\r\nHost: partner.example:81\r\n" in head
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"me:word") in head


def answering(reply: bytes) -> Behaviour:
    def behaviour(server: RawServer, connection: socket.socket) -> None:
        read_head(server, connection)
        connection.sendall(reply)
        connection.shutdown(socket.SHUT_WR)
        server.hold()

    return behaviour


@pytest.mark.parametrize("status", [301, 400, 403, 407, 451])
def test_a_tunnel_that_is_forbidden_is_a_refusal_and_nothing_was_sent(status: int) -> None:
    with serving(answering(http(status, b"no"))) as proxy:
        failure = failure_of(session_to("https://partner.example", proxy=through(proxy)))
    assert isinstance(failure, AccessDenied)
    assert failure.reason == "proxy"
    assert f"HTTP {status}" in failure.message


@pytest.mark.parametrize(
    "reply",
    [http(502), http(503), http(504), b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000],
)
def test_a_tunnel_that_cannot_be_had_now_means_nothing_was_sent(reply: bytes) -> None:
    with serving(answering(reply)) as proxy:
        failure = failure_of(session_to("https://partner.example", proxy=through(proxy)))
    assert type(failure) is Transient
    assert failure.reason == "proxy"
    assert failure.reason in NOTHING_SENT


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 Conn", ESTABLISHED])
def test_a_proxy_that_hangs_up_before_or_after_its_answer_means_nothing_was_sent(reply: bytes) -> None:
    def behaviour(server: RawServer, connection: socket.socket) -> None:
        read_head(server, connection)
        connection.sendall(reply)

    with serving(behaviour) as proxy:
        failure = failure_of(session_to("https://partner.example", proxy=through(proxy)))
    assert type(failure) is Transient
    assert failure.reason in NOTHING_SENT


def dripping(server: RawServer, connection: socket.socket) -> None:
    read_head(server, connection)
    server.drip(connection, itertools.chain([b"HTTP/1.1 200 OK\r\nX: "], itertools.repeat(b"x")))


def endless_interim_answers(server: RawServer, connection: socket.socket) -> None:
    read_head(server, connection)
    server.drip(connection, itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"))


def silent(server: RawServer, connection: socket.socket) -> None:
    read_head(server, connection)
    server.hold()


def silent_in_the_tunnel(server: RawServer, connection: socket.socket) -> None:
    read_head(server, connection)
    connection.sendall(ESTABLISHED)
    server.hold()


@pytest.mark.parametrize("behaviour", [dripping, endless_interim_answers, silent, silent_in_the_tunnel])
def test_a_call_ends_in_time_and_with_nothing_sent_whatever_the_proxy_does(behaviour: Behaviour) -> None:
    with serving(behaviour) as proxy:
        failure = failure_of(session_to("https://partner.example", proxy=through(proxy)), SHORT)
        assert not proxy.reached_its_end
    assert type(failure) is Transient
    assert failure.reason == "connect_timeout"


def test_an_answer_that_is_lost_in_the_tunnel_is_an_unknown_outcome(pem: Path) -> None:
    def takes_the_request(server: RawServer, connection: socket.socket) -> None:
        server.read_request(connection)

    with serving(takes_the_request, server_context(pem)) as target, serving(carries) as proxy:
        failure = failure_of(session_to(target.url, ca_bundle=str(pem), proxy=through(proxy)))
    assert isinstance(failure, OutcomeUnknown)
    assert failure.reason == "cut"


def test_the_deadline_holds_in_the_tunnel(pem: Path) -> None:
    def never_answers(server: RawServer, connection: socket.socket) -> None:
        server.read_request(connection)
        server.hold()

    with serving(never_answers, server_context(pem)) as target, serving(carries) as proxy:
        failure = failure_of(session_to(target.url, ca_bundle=str(pem), proxy=through(proxy)), SHORT)
        assert not target.reached_its_end
    assert isinstance(failure, OutcomeUnknown)
    assert failure.reason == "timeout"


def test_a_proxy_that_does_not_listen_is_named_as_the_one_who_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    failure = failure_of(session_to("https://partner.example", proxy=Proxy("127.0.0.1", port)))
    assert type(failure) is Transient
    assert failure.reason == "refused"
    assert "the proxy" in failure.message


def test_credentials_for_the_proxy_show_nowhere() -> None:
    with serving(answering(http(407))) as proxy:
        session = session_to("https://partner.example", proxy=through(proxy, "me:word"))
        failure = failure_of(session)
    shown = "".join(traceback.format_exception(failure)) + repr(failure) + repr(through(proxy, "me:word"))
    assert "word" not in shown
    assert base64.b64encode(b"me:word").decode() not in shown
