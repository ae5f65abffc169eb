"""What the brake of a target counts, holds, and was told by people."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from thirdparty.models.key import KeyField


class Brake(models.Model):
    """One target's brake. Its own table: whoever counts locks this row, and the guard writes the target's.

    Locked after the records that it is about, never before.
    """

    target = models.CharField(primary_key=True, max_length=30)
    latched_at = models.DateTimeField(null=True, help_text="since then nothing goes that takes something away")
    reason = models.CharField(max_length=300, db_default="", help_text="why it latched")
    counts = models.JSONField(default=dict, help_text="how many of each change, when it latched")
    counted_from = models.DateTimeField(null=True, help_text="a person has let everything before this go")
    records = models.BigIntegerField(db_default=0, help_text="what the target held, when that was last counted")
    records_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        permissions = (("release_brake", "Can release what the brake holds, or reject it"),)

    def __str__(self) -> str:
        return self.target


class BrakeEntry(models.Model):
    """One record that was let through to lose something at its target, or is held from it."""

    record: models.CharField[str, str] = KeyField(primary_key=True, max_length=200)
    target = models.CharField(max_length=30)
    at = models.DateTimeField()
    change = models.CharField(max_length=10)
    held = models.BooleanField(db_default=False)

    class Meta:
        verbose_name_plural = "brake entries"
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["target", "at"], name="brake_entry_at")]

    def __str__(self) -> str:
        return f"{self.record}: {self.change}"


class BrakeDecision(models.Model):
    """What a person decided about what the brake held."""

    target = models.CharField(max_length=30)
    at = models.DateTimeField(db_default=Now())
    who = models.CharField(max_length=150)
    reason = models.CharField(max_length=300)
    rejected = models.BooleanField(default=False, help_text="the records stay as they are, here and there")
    selection = models.CharField(max_length=300, blank=True, help_text="which of them; empty for all")
    records = models.PositiveBigIntegerField(default=0)
    counts = models.JSONField(default=dict, help_text="how many of each change")

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["target", "-id"], name="brake_decision_of")]

    def __str__(self) -> str:
        return f"{self.target}: {'rejected' if self.rejected else 'released'} by {self.who}"
