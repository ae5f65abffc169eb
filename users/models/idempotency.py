"""Answers that were given to requests with an ``Idempotency-Key``."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class IdempotentResponse(models.Model):
    """The first answer to a key of one account, saved in the transaction of the write itself.

    ``status`` is empty while a strict write is under way.
    """

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    request = models.CharField(max_length=64, help_text="fingerprint of method, address and body")
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    headers = models.JSONField(default=dict)
    kept_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["account", "key"], name="one_response_per_key")
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.status or 'under way'}"
