"""Questions that are put to whoever works, to see that somebody does."""

from __future__ import annotations

from django.db import models


class Canary(models.Model):
    """One row for each question that waits for its answer (`thirdparty.run.canary`). Times are the database's."""

    token = models.CharField(primary_key=True, max_length=32)
    sent_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=200, blank=True, help_text="the worker's node")

    def __str__(self) -> str:
        return self.token
