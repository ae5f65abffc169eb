"""One answer, read from the bytes of a connection as they come. Pure."""

from __future__ import annotations

from http import HTTPStatus

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from requests import RequestException
from urllib3 import HTTPHeaderDict

MAX_ANSWER_BYTES = 4 * 1024 * 1024
# Nobody who means well sends more of these.
MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 100
MAX_INTERIM_ANSWERS = 100
_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_BETWEEN = len(": \r\n")


class NotHTTP(RequestException):
    """What came is no answer as HTTP has them."""


class TooLarge(RequestException):
    """The answer's body has more than `MAX_ANSWER_BYTES`."""


class AnswerParser:
    """Fed with what comes until the answer is ``complete``. Interim ones (RFC 9110, section 15.2) are read and forgotten.

    ``keep``: the connection may serve another request, for all that was said on it.
    """

    def __init__(self, method: str) -> None:
        self.status = 0
        self.headers = HTTPHeaderDict()
        self.complete = self.keep = False
        self._method = method
        self._pieces: list[bytes] = []
        self._fed = 0  # since the body last went on
        self._head_bytes = self._body_bytes = self._headers = self._interim = 0
        self._in_body = self._ends_with_connection = False
        self._problem: RequestException | None = None
        self._parser = HttpResponseParser(self)
        # As `http.client` reads them: lines may end without a CR, and chunks count where a length is said as well.
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True, lenient_chunked_length=True)

    @property
    def body(self) -> bytes:
        """What has come of the body, its chunks joined, in whatever content coding."""
        return b"".join(self._pieces)

    def feed(self, data: bytes) -> None:
        """Read on. Raises `NotHTTP` and `TooLarge`. What comes behind the answer is no part of it, but ends the connection."""
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self.keep = False
            if not self.complete:
                self._problem = self._problem or NotHTTP("the answer is no HTTP")
        if self._fed > MAX_HEAD_BYTES and not self.complete:
            # The parser keeps a header until it ends, those behind the chunks as well.
            self._problem = self._problem or NotHTTP(
                "the answer's head, or what stands between its chunks, is too large"
            )
        if self._problem is not None:
            raise self._problem

    def end(self) -> None:
        """The connection has ended. Raises `ConnectionResetError` where the answer has not."""
        if not (self._ends_with_connection or self.complete):
            raise ConnectionResetError("the connection ended before a complete answer")
        self.complete = True

    # What the parser calls. An error raised in here would reach nobody as itself.

    def on_message_begin(self) -> None:
        """The answer begins, an interim one, or something behind it."""
        if self.complete:
            self.keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; those behind a body in chunks are passed over."""
        if self._in_body:
            return
        self._headers += 1
        self._head_bytes += len(name) + len(value) + _BETWEEN
        if self._headers > MAX_HEADERS or self._head_bytes > MAX_HEAD_BYTES:
            self._problem = NotHTTP("the answer's head is too large")
        else:
            self.headers.add(name.decode("latin-1"), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        """The head of an answer has come."""
        if self._in_body:
            return
        self.status = self._parser.get_status_code()
        # Nobody asked for another protocol: what follows a 101 is no HTTP.
        if self.status == HTTPStatus.SWITCHING_PROTOCOLS or not self._parser.get_http_version().startswith("1."):
            self._problem = NotHTTP("the answer changes the protocol")
        elif self.status < HTTPStatus.OK:
            self._pass_over_interim()
        else:
            self._begin_body()

    def _pass_over_interim(self) -> None:
        self.headers.clear()
        self._headers = 0
        self._interim += 1
        if self._interim > MAX_INTERIM_ANSWERS or self.status < HTTPStatus.CONTINUE:
            self._problem = NotHTTP("interim answers have no end")

    def _begin_body(self) -> None:
        self._in_body, self._fed = True, 0
        coding, length = self.headers.get("Transfer-Encoding"), self.headers.get("Content-Length")
        if coding is not None and coding.lower() != "chunked":
            self._problem = NotHTTP("the answer comes in a transfer coding that nobody asked for")
        if self._method == "HEAD":
            self.complete = True
        elif self.status not in _BODILESS:
            self._ends_with_connection = coding is None and length is None

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._body_bytes += len(data)
        self._fed = 0
        if self._body_bytes > MAX_ANSWER_BYTES:
            self._problem = TooLarge(f"the answer is larger than {MAX_ANSWER_BYTES // 1024 // 1024} MiB")
        elif not self.complete:
            self._pieces.append(data)

    def on_message_complete(self) -> None:
        """The end of an answer, or of something behind it."""
        if self._in_body and not self.complete:
            self.complete = True
            self.keep = self._parser.should_keep_alive()
