"""Where bytes become an answer: whatever they are, and however they are cut, there is one answer or one clear error."""

from __future__ import annotations

import http.client
import io
import itertools
import socket
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.calling import post, session_to
from tests.unit.rawserver import RawServer, serving
from thirdparty.connectors.errors import TargetError
from thirdparty.connectors.http.answer_parser import MAX_ANSWER_BYTES, AnswerParser, NotHTTP, TooLarge

FIELD = st.from_regex(r"X-[A-Za-z]{1,8}: [!-~]{0,12}", fullmatch=True)
BODY = st.binary(max_size=60)
INTERIM = st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"])
STATUS = st.sampled_from([200, 201, 202, 302, 400, 404, 409, 429, 500, 503])


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@st.composite
def wholes(draw: Any) -> bytes:
    """Well-formed answers, as servers write them."""
    body, status, version = draw(BODY), draw(STATUS), draw(st.sampled_from(["1.0", "1.1"]))
    lines = [f"HTTP/{version} {status} Any", *draw(st.lists(FIELD, max_size=4))]
    framing = draw(st.sampled_from(["length", "end"] if version == "1.0" else ["length", "chunks", "end"]))
    if framing == "length":
        lines.append(f"Content-Length: {len(body)}")
    if framing == "chunks":
        lines.append("Transfer-Encoding: chunked")
        body = chunked(body, draw(st.integers(1, 20)))
    head = "\r\n".join([*lines, "", ""]).encode()
    return bytes(draw(INTERIM) + head + body)


def read(pieces: list[bytes], method: str = "POST") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer that comes in these pieces, after which the connection ends."""
    parser = AnswerParser(method)
    for piece in pieces:
        if parser.complete:
            break
        parser.feed(piece)
    if not parser.complete:
        parser.end()
    return parser.status, dict(parser.headers), parser.body


def cut(data: bytes, at: list[int]) -> list[bytes]:
    ends = sorted({0, len(data), *(each for each in at if each <= len(data))})
    return [data[start:end] for start, end in itertools.pairwise(ends)]


@given(wholes(), st.lists(st.integers(0, 250), max_size=12))
def test_an_answer_is_the_same_however_it_is_cut(answer: bytes, at: list[int]) -> None:
    assert read(cut(answer, at)) == read([answer]) == read([bytes([octet]) for octet in answer])


class _Sock:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self.data)


@given(wholes())
def test_a_well_formed_answer_is_what_the_standard_library_reads(answer: bytes) -> None:
    theirs: Any = http.client.HTTPResponse(_Sock(answer))  # type: ignore[arg-type]  # all that it asks of a socket
    theirs.status = 0
    while theirs.status < 200:
        theirs.headers = None  # or it would not begin again, after an interim answer
        theirs.begin()
    status, headers, body = read([answer])
    assert (status, body) == (theirs.status, theirs.read())
    assert {name.lower() for name in headers} == {name.lower() for name in theirs.headers}


@settings(max_examples=300)
@given(wholes(), st.integers(0, 250), st.integers(0, 255), st.lists(st.integers(0, 250), max_size=3))
def test_an_answer_with_any_byte_changed_is_an_answer_or_a_clear_error(
    answer: bytes, at: int, octet: int, pieces: list[int]
) -> None:
    broken = bytearray(answer)
    broken[at % len(broken)] = octet
    try:
        status, _, _ = read(cut(bytes(broken), pieces))
    except (NotHTTP, TooLarge, ConnectionResetError):
        return
    assert 200 <= status <= 999


@settings(max_examples=300)
@given(st.sampled_from([b"", b"HTTP/1.1 "]), st.binary(max_size=200))
@example(b"HTTP/1.1 ", b"099 A\r\n\r\n")
def test_any_bytes_at_all_are_an_answer_or_a_clear_error(beginning: bytes, data: bytes) -> None:
    try:
        status, _, _ = read([beginning + data])
    except (NotHTTP, TooLarge, ConnectionResetError):
        return
    assert 200 <= status <= 999


@given(wholes(), st.integers(0, 250))
def test_an_answer_that_ends_early_is_cut_or_had_no_length(answer: bytes, at: int) -> None:
    part = answer[: at % len(answer)]
    try:
        status, headers, _ = read([part])
    except ConnectionResetError:
        return
    assert status >= 200
    assert not {"content-length", "transfer-encoding"} & {name.lower() for name in headers}


@given(wholes(), st.binary(min_size=1, max_size=20).filter(lambda data: data.strip(b"\r\n")))
def test_what_comes_behind_an_answer_is_no_part_of_it_and_ends_the_connection(answer: bytes, more: bytes) -> None:
    parser = AnswerParser("POST")
    parser.feed(answer)
    if not parser.complete:
        return  # it ends with its connection, and so takes all
    body = parser.body
    parser = AnswerParser("POST")
    parser.feed(answer + more)
    assert (parser.complete, parser.body, parser.keep) == (True, body, False)


@settings(max_examples=20, deadline=None)
@given(wholes(), st.lists(st.integers(0, 250), max_size=4), st.integers(0, 250), st.integers(0, 255))
def test_a_call_ends_whatever_came_of_the_answer_on_its_way(
    answer: bytes, at: list[int], where: int, octet: int
) -> None:
    broken = bytearray(answer)
    broken[where % len(broken)] = octet

    def behaviour(server: RawServer, connection: socket.socket) -> None:
        server.read_request(connection)
        for piece in cut(bytes(broken), at):
            connection.sendall(piece)

    with serving(behaviour) as server:
        try:
            came = post(session_to(server.url)).status >= 200
        except TargetError as failure:
            came = failure.reason in ("cut", "garbled", "oversized")
        assert came
        assert len(server.requests) == 1


# Single cases


def kept(answer: bytes, method: str = "POST") -> tuple[bytes, bool]:
    parser = AnswerParser(method)
    parser.feed(answer)
    assert parser.complete
    return parser.body, parser.keep


@pytest.mark.parametrize(
    ("head", "keep"),
    [
        ("HTTP/1.1 200 OK", True),
        ("HTTP/1.1 200 OK\r\nConnection: close", False),
        ("HTTP/1.1 200 OK\r\nConnection: keep-alive", True),
        ("HTTP/1.0 200 OK", False),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive", True),
        ("HTTP/1.1 200", True),
    ],
)
def test_a_connection_is_kept_as_the_answer_says(head: str, keep: object) -> None:
    assert kept(f"{head}\r\nContent-Length: 2\r\n\r\nok".encode()) == (b"ok", keep)


def test_an_answer_to_head_has_no_body_whatever_length_it_says() -> None:
    assert kept(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n", "HEAD") == (b"", False)


def test_lines_may_end_without_a_carriage_return() -> None:
    assert kept(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok") == (b"ok", True)


def test_chunks_count_where_a_length_is_said_as_well() -> None:
    both = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    assert kept(both)[0] == b"ok"


def test_what_stands_behind_the_chunks_is_no_header() -> None:
    trailed = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Late: 1\r\n\r\n"
    assert read([trailed]) == (200, {"Transfer-Encoding": "chunked"}, b"ok")


def test_a_header_that_comes_twice_is_one_with_both_values() -> None:
    _, headers, _ = read([b"HTTP/1.1 200 OK\r\nVary: a\r\nvary: b\r\nContent-Length: 0\r\n\r\n"])
    assert headers == {"Vary": "a, b", "Content-Length": "0"}


def test_a_head_without_an_end_is_given_up() -> None:
    parser = AnswerParser("POST")
    parser.feed(b"HTTP/1.1 200 ")
    with pytest.raises(NotHTTP):
        for _ in range(100):
            parser.feed(b"K" * 1_000)


def test_a_body_is_given_up_at_the_limit_whatever_length_is_said() -> None:
    parser = AnswerParser("POST")
    parser.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n")
    parser.feed(b"x" * MAX_ANSWER_BYTES)
    with pytest.raises(TooLarge):
        parser.feed(b"x")


@pytest.mark.parametrize(
    "endless", [b"0\r\nX-Late: ", b"0\r\n", b"1;extension=", b"0"], ids=["trailer", "trailers", "extension", "size"]
)
def test_what_stands_between_chunks_or_behind_them_is_given_up_where_it_has_no_end(endless: bytes) -> None:
    parser = AnswerParser("POST")
    parser.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n" + endless)
    more = b"X: y\r\n" * 100 if endless == b"0\r\n" else b"0" * 1_000
    with pytest.raises(NotHTTP):
        for _ in range(1_000):
            parser.feed(more)


def test_a_large_body_in_small_chunks_is_no_overhead_too_much() -> None:
    parser = AnswerParser("POST")
    parser.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(1_000):
        parser.feed(b"1\r\nx\r\n" * 100)
    parser.feed(b"0\r\n\r\n")
    assert (parser.complete, len(parser.body)) == (True, 100_000)
