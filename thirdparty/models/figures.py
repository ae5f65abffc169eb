"""The figures of the whole as they were last counted, and what has been tried since the first count."""

from __future__ import annotations

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from thirdparty.models.record import EPOCH


class KeptFigures(models.Model):
    """One row, shared by all processes; the reconciler writes it (`thirdparty.observe.kept_figures`). Times are the database's.

    ``body``: the tallies of all records, as plain values.
    """

    body = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    counted_at = models.DateTimeField(default=EPOCH)
    good_until = models.DateTimeField(default=EPOCH, help_text="then whoever comes first counts again")

    class Meta:
        verbose_name_plural = "kept figures"

    def __str__(self) -> str:
        return f"figures of {self.counted_at:%Y-%m-%d %H:%M:%S}"


class KeptTotals(models.Model):
    """One row, shared by all processes; the reconciler writes it (`thirdparty.observe.kept_totals`). Times are the database's.

    ``body``: by target, what was tried and acknowledged since the first count, as plain values. It only grows.
    """

    body = models.JSONField(default=dict)
    counted_to = models.DateTimeField(null=True, help_text="attempts that began before are in it")

    class Meta:
        verbose_name_plural = "kept totals"

    def __str__(self) -> str:
        return f"totals to {self.counted_to}"
