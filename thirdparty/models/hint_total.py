"""How many hints have been published."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class HintTotal(models.Model):
    """So many hints of this task have ended so, in all processes since the first (`thirdparty.notify.hint_totals`). It only grows."""

    task = models.CharField(max_length=20)
    outcome = models.CharField(max_length=7, help_text="sent; or refused: no broker took it")
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["task", "outcome"], name="one_total_of_hints")
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.task} {self.outcome}"
