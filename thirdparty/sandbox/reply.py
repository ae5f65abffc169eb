"""Answers to business requests as the exchange composes them: true, turned away, or garbled."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from thirdparty.sandbox import wire
from thirdparty.sandbox.journal import encode
from thirdparty.sandbox.store import Answer

BOMB_MEGABYTES = 100
_MEGABYTE = 1024 * 1024
_WITH_RETRY_AFTER = (423, 425, 429, 503)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP answer; ``answer`` is what the business layer says in it, None where nothing can be read."""

    http: int
    answer: Answer | None
    whole: bytes


def business(answer: Answer) -> Reply:
    """An answer of the business layer, in its envelope."""
    return Reply(200, answer, wire.response(200, _envelope(answer)))


def refusal(http: int, reason: str = "", *, retry_after: float | str | None = None) -> Reply:
    """An HTTP error in front of the business layer. ``retry_after`` is sent with 423, 425, 429 and 503 only."""
    headers = ""
    if retry_after is not None and http in _WITH_RETRY_AFTER:
        headers = f"Retry-After: {retry_after if isinstance(retry_after, str) else format(retry_after, 'g')}\r\n"
    return Reply(http, None, wire.error(http, reason, headers=headers))


def redirect(http: int, path: str) -> Reply:
    """A redirect to a path of this server."""
    return Reply(http, None, wire.error(http, headers=f"Location: {path}\r\n"))


def garbled(fault: str, answer: Answer) -> Reply:
    """A 200 that is not what the contract says: bad_json, wrong_shape, missing_data, html or gzip_bomb."""
    match fault:
        case "bad_json":
            return Reply(200, None, wire.response(200, b'{"status": "ok", "data": '))
        case "wrong_shape":
            return Reply(200, None, wire.response(200, b'[{"result": 0}]'))
        case "missing_data":
            body = encode({"status": answer.status, "message": answer.message})
            return Reply(200, answer, wire.response(200, body))
        case "html":
            page = b"<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>"
            return Reply(200, None, wire.response(200, page, content_type=wire.HTML))
        case _:
            return Reply(200, None, wire.response(200, _bomb(), headers="Content-Encoding: gzip\r\n"))


def giant(answer: Answer, size: int) -> Iterator[bytes]:
    """The answer with a message of ``size`` bytes, in pieces."""
    envelope = _envelope(Answer(answer.status, answer.data))
    head, tail = envelope[:-2], envelope[-2:]  # between the quotes of the empty message, which comes last
    yield wire.response(200, head, length=len(envelope) + size)
    for start in range(0, size, _MEGABYTE):
        yield b"x" * min(_MEGABYTE, size - start)
    yield tail


def drip(whole: bytes, *, from_body: bool) -> Iterator[bytes]:
    """An answer byte by byte; with ``from_body`` its headers come at once."""
    start = whole.index(b"\r\n\r\n") + 4 if from_body else 0
    if start:
        yield whole[:start]
    for position in range(start, len(whole)):
        yield whole[position : position + 1]


def _envelope(answer: Answer) -> bytes:
    return encode({"status": answer.status, "data": answer.data, "message": answer.message})


@cache
def _bomb() -> bytes:
    # In members (RFC 1952, section 2.2), since to squeeze it all would keep everybody else waiting.
    blank = gzip.compress(b" " * _MEGABYTE)
    head = gzip.compress(b'{"status": "ok", "data": null, "message": ""')
    return head + blank * BOMB_MEGABYTES + gzip.compress(b"}")
