"""Who did what to whom, and why: Django's own log, which the admin shows as an object's history.

It outlives whom it is about, so nobody's details stand in it: neither values, nor a username (made of name and phone).
"""

from __future__ import annotations

import getpass
import json
import logging
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from thirdparty import permissions
from thirdparty.models import Target
from thirdparty.permissions import Account, Acting

__all__ = ["ADDITION", "CHANGE", "DELETION", "record", "record_at_target"]

logger = logging.getLogger(__name__)


def record(
    account: Any, subject: Model, deed: int, message: str | list[dict[str, Any]], *, name: str = ""
) -> LogEntry:
    """Note what ``account`` did. Call in the transaction of the deed; names of fields, no values: those are personal details.

    ``name``: what the log calls the subject; by default its uuid where it has one, else its text.
    """
    entry: LogEntry = LogEntry.objects.create(
        user_id=account.pk,
        content_type=ContentType.objects.get_for_model(subject, for_concrete_model=False),
        object_id=str(subject.pk),
        object_repr=(name or str(getattr(subject, "uuid", subject)))[:200],
        action_flag=deed,
        change_message=message if isinstance(message, str) else json.dumps(message),
    )
    return entry


def record_at_target(account: Account, target: str, deed: str, reason: str = "") -> None:
    """Note what was done about a target, and why; an operator without an account is named by the log alone."""
    sentence = f"{deed}: {reason}" if reason else deed
    if not isinstance(account, Acting):
        record(account, Target.objects.get(name=target), CHANGE, sentence)
    logger.warning("target %s: %s, by %s", target, sentence, permissions.name(account) or _system_user())


def _system_user() -> str:
    try:
        return f"{getpass.getuser()} of the system"
    except (KeyError, OSError):
        return "a user of the system without a name"
