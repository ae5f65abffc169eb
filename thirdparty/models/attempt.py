"""The log of what was tried."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from thirdparty.models.record import Record
from thirdparty.models.ref import Ref


class Attempt(models.Model):
    """One step for one record, committed before its request is sent. Holds no personal details."""

    record = models.ForeignKey(Record, on_delete=models.CASCADE, db_constraint=False, related_name="attempts")
    lease_token = models.CharField(max_length=32)
    call = models.CharField(max_length=10)
    generation = models.BigIntegerField()
    idempotency_key = models.CharField(max_length=36, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12, blank=True, help_text="empty while under way")
    reason = models.CharField(max_length=40, blank=True)
    message = models.CharField(max_length=300, blank=True)
    owed_since = models.DateTimeField(null=True, help_text="since when the record had been owed")
    acknowledged = models.BooleanField(db_default=False, help_text="the target holds what was wanted then")
    http_status = models.PositiveSmallIntegerField(null=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["started_at"], name="attempt_started")]

    def __str__(self) -> str:
        return f"{self.record_id} g{self.generation} #{self.pk}"

    @property
    def ref(self) -> Ref:
        """The object whose record was tried."""
        return Ref.of_key(self.record_id)
