"""The ERP's HTTP: ``/customers`` and ``/orders`` for the world, ``/_control`` for whoever runs an experiment.

``POST /orders`` (``Idempotency-Key``) → 201, ``Location``, ``ETag`` · ``GET|PUT|DELETE /orders/O1001`` (``If-Match``) ·
``GET /orders?external_id=…``, ``?number=…``, ``?limit=…&after=…`` → ``{"results": […], "next": "O1001" or null}``.
Errors are problem details (RFC 9457). ``GET /_control/content|ledger``, ``POST /_control/faults``.
"""

from __future__ import annotations

import json
import random
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from erp.books import Books, Kept, Refused
from erp.catalogue import COLLECTIONS, Collection
from erp.faults import Fault, Faults

LONGEST_BODY_BYTES = 1_000_000
LARGEST_PAGE = 200


class Server(ThreadingHTTPServer):
    """Serves until it is killed. What it keeps is gone then."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], *, token: str, seed: int = 0) -> None:
        super().__init__(address, Handler)
        self.books = Books()
        self.faults = Faults()
        self.dice = random.Random(seed)  # noqa: S311  # it decides what breaks
        self.token = token


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class calls it so
        """The ledger says more."""

    def _serve(self) -> None:
        path = urlsplit(self.path).path
        try:
            body = self._body()
            if path.startswith("/_control/"):
                self._control(path.removeprefix("/_control/"), body)
                return
            faults = self.server.faults
            time.sleep(faults.latency_seconds)
            fault = faults.draw(self.server.dice)
            if fault is Fault.UNAVAILABLE:
                raise Refused(503, "the ERP is busy")  # noqa: TRY301  # answered like every refusal
            self._require_token()
            answer = self._do(path, body)
        except Refused as refused:
            self._problem(refused)
            return
        if fault is Fault.BROKEN:
            self._problem(Refused(500, "something went wrong"))
        elif fault is Fault.SILENT:
            self.close_connection = True
        else:
            self._answer(*answer)

    def _do(self, path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        name, _, record_id = path.strip("/").partition("/")
        collection = COLLECTIONS.get(name)
        if collection is None:
            raise Refused(404, f"there is no {path}")
        books = self.server.books
        match self.command, bool(record_id):
            case "POST", False:
                key = self.headers.get("Idempotency-Key")
                kept = books.create(collection, self._object(body), idempotency_key=key)
                return 201, kept.shown(), _revision(kept) | {"Location": f"/{name}/{kept.id}"}
            case "GET", False:
                return 200, self._page(collection), {}
            case "GET", True:
                kept = books.read(collection, record_id)
                return 200, kept.shown(), _revision(kept)
            case "PUT", True:
                kept = books.replace(collection, record_id, self._object(body), if_match=self._if_match())
                return 200, kept.shown(), _revision(kept)
            case "DELETE", True:
                books.remove(collection, record_id, if_match=self._if_match())
                return 204, None, {}
            case _:
                raise Refused(405, f"{self.command} is not for {path}")

    def _page(self, collection: Collection) -> dict[str, Any]:
        asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        after, limit = asked.pop("after", ""), asked.pop("limit", "50")
        unknown = set(asked) - {"external_id", collection.key}
        if unknown or not limit.isdecimal():
            raise Refused(400, f"{', '.join(unknown) or 'limit'} cannot be asked for")
        size = min(int(limit), LARGEST_PAGE)
        found = self.server.books.search(collection, asked, after=after, limit=size + 1)
        page = found[:size]
        return {"results": [each.shown() for each in page], "next": page[-1].id if len(found) > size else None}

    def _control(self, what: str, body: Any) -> None:
        match self.command, what:
            case "GET", "content":
                self._answer(200, self.server.books.content(), {})
            case "GET", "ledger":
                self._answer(200, self.server.books.ledger(), {})
            case "POST", "faults":
                try:
                    self.server.faults = Faults.of(self._object(body))
                except (TypeError, ValueError) as error:
                    raise Refused(422, str(error)) from None
                self._answer(204, None, {})
            case _:
                raise Refused(404, f"there is no {what} to control")

    def _require_token(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {self.server.token}":
            raise Refused(401, "a bearer token is needed")

    def _if_match(self) -> int | None:
        told = self.headers.get("If-Match")
        if told is None or told == "*":
            return None
        revision = told.strip('"')
        if not revision.isdecimal():
            raise Refused(412, f"{told} is no revision of this ERP")
        return int(revision)

    def _body(self) -> Any:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LONGEST_BODY_BYTES:
            self.close_connection = True
            raise Refused(413, "that is too long")
        raw = self.rfile.read(length)
        try:
            return json.loads(raw) if raw else None
        except ValueError:
            raise Refused(400, "the body is no JSON") from None

    def _object(self, body: Any) -> dict[str, Any]:
        if not isinstance(body, dict):
            raise Refused(422, "a JSON object is needed")
        return body

    def _problem(self, refused: Refused) -> None:
        body = {"status": refused.status, "title": HTTPStatus(refused.status).phrase, "detail": refused.detail}
        headers = {"Retry-After": "1"} if refused.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
        self._answer(refused.status, body, headers, content_type="application/problem+json")

    def _answer(
        self, status: int, body: Any, headers: dict[str, str], *, content_type: str = "application/json"
    ) -> None:
        raw = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if raw:
            self.send_header("Content-Type", content_type)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def _revision(kept: Kept) -> dict[str, str]:
    return {"ETag": f'"{kept.revision}"'}
