"""A receiver of webhooks that checks signatures by itself, and time that passes for alerts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from django.db.models import F

from thirdparty.alerts import look, sending
from thirdparty.models import Alert, AlertMessage

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver:
    """What was posted: each as its headers and its body, in order. ``statuses``: what is answered next; 204 after these.

    While ``silent`` is set, nothing is answered.
    """

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.silent, self.asked, self.released = Event(), Event(), Event()
        self.url = ""

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.posts]

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The bodies of those that were signed with our key; another one ends the test."""
        for headers, body in self.posts:
            assert is_signed(headers, body)
        return [json.loads(body) for _, body in self.posts]


def is_signed(headers: dict[str, str], body: bytes) -> bool:
    """As the specification says it, with nothing of the code that signs."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, content, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(f"v1,{expected}", each) for each in headers["webhook-signature"].split(" "))


@contextmanager
def receiving(settings: Any) -> Iterator[Receiver]:
    """Alerts are posted to this one, signed with `SECRET`."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
            receiver.asked.set()
            if receiver.silent.is_set():
                receiver.released.wait(60)
                return
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hooks/alerts?team=ops"
    settings.SYNC_ALERT_WEBHOOK_URL = receiver.url
    settings.SYNC_ALERT_WEBHOOK_SECRET = SECRET
    settings.SYNC_ALERT_WEBHOOK_ALLOW_HTTP = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def tell() -> None:
    """One look, and whatever comes of it is sent."""
    look.look()
    for thread in sending.in_background():
        thread.join()


def pass_time(**span: float) -> None:
    """So long ago is by now whatever has been written down of alerts."""
    ago = timedelta(**span)
    for model, names in (
        (Alert, ("first_seen_at", "gone_at", "announced_at", "told_at", "ended_at", "end_told_at")),
        (AlertMessage, ("made_at", "due_at", "leased_until", "delivered_at")),
    ):
        model._default_manager.update(**{name: F(name) - ago for name in names})
