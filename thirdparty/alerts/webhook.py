"""Messages by webhook: one POST of JSON, signed, within one total deadline."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http import HTTPStatus

from thirdparty.alerts import signature
from thirdparty.alerts.errors import NotDelivered
from thirdparty.connectors.config import TargetConfig
from thirdparty.connectors.errors import TargetError
from thirdparty.connectors.http import address
from thirdparty.connectors.http.session import HttpSession
from thirdparty.models import AlertMessage
from thirdparty.settings import settings

SECONDS = 10.0
"""For everything: name look-up, connection, request and answer."""


def is_configured() -> bool:
    return bool(settings.SYNC_ALERT_WEBHOOK_URL)


def faults() -> Iterator[str]:
    """What is wrong with its settings; each names the setting, and quotes neither the address nor the secret."""
    if not is_configured():
        return
    try:
        parts = address.endpoint(settings.SYNC_ALERT_WEBHOOK_URL)
    except address.BadAddress as bad:
        yield f"SYNC_ALERT_WEBHOOK_URL {bad}"
    else:
        if parts.scheme == "http" and not settings.SYNC_ALERT_WEBHOOK_ALLOW_HTTP:
            yield "SYNC_ALERT_WEBHOOK_URL is not https; set SYNC_ALERT_WEBHOOK_ALLOW_HTTP=true if this network may see it"
    if not settings.SYNC_ALERT_WEBHOOK_SECRET:
        yield "SYNC_ALERT_WEBHOOK_SECRET is not set, and SYNC_ALERT_WEBHOOK_URL is"
        return
    try:
        signature.key_of(settings.SYNC_ALERT_WEBHOOK_SECRET)
    except signature.BadSecret as bad:
        yield f"SYNC_ALERT_WEBHOOK_SECRET {bad}"


def send(message: AlertMessage) -> str:
    """Post it once; what was answered. Raises `NotDelivered` for anything but a 2xx within `SECONDS`."""
    for fault in faults():
        raise NotDelivered(fault)
    url = settings.SYNC_ALERT_WEBHOOK_URL
    parts = address.endpoint(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    key, body = signature.key_of(settings.SYNC_ALERT_WEBHOOK_SECRET), message.body.encode()
    headers = {"Content-Type": "application/json"} | signature.headers(key, message.message, int(time.time()), body)
    session = HttpSession(TargetConfig("alerts", connector="", base_url=origin, keep_alive=False))
    try:
        answer = session.send("POST", url.removeprefix(origin) or "/", body, headers, timeout_seconds=SECONDS)
    except TargetError as failure:
        raise NotDelivered(failure.reason) from None
    finally:
        session.close()
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise NotDelivered(f"HTTP {answer.status}")
    return f"HTTP {answer.status}"
