"""Connections that are kept, and servers that do not keep them."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.unit.calling import PATIENT, SHORT, failure_of, post, session_to
from tests.unit.rawserver import Behaviour, RawServer, answers, http, reset, serving
from thirdparty.connectors.errors import OutcomeUnknown, Transient
from thirdparty.connectors.http import connection, keep_alive
from thirdparty.connectors.http.keep_alive import KeepAlive
from thirdparty.connectors.http.session import Answer, HttpSession


def test_two_calls_use_one_connection() -> None:
    with serving(answers(http(200, b"fine"))) as server:
        session = session_to(server.url)
        post(session)
        post(session)
    assert (server.connections, len(server.requests)) == (1, 2)


@pytest.mark.parametrize(
    "response", [http(204), http(200), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]
)
def test_an_answer_without_a_body_keeps_its_connection_too(response: bytes) -> None:
    with serving(answers(response)) as server:
        session = session_to(server.url)
        assert post(session).body == b""
        post(session)
    assert server.connections == 1


def test_a_connection_that_the_server_closed_while_idle_is_replaced_unnoticed() -> None:
    def one_answer_each(server: RawServer, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(http(200, b"fine"))

    with serving(one_answer_each) as server:
        session = session_to(server.url)
        for _ in range(5):
            assert post(session).body == b"fine"
            # The close arrives at our end of the loopback a moment after the answer.
            server.stopped.wait(0.05)
    assert server.connections == 5


def test_a_connection_is_not_used_again_after_a_long_idle_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answers(http(200, b"fine"))) as server:
        session = session_to(server.url)
        post(session)
        monkeypatch.setattr(connection, "MAX_IDLE_SECONDS", 0.0)
        post(session)
    assert server.connections == 2


def test_a_failed_call_leaves_no_connection_behind_for_the_next() -> None:
    def first_slow(server: RawServer, connection: socket.socket) -> None:
        while server.read_request(connection):
            if len(server.requests) == 1:
                server.stopped.wait(SHORT * 2)
            connection.sendall(http(200, str(len(server.requests)).encode()))

    with serving(first_slow) as server:
        session = session_to(server.url)
        assert isinstance(failure_of(session, SHORT), OutcomeUnknown)
        assert post(session).body == b"2"
    assert server.connections == 2


def test_a_closed_session_opens_new_connections_when_used_again() -> None:
    with serving(answers(http(200, b"fine"))) as server:
        session = session_to(server.url)
        post(session)
        session.close()
        assert post(session).body == b"fine"
    assert server.connections == 2


# Servers that close after each answer without saying so


def drops_the_second_request(server: RawServer, connection: socket.socket) -> None:
    """Answer once. What comes next on the connection meets its end: the close was on its way already."""
    server.read_request(connection)
    connection.sendall(http(200, b"fine"))
    connection.recv(1)
    reset(connection)


def reads_and_drops_the_second_request(server: RawServer, connection: socket.socket) -> None:
    server.read_request(connection)
    connection.sendall(http(200, b"fine"))
    server.read_request(connection)


DYING = [drops_the_second_request, reads_and_drops_the_second_request]


@pytest.mark.parametrize("dying", DYING)
def test_a_read_that_met_the_end_of_a_kept_connection_is_asked_once_more_on_a_new_one(dying: Behaviour) -> None:
    with serving(dying) as server:
        session = session_to(server.url)
        post(session)
        assert post(session, repeatable=True).body == b"fine"
    assert server.connections == 2


@pytest.mark.parametrize("dying", DYING)
def test_a_write_that_met_the_end_of_a_kept_connection_is_never_sent_again(dying: Behaviour) -> None:
    with serving(dying) as server:
        session = session_to(server.url)
        post(session)
        failure = failure_of(session)
    assert isinstance(failure, OutcomeUnknown)
    assert failure.reason == "cut"
    assert server.connections == 1


def test_a_read_is_asked_again_on_a_new_connection_and_on_no_other_kept_one() -> None:
    both_called = threading.Barrier(2)

    def two_at_once(server: RawServer, connection: socket.socket) -> None:
        server.read_request(connection)
        if server.connections <= 2:
            both_called.wait(PATIENT)
        connection.sendall(http(200, b"fine"))
        server.read_request(connection)

    with serving(two_at_once) as server:
        session = session_to(server.url)
        with ThreadPoolExecutor(2) as threads:
            for answer in [threads.submit(post, session) for _ in range(2)]:
                answer.result()
        assert post(session, repeatable=True).body == b"fine"
    assert server.connections == 3


def test_a_read_that_is_asked_again_leaves_other_kept_connections_open() -> None:
    both_called, met_its_end = threading.Barrier(2), threading.Event()

    def one_ends_and_the_others_go_on(server: RawServer, connection: socket.socket) -> None:
        while request := server.read_request(connection):
            if b"two-at-once" in request:
                both_called.wait(PATIENT)
            elif not met_its_end.is_set():
                met_its_end.set()
                return
            connection.sendall(http(200, b"fine"))

    def ask(session: HttpSession) -> Answer:
        return session.send("POST", "/two-at-once", b"", {}, timeout_seconds=PATIENT)

    with serving(one_ends_and_the_others_go_on) as server:
        session = session_to(server.url)
        with ThreadPoolExecutor(2) as threads:
            for _ in range(2):
                for answer in [threads.submit(ask, session) for _ in range(2)]:
                    assert answer.result().body == b"fine"
                assert post(session, repeatable=True).body == b"fine"
    assert server.connections == 3


def test_a_read_whose_first_connection_ends_is_not_asked_again() -> None:
    with serving(lambda server, connection: server.read_request(connection)) as server:
        assert isinstance(failure_of(session_to(server.url), repeatable=True), OutcomeUnknown)
    assert server.connections == 1


def test_a_read_that_was_answered_in_part_is_not_asked_again() -> None:
    def half_an_answer(server: RawServer, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(http(200, b"fine"))
        server.read_request(connection)
        connection.sendall(b"HTTP/1.1 2")

    with serving(half_an_answer) as server:
        session = session_to(server.url)
        post(session)
        assert isinstance(failure_of(session, repeatable=True), OutcomeUnknown)
    assert server.connections == 1


def test_both_tries_of_a_read_share_one_deadline() -> None:
    def then_silence(server: RawServer, connection: socket.socket) -> None:
        if server.connections == 2:
            server.hold()
        reads_and_drops_the_second_request(server, connection)

    with serving(then_silence) as server:
        session = session_to(server.url)
        post(session)
        failure = failure_of(session, SHORT, repeatable=True)
        assert not server.reached_its_end
    assert failure.reason == "timeout"


def test_a_second_try_that_reaches_nobody_says_so() -> None:
    with serving(reads_and_drops_the_second_request) as server:
        session = session_to(server.url)
        post(session)
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        failure = failure_of(session, repeatable=True)
    assert type(failure) is Transient
    assert failure.reason == "refused"


def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next_one() -> None:
    idle, said = threading.Event(), threading.Event()

    def times_out_while_idle(server: RawServer, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(http(200, b"fine"))
        if server.connections == 1:
            idle.wait(PATIENT)
            connection.sendall(http(408, b"idle for too long"))
            said.set()
        server.hold()

    with serving(times_out_while_idle) as server:
        session = session_to(server.url)
        post(session)
        idle.set()
        said.wait(PATIENT)
        assert post(session).status == 200
    assert server.connections == 2


def test_a_target_that_keeps_no_connection_is_learnt_and_then_no_write_meets_a_dying_one() -> None:
    with serving(reads_and_drops_the_second_request) as server:
        session = session_to(server.url)
        for _ in range(3):
            post(session)
            assert isinstance(failure_of(session), OutcomeUnknown)
        for _ in range(20):
            assert post(session).body == b"fine"
    assert server.connections == 3 + 20
    assert b"connection: close" in server.requests[-1].lower()


def test_what_was_learnt_of_a_target_is_tried_again_after_a_while() -> None:
    now = [0.0]
    kept = KeepAlive(clock=lambda: now[0])
    for _ in range(3):
        kept.ended_after_one_answer()
    assert not kept.allowed
    now[0] += keep_alive.LEARNT_SECONDS
    assert kept.allowed
    kept.ended_after_one_answer()
    assert not kept.allowed, "one more of them is enough, until a connection was of use again"


def test_a_connection_that_serves_again_forgets_the_ones_that_ended() -> None:
    kept = KeepAlive()
    for _ in range(10):
        kept.ended_after_one_answer()
        kept.served_again()
    assert kept.allowed


def test_a_restart_of_the_target_is_not_taken_for_keeping_no_connections() -> None:
    with serving(answers(http(200, b"fine"))) as server:
        session = session_to(server.url)
        for _ in range(4):
            post(session)
            post(session)
            server.cut_all()
        post(session)
        post(session)
    assert server.connections == 5


def test_a_target_can_be_told_to_keep_no_connections() -> None:
    with serving(answers(http(200, b"fine"))) as server:
        session = session_to(server.url, keep_alive=False)
        post(session)
        post(session)
    assert server.connections == 2
    assert all(b"connection: close" in request.lower() for request in server.requests)
