"""Answers as HTTP means them: interim ones, content codings, and their limits."""

from __future__ import annotations

import gzip
import itertools
import socket
import tracemalloc
import zlib

import pytest

from tests.unit.calling import PATIENT, SHORT, failure_of, post, session_to
from tests.unit.rawserver import RawServer, answers, http, serving
from thirdparty.connectors.errors import OutcomeUnknown
from thirdparty.connectors.http.answer_parser import MAX_ANSWER_BYTES

EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"


@pytest.mark.parametrize(
    "interim",
    [
        EARLY_HINTS,
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 199 Whatever\r\n\r\n",
        EARLY_HINTS * 5 + b"HTTP/1.1 100 Continue\r\n\r\n" + EARLY_HINTS,
    ],
)
def test_interim_answers_are_skipped_and_the_connection_kept(interim: bytes) -> None:
    with serving(answers(interim + http(200, b"fine", "X-Final: 1"))) as server:
        session = session_to(server.url)
        for _ in range(2):
            answer = post(session)
            assert (answer.status, answer.body, answer.headers["X-Final"]) == (200, b"fine", "1")
    assert server.connections == 1


def test_the_final_answer_may_come_much_later_than_the_interim_one() -> None:
    def behaviour(server: RawServer, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(EARLY_HINTS)
        server.stopped.wait(0.1)
        connection.sendall(http(200, b"fine"))

    with serving(behaviour) as server:
        assert post(session_to(server.url)).body == b"fine"


def test_endless_interim_answers_end_with_the_deadline() -> None:
    def behaviour(server: RawServer, connection: socket.socket) -> None:
        server.read_request(connection)
        server.drip(connection, itertools.repeat(EARLY_HINTS))

    with serving(behaviour) as server:
        failure = failure_of(session_to(server.url), SHORT)
        assert not server.reached_its_end
    assert isinstance(failure, OutcomeUnknown)
    assert failure.reason == "timeout"


def test_an_interim_answer_without_a_final_one_leaves_nothing_to_the_next_call() -> None:
    def behaviour(server: RawServer, connection: socket.socket) -> None:
        while server.read_request(connection):
            first = len(server.requests) == 1
            connection.sendall(EARLY_HINTS if first else http(200, b"mine"))

    with serving(behaviour) as server:
        session = session_to(server.url)
        assert isinstance(failure_of(session, SHORT), OutcomeUnknown)
        assert post(session).body == b"mine"
    assert server.connections == 2


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"fine")),
        ("x-gzip", gzip.compress(b"fine")),
        ("GZIP", gzip.compress(b"fine")),
        ("deflate", zlib.compress(b"fine")),
        ("deflate", raw_deflate(b"fine")),
        ("gzip", gzip.compress(b"fi") + gzip.compress(b"ne")),
        ("deflate, gzip", gzip.compress(zlib.compress(b"fine"))),
        ("identity", b"fine"),
    ],
    ids=["gzip", "x-gzip", "GZIP", "deflate", "raw deflate", "gzip members", "deflate in gzip", "identity"],
)
def test_a_coding_that_nobody_asked_for_is_undone_and_the_connection_kept(coding: str, packed: bytes) -> None:
    with serving(answers(http(200, packed, f"Content-Encoding: {coding}"))) as server:
        session = session_to(server.url)
        assert [post(session).body for _ in range(2)] == [b"fine", b"fine"]
    assert server.connections == 1


def test_a_coded_answer_in_chunks_is_undone_too() -> None:
    packed = gzip.compress(b"fine")
    chunks = b"".join(b"1\r\n%c\r\n" % octet for octet in packed)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serving(answers(head + chunks + b"0\r\n\r\n")) as server:
        assert post(session_to(server.url)).body == b"fine"


def test_a_coded_answer_of_exactly_the_largest_size_is_read() -> None:
    packed = gzip.compress(b"x" * MAX_ANSWER_BYTES)
    with serving(answers(http(200, packed, "Content-Encoding: gzip"))) as server:
        assert len(post(session_to(server.url)).body) == MAX_ANSWER_BYTES


@pytest.mark.parametrize("coding", ["gzip", "deflate, gzip"])
def test_a_small_answer_that_would_unpack_to_a_giant_one_is_given_up_on_the_way(coding: str) -> None:
    nothing = b"0" * 64 * 1024 * 1024
    bomb = gzip.compress(nothing if coding == "gzip" else zlib.compress(nothing), 1)
    del nothing
    with serving(answers(http(200, bomb, f"Content-Encoding: {coding}"))) as server:
        tracemalloc.start()
        failure = failure_of(session_to(server.url))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert isinstance(failure, OutcomeUnknown)
    assert failure.reason == "oversized"
    assert peak < 6 * MAX_ANSWER_BYTES


def test_a_coding_that_is_not_the_stated_one_is_an_unknown_outcome() -> None:
    with serving(answers(http(200, b"no gzip at all", "Content-Encoding: gzip"))) as server:
        failure = failure_of(session_to(server.url))
    assert isinstance(failure, OutcomeUnknown)
    assert failure.reason == "garbled"


def test_what_follows_a_coded_answer_is_no_part_of_it() -> None:
    packed = gzip.compress(b"fine") + b"x" * 20
    with serving(answers(http(200, packed, "Content-Encoding: gzip"))) as server:
        assert post(session_to(server.url)).body == b"fine"


@pytest.mark.parametrize("status", [204, 304])
def test_a_coding_of_no_body_is_no_body(status: int) -> None:
    response = f"HTTP/1.1 {status} Any\r\nContent-Encoding: gzip\r\n\r\n".encode()
    with serving(answers(response)) as server:
        assert post(session_to(server.url)).body == b""


def test_an_answer_that_comes_before_all_was_read_is_heard() -> None:
    def refuses_at_once(_server: RawServer, connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(http(413, b"too much", "Connection: close"))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    with serving(refuses_at_once) as server:
        answer = session_to(server.url).send("POST", "/path", b"x" * 20_000_000, {}, timeout_seconds=PATIENT)
    assert (answer.status, answer.body) == (413, b"too much")
