"""The HTTP client against servers that behave, and servers that do not."""

from __future__ import annotations

import errno
import itertools
import os
import socket
import ssl
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.unit.calling import PATIENT, SECRET, SHORT, failure_of, post, session_to
from tests.unit.certificates import make_certificate, server_context
from tests.unit.rawserver import Behaviour, RawServer, answers, http, reset, serving
from thirdparty.connectors.errors import AccessDenied, OutcomeUnknown, Transient
from thirdparty.connectors.http.answer_parser import MAX_ANSWER_BYTES
from thirdparty.connectors.http.deadline import DeadlineSocket
from thirdparty.connectors.http.session import Answer

# What it sends


def test_a_post_carries_its_headers_and_body_and_asks_for_no_compression() -> None:
    with serving(answers(http(200, b"fine", "X-Any: 1"))) as server:
        answer = post(session_to(server.url + "/base"))
    assert (answer.status, answer.body, answer.headers["x-any"]) == (200, b"fine", "1")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /base/path HTTP/1.1\r\n")
    assert b"authToken: " + SECRET.encode() in head
    assert head.lower().count(b"accept-encoding:") == 1
    assert b"Accept-Encoding: identity" in head
    assert b"chunked" not in head
    assert body == SECRET.encode()


def test_a_proxy_and_a_netrc_in_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(answers(http(200, b"fine"))) as server:
        assert post(session_to(server.url)).body == b"fine"
    assert b"authorization" not in server.requests[0].lower()


def test_an_answer_of_any_status_is_handed_over_and_never_asked_for_again() -> None:
    with serving(answers(http(503, b"", "Retry-After: 1"))) as server:
        assert post(session_to(server.url)).status == 503
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_handed_over_and_not_followed(status: int) -> None:
    with (
        serving(answers(http(200, b"elsewhere"))) as elsewhere,
        serving(answers(http(status, b"", f"Location: {elsewhere.url}/"))) as server,
    ):
        assert post(session_to(server.url)).status == status
    assert elsewhere.requests == []


def test_cookies_are_not_kept() -> None:
    with serving(answers(http(200, b"", "Set-Cookie: a=b"))) as server:
        session = session_to(server.url)
        post(session)
        post(session)
    assert b"cookie" not in server.requests[1].lower()


# One total deadline


def slow_headers(server: RawServer, connection: socket.socket) -> None:
    server.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    server.drip(connection, itertools.repeat(b"x"))


def slow_status_line(server: RawServer, connection: socket.socket) -> None:
    server.read_request(connection)
    server.drip(connection, itertools.chain((bytes([octet]) for octet in b"HTTP/1.1 200 "), itertools.repeat(b"K")))


def slow_body(server: RawServer, connection: socket.socket) -> None:
    server.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    server.drip(connection, itertools.repeat(b"x"))


def slow_chunks(server: RawServer, connection: socket.socket) -> None:
    server.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    server.drip(connection, itertools.repeat(b"1\r\nx\r\n"))


def endless_interim_answers(server: RawServer, connection: socket.socket) -> None:
    server.read_request(connection)
    server.drip(connection, itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"))


def silence(server: RawServer, connection: socket.socket) -> None:
    server.read_request(connection)
    server.hold()


def half_an_answer(server: RawServer, connection: socket.socket) -> None:
    server.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    server.hold()


@pytest.mark.parametrize(
    "behaviour",
    [slow_status_line, slow_headers, slow_body, slow_chunks, endless_interim_answers, silence, half_an_answer],
)
def test_a_call_ends_in_time_with_an_unknown_outcome_whatever_the_server_does(behaviour: Behaviour) -> None:
    with serving(behaviour) as server:
        failure = failure_of(session_to(server.url), SHORT)
        assert not server.reached_its_end
    assert isinstance(failure, OutcomeUnknown)
    assert failure.reason == "timeout"


def test_a_server_that_stops_reading_a_large_request_is_an_unknown_outcome() -> None:
    with serving(lambda server, _: server.hold()) as server:
        with pytest.raises(OutcomeUnknown) as caught:
            session_to(server.url).send("POST", "/path", b"x" * 50_000_000, {}, timeout_seconds=SHORT)
        assert not server.reached_its_end
    assert caught.value.reason == "timeout"


def test_only_path_and_query_are_asked_for_however_the_address_is_spelt() -> None:
    with serving(answers(http(200, b"fine"))) as server:
        post(session_to(server.url.replace("http", "HTTP")))
    assert server.requests[0].startswith(b"POST /path HTTP/1.1")


def test_the_deadline_is_anew_for_every_call_on_a_kept_connection() -> None:
    with serving(answers(http(200, b"fine"))) as server:
        session = session_to(server.url)
        post(session, SHORT)
        server.stopped.wait(SHORT * 1.5)
        assert post(session, SHORT).body == b"fine"
    assert server.connections == 1


def fill_the_accept_queue(address: tuple[str, int]) -> list[socket.socket]:
    clients = []
    for _ in range(4):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(address)
        clients.append(client)
    return clients


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux drops connections to a full accept queue")
def test_a_host_that_swallows_packets_means_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        clients = fill_the_accept_queue(listener.getsockname())
        failure = failure_of(session_to(f"http://127.0.0.1:{listener.getsockname()[1]}"), SHORT)
        for client in clients:
            client.close()
    assert type(failure) is Transient
    assert failure.reason == "connect_timeout"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux drops connections to a full accept queue")
def test_an_address_that_swallows_packets_leaves_time_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answers(http(200, b"fine"))) as server, socket.socket() as silent:
        silent.bind(("127.0.0.2", 0))
        silent.listen(0)
        clients = fill_the_accept_queue(silent.getsockname())
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", silent.getsockname()),
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", server.port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
        assert post(session_to("http://partner.example"), 2.0).body == b"fine"
        for client in clients:
            client.close()


# Nothing was sent


def test_a_refused_connection_means_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    failure = failure_of(session_to(f"http://127.0.0.1:{port}"))
    assert type(failure) is Transient
    assert failure.reason == "refused"


def test_a_name_that_nobody_knows_means_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    failure = failure_of(session_to("http://partner.example"))
    assert type(failure) is Transient
    assert failure.reason == "dns"


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".example"])
def test_a_name_that_cannot_be_one_means_nothing_was_sent(host: str) -> None:
    failure = failure_of(session_to(f"http://{host}"))
    assert type(failure) is Transient
    assert failure.reason == "dns"


def test_a_connection_that_is_reset_while_it_opens_means_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def resets(*_args: object) -> None:
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    monkeypatch.setattr(DeadlineSocket, "connect", resets)
    failure = failure_of(session_to("http://127.0.0.1:9"))
    assert type(failure) is Transient
    assert failure.reason == "unreachable"


# Something was sent


def closes_after_the_request(server: RawServer, connection: socket.socket) -> None:
    server.read_request(connection)


def resets_after_the_request(server: RawServer, connection: socket.socket) -> None:
    server.read_request(connection)
    reset(connection)


def cuts_the_body(server: RawServer, connection: socket.socket) -> None:
    server.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")


def cuts_a_chunk(server: RawServer, connection: socket.socket) -> None:
    server.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nhalf")


def resets_in_the_body(server: RawServer, connection: socket.socket) -> None:
    server.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    reset(connection)


@pytest.mark.parametrize(
    "behaviour",
    [closes_after_the_request, resets_after_the_request, cuts_the_body, cuts_a_chunk, resets_in_the_body],
)
def test_a_connection_that_ends_before_a_complete_answer_is_an_unknown_outcome(behaviour: Behaviour) -> None:
    with serving(behaviour) as server:
        failure = failure_of(session_to(server.url))
    assert isinstance(failure, OutcomeUnknown)
    assert failure.reason == "cut"


def test_an_accepted_and_at_once_closed_connection_is_no_success_and_no_crash() -> None:
    # Whether the request left before the close is a race, and either error is right for its side of it.
    with serving(lambda _, connection: reset(connection)) as server:
        assert type(failure_of(session_to(server.url))) in (Transient, OutcomeUnknown)


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\nSSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 150,
    ],
)
def test_an_answer_that_is_no_http_answer_is_an_unknown_outcome(garbage: bytes) -> None:
    def behaviour(server: RawServer, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(garbage)
        connection.shutdown(socket.SHUT_WR)
        server.hold()

    with serving(behaviour) as server:
        failure = failure_of(session_to(server.url))
    assert isinstance(failure, OutcomeUnknown)
    assert failure.reason == "garbled"


def test_contradicting_lengths_are_an_unknown_outcome() -> None:
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"
    with serving(answers(response)) as server:
        failure = failure_of(session_to(server.url))
    assert isinstance(failure, OutcomeUnknown)
    assert failure.reason == "garbled"


def floods(server: RawServer, connection: socket.socket) -> None:
    server.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not server.stopped.is_set():
        connection.sendall(b"x" * 65536)


def floods_in_chunks(server: RawServer, connection: socket.socket) -> None:
    server.read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not server.stopped.is_set():
        connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


@pytest.mark.parametrize("behaviour", [floods, floods_in_chunks, answers(http(200, b"x" * (MAX_ANSWER_BYTES + 1)))])
def test_a_giant_answer_is_an_unknown_outcome(behaviour: Behaviour) -> None:
    with serving(behaviour) as server:
        failure = failure_of(session_to(server.url))
    assert isinstance(failure, OutcomeUnknown)
    assert failure.reason == "oversized"


def test_an_answer_of_exactly_the_largest_size_is_read() -> None:
    with serving(answers(http(200, b"x" * MAX_ANSWER_BYTES))) as server:
        assert len(post(session_to(server.url)).body) == MAX_ANSWER_BYTES


# Processes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_opens_its_own_connection() -> None:
    with serving(answers(http(200, b"fine"))) as server:
        session = session_to(server.url)
        post(session)
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if post(session).body == b"fine" else 1)
            finally:  # whatever it is, no second run of all tests
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        post(session)
    assert server.connections == 2


# TLS


@pytest.fixture(scope="module")
def server_pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"), "server")


def test_an_untrusted_certificate_is_a_refusal_and_nothing_is_sent(server_pem: Path) -> None:
    with serving(answers(http(200, b"fine")), server_context(server_pem)) as server:
        failure = failure_of(session_to(server.url))
    assert isinstance(failure, AccessDenied)
    assert (failure.reason, server.requests) == ("tls", [])


def test_a_certificate_of_the_configured_bundle_is_trusted_and_the_connection_kept(server_pem: Path) -> None:
    with serving(answers(http(200, b"fine")), server_context(server_pem)) as server:
        session = session_to(server.url, ca_bundle=str(server_pem))
        assert post(session).body == b"fine"
        assert post(session).body == b"fine"
    assert server.connections == 1


def test_a_trusted_certificate_of_another_host_is_a_refusal(tmp_path: Path) -> None:
    pem = make_certificate(tmp_path, "other", address="127.0.0.9")
    with serving(answers(http(200, b"fine")), server_context(pem)) as server:
        failure = failure_of(session_to(server.url, ca_bundle=str(pem)))
    assert isinstance(failure, AccessDenied)
    assert server.requests == []


def test_the_deadline_holds_under_tls_too(server_pem: Path) -> None:
    with serving(slow_headers, server_context(server_pem)) as server:
        failure = failure_of(session_to(server.url, ca_bundle=str(server_pem)), SHORT)
        assert not server.reached_its_end
    assert isinstance(failure, OutcomeUnknown)
    assert failure.reason == "timeout"


def test_a_server_that_stops_reading_under_tls_is_an_unknown_outcome_once_it_could_read_anything(
    server_pem: Path,
) -> None:
    with serving(lambda server, _: server.hold(), server_context(server_pem)) as server:
        session = session_to(server.url, ca_bundle=str(server_pem))
        with pytest.raises(OutcomeUnknown) as caught:
            session.send("POST", "/path", b"x" * 50_000_000, {}, timeout_seconds=SHORT)
    assert caught.value.reason == "timeout"


def test_a_cut_answer_under_tls_is_an_unknown_outcome(server_pem: Path) -> None:
    with serving(cuts_the_body, server_context(server_pem)) as server:
        failure = failure_of(session_to(server.url, ca_bundle=str(server_pem)))
    assert isinstance(failure, OutcomeUnknown)


def slow_handshake(server: RawServer, connection: socket.socket) -> None:
    # The head of a TLS record that announces 16 KB of handshake.
    server.drip(connection, itertools.chain([b"\x16\x03\x03\x40\x00"], itertools.repeat(b"\x02")))


def no_handshake(server: RawServer, _connection: socket.socket) -> None:
    server.hold()


@pytest.mark.parametrize("behaviour", [slow_handshake, no_handshake])
def test_a_handshake_that_does_not_end_means_nothing_was_sent(behaviour: Behaviour) -> None:
    with serving(behaviour) as server:
        failure = failure_of(session_to(server.url.replace("http:", "https:")), SHORT)
        assert not server.reached_its_end
    assert type(failure) is Transient
    assert failure.reason == "connect_timeout"


def closes_in_the_handshake(_server: RawServer, connection: socket.socket) -> None:
    connection.recv(65536)


def test_a_connection_closed_during_the_handshake_is_transient() -> None:
    with serving(closes_in_the_handshake) as server:
        failure = failure_of(session_to(server.url.replace("http:", "https:")))
    assert type(failure) is Transient


def test_a_server_that_speaks_no_tls_is_a_refusal() -> None:
    def plain(server: RawServer, connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(http(400, b"plain HTTP only"))
        server.hold()

    with serving(plain) as server:
        failure = failure_of(session_to(server.url.replace("http:", "https:")))
    assert isinstance(failure, AccessDenied)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_is_shown_and_its_absence_is_a_refusal(
    server_pem: Path, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    client_pem = make_certificate(tmp_path, "client")
    context = server_context(server_pem)
    context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(client_pem)
    with serving(answers(http(200, b"fine")), context) as server:
        known = session_to(server.url, ca_bundle=str(server_pem), client_cert=str(client_pem))
        assert post(known).body == b"fine"
        failure = failure_of(session_to(server.url, ca_bundle=str(server_pem)))
    assert isinstance(failure, AccessDenied)
    assert len(server.requests) == 1


@pytest.mark.parametrize("setting", ["ca_bundle", "client_cert"])
def test_an_unusable_certificate_file_is_named_at_start_up(setting: str, tmp_path: Path) -> None:
    file = tmp_path / "no.pem"
    file.write_text("no certificate")
    with pytest.raises(ImproperlyConfigured, match=f"TARGET_PARTNER_{setting.upper()}"):
        session_to("https://partner.example", **{setting: str(file)})


def test_an_encrypted_key_fails_at_start_up_instead_of_asking_at_the_terminal(
    server_pem: Path, tmp_path: Path
) -> None:
    encrypted = tmp_path / "encrypted.pem"
    command = ["openssl", "rsa", "-aes256", "-passout", "pass:secret", "-in", str(server_pem)]
    key = subprocess.run(command, check=True, capture_output=True).stdout
    encrypted.write_bytes(server_pem.read_bytes().partition(b"-----BEGIN PRIVATE KEY")[0] + key)
    with pytest.raises(ImproperlyConfigured, match="unencrypted key"):
        session_to("https://partner.example", client_cert=str(encrypted))


# Secrets


@pytest.mark.parametrize("behaviour", [closes_after_the_request, cuts_the_body, silence])
def test_an_error_leads_to_nothing_that_was_sent(behaviour: Behaviour) -> None:
    with serving(behaviour) as server:
        failure = failure_of(session_to(server.url), SHORT)
    shown = "".join(traceback.format_exception(failure)) + repr(failure) + repr(failure.args)
    assert SECRET not in shown
    assert (failure.__context__, failure.__cause__) == (None, None)


def test_an_answer_does_not_show_its_body() -> None:
    assert SECRET not in repr(Answer(200, {"X": SECRET}, SECRET.encode()))


# What cannot be written down


@pytest.mark.parametrize(
    "headers",
    [{"X": "a\r\nInjected: 1"}, {"X": "a\nb"}, {"X": "a\x00"}, {"X\r\nInjected": "1"}, {"": "1"}, {"X": "张"}],
)
def test_a_header_that_would_break_the_head_is_an_error_of_ours_and_nothing_is_sent(headers: dict[str, str]) -> None:
    with serving(answers(http(200, b"fine"))) as server:
        with pytest.raises(ValueError, match=r"header|latin-1"):
            session_to(server.url).send("POST", "/path", b"", headers, timeout_seconds=SHORT)
        assert server.connections == 0


def test_what_an_address_cannot_carry_is_written_in_per_cent() -> None:
    with serving(answers(http(200, b"fine"))) as server:
        session_to(server.url).send("POST", "/a b/张?q=é", b"", {}, timeout_seconds=PATIENT)
    assert server.requests[0].startswith(b"POST /a%20b/%E5%BC%A0?q=%C3%A9 HTTP/1.1\r\n")


def test_a_post_of_nothing_says_so() -> None:
    with serving(answers(http(200, b"fine"))) as server:
        session_to(server.url).send("POST", "/path", b"", {}, timeout_seconds=PATIENT)
    assert b"\r\nContent-Length: 0\r\n" in server.requests[0]
