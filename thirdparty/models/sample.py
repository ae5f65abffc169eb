"""How each target stood, minute by minute."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Sample(models.Model):
    """One minute of one target, written by the reconciler (`thirdparty.run.samples`); what charts are drawn of."""

    target = models.CharField(max_length=30)
    at = models.DateTimeField(help_text="the beginning of the minute in which it was taken")
    owed = models.PositiveIntegerField(help_text="records that were owed and waited for nobody")
    parked = models.PositiveIntegerField(help_text="records that waited for a person")
    ok = models.PositiveIntegerField(help_text="steps of the minute before that went well")
    failed = models.PositiveIntegerField(help_text="steps of the minute before that did not")

    class Meta:
        ordering: ClassVar[list[str]] = ["at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["at", "target"], name="one_sample_a_minute")
        ]

    def __str__(self) -> str:
        return f"{self.target} at {self.at:%Y-%m-%d %H:%M}"
