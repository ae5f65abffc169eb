"""Which processes work, and when each was last seen."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Role(models.TextChoices):
    """What a process that is to be seen does."""

    WORKER = "worker"
    BEAT = "beat"


class Heartbeat(models.Model):
    """One row for each worker and beat, written by itself (`thirdparty.run.heartbeat`). Times are the database's."""

    name = models.CharField(primary_key=True, max_length=200, help_text="role:node")
    role = models.CharField(max_length=6, choices=Role)
    queues = models.JSONField(default=list, help_text="those that a worker takes messages from")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    broker_down_since = models.DateTimeField(null=True, help_text="it has reached no broker since")

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name
