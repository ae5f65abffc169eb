"""The ways that messages go. One more way is one more line here, and a module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from thirdparty.alerts import mail, webhook
from thirdparty.alerts.message import Composed
from thirdparty.models import AlertMessage


@dataclass(frozen=True, slots=True)
class Way:
    """``body``: which form of a message goes this way. ``send``: says what was answered, raises `NotDelivered`."""

    name: str
    is_configured: Callable[[], bool]
    body: Callable[[Composed], str]
    send: Callable[[AlertMessage], str]


WAYS = (
    Way("webhook", webhook.is_configured, lambda composed: composed.document, webhook.send),
    Way("email", mail.is_configured, lambda composed: composed.text, mail.send),
)


def configured() -> list[Way]:
    """Those that settings name. Where there is none, nobody is told anything."""
    return [way for way in WAYS if way.is_configured()]
