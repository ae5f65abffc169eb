"""Which version of each declaration the database has."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Declaration(models.Model):
    """One kind of object. ``migrate`` writes it, from the code that it runs with (`thirdparty.capture.versions`).

    A process works on records of this kind only if its own declaration is of this very version.
    """

    kind = models.CharField(primary_key=True, max_length=40)
    version = models.PositiveIntegerField(help_text="the `version` of its declaration")
    triggers = models.JSONField(
        null=True,
        help_text="the names of that version's triggers: a later version may need more, and misses none of these",
    )
    since = models.DateTimeField(
        db_default=Now(), help_text="when the database got it: what was acknowledged before is of another version"
    )

    def __str__(self) -> str:
        return f"version {self.version} of {self.kind}"
