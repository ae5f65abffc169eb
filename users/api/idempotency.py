"""``Idempotency-Key``: a POST that is sent twice is carried out once, and answered twice the same.

The key is taken first, in a transaction of its own; the answer is kept in the transaction of the write.
So a process that dies leaves either both or neither.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from thirdparty.consistency.strict import longest_seconds
from users.models import IdempotentResponse

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_MARGIN_SECONDS = 30.0
_NOW = Now() + timedelta()
"""By the database's clock. A sum: the bare function is stored by SQLite with fewer digits than Django compares by."""

PARAMETERS = [
    OpenApiParameter(
        HEADER,
        str,
        OpenApiParameter.HEADER,
        description="Any text of up to 255 characters. For 24 hours the same key gives the first answer again; "
        "with another body it is refused (422).",
    ),
    OpenApiParameter(
        "Idempotency-Replayed",
        str,
        OpenApiParameter.HEADER,
        description="`true` where this is the first answer to the key once more.",
        response=[200, 201, 202],
    ),
]


class KeyReused(APIException):
    status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    default_detail = "This Idempotency-Key was used for another request. Use a key of its own for each."


class KeyBusy(APIException):
    status_code = HTTPStatus.CONFLICT
    default_detail = "A request with this Idempotency-Key is under way. Send it again a little later."
    wait = 1


class Receipt:
    """Where the answer of one request is kept; does nothing for a request without a key."""

    def __init__(self, row: IdempotentResponse | None) -> None:
        self._given = row is not None
        mine = {"pk": row.pk, "kept_at": row.kept_at} if row is not None else {}
        self._mine = IdempotentResponse.objects.filter(**mine)

    def keep(self, answer: Response) -> None:
        """Call in the transaction of the write. Raises `KeyBusy` where another request took the key over."""
        if self._given and not self._store(self._mine.filter(status__isnull=True), answer):
            raise KeyBusy

    def correct(self, answer: Response) -> None:
        """What was kept has come to a later answer."""
        if self._given:
            self._store(self._mine, answer)

    def give_back(self) -> None:
        """Nothing was written: the key is free again."""
        if self._given:
            self._mine.filter(status__isnull=True).delete()

    @staticmethod
    def _store(rows: Any, answer: Response) -> int:
        body = json.loads(JSONRenderer().render(answer.data))
        return int(rows.update(status=answer.status_code, body=body, headers=dict(answer.headers)))


def once(request: Request, write: Callable[[Receipt], Response]) -> Response:
    """Carry ``write`` out, or give the first answer to this key again.

    Raises `KeyReused`, `KeyBusy`, or `ValidationError` for a key that is none.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return write(Receipt(None))
    if not _KEY.fullmatch(key):
        raise ValidationError({HEADER: ["Use 1 to 255 printable ASCII characters."]})
    row, taken = _take(request, key)
    if not taken:
        return _again(row, _fingerprint(request))
    receipt = Receipt(row)
    try:
        return write(receipt)
    except BaseException:
        receipt.give_back()
        raise


def _take(request: Request, key: str) -> tuple[IdempotentResponse, bool]:
    own = {"account_id": request.user.pk, "key": key}
    try:
        with transaction.atomic():
            taken = IdempotentResponse.objects.create(**own, request=_fingerprint(request), kept_at=_NOW)
            taken.refresh_from_db(fields=["kept_at"])
            return taken, True
    except IntegrityError:
        pass
    row = IdempotentResponse.objects.filter(**own).first()
    if row is None:
        raise KeyBusy  # it was given back in this instant
    # Whoever took it died before they wrote anything, or will find that it is theirs no more; taken in the future: by a
    # clock that has been set back.
    longest = timedelta(seconds=longest_seconds() + _MARGIN_SECONDS)
    is_dead = Q(kept_at__lt=_NOW - longest) | Q(kept_at__gt=_NOW + longest)
    abandoned = IdempotentResponse.objects.filter(is_dead, pk=row.pk, status__isnull=True, kept_at=row.kept_at)
    with transaction.atomic():
        if abandoned.update(kept_at=_NOW, request=_fingerprint(request)):
            row.refresh_from_db(fields=["kept_at"])
            return row, True
    return row, False


def _again(row: IdempotentResponse, request: str) -> Response:
    if row.request != request:
        raise KeyReused
    if row.status is None:
        raise KeyBusy
    return Response(row.body, status=row.status, headers=row.headers | {"Idempotency-Replayed": "true"})


def _fingerprint(request: Request) -> str:
    meant = [request.method, request.get_full_path(), request.data]
    return sha256(json.dumps(meant, sort_keys=True).encode()).hexdigest()
