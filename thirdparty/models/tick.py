"""When the reconciler last looked, by the database's clock."""

from __future__ import annotations

from django.db import models


class Tick(models.Model):
    """One row for each thing that is done periodically: its name, since when it is expected, and when it was last done."""

    name = models.CharField(primary_key=True, max_length=30)
    expected_since = models.DateTimeField()
    at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"
