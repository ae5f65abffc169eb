"""What the API answers to a write."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.urls import reverse
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED, HTTP_202_ACCEPTED, HTTP_204_NO_CONTENT

from thirdparty.api.shapes.records import RecordSerializer
from thirdparty.models import Record
from users.api import preconditions, preferences
from users.consistency import Consistency, Mode
from users.models import User
from users.synced import person

logger = logging.getLogger(__name__)


def saved(user: User, body: Mapping[str, Any], code: int, choice: Consistency, *, level: bool = True) -> Response:
    """``code``, or 202 where some target is not ``level`` yet with who waited for it."""
    headers = preconditions.etag(user) | preferences.applied(choice)
    if code == HTTP_201_CREATED:
        headers["Location"] = reverse("api:user-detail", args=[user.uuid])
    return Response(body, status=code if level else HTTP_202_ACCEPTED, headers=headers)


def deleted(user_uuid: UUID, choice: Consistency, *, level: bool) -> Response:
    """204, or 202 with how the records stand where some target is not ``level`` yet."""
    headers = preferences.applied(choice)
    if level:
        return Response(status=HTTP_204_NO_CONTENT, headers=headers)
    records = Record.objects.of(person(user_uuid)).order_by("target")
    body = {"uuid": str(user_uuid), "sync": RecordSerializer(records, many=True).data}
    return Response(body, status=HTTP_202_ACCEPTED, headers=headers)


def latest(at_commit: Response, by_now: Callable[[], Response], choice: Consistency) -> Response:
    """The answer made in the transaction of the write; to who waited, as things stand ``by_now``.

    What is saved is never answered with an error: nobody could know then that it is.
    """
    if choice.mode is not Mode.WAIT:
        return at_commit
    try:
        return by_now()
    except Exception:
        logger.exception("the write is saved, but how its targets stand cannot be read")
        return at_commit
