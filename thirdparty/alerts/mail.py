"""Messages by e-mail, as Django's settings say that mail is sent."""

from __future__ import annotations

import logging

from django.conf import settings as django_settings
from django.core.mail import EmailMessage, get_connection

from thirdparty.alerts.errors import NotDelivered
from thirdparty.models import AlertMessage
from thirdparty.settings import settings

SECONDS = 10.0
"""For each word of the mail server."""

logger = logging.getLogger(__name__)


def is_configured() -> bool:
    return bool(settings.SYNC_ALERT_EMAILS)


def send(message: AlertMessage) -> str:
    """Hand it to the mail server once; to how many people. Raises `NotDelivered`."""
    people = list(settings.SYNC_ALERT_EMAILS)
    domain = django_settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip("> ") or "localhost"
    # One id for all tries: a mail program shows what came twice once.
    headers = {"Message-ID": f"<{message.message}@{domain}>", "Auto-Submitted": "auto-generated"}
    try:
        connection = get_connection(timeout=SECONDS)
        EmailMessage(message.subject, message.body, to=people, headers=headers, connection=connection).send()
    except Exception as error:  # each backend has its own
        logger.debug("alerts by e-mail", exc_info=True)
        # Of its text nothing is shown: it may quote addresses and credentials.
        code = getattr(error, "smtp_code", None)
        raise NotDelivered(type(error).__name__ + (f" {code}" if code else "")) from None
    return f"to {len(people)}"
